import type { GroupCoordinator, GroupOffsetListener } from '../groups/coordinator.ts';
import type { OrderedOffset } from '../groups/offsets.ts';
import { ProducerIds } from '../producerIds.ts';
import type { CredentialListener, CredentialStore } from '../security/credentials.ts';
import type { ScramCredential, ScramMechanism } from '../security/scram.ts';
import { TopicConfigs } from '../topicConfigs.ts';
import type { Topic, TopicHome, TopicStore } from '../topics.ts';
import type { TransactionCoordinator, TransactionJournal } from '../transactions/coordinator.ts';
import type { TransactionState } from '../transactions/transaction.ts';
import type { DataDir } from './dataDir.ts';
import type { Json } from './journal.ts';

/** Producer ids taken from the journal at once: a crash skips the rest of them, and none is given twice. */
const PRODUCER_ID_BLOCK = 1000;

interface TopicEntry {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** With its bytes in base64. */
interface KeptCredential {
  readonly iterations: number;
  readonly salt: string;
  readonly storedKey: string;
  readonly serverKey: string;
}

/**
 * The broker's state besides records, in the journal:
 *   cluster -> id | producer-ids -> first id that was never given | topic/ID -> {name, partitions, configs}
 *   offset/[GROUP, TOPIC, PARTITION, -1 or PRODUCER of a transaction] -> {offset, leaderEpoch, metadata, order}
 *   transaction/ID -> see TransactionState | cluster-config/NAME -> value
 *   user/NAME/MECHANISM -> a SCRAM credential that a client set, or null for one that it removed
 *   start/ID/PARTITION and fence/ID/PARTITION/PRODUCER: see partitionEntries.ts | fsync, deleted/ID: see dataDir.ts
 */
export class Metadata {
  readonly producerIds: ProducerIds;
  private readonly data: DataDir;
  private nextProducerId: number;
  private reservedProducerIds: number;

  constructor(data: DataDir) {
    this.data = data;
    this.nextProducerId = Number(data.journal.get('producer-ids') ?? 1);
    this.reservedProducerIds = this.nextProducerId;
    this.producerIds = new ProducerIds(this.nextProducerId, () => this.newProducerId());
  }

  /** The id of the cluster: `fresh` the first time, and then always that one. */
  clusterId(fresh: string): string {
    const known = this.data.journal.get('cluster');
    if (typeof known === 'string') return known;
    this.data.journal.set('cluster', fresh);
    return fresh;
  }

  /** @throws StorageError */
  private newProducerId(): number {
    if (this.nextProducerId === this.reservedProducerIds) {
      this.data.journal.set('producer-ids', this.nextProducerId + PRODUCER_ID_BLOCK);
      this.reservedProducerIds += PRODUCER_ID_BLOCK;
    }
    return this.nextProducerId++;
  }

  readonly home: TopicHome = {
    segments: ({ name, id }, partition) => this.data.partition({ topic: name, topicId: id, partition }),
    changed: ({ name, id, configs }, partitions) => {
      const entry: TopicEntry = { name, partitions, configs: Object.fromEntries(configs.set) };
      this.data.journal.set(`topic/${id}`, entry as unknown as Json);
    },
    deleting: ({ name, id }) => {
      this.data.removingTopic(name, id);
      this.data.journal.delete(`topic/${id}`);
    },
    deleted: ({ name, id, partitions }) => this.data.removeTopic(name, id, partitions.length),
  };

  readonly offsets: GroupOffsetListener = (groupId, topic, partition, producerId, offset) => {
    const key = `offset/${JSON.stringify([groupId, topic, partition, producerId])}`;
    if (offset === null) this.data.journal.delete(key);
    else this.data.journal.set(key, { ...offset });
  };

  readonly transactions: TransactionJournal = {
    changed: (state) => this.data.journal.set(`transaction/${state.transactionalId}`, state as unknown as Json),
    // Before the first marker: a power cut must not leave a part of an outcome that nobody decided.
    decided: () => this.data.flusher.beforeAnswer(),
    forgotten: (transactionalId) => this.data.journal.delete(`transaction/${transactionalId}`),
  };

  readonly credentials: CredentialListener = (user, mechanism, credential) => {
    // A removal is kept too: the users of the command line come back at every start.
    this.data.journal.set(`user/${user}/${mechanism}`, credential === null ? null : toJson(credential));
  };

  /** What clients changed of the users. */
  restoreCredentials(store: CredentialStore): void {
    for (const [key, value] of this.data.journal.under('user/')) {
      const slash = key.lastIndexOf('/');
      const mechanism = key.slice(slash + 1) as ScramMechanism;
      const credential = value === null ? null : fromJson(value as unknown as KeptCredential);
      store.restore(key.slice(0, slash), mechanism, credential);
    }
  }

  clusterConfig(): ReadonlyMap<string, Json> {
    return new Map(this.data.journal.under('cluster-config/'));
  }

  clusterConfigChanged(name: string, value: Json | undefined): void {
    if (value === undefined) this.data.journal.delete(`cluster-config/${name}`);
    else this.data.journal.set(`cluster-config/${name}`, value);
  }

  /**
   * Brings topics, offsets of groups and transactions back, and writes out what was decided of them.
   * @throws AnomalyError ANM_DATA_CORRUPT
   */
  restore(topics: TopicStore, groups: GroupCoordinator, transactions: TransactionCoordinator): void {
    const ids = new Set<string>();
    for (const [id, value] of this.data.journal.under('topic/')) {
      const { name, partitions, configs } = value as unknown as TopicEntry;
      const topic: Topic = { name, id, partitions: [], configs: new TopicConfigs(Object.entries(configs)) };
      topics.restore(topic, partitions);
      ids.add(id);
    }
    this.data.removeOrphans(ids);
    for (const [key, value] of this.data.journal.under('offset/')) {
      const [groupId, topic, partition, producerId] = JSON.parse(key) as [string, string, number, number];
      const { offsets } = groups.getOrCreate(groupId);
      offsets.restore(topic, partition, producerId, value as unknown as OrderedOffset);
    }
    const known = [...this.data.journal.under('transaction/')].map(([, state]) => state as unknown as TransactionState);
    transactions.fromState({ transactions: known });
    const logs = [...topics.all()].flatMap(({ partitions }) => partitions);
    transactions.endHanging(logs);
  }
}

function toJson({ iterations, salt, storedKey, serverKey }: ScramCredential): Json {
  const text = (bytes: Buffer) => bytes.toString('base64');
  return { iterations, salt: text(salt), storedKey: text(storedKey), serverKey: text(serverKey) };
}

function fromJson({ iterations, salt, storedKey, serverKey }: KeptCredential): ScramCredential {
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { iterations, salt: bytes(salt), storedKey: bytes(storedKey), serverKey: bytes(serverKey) };
}
