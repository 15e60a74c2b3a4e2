import type { ColumnBatch } from '../engine/batch.ts';
import type { Contact } from './contact.ts';
import type { Producer, ProducerOptions } from './producer.ts';
import type { TopicPartition, TopicPartitionOffset } from './topicPartition.ts';
import type { GroupMembership, TransactionalProducer, TransactionalProducerOptions } from './transactions.ts';

/**
 * The one interface that both Kafka clients implement (platformatic/ on the wire, librdkafka/ natively), held by one
 * contract suite. Data moves as columns: `poll` fills a ColumnBatch, `append` takes byte ranges.
 */
export interface KafkaClient {
  readonly kind: 'platformatic' | 'librdkafka';
  readonly admin: Admin;
  createProducer(options?: ProducerOptions): Promise<Producer>;
  /**
   * Takes the transactional id over: another process that writes with it is fenced, what it left open is aborted.
   * @throws ANM_CONFIG transaction_timeout is above the broker's maximum
   */
  createTransactionalProducer(options: TransactionalProducerOptions): Promise<TransactionalProducer>;
  /** Manual assignment or group membership, by which of `assign` and `subscribe` is called. */
  createConsumer(options?: ConsumerOptions): Promise<Consumer>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** host:port, at least one. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** Setting dial_timeout: time for connecting to one broker. Default 3000. */
  readonly dialTimeoutMs?: number;
  /** Setting request_timeout: time for one answer. Default 10000. */
  readonly requestTimeoutMs?: number;
  /** Setting retry_timeout: how long a passing failure is repeated. Default 30000. */
  readonly retryTimeoutMs?: number;
  readonly tls?: TlsOptions;
  readonly sasl?: SaslOptions;
  /** Told what the requests come to. */
  readonly contact?: Contact;
  readonly logger?: (
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Record<string, unknown>,
  ) => void;
}

/** PEM texts. */
export interface TlsOptions {
  /** Default: the authorities that the runtime trusts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name to look for in the certificate. Default: the host of the address. */
  readonly serverName?: string;
  readonly insecureSkipVerify?: boolean;
}

export interface SaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
  readonly username?: string;
  readonly password?: string;
  /** For OAUTHBEARER, asked at each login: a token in a file may have been renewed. */
  readonly token?: () => string;
}

export interface ConsumerOptions {
  readonly groupId?: string;
  /**
   * How partitions change hands. 'eager' (default): all are given back before each rebalance. 'cooperative' (KIP-429): only
   * those that move are, and the others are read on, where the group allows: one with a member that knows 'eager' alone
   * is eager, and librdkafka's members are such.
   */
  readonly rebalance?: 'eager' | 'cooperative';
  /** Static membership (KIP-345): a restart within the session timeout takes the place of its former self at once. */
  readonly instanceId?: string;
  /** Fetch waits this long for `minBytes`. Default 500. */
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  /** Per partition. Default 1 MiB. */
  readonly maxPartitionBytes?: number;
  /** Per response. Default 8 MiB. */
  readonly maxBytes?: number;
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  /** Default a tenth of the session timeout; a third with librdkafka. */
  readonly heartbeatIntervalMs?: number;
  /**
   * Whether committed offsets are read only once no open transaction can change them (KIP-447). Default true: a new owner
   * must not begin before what the former one was just committing.
   */
  readonly requireStable?: boolean;
  /**
   * Setting transaction_timeout, as the group's producers have it: a transaction of a dead one keeps offsets unstable for
   * that long, and `committed` waits for it, and for retry_timeout on top. Default 60000.
   */
  readonly transactionTimeoutMs?: number;
  /** Number of field columns that polled batches get room for. */
  readonly fieldCount?: number;
}

/**
 * By the eager protocol `onRevoked` gets all partitions that are held, and `onAssigned` all that come. By the cooperative one
 * each gets the difference alone; the partitions that are in neither stay, their positions with them.
 */
export interface RebalanceListener {
  /** Called before partitions go away: flush and commit here; the client rejoins when the promise settles. */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>;
  /**
   * The group has already given the partitions to others (session timeout, fencing, an eager member that joined a
   * cooperative group): drop their state, commit
   * nothing. Without it `onRevoked` is called, and a commit there fails with ANM_GROUP_REBALANCED.
   */
  onLost?(partitions: readonly TopicPartition[]): Promise<void>;
  /** Returns where to start each partition; undefined = the committed offset, else the group's `start` rule. */
  onAssigned(partitions: readonly TopicPartition[]): Promise<readonly TopicPartitionOffset[] | undefined>;
}

export interface CorruptBatch extends TopicPartition {
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** Copied raw bytes of the batch, for the dead letter. */
  readonly bytes: Uint8Array;
  readonly recordCount: number;
  readonly reason: string;
}

export interface Consumer {
  assign(partitions: readonly TopicPartitionOffset[]): Promise<void>;
  /** Joins the group. `start` holds where no offset is committed. */
  subscribe(topics: readonly string[], start: 'earliest' | 'latest', listener: RebalanceListener): Promise<void>;
  /**
   * The next record batch as columns (wire columns only: the decoder fills the rest), or null after `timeoutMs`
   * without one. Valid until the next poll. Aborted transactions and control batches are skipped; offsets are
   * checked for continuity. The position of a partition is the next fetch position, past control batches.
   */
  poll(timeoutMs: number): Promise<ColumnBatch | null>;
  /** Batches that failed CRC twice since the last call: to be written to dead letters, then stepped past. */
  takeCorrupt(): CorruptBatch[];
  /** Next offset to be returned by poll per assigned partition: what may be committed once all before is done. */
  position(topic: string, partition: number): number;
  /** High watermark (or last stable offset when read_committed) as of the last fetch; -1 before it. */
  endOffset(topic: string, partition: number): number;
  /**
   * How old `endOffset` is, ms: the time since the fetch was sent that told it, as what its answer waits for on the way or
   * in this process is newer than it. Infinity before the first; librdkafka does not say, and has 0.
   */
  endAgeMs(topic: string, partition: number): number;
  seek(partition: TopicPartitionOffset): void;
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  /** What proves to a transaction that this member holds its partitions; undefined while it is none. */
  membership(): GroupMembership | undefined;
  committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]>;
  close(): Promise<void>;
}

export interface TopicInfo {
  readonly name: string;
  readonly internal: boolean;
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader: number;
    readonly replicas: readonly number[];
  }[];
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** -1 = the broker's default. */
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly partitions: readonly TopicPartition[];
}

export interface GroupInfo {
  readonly groupId: string;
  readonly state: string;
  readonly protocol: string;
  readonly members: readonly GroupMember[];
}

export interface BrokerInfo {
  readonly clusterId: string;
  readonly controller: number;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  /** Kafka API name -> [min, max], as advertised. */
  readonly apis: ReadonlyMap<string, readonly [number, number]>;
}

/** One of many groups: who is in it and what it committed, or why that is not known. */
export interface GroupLook {
  readonly info: GroupInfo;
  readonly offsets: readonly TopicPartitionOffset[];
  readonly problem: string | null;
}

/** One of many topics: where the logs of its partitions begin and end, or why that is not known. */
export interface TopicLook {
  readonly topic: string;
  readonly problem: string | null;
  readonly partitions: readonly {
    readonly partition: number;
    readonly start: number | null;
    readonly end: number | null;
    readonly problem: string | null;
  }[];
}

/** A transaction that is neither committed nor aborted. */
export interface OpenTransaction {
  readonly transactionalId: string;
  /** As the broker calls it: Ongoing, PrepareCommit, PrepareAbort. */
  readonly state: string;
  readonly producerId: number;
  readonly timeoutMs: number;
  /** Epoch milliseconds by the broker's clock; -1 where it does not say. */
  readonly startedMs: number;
  readonly partitions: readonly TopicPartition[];
}

export interface Admin {
  cluster(): Promise<BrokerInfo>;
  /** All topics, or the named ones; a missing one is left out. Never asks the broker to create. */
  topics(names?: readonly string[]): Promise<TopicInfo[]>;
  /** An existing topic is left as it is and reported as false. */
  createTopics(topics: readonly NewTopic[]): Promise<Map<string, boolean>>;
  deleteTopics(names: readonly string[]): Promise<void>;
  /** Removes the records below each offset; one at or below the start of the log removes nothing. */
  deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void>;
  topicConfigs(name: string): Promise<Map<string, string>>;
  /** Earliest, latest, or the first offset at or after a time (epoch ms); -1 when there is none. */
  listOffsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | number,
  ): Promise<TopicPartitionOffset[]>;
  groups(): Promise<{ groupId: string; state: string }[]>;
  /** Those that this user may see. @throws ANM_UNSUPPORTED where the client or the broker has no call for it */
  openTransactions(): Promise<OpenTransaction[]>;
  describeGroup(groupId: string): Promise<GroupInfo>;
  /** Offsets committed by a group: of the named partitions, or all. -1 where none. */
  groupOffsets(groupId: string, partitions?: readonly TopicPartition[]): Promise<TopicPartitionOffset[]>;
  /**
   * Many groups at once, in the order of the ids; by the fast client in a few requests a coordinator. One that cannot be
   * asked has its problem, and does not hide the others; one that is not there is Dead and without offsets.
   */
  lookAtGroups(groupIds: readonly string[]): Promise<GroupLook[]>;
  /** Ends of all partitions of many topics at once, in the order of the names, in a few requests a leader. */
  lookAtTopics(names: readonly string[]): Promise<TopicLook[]>;
}
