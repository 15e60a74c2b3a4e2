import { KafkaError } from '../protocol/errorCodes.ts';

/** Kafka's names. PrepareEpochFence: the coordinator aborts it by itself, and fences its producer with that. */
export type TransactionStatus =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'PrepareEpochFence'
  | 'CompleteCommit'
  | 'CompleteAbort';

export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Nobody: as a request states it, and as what is stored before there was one. */
export const NO_PRODUCER: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

/** From here on a transactional id gets a new producer id: 32767 is only ever a fence. */
const LAST_EPOCH = 32766;

/** Everything known of a transactional id, as plain data. */
export interface TransactionState extends ProducerIdentity {
  readonly transactionalId: string;
  /** The identity before the last InitProducerId, for who asks again because the answer was lost (KIP-360). */
  readonly previous: ProducerIdentity;
  readonly timeoutMs: number;
  readonly status: TransactionStatus;
  /** Number of the transaction within this transactional id, from 0; -1 before the first. */
  readonly sequence: number;
  /** Epoch milliseconds; -1 without a transaction. */
  readonly startTimeMs: number;
  readonly lastUpdateMs: number;
  readonly partitions: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  readonly groups: readonly string[];
}

/** What InitProducerId has to do before, or instead of, handing out an identity. */
export type InitVerdict = 'abort first' | 'wait' | 'bump' | 'new producer id' | 'repeat' | 'fenced';

/** What EndTxn has to do: 'done' answers a retry of what has happened. */
export type EndVerdict = 'end' | 'done' | number;

/**
 * The state machine of one transactional id, without clock, log or timer:
 * Empty -> Ongoing (partitions and groups are added) -> PrepareCommit or PrepareAbort -> CompleteCommit or
 * CompleteAbort -> Ongoing, and by InitProducerId back to Empty under a higher epoch, which fences the older ones.
 *
 * Source: KIP-98, "Transaction Coordinator"; KIP-360 (epoch bumps by the producer); as Redpanda answers, where that
 * differs.
 */
export class Transaction {
  readonly transactionalId: string;
  producerId: number;
  producerEpoch: number;
  timeoutMs: number;
  status: TransactionStatus = 'Empty';
  sequence = -1;
  startTimeMs = -1;
  lastUpdateMs: number;
  readonly partitions = new Map<string, Set<number>>();
  readonly groups = new Set<string>();
  private previous: ProducerIdentity = NO_PRODUCER;

  constructor(transactionalId: string, producerId: number, timeoutMs: number, nowMs: number) {
    this.transactionalId = transactionalId;
    this.producerId = producerId;
    this.producerEpoch = 0;
    this.timeoutMs = timeoutMs;
    this.lastUpdateMs = nowMs;
  }

  get isPrepared(): boolean {
    return this.status === 'PrepareCommit' || this.status === 'PrepareAbort' || this.status === 'PrepareEpochFence';
  }

  /** Whether it is this producer's, as its requests state it. */
  producerError({ producerId, producerEpoch }: ProducerIdentity): number {
    if (producerId !== this.producerId) return KafkaError.INVALID_PRODUCER_ID_MAPPING;
    return producerEpoch === this.producerEpoch ? KafkaError.NONE : KafkaError.PRODUCER_FENCED;
  }

  /** Whether a partition or a group may be added now. */
  addError(producer: ProducerIdentity): number {
    const errorCode = this.producerError(producer);
    if (errorCode !== KafkaError.NONE) return errorCode;
    return this.isPrepared ? KafkaError.CONCURRENT_TRANSACTIONS : KafkaError.NONE;
  }

  /** Begins a transaction where none is open; true when it did. */
  open(nowMs: number): boolean {
    this.lastUpdateMs = nowMs;
    if (this.status === 'Ongoing') return false;
    this.status = 'Ongoing';
    this.sequence++;
    this.startTimeMs = nowMs;
    this.partitions.clear();
    this.groups.clear();
    return true;
  }

  /** True when the partition was not in the transaction before. */
  addPartition(topic: string, partition: number): boolean {
    let partitions = this.partitions.get(topic);
    if (partitions === undefined) {
      partitions = new Set();
      this.partitions.set(topic, partitions);
    }
    if (partitions.has(partition)) return false;
    partitions.add(partition);
    return true;
  }

  has(topic: string, partition: number): boolean {
    return this.status === 'Ongoing' && (this.partitions.get(topic)?.has(partition) ?? false);
  }

  endVerdict(producer: ProducerIdentity, isCommit: boolean): EndVerdict {
    const errorCode = this.producerError(producer);
    if (errorCode !== KafkaError.NONE) return errorCode;
    switch (this.status) {
      case 'Ongoing':
        return 'end';
      case 'CompleteCommit':
        return isCommit ? 'done' : KafkaError.INVALID_TXN_STATE;
      case 'CompleteAbort':
        return isCommit ? KafkaError.INVALID_TXN_STATE : 'done';
      case 'PrepareCommit':
        return isCommit ? KafkaError.CONCURRENT_TRANSACTIONS : KafkaError.INVALID_TXN_STATE;
      case 'PrepareAbort':
        return isCommit ? KafkaError.INVALID_TXN_STATE : KafkaError.CONCURRENT_TRANSACTIONS;
      case 'PrepareEpochFence':
        return KafkaError.PRODUCER_FENCED;
      case 'Empty':
        return KafkaError.INVALID_TXN_STATE;
    }
  }

  /** The outcome is decided; what remains is to write it into partitions and groups. */
  prepare(status: 'PrepareCommit' | 'PrepareAbort' | 'PrepareEpochFence', nowMs: number): void {
    this.status = status;
    this.lastUpdateMs = nowMs;
  }

  /** The markers are written. Who was aborted by the coordinator has to begin anew. */
  complete(nowMs: number): void {
    if (this.status === 'PrepareEpochFence') {
      this.producerEpoch++;
      this.previous = NO_PRODUCER;
    }
    this.status = this.status === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort';
    this.lastUpdateMs = nowMs;
    this.startTimeMs = -1;
    this.partitions.clear();
    this.groups.clear();
  }

  /** `expected` is the identity that the producer has, where it goes on after an error; NO_PRODUCER for a new one. */
  initVerdict(expected: ProducerIdentity): InitVerdict {
    const isNew = expected.producerId < 0;
    const isCurrent = isSame(expected, this);
    const isPrevious = !isNew && isSame(expected, this.previous);
    if (!isNew && !isCurrent && !isPrevious) return 'fenced';
    if (this.isPrepared) return 'wait';
    if (this.status === 'Ongoing') return 'abort first';
    if (isPrevious && !isCurrent) return 'repeat';
    return this.producerEpoch >= LAST_EPOCH ? 'new producer id' : 'bump';
  }

  /** The next identity; with `newProducerId` the epochs begin anew. */
  initialize(expected: ProducerIdentity, timeoutMs: number, nowMs: number, newProducerId = -1): void {
    // Without an expected identity a retry is not told from a second producer, so nothing is to match later.
    this.previous = expected.producerId < 0 ? NO_PRODUCER : identityOf(this);
    this.producerEpoch = newProducerId < 0 ? this.producerEpoch + 1 : 0;
    if (newProducerId >= 0) this.producerId = newProducerId;
    this.timeoutMs = timeoutMs;
    this.status = 'Empty';
    this.lastUpdateMs = nowMs;
  }

  toState(): TransactionState {
    const { transactionalId, producerId, producerEpoch, previous, timeoutMs, status } = this;
    const { sequence, startTimeMs, lastUpdateMs } = this;
    const partitions = [...this.partitions].map(([topic, indexes]) => ({ topic, partitions: [...indexes] }));
    const identity = { transactionalId, producerId, producerEpoch, previous, timeoutMs, status };
    return { ...identity, sequence, startTimeMs, lastUpdateMs, partitions, groups: [...this.groups] };
  }

  static fromState(state: TransactionState): Transaction {
    const { transactionalId, producerId, timeoutMs, lastUpdateMs } = state;
    const transaction = new Transaction(transactionalId, producerId, timeoutMs, lastUpdateMs);
    transaction.producerEpoch = state.producerEpoch;
    transaction.previous = state.previous;
    transaction.status = state.status;
    transaction.sequence = state.sequence;
    transaction.startTimeMs = state.startTimeMs;
    for (const { topic, partitions } of state.partitions) transaction.partitions.set(topic, new Set(partitions));
    for (const groupId of state.groups) transaction.groups.add(groupId);
    return transaction;
  }
}

function identityOf({ producerId, producerEpoch }: ProducerIdentity): ProducerIdentity {
  return { producerId, producerEpoch };
}

function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch;
}
