import type { AlertShaping } from '../alertShaper.ts';

/** Rules beside the detector. */
export const WATCHES = ['missing', 'flat', 'shift', 'drift', 'multivariate', 'peers', 'subsequence'] as const;

export type WatchName = (typeof WATCHES)[number];

/** Times (epoch ms) that calendars of series hold. */
export interface PlannedTimes {
  /** Whether a calendar of any series may hold a time: asked first, as the name of a series has to be made. */
  mayHold(timeMs: number): boolean;
  holds(series: string, timeMs: number): boolean;
}

/** One watch after names are resolved: plain data, equal for every partition. It reads what the score reads. */
export interface WatchDefinition {
  readonly watch: WatchName;
  /** One rule name a field: 'flat@value'; one in all for multivariate. */
  readonly rules: readonly string[];
  /** Scores above it alert; the unit is the watch's. */
  readonly threshold: number;
  /** Threshold of a series where an override gives another sensitivity, else undefined. */
  readonly thresholdOf?: (series: string) => number | undefined;
  readonly shaping: AlertShaping;
  /** missing: the silence that is told, for every series; absent: learnt. */
  readonly afterMs?: number;
  /** Event times at which a silence is planned, and what comes is left out by the watches over groups; default none. */
  readonly planned?: PlannedTimes;
  /** peers, multivariate: the sign before whose last place in a key its group stands; '*' makes one group of all. */
  readonly groupBy?: string;
  /** subsequence: values of a lag window. */
  readonly length?: number;
}

/** Thresholds by sensitivity, in the unit of the watch's score. */
export const WATCH_THRESHOLDS: Readonly<Record<WatchName, Readonly<Record<'low' | 'medium' | 'high', number>>>> = {
  // Silence over the one that is allowed.
  missing: { low: 1.5, medium: 1, high: 0.75 },
  // -log10 p of the run.
  flat: { low: 9, medium: 6, high: 4 },
  // -log10 of false alarms a block.
  shift: { low: 6, medium: 5, high: 4 },
  drift: { low: 6, medium: 5, high: 4 },
  // -log10 p.
  multivariate: { low: 5, medium: 4, high: 3.5 },
  peers: { low: 6, medium: 5, high: 4 },
  subsequence: { low: 6, medium: 5, high: 4 },
};
