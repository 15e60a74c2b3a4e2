import { AnomalyError } from '../../errors.ts';
import { BatchWriter } from '../../wire/batchWriter.ts';

/** Sequence numbers are int32 and wrap to 0 after 2^31 - 1. */
const SEQUENCE_MASK = 0x7fffffff;

/** One record batch on its way: open, closed, in flight, and back in the queue when it must be sent again. */
export class OutgoingBatch {
  readonly writer = new BatchWriter();
  /** Finished bytes; null while records are still added. */
  bytes: Uint8Array | null = null;
  count = 0;
  /** Bytes that count against the producer's buffer. */
  bufferedBytes = 0;
  baseSequence = -1;
  attempts = 0;
  /** When the first record came, and when the batch is given up (ms of the monotonic clock). */
  openedAtMs = 0;
  deadlineMs = 0;
  lastReason = '';
  /** The broker said that it does not have this batch, so another sequence cannot double it. */
  isRefused = false;
  /** Number of the transaction that it belongs to; 0 without transactions. */
  transaction = 0;
  /** The broker has it, and it is held until its transaction is committed. */
  isKept = false;
  /** Those who wait in `flush` for this batch. */
  waiters: FlushWaiter[] = [];

  reset(): void {
    this.writer.reset();
    this.bytes = null;
    this.count = 0;
    this.bufferedBytes = 0;
    this.baseSequence = -1;
    this.attempts = 0;
    this.deadlineMs = 0;
    this.lastReason = '';
    this.isRefused = false;
    this.transaction = 0;
    this.isKept = false;
    this.waiters = [];
  }

  /** As if it had never been sent; its records stay. */
  unsend(): void {
    this.bytes = null;
    this.baseSequence = -1;
    this.attempts = 0;
    this.deadlineMs = 0;
    this.lastReason = '';
    this.isRefused = false;
    this.isKept = false;
  }
}

export interface FlushWaiter {
  remaining: number;
  resolve(): void;
}

/**
 * The batches of one partition in the order of their records. Sequence numbers are given once, when a batch is first
 * sent, and stay with it: a repeated batch is then recognised by the broker (KIP-98). After a failure nothing more is
 * sent until every batch in flight is back, so that the queue is in order again.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  open: OutgoingBatch | null = null;
  /** Closed batches not in flight, oldest first. */
  readonly waiting: OutgoingBatch[] = [];
  /** Sent and not answered, oldest first. */
  readonly inFlight: OutgoingBatch[] = [];
  /** Acknowledged and not committed, oldest first. */
  readonly kept: OutgoingBatch[] = [];
  /** Number of the transaction that the coordinator has added the partition to; 0 before. */
  addedTo = 0;
  nextSequence = 0;
  /**
   * Whether the broker knows this producer here. Until then one batch is in flight: a broker without state takes any
   * first sequence, so the second batch would be let in before a first one that must be sent again.
   */
  isKnown = false;
  /** Sending stops until the batches in flight have come back, and until `resumeAtMs`. */
  recovering = false;
  resumeAtMs = 0;
  /** Whether the producer has this queue on its list of queues with something to send. */
  listed = false;
  leaderStale = false;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.open === null;
  }

  /** Ends the open batch: it will take no more records. */
  closeOpen(): void {
    if (this.open === null) return;
    this.waiting.push(this.open);
    this.open = null;
  }

  canSend(nowMs: number): boolean {
    if (this.waiting.length === 0 || this.recovering || nowMs < this.resumeAtMs) return false;
    return this.isKnown || this.inFlight.length === 0;
  }

  /** Moves the oldest waiting batch into flight, giving it its sequence the first time. */
  take(): OutgoingBatch {
    const batch = this.waiting.shift()!;
    if (batch.baseSequence < 0) {
      batch.baseSequence = this.nextSequence;
      this.nextSequence = (this.nextSequence + batch.count) & SEQUENCE_MASK;
    }
    batch.attempts += 1;
    this.inFlight.push(batch);
    return batch;
  }

  /** The broker has it. In a transaction it is kept, as that may still be aborted. */
  acknowledge(batch: OutgoingBatch, isKept = false): void {
    this.isKnown = true;
    batch.isKept = isKept;
    if (isKept) this.kept.push(batch);
    this.#leaveFlight(batch);
  }

  /** The batch is to be sent again, in its place. */
  putBack(batch: OutgoingBatch, resumeAtMs: number): void {
    this.#leaveFlight(batch);
    this.resumeAtMs = Math.max(this.resumeAtMs, resumeAtMs);
    // Answers may come back in any order when a connection breaks: order is by sequence age, which is queue order.
    let at = 0;
    while (at < this.waiting.length && isBefore(this.waiting[at]!, batch)) at += 1;
    this.waiting.splice(at, 0, batch);
    this.recovering = this.inFlight.length > 0;
  }

  /** Whether every record before this batch is acknowledged. */
  isHead(batch: OutgoingBatch): boolean {
    const oldest = this.inFlight[0];
    if (oldest !== undefined && oldest !== batch) return false;
    const first = this.waiting[0];
    return first === undefined || first.baseSequence < 0 || !isBefore(first, batch);
  }

  /** Begins anew at sequence 0, for a new producer id. Only while nothing is in flight. */
  restartSequences(): void {
    this.nextSequence = 0;
    this.isKnown = false;
    for (const batch of this.waiting) {
      if (batch.attempts > 0 && !batch.isRefused) {
        throw new AnomalyError(
          'ANM_PRODUCE',
          `cannot produce to ${this.topic} partition ${this.partition} without a risk of doubling: the broker forgot this ` +
            `producer while ${batch.count} records were unacknowledged`,
        );
      }
      batch.isRefused = false;
      batch.baseSequence = -1;
      batch.bytes = null;
    }
  }

  /** All that is not committed goes again, in order, under a new epoch. Only while nothing is in flight. */
  rewind(): void {
    this.waiting.unshift(...this.kept);
    this.kept.length = 0;
    for (const batch of this.waiting) batch.unsend();
    this.nextSequence = 0;
    this.isKnown = false;
    this.recovering = false;
    this.resumeAtMs = 0;
    this.addedTo = 0;
  }

  #leaveFlight(batch: OutgoingBatch): void {
    const at = this.inFlight.indexOf(batch);
    if (at >= 0) this.inFlight.splice(at, 1);
    if (this.inFlight.length === 0) this.recovering = false;
  }
}

/** Order by sequence, wrapping; batches that were never sent come after those that were. */
function isBefore(a: OutgoingBatch, b: OutgoingBatch): boolean {
  if (a.baseSequence < 0) return false;
  if (b.baseSequence < 0) return true;
  return ((b.baseSequence - a.baseSequence) & SEQUENCE_MASK) < 0x40000000 && a.baseSequence !== b.baseSequence;
}
