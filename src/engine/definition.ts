import type { DetectorParameters } from './detectors/create.ts';

/** What a pipeline computes, after names are resolved: plain data, equal for every partition. */
export interface PipelineDefinition {
  /** Names of the fields, in the order of a batch's field columns. */
  readonly fields: readonly string[];
  readonly outOfOrdernessMs: number;
  readonly windows: readonly WindowDefinition[];
  readonly features: readonly FeatureDefinition[];
  readonly score?: ScoreDefinition;
}

export interface WindowDefinition {
  readonly name: string;
  readonly sizeMs: number;
}

/** A column that operators can read: fields of records, or an aggregate of a window, or a feature. */
export type ColumnRef =
  | { readonly kind: 'field'; readonly field: number }
  | { readonly kind: 'aggregate'; readonly window: number; readonly aggregate: string }
  | { readonly kind: 'feature'; readonly feature: number };

export interface FeatureDefinition {
  readonly name: string;
  /** Number of last values, the current one included. */
  readonly rolling: number;
  readonly statistic: 'mean' | 'stddev' | 'z';
  /** A field or an aggregate, never a feature. */
  readonly of: ColumnRef;
}

export interface ScoreDefinition {
  /** What is scored; null: every field of each record. */
  readonly on: ColumnRef | null;
  readonly detector: DetectorParameters;
  /** One rule name a field: 'kpi@value', 'kpi@w5m.mean'. */
  readonly rules: readonly string[];
  readonly refractoryMs: number;
  /** Valid range of a series, from the configuration and its overrides; -Infinity and Infinity where there is none. */
  readonly limits: (series: string) => { readonly min: number; readonly max: number };
  /** Threshold of a series where an override gives another sensitivity, else undefined. */
  readonly thresholdOf?: (series: string) => number | undefined;
}
