import type { PartName } from './parts/part.ts';

/** What each part weighs in a score; parts that are not named weigh nothing. */
export type Weights = { readonly [name in PartName]?: number };

/**
 * How parts become one score: the weighted mean of those that have something to say. `range` beside it is either a
 * reason of its own, which alerts alone, or adds to the sum without counting among what it is divided by, as it is 0
 * nearly always.
 */
export interface Mix {
  readonly weights: Weights;
  readonly range?: 'reason' | 'adds';
  /** The part that says what to expect. */
  readonly lead: PartName;
}

/** A composition of parts. */
export interface Preset {
  readonly name: string;
  /** Parts that are computed, in the order in which alerts name their scores. */
  readonly parts: readonly PartName[];
  /** Until the season is known, two days after the first value. */
  readonly learning: Mix;
  readonly steady: Mix;
  /** For series with a daily or weekly rhythm (rhythm.ts); absent: `steady` for all. */
  readonly rhythmic?: Mix;
  /** Whether values that come often score less, so that a threshold stands for as many false alarms a day (composite.ts). */
  readonly countsChances?: boolean;
}

/**
 * Mean of the tails of difference, seasonal and context residual, or a value outside all that was seen: for metrics with
 * a daily rhythm. On 169 labelled KPI series at the fixed threshold 2.5 its tails had an event F1 of .44 to .65 with
 * about 0.1 false alarms a series and day.
 */
const KPI_MIX: Mix = { weights: { diff: 1, seasonal: 1, ctx: 1 }, range: 'reason', lead: 'seasonal' };

const KPI: Preset = {
  name: 'kpi',
  parts: ['diff', 'seasonal', 'ctx', 'range'],
  learning: KPI_MIX,
  steady: KPI_MIX,
};

/** For slow and level faults as well: the parts of kpi, season and context sharing one voice, and what lasts. */
const SENSOR_MIX: Mix = {
  weights: { diff: 1, seasonal: 0.5, ctx: 0.5, lasting: 1 },
  range: 'adds',
  lead: 'seasonal',
};

const SENSOR: Preset = {
  name: 'sensor',
  parts: ['diff', 'seasonal', 'ctx', 'lasting', 'range'],
  learning: KPI_MIX,
  steady: SENSOR_MIX,
  countsChances: true,
};

/**
 * With a rhythm, what differs from the last hour's residuals says more than what differs from the season alone: a day
 * that runs higher as a whole is no anomaly.
 */
const RHYTHMIC_MIX: Mix = { weights: { diff: 1, ctx: 1, lasting: 0.7 }, range: 'adds', lead: 'ctx' };

/** Without one: as sensor, but for the seasonal residual, which says nothing that the others do not. */
const STEADY_MIX: Mix = { weights: { diff: 1, ctx: 0.5, lasting: 1 }, range: 'adds', lead: 'ctx' };

const AUTO: Preset = {
  name: 'auto',
  parts: ['diff', 'seasonal', 'ctx', 'lasting', 'range'],
  learning: KPI_MIX,
  steady: STEADY_MIX,
  rhythmic: RHYTHMIC_MIX,
  countsChances: true,
};

export const PRESETS = {
  auto: AUTO,
  kpi: KPI,
  sensor: SENSOR,
  difference: single('difference', 'diff'),
  seasonal: single('seasonal', 'seasonal', 'ctx'),
  context: single('context', 'ctx'),
  'mad-z': single('mad-z', 'mad'),
  ewma: single('ewma', 'ewma'),
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;

/** One part alone; `besides` is computed for what it learns, and weighs nothing. */
function single(name: string, part: PartName, ...besides: PartName[]): Preset {
  const mix: Mix = { weights: { [part]: 1 }, lead: part };
  return { name, parts: [part, ...besides], learning: mix, steady: mix };
}
