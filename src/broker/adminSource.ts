import type { BrokerMetrics } from './metrics.ts';

/** What the Admin API needs to know of a broker; read anew at each request. */
export interface AdminSource {
  readonly nodeId: number;
  readonly clusterId: string;
  /** The release whose behaviour is shown: 'v26.2'. */
  readonly version: string;
  /** Kafka's port. */
  readonly port: number;
  topics(): readonly AdminTopic[];
  groups(): readonly AdminGroup[];
  /** Every transactional id that is known. */
  transactions(): readonly AdminTransaction[];
  /** Cluster properties by Redpanda's names: auto_create_topics_enabled, group_initial_rebalance_delay, ... */
  clusterConfig(): Readonly<Record<string, unknown>>;
  /** What is wrong by property, and then nothing is changed; else null. */
  changeConfig(upsert: Readonly<Record<string, unknown>>, remove: readonly string[]): Record<string, string> | null;
  /** Grows with each change. */
  configVersion(): number;
  /** Counts and latencies since the start. */
  readonly metrics: BrokerMetrics;
  /** Of the data directory; null in memory. */
  disk(): { readonly path: string; readonly freeBytes: number; readonly totalBytes: number } | null;
  /** Seconds since the start. */
  uptimeSeconds(): number;
}

export interface AdminTopic {
  readonly name: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly highWatermark: number;
    /** Records, and bytes of batches, taken and sent since the start. */
    readonly recordsProduced: number;
    readonly bytesProduced: number;
    readonly recordsFetched: number;
    readonly bytesFetched: number;
  }[];
}

export interface AdminGroup {
  readonly groupId: string;
  readonly memberCount: number;
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
}

/** Under the names of GET /v1/transactions. */
export interface AdminTransaction {
  readonly transactional_id: string;
  readonly pid: { readonly id: number; readonly epoch: number };
  readonly tx_seq: number;
  readonly etag: number;
  readonly status: string;
  readonly timeout_ms: number;
  readonly staleness_ms: number;
  readonly partitions: readonly {
    readonly ns: string;
    readonly topic: string;
    readonly partition_id: number;
    readonly etag: number;
  }[];
  readonly groups: readonly { readonly group_id: string; readonly etag: number }[];
}
