import { type Binding, type Callback, type Conf, call, loadBinding } from '../../../src/clients/librdkafka/binding.ts';

/** librdkafka itself, as other programs use it, with what our client does not need of it. */
export interface TransactionalProducer {
  connect(options: object, callback: Callback<unknown>): void;
  initTransactions(timeoutMs: number, callback: Callback): void;
  beginTransaction(callback: Callback): void;
  produce(topic: string, partition: number, value: Uint8Array, key?: Uint8Array): boolean;
  flush(timeoutMs: number, callback: Callback): void;
  sendOffsetsToTransaction(
    offsets: readonly object[],
    consumer: GroupReader,
    timeoutMs: number,
    callback: Callback,
  ): void;
  commitTransaction(timeoutMs: number, callback: Callback): void;
  abortTransaction(timeoutMs: number, callback: Callback): void;
  disconnect(callback: Callback): void;
  on(event: string, listener: (...args: never[]) => void): this;
}

export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number;
}

export interface GroupReader {
  connect(options: object, callback: Callback<unknown>): void;
  subscribe(topics: readonly string[]): void;
  assign(partitions: readonly Assignment[]): void;
  unassign(): void;
  incrementalAssign(partitions: readonly Assignment[]): void;
  incrementalUnassign(partitions: readonly Assignment[]): void;
  assignments(): Assignment[];
  consume(count: number, callback: Callback<readonly { value: Uint8Array; offset: number; partition: number }[]>): void;
  committed(partitions: readonly object[], timeoutMs: number, callback: Callback<Assignment[]>): void;
  setDefaultConsumeTimeout(timeoutMs: number): void;
  disconnect(callback: Callback): void;
  on(event: string, listener: (...args: never[]) => void): this;
}

/** The binding, or why it is not there: it is an optional dependency, and a tier of CI insists on it. */
export async function nativeBinding(): Promise<{ binding: Binding | null; missing: string }> {
  try {
    return { binding: await loadBinding(), missing: '' };
  } catch (error) {
    if (process.env['ANOMALY_REQUIRE_LIBRDKAFKA'] === '1') throw error;
    return { binding: null, missing: (error as Error).message };
  }
}

export async function openProducer(binding: Binding, conf: Conf): Promise<TransactionalProducer> {
  const producer = new binding.Producer(conf, {}) as unknown as TransactionalProducer;
  await call((done) => producer.connect({ timeout: 5000 }, done));
  return producer;
}

export async function openReader(binding: Binding, conf: Conf): Promise<GroupReader> {
  const reader = new binding.KafkaConsumer(conf, { 'auto.offset.reset': 'earliest' }) as unknown as GroupReader;
  reader.setDefaultConsumeTimeout(100);
  await call((done) => reader.connect({ timeout: 5000 }, done));
  return reader;
}

/** Every value of a topic's one partition under an isolation level, up to the end that this level sees. */
export async function readAll(
  binding: Binding,
  broker: string,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<string[]> {
  const reader = await openReader(binding, {
    'bootstrap.servers': broker,
    'group.id': 'reader',
    'enable.auto.commit': false,
    'enable.partition.eof': true,
    'isolation.level': isolation,
  });
  let ended = false;
  reader.on('partition.eof', () => {
    ended = true;
  });
  reader.assign([{ topic, partition: 0, offset: 0 }]);
  const values: string[] = [];
  while (!ended) {
    for (const { value } of await call<readonly { value: Uint8Array }[]>((done) =>
      reader.consume(100, done as never),
    )) {
      values.push(Buffer.from(value).toString());
    }
  }
  await call((done) => reader.disconnect(done));
  return values;
}
