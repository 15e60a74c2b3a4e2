/** anomaly.yaml after validation and defaults. Durations are milliseconds. */
export interface PipelineConfig {
  readonly version: 1;
  /** Name of the pipeline; default: the first source topic. */
  readonly pipeline: string;
  /** Consumer group; default: the name of the pipeline. */
  readonly group: string;
  readonly source: SourceConfig;
  readonly time: TimeConfig;
  readonly windows: readonly WindowConfig[];
  readonly features: readonly FeatureConfig[];
  /** Absent: no scoring. */
  readonly score?: ScoreConfig;
  readonly overrides: readonly OverrideConfig[];
  readonly sinks: SinkConfig;
  readonly checkpoint: CheckpointConfig;
  readonly guarantee: 'at-least-once' | 'exactly-once';
}

export interface SourceConfig {
  readonly topics: readonly string[];
  /** Field that names the series; absent: the record key. */
  readonly key?: string;
  /** Field with the event time; absent: the record's timestamp. */
  readonly time?: string;
  /** Output name -> path of a number in the value ('value', 'pump.pressure'). Default {value: value}. */
  readonly fields: Readonly<Record<string, string>>;
  readonly format: 'auto' | 'avro' | 'json' | 'csv';
  /** Names of the columns of CSV values; empty for other formats. */
  readonly columns: readonly string[];
  readonly start: 'earliest' | 'latest';
}

export interface TimeConfig {
  readonly watermark: 'partition';
  readonly outOfOrdernessMs: number;
  /** Infinity = off. */
  readonly maxAheadMs: number;
}

export interface WindowConfig {
  readonly name: string;
  readonly type: 'tumbling';
  readonly sizeMs: number;
  readonly aggregates: readonly Aggregate[];
}

export type Aggregate = 'count' | 'mean' | 'min' | 'max' | 'stddev';

export interface FeatureConfig {
  readonly name: string;
  /** Number of last values, the current one included. */
  readonly rolling: number;
  readonly statistic: 'mean' | 'stddev' | 'z';
  /** 'value' (a field of the record) or 'w5m.mean' (an aggregate of a window). */
  readonly of: string;
}

export interface ScoreConfig {
  /** 'record', or an aggregate of a window: 'w5m.mean'. */
  readonly on: string;
  readonly detector: 'kpi' | 'rolling-z' | 'range';
  readonly sensitivity: 'low' | 'medium' | 'high';
  /** kpi: overrides the threshold that the sensitivity stands for (-log10 p). rolling-z: in standard deviations. */
  readonly threshold?: number;
  /** rolling-z: number of previous values, the current one excluded. */
  readonly window: number;
  /** rolling-z: how many of them there must be. */
  readonly minCount: number;
  /** range: valid values are min <= value <= max. */
  readonly min?: number;
  readonly max?: number;
  /** kpi: width of a season slot. */
  readonly stepMs: number;
  /** After an alert, none of the same series and rule for this event time unless its score is higher. */
  readonly refractoryMs: number;
}

export interface OverrideConfig {
  /** Glob over series names: 'pump-*'. */
  readonly series: string;
  readonly min?: number;
  readonly max?: number;
  readonly sensitivity?: 'low' | 'medium' | 'high';
}

export interface SinkConfig {
  /** Avro needs a Schema Registry. */
  readonly format: 'avro' | 'json';
  readonly windows: string;
  readonly anomalies: string;
  readonly late: string;
  readonly deadLetters: string;
}

export interface CheckpointConfig {
  /** Directory of the snapshots, or a file: URL; empty: a directory of the group under state_dir. */
  readonly store: string;
  /** Least time between commits. */
  readonly everyMs: number;
}
