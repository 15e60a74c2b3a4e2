import { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { DecompressedBytes } from '../../wire/compression.ts';
import type { FetchLimits } from '../../wire/fetch.ts';
import { prepareZstd } from '../../wire/zstd.ts';
import type { Consumer, ConsumerOptions, CorruptBatch, RebalanceListener } from '../client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership } from '../transactions.ts';
import type { PlatformaticAdmin } from './admin.ts';
import { AssignedPartition } from './assignedPartition.ts';
import type { FetchedResponse } from './brokerFetcher.ts';
import type { Cluster } from './cluster.ts';
import { FetchPool } from './fetchPool.ts';
import { GroupConsumer } from './groupConsumer.ts';
import { HoleCheck } from './holeCheck.ts';
import { requireTopics } from './offsets.ts';
import { partitionKey } from './partitions.ts';
import { clientClosed } from './passing.ts';
import { type FoundHole, ResponseReader } from './responseReader.ts';

/**
 * The longest work between two turns of the event loop where there is always a next batch: commits, heartbeats and whoever
 * asks this process for something wait for a batch more than this at most.
 */
const TURN_MS = 25;

/** Reads the assigned partitions from all their brokers, one record batch a poll. */
export class PlatformaticConsumer implements Consumer {
  readonly #cluster: Cluster;
  readonly #limits: FetchLimits;
  readonly #partitions = new Map<string, AssignedPartition>();
  readonly #pool: FetchPool;
  readonly #reader: ResponseReader;
  readonly #holeCheck: HoleCheck;
  readonly #group: GroupConsumer;
  /** Shared by the partitions: one batch is read at a time. */
  readonly #scratch = new DecompressedBytes();
  #turnDueMs = 0;
  #isClosed = false;
  #wake: (() => void) | null = null;
  /** Something happened since poll last waited. */
  #isSignalled = false;
  readonly #open = (response: FetchedResponse) => this.#note(response);
  readonly #read: (response: FetchedResponse) => ColumnBatch | null;

  constructor(cluster: Cluster, admin: PlatformaticAdmin, options: ConsumerOptions) {
    this.#cluster = cluster;
    this.#limits = limitsOf(options);
    const partitionBytes = options.maxPartitionBytes ?? 1024 * 1024;
    this.#pool = new FetchPool(cluster, this.#limits, partitionBytes, this.#partitions, () => this.#signal());
    this.#reader = new ResponseReader(new ColumnBatch(options.fieldCount ?? 0), (hole) => this.#onHole(hole));
    this.#read = (response) => this.#reader.next(response);
    this.#holeCheck = new HoleCheck(cluster, admin);
    this.#group = new GroupConsumer(cluster, options, {
      add: (offsets) => this.#add(offsets),
      remove: (partitions) => this.#remove(partitions),
      signal: () => this.#signal(),
    });
  }

  async assign(partitions: readonly TopicPartitionOffset[]): Promise<void> {
    await requireTopics(this.#cluster, partitions);
    this.#replaceAssignment(partitions);
  }

  async subscribe(topics: readonly string[], start: 'earliest' | 'latest', listener: RebalanceListener): Promise<void> {
    await this.#group.subscribe(topics, start, listener);
  }

  async poll(timeoutMs: number): Promise<ColumnBatch | null> {
    const calledMs = performance.now();
    const deadline = calledMs + timeoutMs;
    if (calledMs >= this.#turnDueMs) await this.#turn();
    for (;;) {
      if (this.#isClosed) throw clientClosed();
      // A rebalance that came while partitions were assigned takes them back before anything is read.
      while (this.#group.hasWork) await this.#group.work();
      if (this.#reader.hasZstd) {
        await prepareZstd();
        this.#reader.hasZstd = false;
      }
      const batch = this.#next();
      if (batch !== null) return batch;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        if (timeoutMs > 0) return null;
        // A caller that polls without waiting must still let answers arrive.
        await this.#turn();
        return this.#next();
      }
      await this.#signalled(leftMs);
      this.#turnDueMs = performance.now() + TURN_MS;
    }
  }

  takeCorrupt(): CorruptBatch[] {
    return this.#reader.takeCorrupt();
  }

  position(topic: string, partition: number): number {
    return this.#assigned(topic, partition).position;
  }

  endOffset(topic: string, partition: number): number {
    return this.#assigned(topic, partition).endOffset;
  }

  endAgeMs(topic: string, partition: number): number {
    return performance.now() - this.#assigned(topic, partition).endAskedMs;
  }

  seek({ topic, partition, offset }: TopicPartitionOffset): void {
    this.#assigned(topic, partition).seek(offset);
    this.#pool.pump();
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const assigned = this.#assigned(topic, partition);
      if (assigned.isPaused) continue;
      assigned.isPaused = true;
      // What is fetched ahead is fetched again on resume: nothing may be stepped over meanwhile.
      assigned.rewind();
    }
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#assigned(topic, partition).isPaused = false;
    this.#pool.pump();
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    await this.#group.commit(offsets);
  }

  membership(): GroupMembership | undefined {
    return this.#group.membership();
  }

  async committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    return this.#group.committed(partitions);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#group.close();
    } finally {
      this.#isClosed = true;
      this.#pool.close();
      this.#signal();
    }
  }

  #assigned(topic: string, partition: number): AssignedPartition {
    const found = this.#partitions.get(partitionKey(topic, partition));
    if (found !== undefined) return found;
    throw new AnomalyError('ANM_INTERNAL', `cannot use ${topic} partition ${partition}, which is not assigned here`);
  }

  #replaceAssignment(offsets: readonly TopicPartitionOffset[]): void {
    for (const partition of this.#partitions.values()) partition.revoke();
    this.#partitions.clear();
    this.#add(offsets);
  }

  #add(offsets: readonly TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const assigned = new AssignedPartition(topic, partition, offset, this.#limits.isolation, this.#scratch);
      this.#partitions.set(partitionKey(topic, partition), assigned);
    }
    this.#pool.pump();
  }

  #remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition);
      this.#partitions.get(key)?.revoke();
      this.#partitions.delete(key);
    }
    this.#pool.pump();
  }

  /** The next batch of what has been fetched, or null; throws the error of a partition once. */
  #next(): ColumnBatch | null {
    const batch = this.#pool.read(this.#open, this.#read);
    if (batch !== null) return batch;
    for (const partition of this.#partitions.values()) {
      if (partition.error === null || partition.isErrorReported) continue;
      partition.isErrorReported = true;
      throw partition.error;
    }
    return null;
  }

  /** Takes note of what each partition answered, and of where its next fetch goes on. */
  #note(response: FetchedResponse): void {
    for (const slice of response.slices) {
      const { partition } = slice;
      if (slice.epoch !== partition.epoch || partition.isRevoked) continue;
      if (slice.errorCode !== 0) {
        this.#pool.refused(slice);
        continue;
      }
      partition.failingSinceMs = 0;
      const isCommitted = this.#limits.isolation === 'read_committed';
      partition.endAskedMs = response.askedMs;
      partition.endOffset = isCommitted ? slice.lastStableOffset : slice.highWatermark;
      this.#reader.lookAhead(slice, response.bytes);
    }
  }

  /** Offsets are missing: nothing more of this partition until the broker was asked again. */
  #onHole(hole: FoundHole): void {
    const { partition } = hole;
    partition.rewind();
    partition.isChecking = true;
    const { epoch } = partition;
    const isCurrent = () => partition.epoch === epoch && !partition.isRevoked && !this.#isClosed;
    this.#holeCheck
      .look(hole)
      .then((verdict) => {
        if (!isCurrent()) return;
        const { continuity } = partition.reader;
        if (verdict === 'compacted') continuity.isCompacted = true;
        else if (verdict === 'empty') continuity.accept(hole.to);
        else if (!hole.isAtEnd) partition.fail(HoleCheck.gap(hole));
        const { from, to } = hole;
        this.#cluster.log('debug', `hole in ${partition.topic}/${partition.partition}`, { from, to, verdict });
      })
      .catch((error: unknown) => {
        if (!isCurrent()) return;
        if (isAnomalyError(error)) partition.fail(error);
        else this.#pool.trouble([partition], error);
      })
      .finally(() => {
        if (!isCurrent()) return;
        partition.isChecking = false;
        this.#pool.pump();
        this.#signal();
      });
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnDueMs = performance.now() + TURN_MS;
  }

  #signal(): void {
    this.#isSignalled = true;
    this.#wake?.();
  }

  /** Resolves when something happened, or after the time. */
  #signalled(timeoutMs: number): Promise<void> {
    if (this.#isSignalled) {
      this.#isSignalled = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), timeoutMs);
      this.#wake = () => {
        this.#wake = null;
        this.#isSignalled = false;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function limitsOf(options: ConsumerOptions): FetchLimits {
  return {
    maxWaitMs: options.maxWaitMs ?? 500,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 8 * 1024 * 1024,
    isolation: options.isolation ?? 'read_committed',
  };
}
