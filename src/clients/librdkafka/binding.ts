import { AnomalyError } from '../../errors.ts';
import { runtimeInfo } from '../../platform/runtime.ts';

/**
 * The part of @confluentinc/kafka-javascript's node-rdkafka style API that is used, typed here because the package is
 * an optional dependency: where it is not installed, its own types are not there either.
 */
export interface Binding {
  readonly KafkaConsumer: new (conf: Conf, topicConf: Conf) => NativeConsumer;
  readonly Producer: new (conf: Conf, topicConf: Conf) => NativeProducer;
  readonly AdminClient: { create(conf: Conf, handlers?: Record<string, (...args: never[]) => void>): NativeAdmin };
  readonly librdkafkaVersion: string;
}

export type Conf = Record<string, unknown>;
export type Callback<T = void> = (error: NativeError | null | undefined, result: T) => void;

export interface NativeError extends Error {
  /** librdkafka's own errors are negative, the broker's are the protocol's codes. */
  readonly code: number;
  readonly isFatal?: boolean;
  /** Of transactional calls: the same call may succeed; the transaction has to be aborted first. */
  readonly isRetriable?: boolean;
  readonly isTxnRequiresAbort?: boolean;
}

export interface NativePartition {
  topic: string;
  partition: number;
  offset?: number;
  error?: NativeError;
}

export interface NativeMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly Record<string, Uint8Array>[];
}

export interface NativeMetadata {
  readonly orig_broker_id: number;
  readonly brokers: readonly { id: number; host: string; port: number }[];
  readonly topics: readonly {
    name: string;
    partitions: readonly { id: number; leader: number; replicas: readonly number[] }[];
  }[];
}

export interface NativeGroupList {
  readonly groups: readonly { groupId: string; state: number }[];
  readonly errors: readonly NativeError[];
}

export interface NativeGroup {
  readonly groupId: string;
  readonly state: number;
  readonly partitionAssignor: string;
  readonly members: readonly NativeGroupMember[];
  readonly error?: NativeError;
}

export interface NativeGroupOffsets {
  readonly groupId: string;
  readonly error?: NativeError;
  readonly partitions: readonly NativePartition[];
}

export interface NativeClient {
  on(event: string, listener: (...args: never[]) => void): this;
  connect(options: { timeout: number; allTopics?: boolean }, callback: Callback<NativeMetadata>): void;
  getMetadata(options: { timeout: number; allTopics: boolean }, callback: Callback<NativeMetadata>): void;
  isConnected(): boolean;
}

export interface NativeConsumer extends NativeClient {
  subscribe(topics: readonly string[]): void;
  unsubscribe(): void;
  assign(partitions: readonly NativePartition[]): void;
  unassign(): void;
  assignmentLost(): boolean;
  consume(count: number, callback: Callback<readonly NativeMessage[]>): void;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void;
  pause(partitions: readonly NativePartition[]): void;
  resume(partitions: readonly NativePartition[]): void;
  commitCb(partitions: readonly NativePartition[], callback: Callback): void;
  committed(partitions: readonly NativePartition[], timeoutMs: number, callback: Callback<NativePartition[]>): void;
  getWatermarkOffsets(topic: string, partition: number): { lowOffset: number; highOffset: number };
  disconnect(callback: Callback): void;
}

export interface NativeProducer extends NativeClient {
  produce(
    topic: string,
    partition: number,
    value: Uint8Array | null,
    key: Uint8Array | null,
    timestampMs: number,
    opaque: unknown,
    headers?: readonly Record<string, Uint8Array>[],
  ): boolean;
  setPollInBackground(isOn: boolean): void;
  flush(timeoutMs: number, callback: Callback): void;
  initTransactions(timeoutMs: number, callback: Callback): void;
  beginTransaction(callback: Callback): void;
  sendOffsetsToTransaction(
    offsets: readonly NativePartition[],
    consumer: NativeConsumer,
    timeoutMs: number,
    callback: Callback,
  ): void;
  commitTransaction(timeoutMs: number, callback: Callback): void;
  abortTransaction(timeoutMs: number, callback: Callback): void;
  disconnect(timeoutMs: number, callback: Callback): void;
}

export interface NativeGroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  readonly assignment: { readonly topicPartitions: readonly { topic: string; partition: number }[] };
}

export interface NativeAdmin extends Omit<NativeClient, 'connect'> {
  connect(): void;
  disconnect(): void;
  createTopic(
    topic: { topic: string; num_partitions: number; replication_factor: number; config: Record<string, string> },
    timeoutMs: number,
    callback: Callback,
  ): void;
  deleteTopic(topic: string, timeoutMs: number, callback: Callback): void;
  deleteRecords(
    before: readonly { topic: string; partition: number; offset: number }[],
    options: { timeout: number; operationTimeout: number },
    callback: Callback<readonly NativePartition[]>,
  ): void;
  listGroups(options: { timeout: number }, callback: Callback<NativeGroupList>): void;
  describeGroups(
    groups: readonly string[],
    options: { timeout: number },
    callback: Callback<{ groups: readonly NativeGroup[] }>,
  ): void;
  listConsumerGroupOffsets(
    groups: readonly { groupId: string; partitions: readonly NativePartition[] | null }[],
    options: { timeout: number; requireStableOffsets: boolean },
    callback: Callback<readonly NativeGroupOffsets[]>,
  ): void;
  listOffsets(
    partitions: readonly { topic: string; partition: number; offset: { timestamp: number } }[],
    options: { timeout: number; isolationLevel: 0 | 1 },
    callback: Callback<readonly NativePartition[]>,
  ): void;
}

const INSTALL_HINT =
  'run npm install @confluentinc/kafka-javascript on Node 20 to 24 (docs/native-client.md says what it needs), or use --client platformatic';

/** Loads the addon, or rejects with ANM_CLIENT_MISSING that says how to get it. */
export async function loadBinding(): Promise<Binding> {
  const name = '@confluentinc/kafka-javascript';
  const runtime = runtimeInfo();
  // Not tried: some versions of these runtimes crash on it.
  if (!runtime.nativeClient) {
    throw new AnomalyError(
      'ANM_CLIENT_MISSING',
      `cannot use the client librdkafka on ${runtime.name}: it loads on Node only, as it is not written against Node-API`,
      { hint: 'use --client platformatic, or run anomaly on Node 20 to 24' },
    );
  }
  try {
    // By a variable: neither the compiler nor a bundler may take the optional package for granted.
    const module = (await import(name)) as { default?: { RdKafka?: Binding } & Partial<Binding> } & Partial<Binding>;
    const found = module.default ?? module;
    if (found.KafkaConsumer === undefined) throw new Error('it has no KafkaConsumer');
    return found as Binding;
  } catch (error) {
    const first = (error as Error).message.split('\n')[0];
    throw new AnomalyError(
      'ANM_CLIENT_MISSING',
      `cannot use the client librdkafka as ${name} does not load: ${first}`,
      {
        hint: INSTALL_HINT,
        cause: error,
      },
    );
  }
}

/** A callback API's call as a promise. */
export function call<T>(start: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}
