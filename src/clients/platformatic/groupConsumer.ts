import { AnomalyError } from '../../errors.ts';
import type { ConsumerOptions, RebalanceListener } from '../client.ts';
import { KafkaCode, kafkaError, protocolFailure } from '../kafkaErrors.ts';
import { EAGER_ASSIGNORS } from '../membership/assignors.ts';
import { GroupDriver } from '../membership/driver.ts';
import { LiveMembership } from '../membership/liveMembership.ts';
import { cooperativeStickyAssignor } from '../membership/stickyAssignor.ts';
import { isUnstable, untilStable } from '../stableOffsets.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership } from '../transactions.ts';
import type { Cluster } from './cluster.ts';
import { PlatformaticGroupTransport } from './groupTransport.ts';
import { commitOffsets, EARLIEST, fetchOffsets, LATEST, listOffsets, requireTopics } from './offsets.ts';
import { partitionKey } from './partitions.ts';

interface GroupHost {
  /** Reads these too. */
  add(offsets: readonly TopicPartitionOffset[]): void;
  remove(partitions: readonly TopicPartition[]): void;
  signal(): void;
}

const SESSION_TIMEOUT_MS = 10_000;
const REBALANCE_TIMEOUT_MS = 60_000;
/** More than Java's three: by its next heartbeat a member hears that partitions wait for it to join. */
const HEARTBEATS_PER_SESSION = 10;
const METADATA_INTERVAL_MS = 30_000;

/** A consumer's dealings with its group: membership when it subscribes, offsets in any case. */
export class GroupConsumer {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions;
  readonly #host: GroupHost;
  #driver: GroupDriver | null = null;

  constructor(cluster: Cluster, options: ConsumerOptions, host: GroupHost) {
    this.#cluster = cluster;
    this.#options = options;
    this.#host = host;
  }

  get hasWork(): boolean {
    return this.#driver?.hasWork ?? false;
  }

  async work(): Promise<void> {
    await this.#driver?.work();
  }

  async subscribe(topics: readonly string[], start: 'earliest' | 'latest', listener: RebalanceListener): Promise<void> {
    if (this.#driver !== null) throw new AnomalyError('ANM_INTERNAL', 'cannot subscribe twice');
    const groupId = this.#groupId();
    await requireTopics(
      this.#cluster,
      topics.map((topic) => ({ topic, partition: 0 })),
    );
    const sessionTimeoutMs = this.#options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    const rebalanceTimeoutMs = this.#options.rebalanceTimeoutMs ?? REBALANCE_TIMEOUT_MS;
    const transport = new PlatformaticGroupTransport(this.#cluster, groupId, this.#options, {
      sessionTimeoutMs,
      rebalanceTimeoutMs,
    });
    this.#driver = new GroupDriver(
      groupId,
      topics,
      transport,
      {
        assign: async (partitions) => {
          const given = await listener.onAssigned(partitions);
          this.#host.add(await this.#startOffsets(partitions, given ?? [], start));
        },
        revoke: async (partitions, isLost) => {
          if (isLost && listener.onLost !== undefined) await listener.onLost(partitions);
          else await listener.onRevoked(partitions);
          this.#host.remove(partitions);
        },
        signal: () => this.#host.signal(),
      },
      {
        assignors:
          this.#options.rebalance === 'cooperative' ? [cooperativeStickyAssignor, ...EAGER_ASSIGNORS] : EAGER_ASSIGNORS,
        heartbeatIntervalMs: this.#options.heartbeatIntervalMs ?? Math.floor(sessionTimeoutMs / HEARTBEATS_PER_SESSION),
        isStatic: this.#options.instanceId !== undefined,
        metadataIntervalMs: METADATA_INTERVAL_MS,
        retryTimeoutMs: this.#cluster.retryTimeoutMs,
      },
    );
    this.#driver.start();
  }

  /** Commits as the member of the current generation; without a subscription as nobody in particular. */
  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const groupId = this.#groupId();
    if (offsets.length === 0) return;
    const action = `commit offsets of group ${groupId}`;
    await this.#cluster.retry(action, async () => {
      const machine = this.#driver?.machine;
      const { generation = -1, tenure = 0 } = machine ?? {};
      const member = { generation, memberId: machine?.memberId ?? '', instanceId: this.#options.instanceId ?? null };
      if (machine !== undefined && generation < 0) throw rebalanced(action, 'this member has lost its partitions');
      const socket = await this.#cluster.connection(await this.#cluster.coordinator(groupId), 'control');
      const code = await commitOffsets(this.#cluster, socket, groupId, member, offsets);
      if (code === KafkaCode.none) return;
      // Kept over a rebalance, the partitions are committed in the generation that it brings.
      if (await this.#driver?.rejoined(tenure, generation, code)) throw new Error('a rebalance came in between');
      const isStale =
        code === KafkaCode.illegalGeneration ||
        code === KafkaCode.unknownMemberId ||
        code === KafkaCode.rebalanceInProgress;
      if (!isStale || machine === undefined) throw protocolFailure(code, action);
      throw rebalanced(action, `the broker answered ${kafkaError(code).name}`);
    });
  }

  membership(): GroupMembership | undefined {
    const driver = this.#driver;
    if (driver === null || driver.machine.generation < 0) return undefined;
    return new LiveMembership(this.#groupId(), this.#options.instanceId ?? null, driver);
  }

  async committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const groupId = this.#groupId();
    const cluster = this.#cluster;
    const read = async (requireStable: boolean) => {
      // Only what is left to wait for is repeated at the longer patience of an open transaction.
      let unstable: unknown = null;
      const found = await cluster.retry(`read the offsets of group ${groupId}`, async () => {
        const socket = await cluster.connection(await cluster.coordinator(groupId), 'control');
        try {
          return await fetchOffsets(cluster, socket, groupId, partitions, requireStable);
        } catch (error) {
          if (!isUnstable(error)) throw error;
          unstable = error;
          return [];
        }
      });
      if (unstable !== null) throw unstable;
      return found;
    };
    const waits = (message: string) => cluster.log('info', message);
    return untilStable(groupId, this.#options, cluster.retryTimeoutMs, read, (ms) => cluster.pause(ms), waits);
  }

  async close(): Promise<void> {
    await this.#driver?.close();
  }

  /** The listener's offsets, else the committed ones, else the log's start or end. */
  async #startOffsets(
    partitions: readonly TopicPartition[],
    given: readonly TopicPartitionOffset[],
    start: 'earliest' | 'latest',
  ): Promise<TopicPartitionOffset[]> {
    const found = new Map(given.map((p) => [partitionKey(p.topic, p.partition), p.offset]));
    const open = () => partitions.filter((p) => !found.has(partitionKey(p.topic, p.partition)));
    if (open().length > 0) {
      for (const p of await this.committed(open())) {
        if (p.offset >= 0) found.set(partitionKey(p.topic, p.partition), p.offset);
      }
    }
    if (open().length > 0) {
      const isolation = this.#options.isolation ?? 'read_committed';
      const at = start === 'earliest' ? EARLIEST : LATEST;
      for (const p of await listOffsets(this.#cluster, open(), at, isolation)) {
        found.set(partitionKey(p.topic, p.partition), p.offset);
      }
    }
    await requireTopics(this.#cluster, partitions);
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: found.get(partitionKey(topic, partition))!,
    }));
  }

  #groupId(): string {
    const groupId = this.#options.groupId;
    if (groupId === undefined) throw new AnomalyError('ANM_INTERNAL', 'cannot commit as the consumer has no group');
    return groupId;
  }
}

function rebalanced(action: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_GROUP_REBALANCED', `cannot ${action} as ${reason}`);
}
