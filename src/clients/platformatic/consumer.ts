import { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type {
  Consumer,
  ConsumerOptions,
  CorruptBatch,
  RebalanceListener,
  TopicPartition,
  TopicPartitionOffset,
} from '../client.ts';
import { KafkaCode, kafkaError, protocolFailure, requestTimedOut } from '../kafkaErrors.ts';
import { AssignedPartition } from './assignedPartition.ts';
import { BrokerFetcher, type FetchedSlice } from './brokerFetcher.ts';
import { type Cluster, clientClosed, isPassing } from './cluster.ts';
import { GroupConsumer } from './groupConsumer.ts';
import { requireTopics } from './offsets.ts';
import { partitionKey } from './partitions.ts';
import { SliceReader } from './sliceReader.ts';

const REFRESH_PAUSE_MS = 50;

/** Reads the assigned partitions from all their brokers, one record batch a poll. */
export class PlatformaticConsumer implements Consumer {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions;
  readonly #partitions = new Map<string, AssignedPartition>();
  readonly #fetchers = new Map<number, BrokerFetcher>();
  readonly #batch: ColumnBatch;
  readonly #reader: SliceReader;
  readonly #group: GroupConsumer;
  #turn = 0;
  #isRefreshing = false;
  #isClosed = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  /** Something happened since poll last looked. */
  #isSignalled = false;

  constructor(cluster: Cluster, options: ConsumerOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#batch = new ColumnBatch(options.fieldCount ?? 0);
    this.#reader = new SliceReader(this.#batch, options.isolation ?? 'read_committed');
    this.#group = new GroupConsumer(cluster, options, {
      assign: (offsets) => this.#replaceAssignment(offsets),
      signal: () => this.#signal(),
    });
  }

  async assign(partitions: readonly TopicPartitionOffset[]): Promise<void> {
    await requireTopics(this.#cluster, partitions);
    this.#replaceAssignment(partitions);
    this.#pump();
  }

  async subscribe(topics: readonly string[], start: 'earliest' | 'latest', listener: RebalanceListener): Promise<void> {
    await this.#group.subscribe(topics, start, listener);
  }

  async poll(timeoutMs: number): Promise<ColumnBatch | null> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#isClosed) throw clientClosed();
      if (this.#group.hasWork) await this.#group.work();
      this.#throwFailure();
      const batch = this.#next();
      if (batch !== null) return batch;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        // A caller that polls without waiting must still let answers arrive.
        if (timeoutMs <= 0) await new Promise((resolve) => setImmediate(resolve));
        return timeoutMs <= 0 ? this.#next() : null;
      }
      await this.#signalled(leftMs);
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

  seek({ topic, partition, offset }: TopicPartitionOffset): void {
    this.#assigned(topic, partition).seek(offset);
    this.#pump();
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const assigned = this.#assigned(topic, partition);
      if (assigned.isPaused) continue;
      assigned.isPaused = true;
      assigned.rewind();
    }
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#assigned(topic, partition).isPaused = false;
    this.#pump();
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    await this.#group.commit(offsets);
  }

  async committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    return this.#group.committed(partitions);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#group.close();
    this.#isClosed = true;
    for (const fetcher of this.#fetchers.values()) fetcher.close();
    this.#signal();
  }

  #assigned(topic: string, partition: number): AssignedPartition {
    const found = this.#partitions.get(partitionKey(topic, partition));
    if (found !== undefined) return found;
    throw new AnomalyError(
      'ANM_INTERNAL',
      `cannot use ${topic} partition ${partition} as this consumer does not read it`,
    );
  }

  #replaceAssignment(offsets: readonly TopicPartitionOffset[]): void {
    for (const partition of this.#partitions.values()) partition.revoke();
    this.#partitions.clear();
    for (const { topic, partition, offset } of offsets) {
      this.#partitions.set(partitionKey(topic, partition), new AssignedPartition(topic, partition, offset));
    }
  }

  /** The next batch of what has been fetched, or null. Keeps a fetch in flight at every broker meanwhile. */
  #next(): ColumnBatch | null {
    const fetchers = [...this.#fetchers.values()];
    for (let i = 0; i < fetchers.length; i++) {
      const fetcher = fetchers[(this.#turn + i) % fetchers.length]!;
      while (fetcher.current !== null || fetcher.arrived !== null) {
        if (fetcher.current === null) {
          fetcher.current = fetcher.arrived;
          fetcher.arrived = null;
          for (const slice of fetcher.current!.slices) this.#open(slice, fetcher.current!.bytes);
          this.#pump();
        }
        const batch = this.#reader.next(fetcher.current!);
        if (batch !== null) return batch;
        fetcher.release();
        this.#turn += 1;
      }
    }
    this.#pump();
    for (const partition of this.#partitions.values()) {
      if (partition.error !== null && !partition.isErrorReported) {
        partition.isErrorReported = true;
        throw partition.error;
      }
    }
    return null;
  }

  /** Takes note of a partition's answer, and of where its next fetch goes on. */
  #open(slice: FetchedSlice, bytes: Uint8Array): void {
    const { partition, errorCode } = slice;
    if (slice.epoch !== partition.epoch || partition.isRevoked) {
      slice.end = slice.at;
      return;
    }
    if (errorCode === KafkaCode.none) {
      partition.failingSinceMs = 0;
      partition.logStartOffset = slice.logStartOffset;
      partition.endOffset =
        this.#options.isolation === 'read_uncommitted' ? slice.highWatermark : slice.lastStableOffset;
      this.#reader.open(slice, bytes);
      return;
    }
    slice.end = slice.at;
    const place = `${partition.topic} partition ${partition.partition}`;
    if (errorCode === KafkaCode.offsetOutOfRange) {
      const range =
        slice.logStartOffset >= 0 ? `, the log holds ${slice.logStartOffset} to ${slice.highWatermark}` : '';
      partition.fail(
        new AnomalyError(
          'ANM_OFFSET_OUT_OF_RANGE',
          `cannot read ${place} from offset ${partition.fetchOffset} as it is out of range${range}`,
          {
            details: { topic: partition.topic, partition: partition.partition, offset: partition.fetchOffset },
          },
        ),
      );
      return;
    }
    const { retry, name } = kafkaError(errorCode);
    if (retry === 'no') partition.fail(protocolFailure(errorCode, `read ${place} at offset ${partition.fetchOffset}`));
    else this.#trouble([partition], `the broker answered ${name}`);
  }

  /** Asks every broker that has room for what its partitions lack. */
  #pump(): void {
    if (this.#isClosed) return;
    const byLeader = new Map<number, AssignedPartition[]>();
    let isStale = false;
    for (const partition of this.#partitions.values()) {
      if (partition.leaderStale) isStale = true;
      if (!partition.isFetchable) continue;
      const leader = this.#cluster.leader(partition.topic, partition.partition);
      if (leader < 0) {
        partition.leaderStale = true;
        isStale = true;
        continue;
      }
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [partition]);
      else list.push(partition);
    }
    for (const [nodeId, partitions] of byLeader) {
      const fetcher = this.#fetcher(nodeId);
      if (!fetcher.canFetch) continue;
      if (fetcher.socket === null || fetcher.socket.closed || fetcher.socket.expiring) this.#connect(fetcher);
      else
        fetcher.fetch(
          partitions,
          () => this.#signal(),
          (error) => this.#trouble(partitions, error.message),
        );
    }
    if (isStale) this.#refreshLeaders();
  }

  #fetcher(nodeId: number): BrokerFetcher {
    let fetcher = this.#fetchers.get(nodeId);
    if (fetcher === undefined) {
      const { clientId } = this.#cluster.options;
      fetcher = new BrokerFetcher(
        nodeId,
        limitsOf(this.#options),
        clientId ?? 'anomaly',
        this.#cluster.requestTimeoutMs,
      );
      this.#fetchers.set(nodeId, fetcher);
    }
    return fetcher;
  }

  #connect(fetcher: BrokerFetcher): void {
    if (fetcher.isConnecting) return;
    fetcher.isConnecting = true;
    this.#cluster
      .open(fetcher.nodeId)
      .then((socket) => {
        fetcher.socket = socket;
        if (this.#isClosed) socket.close();
      })
      .catch((error: unknown) => {
        if (isAnomalyError(error) && error.code !== 'ANM_BROKER_UNREACHABLE' && !isPassing(error)) this.#fail(error);
        const led = [...this.#partitions.values()].filter(
          (partition) => this.#cluster.leader(partition.topic, partition.partition) === fetcher.nodeId,
        );
        this.#trouble(led, (error as Error).message);
      })
      .finally(() => {
        fetcher.isConnecting = false;
        this.#pump();
      });
  }

  /** Something passing: ask for the leaders again, until the retry timeout is over. */
  #trouble(partitions: readonly AssignedPartition[], reason: string): void {
    if (this.#isClosed) return;
    const nowMs = performance.now();
    for (const partition of partitions) {
      if (partition.isRevoked) continue;
      partition.lastReason = reason;
      if (partition.failingSinceMs === 0) partition.failingSinceMs = nowMs;
      else if (nowMs - partition.failingSinceMs > this.#cluster.retryTimeoutMs) {
        const place = `read ${partition.topic} partition ${partition.partition} (${reason})`;
        partition.fail(requestTimedOut(place, 'retry_timeout', this.#cluster.retryTimeoutMs));
        continue;
      }
      partition.leaderStale = true;
    }
    this.#cluster.log('debug', 'fetch: trying again', { reason });
    this.#refreshLeaders();
    this.#signal();
  }

  #refreshLeaders(): void {
    if (this.#isRefreshing || this.#isClosed) return;
    const stale = [...this.#partitions.values()].filter((partition) => partition.leaderStale);
    if (stale.length === 0) return;
    this.#isRefreshing = true;
    // A failing fetch and its refresh are a loop: the pause keeps it calm.
    this.#cluster
      .pause(REFRESH_PAUSE_MS)
      .then(() => requireTopics(this.#cluster, stale))
      .then(() => {
        for (const partition of stale) partition.leaderStale = false;
      })
      .catch((error: unknown) => {
        if (this.#isClosed || this.#cluster.closed) return;
        const isGone = isAnomalyError(error) && error.code !== 'ANM_BROKER_UNREACHABLE' && !isPassing(error);
        if (isGone) for (const partition of stale) partition.fail(error);
        else this.#markFailing(stale, (error as Error).message);
      })
      .finally(() => {
        this.#isRefreshing = false;
        if (!this.#cluster.closed) this.#pump();
        this.#signal();
      });
  }

  #markFailing(partitions: readonly AssignedPartition[], reason: string): void {
    this.#isRefreshing = false;
    this.#trouble(partitions, reason);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#signal();
  }

  #throwFailure(): void {
    if (this.#failure === null) return;
    const failure = this.#failure;
    this.#failure = null;
    throw failure;
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

function limitsOf(options: ConsumerOptions) {
  return {
    maxWaitMs: options.maxWaitMs ?? 500,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 8 * 1024 * 1024,
    maxPartitionBytes: options.maxPartitionBytes ?? 1024 * 1024,
    isolation: options.isolation ?? ('read_committed' as const),
  };
}
