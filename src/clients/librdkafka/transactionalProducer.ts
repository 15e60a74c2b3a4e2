import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { KafkaCode, kafkaError, requestTimedOut } from '../kafkaErrors.ts';
import type { ProducerStats, RecordHeader } from '../producer.ts';
import type { TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership, TransactionalProducer, TransactionalProducerOptions } from '../transactions.ts';
import type { LibrdkafkaAdmin } from './admin.ts';
import { type Binding, type Callback, call, type NativeError, type NativeProducer } from './binding.ts';
import { type ErrorLog, NativeCode, nativeFailure } from './errors.ts';
import { type KeptRecord, sizeOf } from './keptRecord.ts';
import { consumerOf, MemberlessConsumers } from './membership.ts';
import { LibrdkafkaProducer } from './producer.ts';

const BUFFER_BYTES = 32 * 1024 * 1024;
const TRANSACTION_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 2000;
/** One native call; it is repeated while librdkafka says that it may be. */
const CALL_TIMEOUT_MS = 5000;

const FENCED = new Set<number>([NativeCode.fenced, KafkaCode.invalidProducerEpoch, KafkaCode.producerFenced]);
const REBALANCED = new Set<number>([
  KafkaCode.illegalGeneration,
  KafkaCode.unknownMemberId,
  KafkaCode.rebalanceInProgress,
]);

/**
 * Transactions by librdkafka, with the records kept here so that they can be sent again after an abort. It begins them,
 * adds partitions and ends them itself; an outcome that it cannot find out ends the producer, and the next process reads
 * the group's offsets.
 */
export class LibrdkafkaTransactionalProducer implements TransactionalProducer {
  readonly #transactionalId: string;
  readonly #native: NativeProducer;
  readonly #inner: LibrdkafkaProducer;
  readonly #memberless: MemberlessConsumers;
  readonly #retryTimeoutMs: number;
  readonly #bufferBytes: number;
  /** Of the transaction under way, and of the next one while it is being committed. */
  #current: KeptRecord[] = [];
  #next: KeptRecord[] = [];
  /** How many of the current ones librdkafka has. */
  #handed = 0;
  #heldBytes = 0;
  #begun: Promise<void> | null = null;
  #committing: Promise<void> | null = null;
  #failure: AnomalyError | null = null;
  #isClosed = false;
  #isHanding = false;
  readonly #stats = { recordsAppended: 0, recordsAcknowledged: 0, transactionsAborted: 0 };

  private constructor(
    transactionalId: string,
    inner: LibrdkafkaProducer,
    memberless: MemberlessConsumers,
    client: ClientOptions,
    bufferBytes = BUFFER_BYTES,
  ) {
    this.#transactionalId = transactionalId;
    this.#native = inner.native;
    this.#inner = inner;
    this.#memberless = memberless;
    this.#retryTimeoutMs = client.retryTimeoutMs ?? 30_000;
    this.#bufferBytes = bufferBytes;
  }

  /** Takes the transactional id over. */
  static async open(
    binding: Binding,
    admin: LibrdkafkaAdmin,
    errors: ErrorLog,
    client: ClientOptions,
    options: TransactionalProducerOptions,
  ): Promise<LibrdkafkaTransactionalProducer> {
    const { transactionalId, transactionTimeoutMs: timeoutMs = TRANSACTION_TIMEOUT_MS } = options;
    const inner = await LibrdkafkaProducer.open(binding, admin, errors, client, options, {
      transactionalId,
      timeoutMs,
    });
    const memberless = new MemberlessConsumers(binding, errors, client);
    const { bufferBytes } = options;
    const producer = new LibrdkafkaTransactionalProducer(transactionalId, inner, memberless, client, bufferBytes);
    try {
      await producer.#repeat('take over', (done) => inner.native.initTransactions(CALL_TIMEOUT_MS, done));
    } catch (error) {
      await producer.close();
      throw failureOf(error, `take over the transactional id ${transactionalId}`, transactionalId, timeoutMs);
    }
    return producer;
  }

  get stats(): ProducerStats {
    return { ...this.#inner.stats, ...this.#stats };
  }

  get needsCommit(): boolean {
    return this.#heldBytes >= this.#bufferBytes / 2;
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
    if (this.#isClosed) throw new AnomalyError('ANM_INTERNAL', 'cannot go on as the Kafka client is closed');
    const record = {
      topic,
      partition,
      timestampMs,
      key: key?.slice(keyStart, keyEnd) ?? null,
      value: value?.slice(valueStart, valueEnd) ?? null,
      headers,
    };
    this.#heldBytes += sizeOf(record);
    this.#stats.recordsAppended += 1;
    if (this.#committing !== null) {
      this.#next.push(record);
      return;
    }
    this.#current.push(record);
    if (this.#isHanding) return;
    // One hands over all that come in the same turn.
    this.#isHanding = true;
    this.#begin().then(
      () => {
        this.#isHanding = false;
        this.#hand();
      },
      () => {
        // The commit finds the failure.
        this.#isHanding = false;
      },
    );
  }

  ready(): Promise<void> | null {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#committing === null || this.#heldBytes < this.#bufferBytes) return null;
    return this.#committing.catch(() => {
      // Whoever commits is told.
    });
  }

  async flush(): Promise<void> {
    await this.#committing?.catch(() => {
      // Whoever commits is told.
    });
    if (this.#failure !== null) throw this.#failure;
    if (this.#current.length === 0) return;
    await this.#begin();
    this.#hand();
    await this.#inner.flush();
  }

  commitTransaction(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (offsets.length === 0 && this.#current.length === 0) return Promise.resolve();
    let refusal: AnomalyError | null = null;
    const action = `cannot commit transaction ${this.#transactionalId}`;
    if (offsets.length === 0) {
      refusal = new AnomalyError('ANM_INTERNAL', `${action} as there are records and no source offsets`);
    } else if (this.#committing !== null) {
      refusal = new AnomalyError('ANM_INTERNAL', `${action} as a commit is under way`);
    }
    if (refusal !== null) return Promise.reject(refusal);
    this.#committing = this.#commit(offsets, member).finally(() => {
      this.#committing = null;
      this.#takeNext();
    });
    return this.#committing;
  }

  async discard(): Promise<void> {
    await this.#committing?.catch(() => {
      // Whoever commits is told.
    });
    if (this.#failure !== null) throw this.#failure;
    if (this.#begun !== null) await this.#abort();
    this.#drop(this.#current);
    this.#current = [];
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#committing?.catch(() => {
      // Whoever commits is told.
    });
    await this.#begun?.catch(() => {
      // Nothing was begun, so there is nothing to abort.
    });
    if (this.#failure === null && this.#begun !== null) {
      await call((done: Callback) => this.#native.abortTransaction(CLOSE_TIMEOUT_MS, done)).catch(() => {
        // The broker aborts it at its timeout, or when the id is taken over.
      });
    }
    this.#inner.forgive();
    await this.#inner.close();
    await this.#memberless.close();
  }

  async #commit(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void> {
    const consumer = consumerOf(member) ?? (await this.#memberless.of(member));
    if (consumer === undefined) {
      const action = `cannot commit transaction ${this.#transactionalId}`;
      throw new AnomalyError('ANM_UNSUPPORTED', `${action} for a member that is no consumer of librdkafka`, {
        hint: 'use --client platformatic',
      });
    }
    const endMs = performance.now() + this.#retryTimeoutMs;
    for (;;) {
      try {
        await this.#begin();
        this.#hand();
        await this.#inner.flush();
        const plain = offsets.map((each) => ({ ...each }));
        await this.#repeat('send offsets to', (done) =>
          this.#native.sendOffsetsToTransaction(plain, consumer, CALL_TIMEOUT_MS, done),
        );
        await this.#repeat('commit', (done) => this.#native.commitTransaction(CALL_TIMEOUT_MS, done));
        break;
      } catch (error) {
        await this.#recover(error, endMs);
      }
    }
    this.#begun = null;
    this.#handed = 0;
    this.#stats.recordsAcknowledged += this.#current.length;
    this.#drop(this.#current);
    this.#current = [];
  }

  /** Aborts where that lets all be sent again; else rejects, for good where librdkafka goes no further. */
  async #recover(error: unknown, endMs: number): Promise<void> {
    const native = nativeOf(error);
    const action = `commit transaction ${this.#transactionalId}`;
    const isMended = native?.isTxnRequiresAbort === true || native?.isFatal !== true;
    if (this.#failure === null && isMended && native !== null) await this.#abort();
    if (this.#failure !== null) throw this.#failure;
    if (native !== null && REBALANCED.has(native.code)) {
      const { name } = kafkaError(native.code);
      throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot ${action} as the broker answered ${name}`, {
        cause: native,
      });
    }
    if (native?.isTxnRequiresAbort === true && performance.now() < endMs) return;
    throw this.#fail(error, action);
  }

  async #abort(): Promise<void> {
    this.#stats.transactionsAborted += 1;
    try {
      await this.#repeat('abort', (done) => this.#native.abortTransaction(CALL_TIMEOUT_MS, done));
    } catch (error) {
      throw this.#fail(error, `abort transaction ${this.#transactionalId}`);
    }
    this.#inner.forgive();
    this.#begun = null;
    this.#handed = 0;
  }

  #begin(): Promise<void> {
    this.#begun ??= call<void>((done) => this.#native.beginTransaction(done));
    return this.#begun;
  }

  /** Gives librdkafka what it does not have yet. */
  #hand(): void {
    if (this.#begun === null || this.#isClosed) return;
    while (this.#handed < this.#current.length) {
      const { topic, partition, timestampMs, key, value, headers } = this.#current[this.#handed++]!;
      const ends = [key?.length ?? 0, value?.length ?? 0] as const;
      this.#inner.append(topic, partition, timestampMs, key, 0, ends[0], value, 0, ends[1], headers);
    }
  }

  /** What gathered during a commit: the next transaction, or more of the one that was not committed. */
  #takeNext(): void {
    if (this.#next.length === 0) return;
    for (const record of this.#next) this.#current.push(record);
    this.#next = [];
  }

  #drop(records: readonly KeptRecord[]): void {
    for (const record of records) this.#heldBytes -= sizeOf(record);
  }

  /** Until it is done, or librdkafka says that repeating is of no use, or the retry timeout is over. */
  async #repeat(verb: string, start: (done: Callback) => void): Promise<void> {
    const action = `${verb} transaction ${this.#transactionalId}`;
    const endMs = performance.now() + this.#retryTimeoutMs;
    for (;;) {
      try {
        await call<void>(start);
        return;
      } catch (error) {
        const native = error as NativeError;
        if (native.isRetriable !== true) throw native;
        if (performance.now() > endMs) {
          throw this.#fail(requestTimedOut(action, 'retry_timeout', this.#retryTimeoutMs, native), action);
        }
      }
    }
  }

  #fail(error: unknown, action: string): AnomalyError {
    this.#failure ??= failureOf(error, action, this.#transactionalId, this.#retryTimeoutMs);
    return this.#failure;
  }
}

/** librdkafka's error, also where it came as the reason for one of ours. */
function nativeOf(error: unknown): NativeError | null {
  const found = isAnomalyError(error) ? error.cause : error;
  return typeof (found as NativeError | undefined)?.code === 'number' ? (found as NativeError) : null;
}

function failureOf(error: unknown, action: string, transactionalId: string, timeoutMs: number): AnomalyError {
  const native = nativeOf(error);
  if (native !== null && FENCED.has(native.code)) {
    return new AnomalyError(
      'ANM_PRODUCER_FENCED',
      `cannot write with the transactional id ${transactionalId} as another process has taken it over, or it timed out`,
      { details: { transactionalId }, cause: native },
    );
  }
  if (isAnomalyError(error)) return error;
  return nativeFailure(error as NativeError, action, 'retry_timeout', timeoutMs);
}
