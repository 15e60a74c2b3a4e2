import type { AlertShaping } from './alertShaper.ts';
import type { CalendarSpans } from './calendar.ts';
import type { DetectorParameters } from './detectors/create.ts';
import type { InputScaling } from './modelInput/inputScaler.ts';
import type { SelectDefinition } from './recordSelect.ts';
import type { SeriesFacts } from './seriesKnowledge.ts';
import type { SeriesLimits } from './seriesTable.ts';
import type { WatchDefinition } from './watches/definition.ts';
import type { ZoneTable } from './windows/aligner.ts';

/** What a pipeline computes, after names are resolved: plain data, equal for every partition. */
export interface PipelineDefinition {
  /** Names of the fields, derived ones last, in the order of a batch's field columns. */
  readonly fields: readonly string[];
  /** Absent where there is neither a filter nor a derived field. */
  readonly select?: SelectDefinition;
  /** Where the series' key and the fields are read from in a record: other places, other state. */
  readonly source?: { readonly key: string | null; readonly paths: readonly string[] };
  readonly outOfOrdernessMs: number;
  /** Whose event times move the watermark; default partition. */
  readonly watermark?: 'partition' | 'series';
  /** With a watermark a series: how far a silent series may be behind the partition's highest clock; default Infinity. */
  readonly idleAfterMs?: number;
  /** How long after its end a window takes late records; default 0. */
  readonly allowedLatenessMs?: number;
  readonly windows: readonly WindowDefinition[];
  readonly features: readonly FeatureDefinition[];
  readonly score?: ScoreDefinition;
  /** Absent: every series is kept for good. */
  readonly limits?: SeriesLimits;
}

export interface WindowDefinition {
  readonly name: string;
  /** Default tumbling. */
  readonly type?: 'tumbling' | 'hopping' | 'session' | 'count';
  /** Length of a tumbling or hopping window; 0 for the others. */
  readonly sizeMs: number;
  /** hopping: from one start to the next. */
  readonly advanceMs?: number;
  /** session: the silence that ends it. */
  readonly gapMs?: number;
  /** count: number of values. */
  readonly size?: number;
  /** Added to the starts, which are multiples of the length since 1970. */
  readonly offsetMs?: number;
  /** tumbling windows of whole days: their time zone, and its offsets from UTC. */
  readonly timezone?: string;
  readonly zone?: ZoneTable;
  /** Event time between early rows; absent: none. */
  readonly emitEveryMs?: number;
  /** Names; the five of moments.ts are always computed. */
  readonly aggregates?: readonly string[];
}

/** A column that operators can read: fields of records, or an aggregate of a window, or a feature. */
export type ColumnRef =
  | { readonly kind: 'field'; readonly field: number }
  | { readonly kind: 'aggregate'; readonly window: number; readonly aggregate: string }
  | { readonly kind: 'feature'; readonly feature: number };

export type FeatureStatistic =
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

export interface FeatureDefinition {
  readonly name: string;
  readonly statistic: FeatureStatistic;
  /** Number of last values, the current one included; for ewma the half life. Or `rollingMs`, or neither. */
  readonly rolling?: number;
  /** Span of event time that ends with the newest value; for ewma the half life. */
  readonly rollingMs?: number;
  /** same_time: how long before, and how far off the nearest value may be. */
  readonly agoMs?: number;
  readonly toleranceMs?: number;
  /** A field or an aggregate, never a feature. */
  readonly of: ColumnRef;
}

export interface ScoreDefinition {
  /** What is scored; null: every field of each record. */
  readonly on: ColumnRef | null;
  readonly detector: DetectorParameters;
  /** One rule name a field: 'kpi@value', 'kpi@w5m.mean'. */
  readonly rules: readonly string[];
  readonly shaping: AlertShaping;
  /** Valid range of a series, from the configuration and its overrides; -Infinity and Infinity where there is none. */
  readonly limits: (series: string) => { readonly min: number; readonly max: number };
  /** Whether limits and facts are those of every series: their names are not asked for. */
  readonly isUniform?: boolean;
  /** A model that is asked for a score beside the detector's; absent: none. */
  readonly model?: ModelDefinition;
  /** What is known of a series; absent: its limits, and the threshold of all. */
  readonly factsOf?: (series: string) => SeriesFacts;
  /** Where a threshold comes from, in words; the first where nothing else is said. */
  readonly origins?: readonly string[];
  /** What `SeriesFacts.calendars` is an index into. */
  readonly calendars?: readonly CalendarSpans[];
  /** Rules beside the detector, over what it scores. */
  readonly watches?: readonly WatchDefinition[];
}

/** What a model reads, and when it is asked. What it makes of it is not the engine's business. */
export interface ModelDefinition {
  /** Values before the one that is scored. */
  readonly length: number;
  /** Indexes of the fields that it reads, in the order of its input; a single one where windows or features are scored. */
  readonly channels: readonly number[];
  readonly scaling: InputScaling;
  /** residual: width of a season slot. */
  readonly stepMs: number;
  /** Condition over the fields and `detector`, the detector's score; of windows over `value` and `detector`. Absent: always. */
  readonly when?: string;
}

/** One version of a model, as alerts name it. */
export interface ModelName {
  readonly name: string;
  readonly version?: string;
  readonly sha256?: string;
}

/** What the features and the score read: columns of records, of windows, or both. */
export function columnsRead({ features, score }: PipelineDefinition): ReadonlySet<'field' | 'aggregate'> {
  const kinds = new Set<'field' | 'aggregate'>();
  const note = (column: ColumnRef): void => {
    if (column.kind !== 'feature') kinds.add(column.kind);
  };
  for (const { of } of features) note(of);
  if (score?.on === null) kinds.add('field');
  else if (score !== undefined) note(score.on);
  return kinds;
}

/** Whether what is scored comes with each record, and not with windows. */
export function scoresRecords({ features, score }: PipelineDefinition): boolean {
  if (score === undefined || score.on === null) return score !== undefined;
  const column = score.on.kind === 'feature' ? features[score.on.feature]!.of : score.on;
  return column.kind === 'field';
}
