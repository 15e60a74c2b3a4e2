import { type AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Producer, ProducerOptions, ProducerStats, RecordHeader } from '../producer.ts';
import type { Cluster } from './cluster.ts';
import { type FlushWaiter, OutgoingBatch, PartitionQueue } from './partitionQueue.ts';
import { clientClosed } from './passing.ts';
import { ProduceSender } from './produceSender.ts';
import type { TransactionGate } from './transactionGate.ts';

/** Finished batches kept for reuse: their buffers are the producer's memory, so only as many as are in flight. */
const POOL_BATCHES = 64;
/** A transaction holds all of its own. */
const POOL_BATCHES_KEPT = 128;

/**
 * Collects records into one open batch per partition and hands full or due batches to the sender. Appending copies
 * bytes and makes nothing; batches and their buffers are used again.
 */
export class PlatformaticProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #sender: ProduceSender;
  readonly #gate: TransactionGate | null;
  readonly #batchBytes: number;
  readonly #lingerMs: number;
  readonly #bufferBytes: number;
  readonly #topics = new Map<string, PartitionQueue[]>();
  readonly #pool: OutgoingBatch[] = [];
  /** Batches not yet acknowledged: open, waiting or in flight. */
  readonly #outstanding = new Set<OutgoingBatch>();
  readonly #stats = { recordsAppended: 0, recordsAcknowledged: 0, bytesSent: 0, requestsInFlight: 0 };
  #lastTopic = '';
  #lastQueues: PartitionQueue[] = [];
  #bufferedBytes = 0;
  #drainScheduled = false;
  #lingerTimer: NodeJS.Timeout | null = null;
  #failure: AnomalyError | Error | null = null;
  #failureReported = false;
  #closed = false;
  #room: { promise: Promise<void>; resolve(): void; reject(error: Error): void } | null = null;

  constructor(cluster: Cluster, options: ProducerOptions, gate: TransactionGate | null = null) {
    this.#cluster = cluster;
    this.#gate = gate;
    this.#batchBytes = options.batchBytes ?? 262_144;
    this.#lingerMs = options.lingerMs ?? 0;
    this.#bufferBytes = options.bufferBytes ?? 32 * 1024 * 1024;
    const events = {
      acknowledged: (batch: OutgoingBatch) => this.#onAcknowledged(batch),
      failed: (error: unknown) => this.fail(error),
      sent: (bytes: number) => {
        this.#stats.bytesSent += bytes;
      },
    };
    this.#sender = new ProduceSender(cluster, options, events, gate);
  }

  /** Gets the producer id, so that a cluster without idempotence is known before the first record. */
  async start(): Promise<void> {
    await this.#sender.start();
  }

  get stats(): ProducerStats {
    this.#stats.requestsInFlight = this.#sender.requestsInFlight;
    const { lastAppend } = this.#sender;
    return { ...this.#stats, ...(lastAppend !== undefined && { lastAppend }) };
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
    if (this.#closed) throw clientClosed();
    const queue = this.#queue(topic, partition);
    const open = queue.open;
    // Together they might exceed what the broker takes, where each for itself does not.
    if (open !== null && valueEnd - valueStart > this.#batchBytes - open.writer.sizeBytes) {
      queue.closeOpen();
      this.#scheduleDrain();
    }
    const batch = queue.open ?? this.#openBatch(queue);
    const writer = batch.writer;
    const before = writer.sizeBytes;
    writer.append(timestampMs, key, keyStart, keyEnd, value, valueStart, valueEnd, headers);
    const grownBytes = writer.sizeBytes - before;
    batch.bufferedBytes += grownBytes;
    this.#bufferedBytes += grownBytes;
    batch.count += 1;
    this.#stats.recordsAppended += 1;
    if (writer.sizeBytes >= this.#batchBytes) {
      queue.closeOpen();
      this.#scheduleDrain();
    } else if (batch.count === 1) this.#scheduleOpen(batch);
  }

  ready(): Promise<void> | null {
    if (this.#failure !== null) return this.#reportFailure();
    if (this.#bufferedBytes < this.#bufferBytes) return null;
    if (this.#room === null) {
      let resolve!: () => void;
      let reject!: (error: Error) => void;
      const promise = new Promise<void>((yes, no) => {
        resolve = yes;
        reject = no;
      });
      this.#room = { promise, resolve, reject };
    }
    return this.#room.promise;
  }

  async flush(): Promise<void> {
    if (this.#failure !== null) return this.#reportFailure();
    this.closeBatches();
    await this.acknowledged(Number.POSITIVE_INFINITY);
    if (this.#failure !== null) return this.#reportFailure();
  }

  /** Ends every open batch: what is appended from now on is in others. */
  closeBatches(): void {
    for (const queues of this.#topics.values()) for (const queue of queues) queue.closeOpen();
  }

  /** Sends, and resolves when every batch of the transactions up to this one is acknowledged, or given up. */
  acknowledged(transaction: number): Promise<void> {
    const done = this.#answered(transaction);
    this.#sender.drain();
    return done;
  }

  async delivered(): Promise<void> {
    await this.#answered(Number.POSITIVE_INFINITY);
    if (this.#failure !== null) throw this.#failure;
  }

  #answered(transaction: number): Promise<void> {
    const pending = [...this.#outstanding].filter((batch) => !batch.isKept && batch.transaction <= transaction);
    if (pending.length === 0) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const waiter: FlushWaiter = { remaining: pending.length, resolve };
      for (const batch of pending) batch.waiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (!this.#failureReported) await this.flush();
    } finally {
      this.end();
    }
  }

  /** Closes without sending what is left. */
  end(): void {
    this.#closed = true;
    if (this.#lingerTimer !== null) clearTimeout(this.#lingerTimer);
    this.#sender.close();
  }

  get failure(): Error | null {
    return this.#failure;
  }

  get isHolding(): boolean {
    return this.#outstanding.size > 0;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  drain(): void {
    this.#sender.drain();
  }

  idle(): Promise<void> {
    return this.#sender.idle();
  }

  /** Waits for the requests in flight, and sends all that is held under a new identity. */
  async adopt(producerId: number, producerEpoch: number): Promise<void> {
    await this.#sender.idle();
    this.#sender.adopt(producerId, producerEpoch);
  }

  /** The transaction is committed: what it kept is free. */
  release(): void {
    for (const queues of this.#topics.values()) {
      for (const { kept } of queues) {
        for (const batch of kept) {
          this.#stats.recordsAcknowledged += batch.count;
          this.#release(batch);
        }
        kept.length = 0;
      }
    }
    this.#makeRoom();
  }

  /** What was gathered for the next transaction belongs to this one, which has not been committed. */
  merge(transaction: number): void {
    for (const batch of this.#outstanding) batch.transaction = transaction;
  }

  /** Waits for the requests in flight, and forgets all that is held. */
  async drop(): Promise<void> {
    await this.#sender.idle();
    for (const queues of this.#topics.values()) {
      for (const queue of queues) {
        queue.open = null;
        queue.waiting.length = 0;
        queue.kept.length = 0;
      }
    }
    for (const batch of [...this.#outstanding]) this.#release(batch);
    this.#makeRoom();
  }

  #queue(topic: string, partition: number): PartitionQueue {
    if (topic !== this.#lastTopic || this.#lastQueues.length === 0) {
      let queues = this.#topics.get(topic);
      if (queues === undefined) {
        queues = [];
        this.#topics.set(topic, queues);
      }
      this.#lastTopic = topic;
      this.#lastQueues = queues;
    }
    const existing = this.#lastQueues[partition];
    if (existing !== undefined) return existing;
    while (this.#lastQueues.length <= partition) {
      this.#lastQueues.push(new PartitionQueue(topic, this.#lastQueues.length));
    }
    return this.#lastQueues[partition]!;
  }

  #openBatch(queue: PartitionQueue): OutgoingBatch {
    const batch = this.#pool.pop() ?? new OutgoingBatch();
    batch.transaction = this.#gate?.opening ?? 0;
    batch.openedAtMs = this.#lingerMs > 0 ? performance.now() : 0;
    queue.open = batch;
    this.#outstanding.add(batch);
    this.#sender.list(queue);
    return batch;
  }

  #scheduleOpen(batch: OutgoingBatch): void {
    if (this.#lingerMs <= 0) {
      this.#scheduleDrain();
      return;
    }
    if (this.#lingerTimer !== null) return;
    const waitMs = Math.max(0, batch.openedAtMs + this.#lingerMs - performance.now());
    this.#lingerTimer = setTimeout(() => {
      this.#lingerTimer = null;
      this.#closeDue();
    }, waitMs);
  }

  /** Without linger a batch goes when the loop is free, so records appended in one turn share it. */
  #scheduleDrain(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    setImmediate(() => {
      this.#drainScheduled = false;
      this.#sender.drain();
    });
  }

  #closeDue(): void {
    const due = performance.now() - this.#lingerMs;
    let earliest: OutgoingBatch | null = null;
    for (const queues of this.#topics.values()) {
      for (const queue of queues) {
        const open = queue.open;
        if (open === null) continue;
        if (open.openedAtMs <= due) queue.closeOpen();
        else if (earliest === null || open.openedAtMs < earliest.openedAtMs) earliest = open;
      }
    }
    this.#sender.drain();
    if (earliest !== null) this.#scheduleOpen(earliest);
  }

  #onAcknowledged(batch: OutgoingBatch): void {
    if (this.#gate !== null) {
      const { waiters } = batch;
      batch.waiters = [];
      count(waiters);
      return;
    }
    this.#stats.recordsAcknowledged += batch.count;
    this.#release(batch);
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#bufferedBytes < this.#bufferBytes) this.wake();
  }

  /** Lets go who waits in `ready`, room or not: nothing is on its way that would make any. */
  wake(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  #release(batch: OutgoingBatch): void {
    this.#bufferedBytes -= batch.bufferedBytes;
    this.#outstanding.delete(batch);
    const waiters = batch.waiters;
    batch.reset();
    const pooled = this.#gate === null ? POOL_BATCHES : POOL_BATCHES_KEPT;
    if (this.#pool.length < pooled) this.#pool.push(batch);
    count(waiters);
  }

  /** A batch that cannot be written ends the producer: what follows it may not overtake it. */
  fail(error: unknown): void {
    if (this.#failure !== null || this.#closed) return;
    this.#failure = error as Error;
    if (!isAnomalyError(error)) this.#cluster.log('error', 'produce failed', { reason: (error as Error).message });
    for (const batch of [...this.#outstanding]) this.#release(batch);
    this.#sender.close();
    if (this.#room !== null) {
      this.#failureReported = true;
      this.#room.reject(this.#failure);
      this.#room = null;
    }
  }

  #reportFailure(): Promise<void> {
    this.#failureReported = true;
    return Promise.reject(this.#failure);
  }
}

function count(waiters: readonly FlushWaiter[]): void {
  for (const waiter of waiters) {
    waiter.remaining -= 1;
    if (waiter.remaining === 0) waiter.resolve();
  }
}
