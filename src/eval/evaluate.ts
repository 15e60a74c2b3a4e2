import type { AlertShaping } from '../engine/alertShaper.ts';
import { thresholdSweep } from './curve.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import {
  type EventRules,
  gradeAlerts,
  type SeriesGrade,
  scoredDays,
  scoredEvents,
  warmUpRows,
} from './metrics/events.ts';
import { averagePrecision, rankedRows } from './metrics/rankedRows.ts';
import { allOf, intervalsOf, medianOf, metricsOf } from './metrics/summary.ts';
import { bufferOf, vusPr } from './metrics/vus.ts';
import { NAB_BOARD, NAB_FILES, NAB_WINDOWS } from './nab/board.ts';
import { nabReport } from './nab/report.ts';
import type { DetectorReport, EvaluationReport, Role, SeriesReport } from './report.ts';
import { ruleReports } from './rules.ts';
import type { ScoredSeries } from './scoring.ts';
import { type Level, levelReports } from './sensitivity.ts';

/** Something that scores series and alerts. */
export interface Candidate {
  readonly name: string;
  readonly role: Role;
  readonly threshold: number;
  readonly shaping: AlertShaping;
  /** The sensitivities that it has. */
  readonly levels?: readonly Level[];
  /** Time that scoring all series took, where that was done before. */
  readonly elapsedMs?: number;
  score(series: LabelledSeries): ScoredSeries | Promise<ScoredSeries>;
}

export interface EvaluationOptions {
  readonly suite: string;
  readonly isLabelled: boolean;
  readonly rules: EventRules;
  /** Of the bootstrap. */
  readonly seed: number;
  /** Whether the labels are NAB's windows, which its scorer is made for. */
  readonly isNab: boolean;
  /** A clock in milliseconds, for the cost a point. */
  readonly now: () => number;
  /** Between two series: to tell how far it is, and to let the process breathe. */
  readonly onSeries?: (candidate: string, done: number, of: number) => Promise<void> | void;
  /** Gets what was found in each series: for plots. */
  readonly onScored?: (candidate: Candidate, index: number, scored: ScoredSeries, grade: SeriesGrade) => void;
}

/** Scores every series by every candidate, one candidate after the other. */
export async function evaluate(
  series: readonly LabelledSeries[],
  candidates: readonly Candidate[],
  options: EvaluationOptions,
): Promise<EvaluationReport> {
  const { rules } = options;
  const truths = series.map((one) => truthOf(one, rules));
  const detectors: DetectorReport[] = [];
  for (const candidate of candidates) detectors.push(await measure(series, truths, candidate, options));
  const events = series.reduce((sum, one) => sum + scoredEvents(one, rules).length, 0);
  return {
    suite: options.suite,
    isLabelled: options.isLabelled,
    series: series.length,
    points: series.reduce((sum, one) => sum + one.times.length, 0),
    labelledEvents: events,
    seriesDays: series.reduce((sum, one) => sum + scoredDays(one, warmUpRows(one, rules)), 0),
    ...rules,
    seed: options.seed,
    detectors,
    ...(options.isNab &&
      isWholeCorpus(series) && {
        published: NAB_BOARD.map(({ detector, scores }) => ({ detector, nab: scores })),
      }),
  };
}

function isWholeCorpus(series: readonly LabelledSeries[]): boolean {
  const windows = series.reduce((sum, { events }) => sum + events.length, 0);
  return series.length === NAB_FILES && windows === NAB_WINDOWS && series.some(({ name }) => /nyc_taxi/.test(name));
}

/** What does not depend on the candidate. */
interface Truth {
  readonly first: number;
  /** Rows after the warm-up. */
  readonly isAnomalous: Uint8Array;
  readonly buffer: number;
}

function truthOf(series: LabelledSeries, rules: EventRules): Truth {
  const first = warmUpRows(series, rules);
  const isAnomalous = new Uint8Array(series.times.length - first);
  for (const { from, to } of series.events) isAnomalous.fill(1, Math.max(0, from - first), Math.max(0, to - first));
  const isLabelled = isAnomalous.includes(1);
  return { first, isAnomalous, buffer: isLabelled ? bufferOf(series.values) : 0 };
}

async function measure(
  series: readonly LabelledSeries[],
  truths: readonly Truth[],
  candidate: Candidate,
  options: EvaluationOptions,
): Promise<DetectorReport> {
  const { rules, now, onSeries } = options;
  const perSeries: SeriesReport[] = [];
  const scored: ScoredSeries[] = [];
  const grades: SeriesGrade[] = [];
  let elapsedMs = 0;
  for (const [index, one] of series.entries()) {
    const started = now();
    const result = await candidate.score(one);
    elapsedMs += now() - started;
    const graded = gradeAlerts(one, result.alertRows, rules);
    // Without labels nobody knows which alerts are false.
    const grade = options.isLabelled ? graded : { ...graded, falseAlarms: NaN, falseRows: [] };
    scored.push(result);
    grades.push(grade);
    perSeries.push(seriesReport(one, truths[index]!, result, grade));
    options.onScored?.(candidate, index, result, grade);
    await onSeries?.(candidate.name, index + 1, series.length);
  }
  const points = series.reduce((sum, one) => sum + one.times.length, 0);
  const curve = options.isLabelled ? thresholdSweep(series, scored, candidate, rules) : [];
  return {
    detector: candidate.name,
    role: candidate.role,
    threshold: candidate.threshold,
    refractoryMs: candidate.shaping.refractoryMs,
    metrics: metricsOf(perSeries, allOf(perSeries)),
    intervals: intervalsOf(perSeries, options.seed),
    delay: delayOf(grades),
    clean: cleanOf(series, perSeries),
    kinds: kindsOf(grades),
    rules: ruleReports(series, scored, rules),
    best: curve.reduce<(typeof curve)[number] | null>((a, b) => (b.f1 > (a?.f1 ?? -1) ? b : a), null),
    curve,
    nab: options.isNab ? nabReport(series, scored, candidate.shaping) : null,
    sensitivities: levelReports(series, scored, candidate.levels ?? [], candidate.shaping, rules, options.isLabelled),
    microsecondsPerPoint: points === 0 ? NaN : ((candidate.elapsedMs ?? elapsedMs) * 1000) / points,
    perSeries,
  };
}

function seriesReport(one: LabelledSeries, truth: Truth, { scores }: ScoredSeries, grade: SeriesGrade): SeriesReport {
  const counted = scores.subarray(truth.first);
  const isLabelled = truth.isAnomalous.includes(1);
  const order = isLabelled ? rankedRows(counted) : undefined;
  return {
    series: one.name,
    points: one.times.length,
    days: grade.days,
    alerts: grade.alerts,
    events: grade.events.length,
    found: grade.events.filter(({ found }) => found).length,
    falseAlarms: grade.falseAlarms,
    aucPr: order === undefined ? NaN : averagePrecision(counted, truth.isAnomalous, order),
    vusPr: order === undefined ? NaN : vusPr(counted, truth.isAnomalous, truth.buffer, order),
  };
}

function delayOf(grades: readonly SeriesGrade[]) {
  const found = grades.flatMap(({ events }) => events.filter((event) => event.found));
  const rows = found.map(({ delayRows }) => delayRows);
  return {
    medianRows: medianOf(rows),
    meanRows: rows.length === 0 ? NaN : rows.reduce((sum, row) => sum + row, 0) / rows.length,
    medianSeconds: medianOf(found.map(({ delaySeconds }) => delaySeconds)),
  };
}

function cleanOf(series: readonly LabelledSeries[], reports: readonly SeriesReport[]) {
  const clean = series.flatMap(({ events }, i) => (events.length === 0 ? [i] : []));
  if (clean.length === 0) return null;
  return { series: clean.length, falseAlarmsPerDay: metricsOf(reports, clean).falseAlarmsPerDay };
}

function kindsOf(grades: readonly SeriesGrade[]) {
  const kinds = new Map<string, { events: number; found: number }>();
  for (const { event, found } of grades.flatMap(({ events }) => events)) {
    if (event.kind === undefined) continue;
    const kind = kinds.get(event.kind) ?? { events: 0, found: 0 };
    kind.events++;
    if (found) kind.found++;
    kinds.set(event.kind, kind);
  }
  return [...kinds].map(([kind, counts]) => ({ kind, ...counts }));
}
