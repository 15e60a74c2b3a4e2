import type { Clock, Timer } from '../clock.ts';
import type { Group } from '../groups/group.ts';
import type { PartitionLog } from '../log/partitionLog.ts';
import { StorageError } from '../log/segmentBytes.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { endInPartition } from './markers.ts';
import { NO_PRODUCER, type ProducerIdentity, Transaction, type TransactionState } from './transaction.ts';

/** When the storage refused to take an outcome: so much later again. */
const RETRY_MS = 1000;

export interface TransactionSettings {
  readonly clock: Clock;
  readonly nextProducerId: () => number;
  readonly partition: (topic: string, partition: number) => PartitionLog | undefined;
  readonly group: (groupId: string) => Group | undefined;
  /** transaction_max_timeout_ms. */
  readonly maxTimeoutMs: number;
  /** transactional_id_expiration_ms: how long an id without a transaction is remembered. */
  readonly idExpirationMs: number;
  /** Each transaction takes an offset of each of its partitions for its fence, as Redpanda's do. */
  readonly hasFences: boolean;
  /** From a decided outcome to its markers, which clients may notice; 0 writes them before the answer. */
  readonly markerDelayMs: number;
  readonly journal?: TransactionJournal;
}

/** Keeps transactional ids beyond the process. */
export interface TransactionJournal {
  /** @throws StorageError */
  changed(state: TransactionState): void;
  /** An outcome was kept by `changed`, and its markers come next. */
  decided(): void;
  forgotten(transactionalId: string): void;
}

export interface InitResult extends ProducerIdentity {
  readonly errorCode: number;
}

export interface TopicPartitions {
  readonly name: string;
  readonly partitions: readonly number[];
}

/** The coordinator's memory as plain data; offsets and ranges are with the partitions, pending offsets with the groups. */
export interface CoordinatorState {
  readonly transactions: readonly TransactionState[];
}

/**
 * Every transactional id of the broker. It decides, writes the outcome into partitions and groups, and aborts what is
 * open longer than its producer allowed. PRODUCER_FENCED stands for every fencing; old versions of an API call it
 * INVALID_PRODUCER_EPOCH.
 */
export class TransactionCoordinator {
  private readonly transactions = new Map<string, Transaction>();
  private readonly timers = new Map<string, Timer>();
  private readonly settings: TransactionSettings;

  constructor(settings: TransactionSettings) {
    this.settings = settings;
  }

  all(): IterableIterator<Transaction> {
    return this.transactions.values();
  }

  get(transactionalId: string): Transaction | undefined {
    return this.transactions.get(transactionalId);
  }

  /** `expected` is NO_PRODUCER where the producer has no identity yet. */
  initProducerId(transactionalId: string, timeoutMs: number, expected: ProducerIdentity): InitResult {
    const { clock, maxTimeoutMs, nextProducerId } = this.settings;
    if (transactionalId === '') return refused(KafkaError.INVALID_REQUEST);
    if (expected.producerId < 0 !== expected.producerEpoch < 0) return refused(KafkaError.INVALID_REQUEST);
    if (timeoutMs <= 0 || timeoutMs > maxTimeoutMs) return refused(KafkaError.INVALID_TRANSACTION_TIMEOUT);
    const nowMs = clock.now();
    const transaction = this.transactions.get(transactionalId);
    if (transaction === undefined) {
      this.forgetExpired(nowMs);
      const created = new Transaction(transactionalId, nextProducerId(), timeoutMs, nowMs);
      this.settings.journal?.changed(created.toState());
      this.transactions.set(transactionalId, created);
      return { errorCode: KafkaError.NONE, producerId: created.producerId, producerEpoch: created.producerEpoch };
    }
    const verdict = transaction.initVerdict(expected);
    if (verdict === 'fenced') return refused(KafkaError.PRODUCER_FENCED);
    if (verdict === 'wait') return refused(KafkaError.CONCURRENT_TRANSACTIONS);
    if (verdict === 'abort first') {
      // As Redpanda: the producer asks again, and finds what its former self left ended.
      this.decide(transaction, 'PrepareAbort');
      return refused(KafkaError.CONCURRENT_TRANSACTIONS);
    }
    if (verdict === 'bump') transaction.initialize(expected, timeoutMs, nowMs);
    else if (verdict === 'new producer id') transaction.initialize(expected, timeoutMs, nowMs, nextProducerId());
    this.keep(transaction);
    const { producerId, producerEpoch } = transaction;
    return { errorCode: KafkaError.NONE, producerId, producerEpoch };
  }

  /** Adds all of the partitions or, where one is unknown or the producer refused, none. The code of each, in order. */
  addPartitions(transactionalId: string, producer: ProducerIdentity, topics: readonly TopicPartitions[]): number[][] {
    const { hasFences, partition } = this.settings;
    const transaction = this.transactions.get(transactionalId);
    const errorCode = this.addError(transactionalId, producer);
    if (transaction === undefined || errorCode !== KafkaError.NONE) {
      return topics.map(({ partitions }) => partitions.map(() => errorCode));
    }
    const logs = topics.map(({ name, partitions }) => partitions.map((index) => partition(name, index)));
    if (logs.some((ofTopic) => ofTopic.includes(undefined))) {
      return logs.map((ofTopic) =>
        ofTopic.map((log) =>
          log === undefined ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : KafkaError.OPERATION_NOT_ATTEMPTED,
        ),
      );
    }
    this.open(transaction);
    for (const log of logs.flat() as PartitionLog[]) transaction.addPartition(log.topic, log.partition);
    // Before the partitions know of it: one that is open in a partition alone would never end.
    this.keep(transaction);
    for (const log of logs.flat() as PartitionLog[]) {
      // A topic that was made anew meanwhile has to begin again.
      if (log.transactions.openOf(producer.producerId) === undefined) {
        log.beginTransaction(producer.producerId, producer.producerEpoch, hasFences);
      }
    }
    return topics.map(({ partitions }) => partitions.map(() => KafkaError.NONE));
  }

  addOffsets(transactionalId: string, producer: ProducerIdentity, groupId: string): number {
    if (groupId === '') return KafkaError.INVALID_GROUP_ID;
    const transaction = this.transactions.get(transactionalId);
    const errorCode = this.addError(transactionalId, producer);
    if (transaction === undefined || errorCode !== KafkaError.NONE) return errorCode;
    // As Redpanda: the generation under way may fence this very commit, so the producer is to wait for it.
    if (this.settings.group(groupId)?.state === 'CompletingRebalance') return KafkaError.CONCURRENT_TRANSACTIONS;
    this.open(transaction);
    transaction.groups.add(groupId);
    this.keep(transaction);
    return KafkaError.NONE;
  }

  end(transactionalId: string, producer: ProducerIdentity, isCommit: boolean): number {
    if (transactionalId === '') return KafkaError.INVALID_REQUEST;
    const transaction = this.transactions.get(transactionalId);
    if (transaction === undefined) return KafkaError.INVALID_PRODUCER_ID_MAPPING;
    const verdict = transaction.endVerdict(producer, isCommit);
    if (typeof verdict === 'number') return verdict;
    if (verdict === 'end') this.decide(transaction, isCommit ? 'PrepareCommit' : 'PrepareAbort');
    return KafkaError.NONE;
  }

  /** Whether a transactional batch of this producer may be appended to a partition. */
  produceError(transactionalId: string, producer: ProducerIdentity, log: PartitionLog): number {
    const transaction = this.transactions.get(transactionalId);
    if (transaction === undefined) return KafkaError.INVALID_PRODUCER_ID_MAPPING;
    const errorCode = transaction.producerError(producer);
    if (errorCode !== KafkaError.NONE) return errorCode;
    const isOpen = log.transactions.openOf(producer.producerId) !== undefined;
    return isOpen && transaction.has(log.topic, log.partition) ? KafkaError.NONE : KafkaError.INVALID_TXN_STATE;
  }

  /** Whether offsets of a group may be committed with the transaction. */
  offsetsError(transactionalId: string, producer: ProducerIdentity, groupId: string): number {
    const transaction = this.transactions.get(transactionalId);
    if (transaction === undefined) return KafkaError.INVALID_PRODUCER_ID_MAPPING;
    const errorCode = transaction.producerError(producer);
    if (errorCode !== KafkaError.NONE) return errorCode;
    if (transaction.isPrepared) return KafkaError.CONCURRENT_TRANSACTIONS;
    const isIn = transaction.status === 'Ongoing' && transaction.groups.has(groupId);
    return isIn ? KafkaError.NONE : KafkaError.INVALID_TXN_STATE;
  }

  toState(): CoordinatorState {
    return { transactions: [...this.transactions.values()].map((transaction) => transaction.toState()) };
  }

  /** Takes over what another coordinator knew: timeouts run on, decided outcomes are written out. */
  fromState({ transactions }: CoordinatorState): void {
    this.close();
    this.transactions.clear();
    for (const state of transactions) {
      const transaction = Transaction.fromState(state);
      this.transactions.set(transaction.transactionalId, transaction);
      if (transaction.status === 'Ongoing') this.watch(transaction);
      else if (transaction.isPrepared) this.finish(transaction);
    }
  }

  /** Aborts what is open in a partition and in no transaction: after a power cut, which may take the one and leave the other. */
  endHanging(logs: readonly PartitionLog[]): void {
    const ongoing = [...this.transactions.values()].filter(({ status }) => status === 'Ongoing');
    for (const log of logs) {
      for (const producer of [...log.transactions.allOpen()]) {
        const isKnown = ongoing.some(
          (transaction) => transaction.producerId === producer.producerId && transaction.has(log.topic, log.partition),
        );
        if (!isKnown) endInPartition(log, producer, false, this.settings.clock.now());
      }
    }
  }

  /** Stops every timer. */
  close(): void {
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }

  private addError(transactionalId: string, producer: ProducerIdentity): number {
    if (transactionalId === '') return KafkaError.INVALID_REQUEST;
    const transaction = this.transactions.get(transactionalId);
    return transaction?.addError(producer) ?? KafkaError.INVALID_PRODUCER_ID_MAPPING;
  }

  private open(transaction: Transaction): void {
    if (transaction.open(this.settings.clock.now())) this.watch(transaction);
  }

  /** Aborts the transaction when its time is over, and fences its producer. */
  private watch(transaction: Transaction): void {
    const { clock } = this.settings;
    const leftMs = transaction.startTimeMs + transaction.timeoutMs - clock.now();
    this.schedule(transaction, leftMs, () => this.decide(transaction, 'PrepareEpochFence'));
  }

  private decide(transaction: Transaction, status: 'PrepareCommit' | 'PrepareAbort' | 'PrepareEpochFence'): void {
    const { clock, markerDelayMs } = this.settings;
    transaction.prepare(status, clock.now());
    if (markerDelayMs > 0) {
      this.keep(transaction);
      this.schedule(transaction, markerDelayMs, () => this.finish(transaction));
      return;
    }
    // Where the storage refuses, the outcome stands all the same, and is written out later.
    this.schedule(transaction, RETRY_MS, () => this.finish(transaction));
    this.finish(transaction);
  }

  /** Writes the outcome; repeated after a restart it does no harm. */
  private finish(transaction: Transaction): void {
    // Where the storage refused nothing but the record of the end, the outcome is told already, and stays.
    if (transaction.isPrepared) this.writeOutcome(transaction);
    this.keep(transaction);
    this.timers.get(transaction.transactionalId)?.cancel();
    this.timers.delete(transaction.transactionalId);
  }

  private writeOutcome(transaction: Transaction): void {
    const { clock, group, partition, journal } = this.settings;
    this.keep(transaction);
    journal?.decided();
    const isCommit = transaction.status === 'PrepareCommit';
    const nowMs = clock.now();
    for (const groupId of transaction.groups) group(groupId)?.offsets.endTransaction(transaction.producerId, isCommit);
    for (const [topic, indexes] of transaction.partitions) {
      for (const index of indexes) {
        const log = partition(topic, index);
        if (log !== undefined) endInPartition(log, transaction, isCommit, nowMs);
      }
    }
    transaction.complete(nowMs);
  }

  private keep(transaction: Transaction): void {
    this.settings.journal?.changed(transaction.toState());
  }

  private schedule({ transactionalId }: Transaction, delayMs: number, action: () => void): void {
    this.timers.get(transactionalId)?.cancel();
    const attempt = () => {
      try {
        action();
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.timers.set(transactionalId, this.settings.clock.after(RETRY_MS, attempt));
      }
    };
    this.timers.set(transactionalId, this.settings.clock.after(Math.max(0, delayMs), attempt));
  }

  private forgetExpired(nowMs: number): void {
    for (const [transactionalId, { status, isPrepared, lastUpdateMs }] of this.transactions) {
      const isIdle = status !== 'Ongoing' && !isPrepared;
      if (!isIdle || nowMs - lastUpdateMs <= this.settings.idExpirationMs) continue;
      this.settings.journal?.forgotten(transactionalId);
      this.transactions.delete(transactionalId);
    }
  }
}

function refused(errorCode: number): InitResult {
  return { errorCode, ...NO_PRODUCER };
}
