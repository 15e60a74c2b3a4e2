import { AnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { kafkaError, refusedHint, topicMissing } from '../kafkaErrors.ts';
import type { Producer, ProducerOptions, ProducerStats, RecordHeader } from '../producer.ts';
import type { LibrdkafkaAdmin } from './admin.ts';
import { type Binding, type Conf, call, type NativeError, type NativeProducer } from './binding.ts';
import { commonConf } from './config.ts';
import { type ErrorLog, NativeCode } from './errors.ts';
import { sizeOf } from './keptRecord.ts';

/** An epoch and a size share one number, so that no object per record travels with it. */
const EPOCH_FACTOR = 2 ** 31;
const DISCONNECT_TIMEOUT_MS = 5000;

/** Of a producer with a transactional id. */
export interface TransactionConf {
  readonly transactionalId: string;
  readonly timeoutMs: number;
}

interface Report {
  readonly topic: string;
  readonly partition: number;
  readonly opaque: number;
}

/** A record for a topic that is still being looked up. */
interface Held {
  readonly epoch: number;
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Uint8Array>[] | undefined;
}

/** Hands records to librdkafka one by one, which batches, compresses, orders and repeats them itself. */
export class LibrdkafkaProducer implements Producer {
  readonly #native: NativeProducer;
  readonly #admin: LibrdkafkaAdmin;
  readonly #bufferBytes: number;
  readonly #retryTimeoutMs: number;
  readonly #stats = { recordsAppended: 0, recordsAcknowledged: 0, bytesSent: 0, requestsInFlight: 0 };
  /** Partition counts of topics known to exist; null while a topic is being looked up. */
  readonly #topics = new Map<string, { count: number; held: Held[] | null }>();
  /** Records not acknowledged, by the epoch in which they were appended; each flush begins a new epoch. */
  readonly #unacknowledged = new Map<number, number>();
  #epoch = 0;
  #bufferedBytes = 0;
  #failure: AnomalyError | null = null;
  #failureReported = false;
  #closed = false;
  /** A quiet one does not count as having been told of a failure. */
  #waiters: { isQuiet: boolean; isDone(): boolean; resolve(): void; reject(error: Error): void }[] = [];
  #room: Promise<void> | null = null;

  private constructor(native: NativeProducer, admin: LibrdkafkaAdmin, options: ProducerOptions, client: ClientOptions) {
    this.#native = native;
    this.#admin = admin;
    this.#bufferBytes = options.bufferBytes ?? 32 * 1024 * 1024;
    this.#retryTimeoutMs = client.retryTimeoutMs ?? 30_000;
    native.on('delivery-report', ((error: NativeError | null, report: Report) =>
      this.#onReport(error, report)) as never);
  }

  static async open(
    binding: Binding,
    admin: LibrdkafkaAdmin,
    errors: ErrorLog,
    client: ClientOptions,
    options: ProducerOptions,
    transaction: TransactionConf | null = null,
  ): Promise<LibrdkafkaProducer> {
    const native = new binding.Producer(
      producerConf(client, options, transaction),
      producerTopicConf(client, transaction),
    );
    errors.listen(native);
    const dialTimeoutMs = client.dialTimeoutMs ?? 3000;
    try {
      await call((done) => native.connect({ timeout: dialTimeoutMs, allTopics: true }, done));
    } catch (error) {
      throw errors.connectFailure(error as NativeError, client, dialTimeoutMs);
    }
    native.setPollInBackground(true);
    return new LibrdkafkaProducer(native, admin, options, client);
  }

  get native(): NativeProducer {
    return this.#native;
  }

  get stats(): ProducerStats {
    return { ...this.#stats };
  }

  append(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers?: readonly RecordHeader[],
  ): void {
    if (this.#failure !== null) return;
    if (this.#closed) throw new AnomalyError('ANM_INTERNAL', 'cannot go on as the Kafka client is closed');
    const record: Held = {
      epoch: this.#epoch,
      partition,
      timestampMs,
      key: key === null ? null : copyOf(key, keyStart, keyEnd),
      value: value === null ? null : copyOf(value, valueStart, valueEnd),
      headers: headers === undefined || headers.length === 0 ? undefined : headers.map(nativeHeader),
    };
    const bytes = sizeOf(record);
    this.#bufferedBytes += bytes;
    this.#stats.recordsAppended += 1;
    this.#unacknowledged.set(this.#epoch, (this.#unacknowledged.get(this.#epoch) ?? 0) + 1);
    let known = this.#topics.get(topic);
    if (known === undefined) {
      known = { count: 0, held: [] };
      this.#topics.set(topic, known);
      this.#lookUp(topic);
    }
    if (known.held !== null) known.held.push(record);
    else this.#produce(topic, known.count, record);
  }

  ready(): Promise<void> | null {
    if (this.#failure !== null) return this.#reportFailure();
    if (this.#bufferedBytes < this.#bufferBytes) return null;
    this.#room ??= this.#until(() => this.#bufferedBytes < this.#bufferBytes).finally(() => {
      this.#room = null;
    });
    return this.#room;
  }

  async flush(): Promise<void> {
    if (this.#failure !== null) return this.#reportFailure();
    const epochs = [...this.#unacknowledged.keys()];
    if (epochs.length === 0) return;
    this.#epoch += 1;
    const acknowledged = this.#until(() => epochs.every((epoch) => !this.#unacknowledged.has(epoch)));
    // Looking up a topic comes before its records can be flushed; they go without linger once they are there.
    this.#native.flush(this.#retryTimeoutMs, () => {
      // Delivery reports say what became of each record.
    });
    await acknowledged;
  }

  delivered(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const epochs = [...this.#unacknowledged.keys()];
    if (epochs.length === 0) return Promise.resolve();
    this.#epoch += 1;
    return this.#until(() => epochs.every((epoch) => !this.#unacknowledged.has(epoch)), true);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (!this.#failureReported) await this.flush();
    } finally {
      this.#closed = true;
      await call((done) => this.#native.disconnect(this.#failure === null ? DISCONNECT_TIMEOUT_MS : 0, done)).catch(
        () => {
          // It is gone either way.
        },
      );
    }
  }

  /** Forgets a failure and all that is not acknowledged: the transaction that it was in is aborted. */
  forgive(): void {
    this.#failure = null;
    this.#failureReported = false;
    this.#unacknowledged.clear();
    this.#bufferedBytes = 0;
    this.#epoch += 1;
    for (const known of this.#topics.values()) if (known.held !== null) known.held = [];
  }

  /** librdkafka would find out after its own time-outs, record by record: so ask once, before the first one. */
  #lookUp(topic: string): void {
    this.#admin
      .topics([topic])
      .then((found) => {
        const known = this.#topics.get(topic)!;
        const held = known.held ?? [];
        known.held = null;
        known.count = found[0]?.partitions.length ?? 0;
        if (known.count === 0) throw topicMissing(topic);
        for (const record of held) this.#produce(topic, known.count, record);
      })
      .catch((error: unknown) => this.#fail(error as AnomalyError));
  }

  #produce(topic: string, count: number, record: Held): void {
    const { epoch, partition, timestampMs, key, value, headers } = record;
    if (partition >= count) {
      this.#fail(
        new AnomalyError(
          'ANM_PRODUCE',
          `cannot produce to ${topic} partition ${partition} as the topic has ${count} partitions`,
        ),
      );
      return;
    }
    const bytes = sizeOf(record);
    try {
      this.#native.produce(topic, partition, value, key, timestampMs, epoch * EPOCH_FACTOR + bytes, headers);
      this.#stats.bytesSent += bytes;
    } catch (error) {
      this.#fail(produceFailure(error as NativeError, topic, partition, this.#retryTimeoutMs));
    }
  }

  #onReport(error: NativeError | null, report: Report): void {
    if (this.#failure !== null) return;
    const epoch = Math.floor(report.opaque / EPOCH_FACTOR);
    const count = this.#unacknowledged.get(epoch);
    // Of a transaction that was aborted.
    if (count === undefined) return;
    if (error) {
      this.#fail(produceFailure(error, report.topic, report.partition, this.#retryTimeoutMs));
      return;
    }
    this.#bufferedBytes -= report.opaque % EPOCH_FACTOR;
    this.#stats.recordsAcknowledged += 1;
    const left = count - 1;
    if (left > 0) this.#unacknowledged.set(epoch, left);
    else this.#unacknowledged.delete(epoch);
    if (this.#waiters.length > 0) this.#settle();
  }

  #fail(error: AnomalyError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#unacknowledged.clear();
    this.#bufferedBytes = 0;
    const waiters = this.#waiters;
    this.#waiters = [];
    if (waiters.some(({ isQuiet }) => !isQuiet)) this.#failureReported = true;
    for (const waiter of waiters) waiter.reject(error);
  }

  #until(isDone: () => boolean, isQuiet = false): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isQuiet, isDone, resolve, reject });
      this.#settle();
    });
  }

  #settle(): void {
    const done = this.#waiters.filter((waiter) => waiter.isDone());
    if (done.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const waiter of done) waiter.resolve();
  }

  #reportFailure(): Promise<void> {
    this.#failureReported = true;
    return Promise.reject(this.#failure);
  }
}

/** The binding takes a buffer without memory for null: an empty one must lie in some. */
const EMPTY = Buffer.alloc(1).subarray(0, 0);

function copyOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return end > start ? Buffer.from(bytes.subarray(start, end)) : EMPTY;
}

function nativeHeader({ key, value }: RecordHeader): Record<string, Uint8Array> {
  if (value === null) {
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot send header ${key} with a null value by librdkafka`, {
      hint: 'use --client platformatic, or an empty value',
    });
  }
  return { [key]: Buffer.from(value) };
}

function produceFailure(error: NativeError, topic: string, partition: number, timeoutMs: number): AnomalyError {
  const details = { topic, partition, librdkafkaError: error.code };
  if (error.code === NativeCode.messageTimedOut || error.code === NativeCode.timedOut) {
    return new AnomalyError(
      'ANM_TIMEOUT',
      `cannot produce to ${topic} partition ${partition} within ${timeoutMs} ms (setting retry_timeout)`,
      { details: { ...details, setting: 'retry_timeout' }, cause: error },
    );
  }
  if (error.code === NativeCode.unknownTopic || error.code === 3) return topicMissing(topic);
  const known = error.code > 0 ? kafkaError(error.code) : null;
  const code = known?.code === 'ANM_AUTHORIZATION' || known?.code === 'ANM_UNSUPPORTED' ? known.code : 'ANM_PRODUCE';
  const hint = refusedHint(known?.name, topic);
  return new AnomalyError(code, `cannot produce to ${topic} partition ${partition}: ${known?.name ?? error.message}`, {
    ...(hint !== undefined && { hint }),
    details: { ...details, ...(hint !== undefined && { final: true }) },
    cause: error,
  });
}

function producerConf(client: ClientOptions, options: ProducerOptions, transaction: TransactionConf | null): Conf {
  const bufferBytes = options.bufferBytes ?? 32 * 1024 * 1024;
  return {
    ...commonConf(client),
    'enable.idempotence': options.idempotent !== false,
    'compression.codec': options.compression ?? 'none',
    'linger.ms': options.lingerMs ?? 0,
    'batch.size': options.batchBytes ?? 262_144,
    // With more, a request behind a failed one is refused for its sequence; librdkafka then begins a new epoch, and sends
    // batches again whose answers were lost: they are doubled.
    'max.in.flight.requests.per.connection': Math.min(options.maxInFlight ?? 1, 5),
    // The limits of this class come first; these only bound it.
    'queue.buffering.max.kbytes': Math.max(1024, Math.ceil((bufferBytes * 4) / 1024)),
    'queue.buffering.max.messages': 0,
    'retry.backoff.ms': 20,
    dr_cb: true,
    ...(transaction === null
      ? {}
      : { 'transactional.id': transaction.transactionalId, 'transaction.timeout.ms': transaction.timeoutMs }),
  };
}

/** These count in the topic configuration only, once there is one. */
function producerTopicConf(client: ClientOptions, transaction: TransactionConf | null): Conf {
  // A record must not outlive its transaction.
  const retryTimeoutMs = Math.min(client.retryTimeoutMs ?? 30_000, transaction?.timeoutMs ?? Number.POSITIVE_INFINITY);
  return {
    // Partitions are given by the caller; should one not be, it is Java's placement.
    partitioner: 'murmur2_random',
    'request.required.acks': -1,
    'request.timeout.ms': Math.min(client.requestTimeoutMs ?? 10_000, retryTimeoutMs),
    'message.timeout.ms': retryTimeoutMs,
  };
}
