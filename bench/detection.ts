// How well the detectors find the labelled anomalies of the Numenta Anomaly Benchmark (58 series, 116 windows), and those
// of the synthetic suite.
// usage: npx tsx bench/detection.ts [auto,kpi,...] [--without], which adds auto with each of its parts left out
// Two views. NAB 1.1 scores after a refractory rule (only a new maximum of the last half probation counts), with the
// threshold that is best on the very corpus it is measured on, as its board does it, and with the threshold chosen on the
// six other folders (LOGO). And what a user sees: events at the threshold and with the shaping that the configuration has
// by default, after a warm-up of 15 % of each series.
import { fileURLToPath } from 'node:url';
import { CompositeDetector } from '../src/engine/detectors/composite.ts';
import {
  createDetector,
  DETECTORS,
  type DetectorName,
  defaultThreshold,
  shapingFor,
} from '../src/engine/detectors/create.ts';
import type { Detector } from '../src/engine/detectors/detector.ts';
import { type Mix, PRESETS, type Preset, type Weights } from '../src/engine/detectors/presets.ts';
import { RangeCheck } from '../src/engine/detectors/range.ts';
import type { LabelledSeries } from '../src/eval/labelledSeries.ts';
import { EVENT_RULES, gradeAlerts, ratesOf } from '../src/eval/metrics/events.ts';
import { newMaxima } from '../src/eval/nab/refractory.ts';
import { NAB_PROFILES, NabScorer } from '../src/eval/nab/scorer.ts';
import { alertsAt } from '../src/eval/scoring.ts';
import { syntheticSuite } from '../src/eval/synthetic/suite.ts';
import { loadNab } from '../test/helpers/nabData.ts';

export interface DetectionRow {
  readonly detector: string;
  /** NAB standard, low FP, low FN; the best threshold of the corpus. */
  readonly nab: readonly number[];
  /** Standard profile, thresholds chosen on the other folders. */
  readonly logo: number;
  readonly threshold: number;
  /** Events at the default threshold, with the default shaping. */
  readonly onNab: EventRates;
  readonly onSynthetic: EventRates;
  /** On the series of the suite that have no anomaly. */
  readonly cleanFalseAlarmsPerDay: number;
  /** Of the processor. */
  readonly microsecondsPerValue: number;
  /** State a series; 0 where it depends on nothing but the configuration. */
  readonly bytesPerSeries: number;
}

export interface EventRates {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** A series. */
  readonly falseAlarmsPerDay: number;
}

interface Candidate {
  readonly name: string;
  /** Whose threshold and shaping it has. */
  readonly like: DetectorName;
  readonly make: () => Detector;
}

type Scores = ReadonlyMap<LabelledSeries, Float64Array>;

const WINDOW = 64;
const PARAMETERS = { window: WINDOW, minCount: 8, stepMs: 900_000 };
const NO_LIMITS = () => ({ min: -Infinity, max: Infinity });

/** @param names of detectors; `without` adds auto with each of its parts left out */
export function detection(names: readonly DetectorName[] = MEASURED, without = false): DetectionRow[] {
  const [files, suite] = [loadNab(), syntheticSuite()];
  const candidates = names.map(
    (name): Candidate => ({
      name,
      like: name,
      make: () => createDetector({ ...PARAMETERS, detector: name }, NO_LIMITS),
    }),
  );
  return [...candidates, ...(without ? leftOut() : [])].map((candidate) => measure(candidate, files, suite));
}

/** Static thresholds say nothing of a series that none was given for. */
const MEASURED = DETECTORS.filter((name) => name !== 'threshold');

export function formatDetection(rows: readonly DetectionRow[]): string {
  const head = ['detector', 'NAB', 'LOGO', 'T', 'precision', 'recall', 'F1', 'false/day'];
  head.push('synthetic F1', 'false/day', 'clean false/day', 'us/value', 'bytes');
  const lines = rows.map(({ onNab, onSynthetic, ...row }) => [
    row.detector,
    row.nab.map((score) => score.toFixed(1)).join('/'),
    row.logo.toFixed(1),
    String(row.threshold),
    ...[onNab.precision, onNab.recall, onNab.f1, onNab.falseAlarmsPerDay].map((rate) => rate.toFixed(2)),
    onSynthetic.f1.toFixed(2),
    onSynthetic.falseAlarmsPerDay.toFixed(2),
    row.cleanFalseAlarmsPerDay.toFixed(3),
    row.microsecondsPerValue.toFixed(2),
    String(row.bytesPerSeries),
  ]);
  const widths = head.map((title, k) => Math.max(title.length, ...lines.map((line) => line[k]!.length)));
  const format = (line: readonly string[]) => line.map((cell, k) => cell.padEnd(widths[k]!)).join('  ');
  return [head, ...lines].map((line) => format(line).trimEnd()).join('\n');
}

/** auto without one of its parts, in every mix. */
function leftOut(): Candidate[] {
  const { auto } = PRESETS;
  return auto.parts.map((part) => {
    const without = (mix: Mix): Mix => {
      const weights: Weights = Object.fromEntries(Object.entries(mix.weights).filter(([name]) => name !== part));
      const { range, ...rest } = mix;
      return { ...rest, weights, ...(range !== undefined && part !== 'range' && { range }) };
    };
    const preset: Preset = {
      ...auto,
      ...{ learning: without(auto.learning), steady: without(auto.steady), rhythmic: without(auto.rhythmic!) },
    };
    const make = () => new CompositeDetector(preset, PARAMETERS, NO_LIMITS);
    return { name: `auto without ${part}`, like: 'auto', make };
  });
}

function measure(candidate: Candidate, files: LabelledSeries[], suite: LabelledSeries[]): DetectionRow {
  const scores = new Map<LabelledSeries, Float64Array>();
  const before = process.cpuUsage();
  for (const file of files) scores.set(file, scoreSeries(candidate, file));
  const { user } = process.cpuUsage(before);
  for (const series of suite) scores.set(series, scoreSeries(candidate, series));
  const values = files.reduce((sum, file) => sum + file.values.length, 0);
  const maxima = files.map((file) => newMaxima(scores.get(file)!));
  const scorer = new NabScorer(files, (index) => maxima[index]!);
  const { like } = candidate;
  const clean = suite.filter(({ events }) => events.length === 0);
  const labelled = suite.filter(({ events }) => events.length > 0);
  return {
    detector: candidate.name,
    nab: NAB_PROFILES.map((profile) => scorer.best(profile).normalized),
    logo: scorer.logo(NAB_PROFILES[0]!).normalized,
    threshold: defaultThreshold({ ...PARAMETERS, detector: like }),
    onNab: countEvents(files, scores, like),
    onSynthetic: countEvents(labelled, scores, like),
    cleanFalseAlarmsPerDay: countEvents(clean, scores, like).falseAlarmsPerDay,
    microsecondsPerValue: user / values,
    bytesPerSeries: bytesOf(candidate.make()),
  };
}

function bytesOf(detector: Detector): number {
  if (detector instanceof CompositeDetector || detector instanceof RangeCheck) return detector.slotBytes;
  return detector.name === 'rolling-z' ? 8 * (WINDOW + 8) : 0;
}

function scoreSeries(candidate: Candidate, { times, values }: LabelledSeries): Float64Array {
  const detector = candidate.make();
  const rows = values.length;
  const scores = new Float64Array(rows);
  detector.reserve(1);
  detector.setFloor(0, 0);
  detector.score(new Int32Array(rows), times, values, 0, rows, {
    onScore(index, { current }) {
      scores[index] = current.score;
    },
  });
  return scores;
}

/** Each event counts once; an alert outside of all is false. */
function countEvents(some: readonly LabelledSeries[], scores: Scores, like: DetectorName): EventRates {
  const threshold = defaultThreshold({ ...PARAMETERS, detector: like });
  let [found, events, falseAlarms, days] = [0, 0, 0, 0];
  for (const series of some) {
    const rows = alertsAt(series.times, scores.get(series)!, threshold, shapingFor(like));
    const grade = gradeAlerts(series, rows, EVENT_RULES);
    found += grade.events.filter((event) => event.found).length;
    events += grade.events.length;
    falseAlarms += grade.falseAlarms;
    days += grade.days;
  }
  return { ...ratesOf(found, events, falseAlarms), falseAlarmsPerDay: falseAlarms / days };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv[2]?.startsWith('--') === false ? process.argv[2].split(',') : MEASURED;
  console.log(formatDetection(detection(names as DetectorName[], process.argv.includes('--without'))));
}
