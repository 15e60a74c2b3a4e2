import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { FetchLimits } from '../../wire/fetch.ts';
import { KafkaCode, kafkaError, protocolFailure, requestTimedOut } from '../kafkaErrors.ts';
import type { AssignedPartition } from './assignedPartition.ts';
import { BrokerFetcher, type FetchedResponse, type FetchedSlice } from './brokerFetcher.ts';
import type { Cluster } from './cluster.ts';
import { requireTopics } from './offsets.ts';
import { isPassing } from './passing.ts';

/** A failing fetch and its refresh of the leaders are a loop: the pause keeps it calm. */
const REFRESH_PAUSE_MS = 50;

/** Keeps a fetch in flight at every broker that leads an assigned partition, and follows leaders as they move. */
export class FetchPool {
  readonly #cluster: Cluster;
  readonly #limits: FetchLimits;
  readonly #partitionBytes: number;
  /** The consumer's own assignment. */
  readonly #partitions: ReadonlyMap<string, AssignedPartition>;
  readonly #onEvent: () => void;
  readonly #fetchers = new Map<number, BrokerFetcher>();
  #order: BrokerFetcher[] = [];
  #turn = 0;
  #isRefreshing = false;
  #isClosed = false;

  constructor(
    cluster: Cluster,
    limits: FetchLimits,
    partitionBytes: number,
    partitions: ReadonlyMap<string, AssignedPartition>,
    onEvent: () => void,
  ) {
    this.#cluster = cluster;
    this.#limits = limits;
    this.#partitionBytes = partitionBytes;
    this.#partitions = partitions;
    this.#onEvent = onEvent;
  }

  /**
   * Calls `read` with the responses that are there, until it returns something; a response that it has read to its
   * end (null) is released. The brokers take turns from response to response.
   */
  read<T>(open: (response: FetchedResponse) => void, read: (response: FetchedResponse) => T | null): T | null {
    const count = this.#order.length;
    for (let i = 0; i < count; i++) {
      const fetcher = this.#order[(this.#turn + i) % count]!;
      while (fetcher.current !== null || fetcher.arrived !== null) {
        if (fetcher.current === null) {
          fetcher.current = fetcher.arrived!;
          fetcher.arrived = null;
          open(fetcher.current);
          // The next response travels while this one is read.
          this.pump();
        }
        const found = read(fetcher.current);
        if (found !== null) return found;
        fetcher.release();
        this.#turn += 1;
      }
    }
    this.pump();
    return null;
  }

  /** Asks every broker that has room for what its partitions lack. */
  pump(): void {
    if (this.#isClosed) return;
    const byLeader = new Map<number, AssignedPartition[]>();
    let isStale = false;
    for (const partition of this.#partitions.values()) {
      if (!partition.leaderStale && this.#cluster.leader(partition.topic, partition.partition) < 0) {
        partition.leaderStale = true;
      }
      if (partition.leaderStale) isStale = true;
      if (!partition.isFetchable) continue;
      const leader = this.#cluster.leader(partition.topic, partition.partition);
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [partition]);
      else list.push(partition);
    }
    for (const [nodeId, partitions] of byLeader) {
      const fetcher = this.#fetcher(nodeId);
      if (!fetcher.canFetch) continue;
      if (fetcher.socket === null || fetcher.socket.closed || fetcher.socket.expiring) this.#connect(fetcher);
      else fetcher.fetch(partitions, this.#onEvent, (error) => this.trouble(partitions, error));
    }
    if (isStale) this.#refreshLeaders();
  }

  /** Deals with a partition's error code: an error of the partition, or something passing. */
  refused(slice: FetchedSlice): void {
    const { partition, errorCode } = slice;
    const place = `${partition.topic} partition ${partition.partition}`;
    const details = { topic: partition.topic, partition: partition.partition, offset: partition.fetchOffset };
    if (errorCode === KafkaCode.offsetOutOfRange) {
      const range =
        slice.logStartOffset >= 0 && slice.highWatermark >= 0
          ? `, which holds ${slice.logStartOffset} to ${slice.highWatermark - 1}`
          : '';
      partition.fail(
        new AnomalyError(
          'ANM_OFFSET_OUT_OF_RANGE',
          `cannot read ${place} from offset ${partition.fetchOffset} as it is outside the log${range}`,
          { details },
        ),
      );
      return;
    }
    const { retry, name } = kafkaError(errorCode);
    if (retry !== 'no') this.trouble([partition], new Error(`the broker answered ${name}`));
    else partition.fail(protocolFailure(errorCode, `read ${place} at offset ${partition.fetchOffset}`, { details }));
  }

  /** Something passing: ask for the leaders again, until the retry timeout is over; or an error that stays. */
  trouble(partitions: readonly AssignedPartition[], error: unknown): void {
    if (this.#isClosed || this.#cluster.closed) return;
    const isLasting = isAnomalyError(error) && !error.retryable && !isPassing(error);
    const reason = (error as Error).message;
    const nowMs = performance.now();
    for (const partition of partitions) {
      if (partition.isRevoked) continue;
      if (isLasting) {
        partition.fail(error);
        continue;
      }
      if (partition.failingSinceMs === 0) partition.failingSinceMs = nowMs;
      if (nowMs - partition.failingSinceMs > this.#cluster.retryTimeoutMs) {
        const action = `read ${partition.topic} partition ${partition.partition} (${reason})`;
        partition.fail(requestTimedOut(action, 'retry_timeout', this.#cluster.retryTimeoutMs, error));
      } else partition.leaderStale = true;
    }
    this.#cluster.log('debug', 'fetch: trying again', { reason });
    this.#refreshLeaders();
    this.#onEvent();
  }

  close(): void {
    this.#isClosed = true;
    for (const fetcher of this.#fetchers.values()) fetcher.close();
  }

  #fetcher(nodeId: number): BrokerFetcher {
    let fetcher = this.#fetchers.get(nodeId);
    if (fetcher === undefined) {
      const { options, requestTimeoutMs } = this.#cluster;
      const clientId = options.clientId ?? 'anomaly';
      fetcher = new BrokerFetcher(nodeId, this.#limits, this.#partitionBytes, clientId, requestTimeoutMs);
      this.#fetchers.set(nodeId, fetcher);
      this.#order = [...this.#fetchers.values()];
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
        const led = [...this.#partitions.values()].filter(
          (partition) => this.#cluster.leader(partition.topic, partition.partition) === fetcher.nodeId,
        );
        this.trouble(led, error);
      })
      .finally(() => {
        fetcher.isConnecting = false;
        this.pump();
      });
  }

  #refreshLeaders(): void {
    if (this.#isRefreshing || this.#isClosed || this.#cluster.closed) return;
    const stale = [...this.#partitions.values()].filter((partition) => partition.leaderStale);
    if (stale.length === 0) return;
    this.#isRefreshing = true;
    this.#cluster
      .pause(REFRESH_PAUSE_MS)
      .then(() => requireTopics(this.#cluster, stale, 'report'))
      .then(
        () => {
          this.#isRefreshing = false;
          for (const partition of stale) partition.leaderStale = false;
          this.pump();
        },
        (error: unknown) => {
          this.#isRefreshing = false;
          this.trouble(stale, error);
        },
      );
  }
}
