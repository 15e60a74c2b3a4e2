import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { KafkaCode, kafkaError, protocolFailure, requestTimedOut } from '../kafkaErrors.ts';
import type { ProducerStats, RecordHeader } from '../producer.ts';
import type { TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership, TransactionalProducer, TransactionalProducerOptions } from '../transactions.ts';
import type { Cluster } from './cluster.ts';
import { PlatformaticProducer } from './producer.ts';
import { ProducerEpochs } from './producerEpochs.ts';
import { breaksTransaction } from './transactionGate.ts';
import { TransactionPartitions } from './transactionPartitions.ts';
import { TransactionRequests } from './transactionRequests.ts';

const TRANSACTION_TIMEOUT_MS = 60_000;
const BUFFER_BYTES = 32 * 1024 * 1024;
/** How long a close waits for the abort; the transaction timeout does the same, later. */
const CLOSE_TIMEOUT_MS = 2000;

const REBALANCED = new Set<number>([
  KafkaCode.illegalGeneration,
  KafkaCode.unknownMemberId,
  KafkaCode.rebalanceInProgress,
]);

/**
 * The idempotent producer with its batches held until their transaction is committed. Records go out as they are
 * appended, partitions are added on the way, and offsets travel beside the last batches, so a commit is three round trips
 * after its last record at most. Whatever ends the transaction otherwise (its timeout, a coordinator that forgot it, an
 * answer that was lost) gives a new epoch, and what is not committed is sent again under it.
 */
export class PlatformaticTransactionalProducer implements TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #requests: TransactionRequests;
  readonly #epochs: ProducerEpochs;
  readonly #partitions: TransactionPartitions;
  readonly #producer: PlatformaticProducer;
  readonly #bufferBytes: number;
  #marks = 0;
  #committing: Promise<void> | null = null;
  #recovering: Promise<void> | null = null;
  #isClosed = false;

  #aborted = 0;

  private constructor(cluster: Cluster, options: TransactionalProducerOptions) {
    const { transactionalId, transactionTimeoutMs = TRANSACTION_TIMEOUT_MS, ...producerOptions } = options;
    this.#cluster = cluster;
    this.#bufferBytes = options.bufferBytes ?? BUFFER_BYTES;
    this.#requests = new TransactionRequests(cluster, transactionalId, transactionTimeoutMs);
    this.#epochs = new ProducerEpochs(this.#requests);
    this.#partitions = new TransactionPartitions(this.#requests, this.#epochs, {
      added: () => this.#producer.drain(),
      failed: (error) => this.#producer.fail(error),
      broke: () => this.#recover(),
    });
    this.#producer = new PlatformaticProducer(cluster, producerOptions, this.#partitions);
  }

  static async open(
    cluster: Cluster,
    options: TransactionalProducerOptions,
  ): Promise<PlatformaticTransactionalProducer> {
    const producer = new PlatformaticTransactionalProducer(cluster, options);
    await producer.#epochs.begin();
    await producer.#adopt();
    return producer;
  }

  get stats(): ProducerStats {
    return { ...this.#producer.stats, transactionsAborted: this.#aborted };
  }

  get needsCommit(): boolean {
    return this.#producer.bufferedBytes >= this.#bufferBytes / 2;
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
    this.#producer.append(topic, partition, timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers);
  }

  ready(): Promise<void> | null {
    const { failure } = this.#producer;
    if (failure !== null) return Promise.reject(failure);
    return this.#committing === null ? null : this.#producer.ready();
  }

  async flush(): Promise<void> {
    // What is appended during a commit is sent after it.
    await this.#settled();
    // After a rebalance nothing is sent until somebody wants it.
    this.#partitions.resume();
    await this.#producer.flush();
  }

  delivered(): Promise<void> {
    return this.#producer.delivered();
  }

  commitTransaction(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void> {
    const { failure, isHolding } = this.#producer;
    if (failure !== null) return Promise.reject(failure);
    if (offsets.length === 0 && !isHolding) return Promise.resolve();
    const { transactionalId } = this.#requests;
    if (offsets.length === 0 || this.#committing !== null) {
      const reason = offsets.length === 0 ? 'there are records and no source offsets' : 'a commit is under way';
      return Promise.reject(
        new AnomalyError('ANM_INTERNAL', `cannot commit transaction ${transactionalId} as ${reason}`),
      );
    }
    this.#producer.closeBatches();
    this.#partitions.beginCommit();
    this.#committing = this.#commit(offsets, member).finally(() => {
      this.#committing = null;
    });
    return this.#committing;
  }

  async discard(): Promise<void> {
    await this.#settled();
    if (this.#producer.failure !== null) throw this.#producer.failure;
    try {
      await this.#partitions.hold();
      await this.#producer.drop();
      if (this.#partitions.isBegun) await this.#abort();
      this.#partitions.resume();
    } catch (error) {
      this.#producer.fail(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#settled();
    try {
      if (this.#producer.failure === null && this.#partitions.isBegun) {
        await this.#partitions.hold();
        const aborted = this.#producer.idle().then(() => this.#requests.end(this.#epochs.identity, false));
        await Promise.race([aborted, this.#cluster.pause(CLOSE_TIMEOUT_MS)]);
      }
    } catch {
      // The broker aborts it at its timeout, or when the id is taken over.
    } finally {
      this.#producer.end();
    }
  }

  async #settled(): Promise<void> {
    await this.#committing?.catch(() => {
      // Whoever waits for it is told.
    });
    await this.#recovering;
  }

  /** Broken between commits (the transaction timeout, most often): all of it goes again at once. */
  #recover(): void {
    if (this.#committing !== null || this.#recovering !== null) return;
    this.#recovering = this.#partitions
      .hold()
      .then(() => this.#abort())
      .then(() => this.#partitions.resume())
      .catch((error: unknown) => this.#producer.fail(error))
      .finally(() => {
        this.#recovering = null;
        this.#producer.drain();
      });
  }

  async #commit(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void> {
    try {
      await this.#recovering;
      if (this.#producer.failure !== null) throw this.#producer.failure;
      await this.#untilCommitted(offsets, member);
      this.#partitions.committed();
      this.#producer.release();
      this.#producer.drain();
      // What gathered meanwhile may fill the buffer by itself, and only the next commit, the waiting caller's, frees it.
      this.#producer.wake();
    } catch (error) {
      // What gathered meanwhile belongs to the same, uncommitted transaction now.
      this.#producer.merge(this.#partitions.current);
      this.#partitions.uncommitted();
      if (!isRebalanced(error)) this.#producer.fail(error);
      this.#producer.wake();
      throw error;
    }
  }

  async #untilCommitted(offsets: readonly TopicPartitionOffset[], member: GroupMembership): Promise<void> {
    const { transactionalId, timeoutMs } = this.#requests;
    const limitMs = timeoutMs + this.#cluster.retryTimeoutMs;
    const endMs = performance.now() + limitMs;
    for (;;) {
      // Sent before the end was asked for, the mark decides what came of it.
      let mark: string | null = null;
      try {
        if (await this.#gathered(offsets, member, this.#nextMark())) {
          mark = this.#mark;
          if ((await this.#requests.end(this.#epochs.identity, true)) === KafkaCode.none) return;
        }
      } catch (error) {
        if (isRebalanced(error)) {
          await this.#partitions.hold();
          await this.#abort();
        }
        throw error;
      }
      if (this.#producer.failure !== null) throw this.#producer.failure;
      const reason = this.#partitions.broken ?? undefined;
      if (performance.now() > endMs) {
        throw requestTimedOut(`commit transaction ${transactionalId}`, 'transaction_timeout', limitMs, reason);
      }
      this.#cluster.log('warn', `transaction ${transactionalId} did not end as asked: its outcome is looked up`, {
        reason: reason?.message ?? 'the answer to EndTxn',
      });
      if (await this.#resolved(mark, member.groupId, offsets)) return;
    }
  }

  /** Whether all records and offsets are in the transaction; false when it broke meanwhile. */
  async #gathered(offsets: readonly TopicPartitionOffset[], member: GroupMembership, mark: string): Promise<boolean> {
    const partitions = this.#partitions;
    if (partitions.broken !== null) return false;
    partitions.resume();
    const records = this.#producer.acknowledged(partitions.current);
    const all = Promise.all([records, this.#sendOffsets(offsets, member, mark)]);
    await Promise.race([all, partitions.breakage()]);
    if (this.#producer.failure !== null) throw this.#producer.failure;
    return partitions.broken === null;
  }

  async #sendOffsets(offsets: readonly TopicPartitionOffset[], member: GroupMembership, mark: string): Promise<void> {
    const { identity } = this.#epochs;
    // When the transaction breaks meanwhile, another attempt has begun, under a new epoch.
    const isCurrent = () => identity === this.#epochs.identity && this.#partitions.broken === null;
    const action = `commit offsets of group ${member.groupId} in transaction ${this.#requests.transactionalId}`;
    for (;;) {
      const { generation } = member;
      this.#partitions.isBegun = true;
      let code = await this.#requests.addOffsets(identity, member.groupId);
      if (code === KafkaCode.none && isCurrent()) {
        code = await this.#requests.commitOffsets(identity, member, generation, offsets, mark);
      }
      if (code === KafkaCode.none || !isCurrent()) return;
      if (breaksTransaction(code)) {
        this.#partitions.broke(protocolFailure(code, action));
        return;
      }
      if (!REBALANCED.has(code)) throw protocolFailure(code, action, { details: { groupId: member.groupId } });
      const isMember = (await member.rejoined?.(generation, code)) === true;
      if (!isCurrent()) return;
      if (!isMember) {
        const { name } = kafkaError(code);
        throw new AnomalyError('ANM_GROUP_REBALANCED', `cannot ${action} as the broker answered ${name}`, {
          details: { kafkaError: name, groupId: member.groupId },
        });
      }
    }
  }

  /** Ends what is open, and says whether the transaction with that mark was committed; else all is sent again. */
  async #resolved(mark: string | null, groupId: string, offsets: readonly TopicPartitionOffset[]): Promise<boolean> {
    await this.#partitions.hold();
    await this.#endOpen();
    await this.#epochs.renew();
    const isCommitted = mark !== null && (await this.#requests.isCommitted(groupId, offsets, mark));
    if (isCommitted) this.#producer.release();
    await this.#adopt();
    return isCommitted;
  }

  async #abort(): Promise<void> {
    this.#aborted++;
    await this.#endOpen();
    await this.#epochs.renew();
    await this.#adopt();
  }

  /**
   * Aborts what is open. To ask for a new epoch alone would do the same, but Kafka then takes the producer for another
   * one than before. That nothing was open, or it was ended already, is as good.
   */
  async #endOpen(): Promise<void> {
    await this.#producer.idle();
    await this.#requests.end(this.#epochs.identity, false);
  }

  async #adopt(): Promise<void> {
    this.#partitions.renewed();
    const { producerId, producerEpoch } = this.#epochs.identity;
    await this.#producer.adopt(producerId, producerEpoch);
  }

  get #mark(): string {
    const { producerId, producerEpoch } = this.#epochs.identity;
    return `anomaly/${producerId}/${producerEpoch}/${this.#marks}`;
  }

  #nextMark(): string {
    this.#marks += 1;
    return this.#mark;
  }
}

/** The group goes on without this member: nothing is wrong with the producer. */
function isRebalanced(error: unknown): boolean {
  return isAnomalyError(error) && error.code === 'ANM_GROUP_REBALANCED';
}
