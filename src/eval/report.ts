import type { Interval } from './bootstrap.ts';
import type { LevelReport } from './sensitivity.ts';

/** Everything that an evaluation found; plain data, which is what -o json prints and --compare reads again. */
export interface EvaluationReport {
  readonly suite: string;
  /** Without labels there are alerts only: nothing says which are right. */
  readonly isLabelled: boolean;
  readonly series: number;
  readonly points: number;
  readonly labelledEvents: number;
  /** Event time after the warm-up, over all series. */
  readonly seriesDays: number;
  readonly warmUp: number;
  readonly toleranceRows: number;
  readonly coolDownRows: number;
  readonly seed: number;
  readonly detectors: readonly DetectorReport[];
  /** The published board, where the suite is the corpus that it is of. */
  readonly published?: readonly { readonly detector: string; readonly nab: readonly number[] }[];
}

/** A variant is the detector without some part of it. */
export type Role = 'detector' | 'variant' | 'baseline';

export interface DetectorReport {
  readonly detector: string;
  readonly role: Role;
  /** That of the series without an override; in the unit of the detector's scores. */
  readonly threshold: number;
  readonly refractoryMs: number;
  readonly metrics: Metrics;
  readonly intervals: Readonly<Record<IntervalName, Interval>>;
  readonly delay: Delay;
  /** Series without any event: nothing but false alarms. */
  readonly clean: { readonly series: number; readonly falseAlarmsPerDay: number } | null;
  /** Events of a kind and how many were found, where the labels say kinds. */
  readonly kinds: readonly { readonly kind: string; readonly events: number; readonly found: number }[];
  /** What each rule found by itself; empty where only one alerted. */
  readonly rules: readonly RuleReport[];
  /** The threshold with the best F1 on this very suite: what a fixed one may miss, never a result. */
  readonly best: CurvePoint | null;
  readonly curve: readonly CurvePoint[];
  readonly nab: NabReport | null;
  /** What each sensitivity would have given; empty for baselines. */
  readonly sensitivities: readonly LevelReport[];
  readonly microsecondsPerPoint: number;
  readonly perSeries: readonly SeriesReport[];
}

export interface Metrics {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly falseAlarmsPerDay: number;
  readonly alertsPerDay: number;
  /** Means over the series that have events with rows. */
  readonly aucPr: number;
  readonly vusPr: number;
}

export type IntervalName = keyof Metrics;

export interface Delay {
  readonly medianRows: number;
  readonly meanRows: number;
  readonly medianSeconds: number;
}

export interface CurvePoint {
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly falseAlarmsPerDay: number;
}

/** NAB 1.1: standard, low FP, low FN. */
export interface NabReport {
  /** Alerts at the detector's own threshold. */
  readonly asRun: readonly number[];
  /** Alerts as they are shaped, at the threshold that is best on the corpus; and at that of the other folders. */
  readonly optimised: readonly number[];
  readonly logo: readonly number[];
  /** Scores that are new maxima of the last half probation, in place of the detector's own shaping. */
  readonly maximaOptimised: readonly number[];
  readonly maximaLogo: readonly number[];
  /** Standard profile, optimised. */
  readonly threshold: number;
}

export interface RuleReport {
  readonly rule: string;
  readonly alerts: number;
  readonly found: number;
  /** Events that no other rule found. */
  readonly onlyFound: number;
  readonly falseAlarms: number;
}

export interface SeriesReport {
  readonly series: string;
  readonly points: number;
  readonly days: number;
  readonly alerts: number;
  readonly events: number;
  readonly found: number;
  readonly falseAlarms: number;
  readonly aucPr: number;
  readonly vusPr: number;
}
