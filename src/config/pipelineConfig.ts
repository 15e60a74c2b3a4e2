import type { AlertDeliveryConfig } from './alertSinks.ts';
import type { AlertsConfig } from './alertsConfig.ts';
import type { OperationConfig } from './operationConfig.ts';

/** anomaly.yaml after validation and defaults. Durations are milliseconds. */
export interface PipelineConfig {
  readonly version: 1;
  /** Name of the pipeline; default: the first source topic. */
  readonly pipeline: string;
  /** Consumer group; default: the name of the pipeline. */
  readonly group: string;
  readonly source: SourceConfig;
  /** Derived fields: name -> expression over the fields and those before it. */
  readonly derive: Readonly<Record<string, string>>;
  readonly time: TimeConfig;
  readonly windows: readonly WindowConfig[];
  readonly features: readonly FeatureConfig[];
  /** Absent: no scoring. */
  readonly score?: ScoreConfig;
  readonly overrides: readonly OverrideConfig[];
  /** By name; absent where none is configured. */
  readonly calendars?: Readonly<Record<string, CalendarConfig>>;
  readonly sinks: SinkConfig;
  /** Whom the alerts are brought to, no part of what is computed; absent: nobody. */
  readonly alertDelivery?: AlertDeliveryConfig;
  readonly state: StateConfig;
  readonly checkpoint: CheckpointConfig;
  readonly guarantee: 'at-least-once' | 'exactly-once';
  /** How it is run; no part of what is computed. */
  readonly operation: OperationConfig;
  /** Absent: there is no alert stage. */
  readonly alerts?: AlertsConfig;
  /** Longest time between two commits. */
  readonly commitEveryMs: number;
  /** exactly-once: the broker aborts a transaction that is open for longer. */
  readonly transactionTimeoutMs: number;
  /** Static membership of the group, and name of the transactions; absent: neither survives the process. */
  readonly instance?: string;
}

export interface SourceConfig {
  readonly topics: readonly string[];
  /** Field that names the series; absent: the record key. */
  readonly key?: string;
  /** Field with the event time; absent: the record's timestamp. */
  readonly time?: string;
  /** Output name -> path of a number in the value ('value', 'pump.pressure'). Default {value: value}. */
  readonly fields: Readonly<Record<string, string>>;
  /** Condition over the fields, the derived fields and the series: other records are not processed. Absent: all are. */
  readonly where?: string;
  readonly format: 'auto' | 'avro' | 'json' | 'csv';
  /** Names of the columns of CSV values; empty for other formats. */
  readonly columns: readonly string[];
  readonly start: 'earliest' | 'latest';
}

export interface TimeConfig {
  readonly watermark: 'partition' | 'series';
  readonly outOfOrdernessMs: number;
  /** Infinity = off. */
  readonly maxAheadMs: number;
  /** Silence after which time goes on without records; Infinity = off. */
  readonly idleAfterMs: number;
  /** How long after its end a window takes late records. */
  readonly allowedLatenessMs: number;
}

export interface WindowConfig {
  readonly name: string;
  readonly type: 'tumbling' | 'hopping' | 'session' | 'count';
  /** 0 for session and count windows. */
  readonly sizeMs: number;
  /** count: number of values. */
  readonly size?: number;
  readonly advanceMs?: number;
  readonly gapMs?: number;
  readonly offsetMs?: number;
  /** IANA name. */
  readonly timezone?: string;
  readonly emitEveryMs?: number;
  readonly aggregates: readonly Aggregate[];
}

export type Aggregate =
  | 'count'
  | 'mean'
  | 'min'
  | 'max'
  | 'stddev'
  | 'sum'
  | 'variance'
  | 'first'
  | 'last'
  | 'range'
  | 'rate'
  | 'slope'
  | 'distinct'
  | 'anomalies'
  | 'threshold'
  | `p${number}`;

export interface FeatureConfig {
  readonly name: string;
  readonly statistic:
    | 'mean'
    | 'stddev'
    | 'z'
    | 'sum'
    | 'count'
    | 'min'
    | 'max'
    | 'median'
    | 'ewma'
    | 'difference'
    | 'rate_of_change'
    | 'same_time';
  /** Number of last values, the current one included; for ewma the half life. */
  readonly rolling?: number;
  /** In its place: the span of event time up to the series' newest value. */
  readonly rollingMs?: number;
  /** same_time: how long before, and how far off the nearest value may be. */
  readonly agoMs?: number;
  readonly toleranceMs?: number;
  /** 'value' (a field of the record) or 'w5m.mean' (an aggregate of a window). */
  readonly of: string;
  /** Event time without a record after which a series is forgotten; absent: as state.ttl says. */
  readonly ttlMs?: number;
}

/** In the order in which they are listed, the default first. */
export const DETECTORS = [
  'auto',
  'kpi',
  'sensor',
  'difference',
  'seasonal',
  'context',
  'mad-z',
  'ewma',
  'range',
  'rolling-z',
  'threshold',
] as const;

export type DetectorName = (typeof DETECTORS)[number];

export interface ScoreConfig {
  /** 'record', or an aggregate of a window: 'w5m.mean'. */
  readonly on: string;
  readonly detector: DetectorName;
  readonly sensitivity: 'low' | 'medium' | 'high';
  /** Overrides the threshold that the sensitivity stands for: -log10 p; rolling-z: in standard deviations. */
  readonly threshold?: number;
  /** rolling-z: number of previous values, the current one excluded. */
  readonly window: number;
  /** rolling-z: how many of them there must be. */
  readonly minCount: number;
  /** Valid values are min <= value <= max. */
  readonly min?: number;
  readonly max?: number;
  /** Width of a season slot. */
  readonly stepMs: number;
  /** On which side of the expected value something alerts. Absent: both. */
  readonly direction?: 'above' | 'below' | 'both';
  /** Least distance to the expected value that alerts, and the same as a part of it. */
  readonly minDeviation?: number;
  readonly minDeviationRatio?: number;
  /** Names of the calendars in which nothing alerts and nothing is learnt. */
  readonly calendars?: readonly string[];
  /** Names of the detector's parts that do not count. */
  readonly mute?: readonly string[];
  /** Condition on the detector's score and the fields under which the model is asked. */
  readonly when?: string;
  readonly model?: ScoreModelConfig;
  /** After an alert, none of the same series and rule for this event time unless its score is higher. */
  readonly refractoryMs: number;
  /** Rules beside the detector; absent: none. */
  readonly watches?: readonly WatchConfig[];
  /** Event time without a record after which a series is forgotten; absent: as state.ttl says. */
  readonly ttlMs?: number;
}

/** A model beside the detector. */
export interface ScoreModelConfig {
  readonly uri: string;
  readonly timeoutMs: number;
  /** `detector`, or the model that is asked before it. */
  readonly fallback: string;
  /** Age of a record from which on it waits for a slow model. */
  readonly backlogAfterMs: number;
  readonly batch: number;
  readonly inFlight: number;
  readonly runtime: 'auto' | 'web' | 'node';
  /** Of an endpoint without a protocol of its own: the body to send, as JSON, and where its answer has the numbers. */
  readonly request?: string;
  readonly response?: string;
  /** Over what the model says of itself. */
  readonly input: {
    readonly fields?: readonly string[];
    readonly length?: number;
    readonly scaling?: ModelReads['scaling'];
    readonly layout?: 'batch-length-channels' | 'batch-channels-length' | 'length-batch-channels' | 'flat';
    readonly name?: string;
  };
  readonly output: {
    readonly kind?: 'forecast' | 'reconstruction' | 'score' | 'class';
    readonly name?: string;
    readonly direction?: 'high' | 'low';
    readonly class?: number;
  };
  /** Asked what the model is asked, with no effect. */
  readonly shadow?: string;
  /** Asked in place of the model for a share of the series, 0 to 1. */
  readonly canary?: { readonly uri: string; readonly share: number };
  /** When a model that took the place of another goes again. */
  readonly rollback: {
    readonly withinMs: number;
    readonly values: number;
    readonly errorRate: number;
    readonly latencyMs: number;
    readonly drift: number;
  };
  /** Set once the model was looked at: what `input` leaves open. */
  readonly reads?: ModelReads;
}

/** What the windows of a model are made of. */
export interface ModelReads {
  readonly length: number;
  readonly fields: readonly string[];
  readonly scaling: 'none' | 'standard' | 'residual';
}

/** A rule beside the detector; what is absent is learnt or stands in a table by sensitivity. */
export interface WatchConfig {
  readonly watch: 'missing' | 'flat' | 'shift' | 'drift' | 'multivariate' | 'peers' | 'subsequence';
  readonly threshold?: number;
  /** missing: silence that is told. */
  readonly afterMs?: number;
  /** peers, multivariate: the sign before whose last place in a key its group stands, or *. */
  readonly groupBy?: string;
  /** subsequence: values of a shape. */
  readonly length?: number;
}

export interface OverrideConfig {
  /** Glob over series names: 'pump-*'. */
  readonly series: string;
  readonly min?: number;
  readonly max?: number;
  readonly sensitivity?: 'low' | 'medium' | 'high';
  readonly direction?: 'above' | 'below' | 'both';
  readonly minDeviation?: number;
  readonly minDeviationRatio?: number;
  readonly calendars?: readonly string[];
  readonly mute?: readonly string[];
}

/** An iCalendar file. */
export interface CalendarConfig {
  /** As configured. */
  readonly file: string;
  /** Of its bytes. */
  readonly sha256: string;
  /** Start and end of each of its spans in turn, epoch milliseconds; ends exclusive, ascending. */
  readonly spans: Float64Array;
}

export interface SinkConfig {
  /** Avro needs a Schema Registry. */
  readonly format: 'avro' | 'json';
  readonly windows: string;
  readonly anomalies: string;
  readonly late: string;
  readonly deadLetters: string;
}

export interface StateConfig {
  readonly backend: 'memory' | 'lmdb';
  /** Infinity = off. */
  readonly ttlMs: number;
  /** Of a partition; Infinity = off. */
  readonly maxSeries: number;
  readonly onFull: 'reject' | 'evict';
  /** lmdb: series of a partition whose features and scores are in memory. */
  readonly hotSeries: number;
}

export interface CheckpointConfig {
  /** Directory or URL of the checkpoints; empty: a directory of the group under state_dir. */
  readonly store: string;
  /** Between two snapshots of a partition. */
  readonly everyMs: number;
  /** How many snapshots of a partition are kept, savepoints apart. */
  readonly retain: number;
  /** Snapshots in a row that could not be stored, after which the run stops; Infinity: never. */
  readonly maxFailures: number;
}
