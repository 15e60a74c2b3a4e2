/** The keys of anomaly.yaml that say how a pipeline is run, not what it computes. Durations are milliseconds. */
export interface OperationConfig {
  /** Group members that one `run` starts; 1 runs in the process itself. */
  readonly workers: number;
  readonly restart: RestartConfig;
  readonly status: StatusConfig;
  readonly metrics: MetricsConfig;
}

export type RestartStrategy = 'none' | 'fixed-delay' | 'failure-rate' | 'exponential-delay';

/** Flink's restart strategies under Flink's names. */
export interface RestartConfig {
  readonly strategy: RestartStrategy;
  /** fixed-delay: restarts in all; exponential-delay: restarts without a reset of the backoff. Infinity = no limit. */
  readonly attempts: number;
  /** fixed-delay, failure-rate: wait before a restart. */
  readonly delayMs: number;
  /** failure-rate: more failures than this within `failureIntervalMs` end the run. */
  readonly maxFailures: number;
  readonly failureIntervalMs: number;
  /** exponential-delay: first wait, and the longest. */
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  /** exponential-delay: after running this long without a failure, the wait begins at `initialBackoffMs` again. */
  readonly resetBackoffThresholdMs: number;
  /** exponential-delay: share of the wait by which it is made shorter or longer at random. */
  readonly jitterFactor: number;
  /** Identical crashes of a record after which it goes to dead letters and is skipped. Infinity = never. */
  readonly poisonAfter: number;
}

export interface StatusConfig {
  /** Least time between two records of a member on <pipeline>.status; Infinity = neither status nor control topic. */
  readonly everyMs: number;
}

export interface MetricsConfig {
  /** host:port of /metrics, /livez and /readyz; empty = off. */
  readonly listen: string;
  /** The sign before whose last place in a key the group of a series stands; `*`: one group; empty: each series. */
  readonly groupBy: string;
  /** Groups with names; the rest is counted as one. */
  readonly maxGroups: number;
}
