// How well the detectors find the labelled anomalies of the Numenta Anomaly Benchmark: 58 series, 116 windows.
// usage: npx tsx bench/detection.ts
// Two views. NAB 1.1 scores, with the threshold that is best on the very corpus it is measured on, as its board does
// it, and with the threshold chosen on the six other folders (LOGO). And what a user sees: events at the threshold and
// refractory time that the configuration has by default, after a warm-up of 15 % of each series.
import { fileURLToPath } from 'node:url';
import { AlertGate } from '../src/engine/alertGate.ts';
import { createDetector, type DetectorParameters } from '../src/engine/detectors/create.ts';
import { KpiDetector } from '../src/engine/detectors/kpi.ts';
import { loadNab, type NabFile } from '../test/helpers/nabData.ts';
import { NAB_PROFILES, NabScorer, probation } from '../test/helpers/nabScorer.ts';

export interface DetectionRow {
  readonly detector: string;
  /** NAB standard, low FP, low FN; the best threshold of the corpus. */
  readonly nab: readonly number[];
  /** The same after a refractory rule: only a new maximum of the last probation / 2 rows counts. */
  readonly nabRefractory: readonly number[];
  /** Standard profile with refractory, thresholds chosen on the other folders. */
  readonly logo: number;
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly falseAlarmsPerDay: number;
  readonly microsecondsPerValue: number;
  /** State a series; 0 where it depends on nothing but the configuration. */
  readonly bytesPerSeries: number;
}

interface Candidate {
  readonly name: string;
  readonly parameters: DetectorParameters;
  readonly threshold: number;
  /** The score of one part, where only that is looked at. */
  readonly part?: number;
  readonly bytesPerSeries: number;
}

const STEP_MS = 900_000;
const REFRACTORY_MS = 3_600_000;
/** Rows around a window in which an alert counts as its. */
const TOLERANCE_ROWS = 3;
const RANGE_PART = 3;
const WINDOW = 64;
const NO_LIMITS = () => ({ min: -Infinity, max: Infinity });

export function detection(): DetectionRow[] {
  const files = loadNab();
  return candidates().map((candidate) => measure(candidate, files));
}

export function formatDetection(rows: readonly DetectionRow[]): string {
  const triple = (scores: readonly number[]) => scores.map((score) => score.toFixed(1)).join('/');
  const head = ['detector', 'NAB', 'NAB + refr.', 'LOGO', 'T', 'precision', 'recall', 'false/day', 'us/value', 'bytes'];
  const lines = rows.map((row) => [
    row.detector,
    triple(row.nab),
    triple(row.nabRefractory),
    row.logo.toFixed(1),
    String(row.threshold),
    row.precision.toFixed(2),
    row.recall.toFixed(2),
    row.falseAlarmsPerDay.toFixed(2),
    row.microsecondsPerValue.toFixed(2),
    String(row.bytesPerSeries),
  ]);
  const widths = head.map((title, k) => Math.max(title.length, ...lines.map((line) => line[k]!.length)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function candidates(): Candidate[] {
  // Scored at 0 so that every value with a score is reported; the thresholds apply below.
  const shared = { threshold: 0, window: WINDOW, minCount: 8, stepMs: STEP_MS };
  const kpi = { ...shared, detector: 'kpi' } as const;
  const kpiBytes = new KpiDetector(kpi, NO_LIMITS).slotBytes;
  const rollingZBytes = 8 * (WINDOW + 8);
  return [
    { name: 'kpi', parameters: kpi, threshold: 2.5, bytesPerSeries: kpiBytes },
    { name: 'kpi, range part', parameters: kpi, threshold: 2.5, part: RANGE_PART, bytesPerSeries: 16 },
    { name: 'kpi, diff part', parameters: kpi, threshold: 4, part: 0, bytesPerSeries: 16_000 },
    {
      name: 'rolling-z',
      parameters: { ...shared, detector: 'rolling-z' },
      threshold: 6,
      bytesPerSeries: rollingZBytes,
    },
  ];
}

function measure(candidate: Candidate, files: readonly NabFile[]): DetectionRow {
  const scores = new Map<NabFile, Float64Array>();
  const started = performance.now();
  for (const file of files) scores.set(file, scoreFile(candidate, file));
  const elapsedMs = performance.now() - started;
  const values = files.reduce((sum, file) => sum + file.values.length, 0);
  const refractory = new Map(files.map((file) => [file, newMaxima(scores.get(file)!, file)]));
  const best = (of: Map<NabFile, Float64Array>) => {
    const scorer = new NabScorer(files, (file) => of.get(file)!);
    return NAB_PROFILES.map((profile) => scorer.best(profile).normalized);
  };
  return {
    detector: candidate.name,
    nab: best(scores),
    nabRefractory: best(refractory),
    logo: leaveOneGroupOut(files, refractory),
    threshold: candidate.threshold,
    ...countEvents(files, scores, candidate.threshold),
    microsecondsPerValue: (elapsedMs * 1000) / values,
    bytesPerSeries: candidate.bytesPerSeries,
  };
}

function scoreFile(candidate: Candidate, file: NabFile): Float64Array {
  const detector = createDetector(candidate.parameters, NO_LIMITS);
  const rows = file.values.length;
  const scores = new Float64Array(rows);
  detector.reserve(1);
  detector.score(new Int32Array(rows), file.times, file.values, 0, rows, {
    onAlert(index, { current }) {
      const score = candidate.part === undefined ? current.score : current.parts[candidate.part]!;
      scores[index] = Number.isNaN(score) ? 0 : score;
    },
  });
  return scores;
}

/** Keeps scores above all those of the last probation / 2 rows, and sets the others to 0. */
function newMaxima(scores: Float64Array, file: NabFile): Float64Array {
  const reach = Math.floor(probation(file.values.length) / 2);
  return scores.map((score, i) => {
    for (let k = Math.max(0, i - reach); k < i; k++) if (scores[k]! >= score) return 0;
    return score;
  });
}

/** NAB standard where each folder has the threshold that is best on the other folders. */
function leaveOneGroupOut(files: readonly NabFile[], scores: Map<NabFile, Float64Array>): number {
  const profile = NAB_PROFILES[0]!;
  const folderOf = (file: NabFile) => file.name.slice(0, file.name.indexOf('/'));
  const of = (some: readonly NabFile[]) => new NabScorer(some, (file) => scores.get(file)!);
  const windowsOf = (some: readonly NabFile[]) => some.reduce((sum, file) => sum + file.windows.length, 0);
  let raw = 0;
  for (const folder of new Set(files.map(folderOf))) {
    const own = files.filter((file) => folderOf(file) === folder);
    const { threshold } = of(files.filter((file) => folderOf(file) !== folder)).best(profile);
    raw += of(own).at(threshold, profile).raw;
  }
  const base = -windowsOf(files) * profile.falseNegative;
  return (100 * (raw - base)) / (windowsOf(files) * profile.truePositive - base);
}

/** Each window counts once; an alert outside of all is false. Alerts pass the gate of the pipeline. */
function countEvents(files: readonly NabFile[], scores: Map<NabFile, Float64Array>, threshold: number) {
  let found = 0;
  let windows = 0;
  let falseAlarms = 0;
  let days = 0;
  for (const file of files) {
    const own = scores.get(file)!;
    const gate = new AlertGate(REFRACTORY_MS);
    gate.reserve(1);
    const hit = new Set<number>();
    const first = probation(file.values.length);
    for (let i = first; i < file.values.length; i++) {
      if (!(own[i]! > threshold) || !gate.pass(0, file.times[i]!, own[i]!)) continue;
      const window = file.windows.findIndex(
        ({ left, right }) => i >= left - TOLERANCE_ROWS && i <= right + TOLERANCE_ROWS,
      );
      if (window < 0) falseAlarms++;
      else hit.add(window);
    }
    found += hit.size;
    windows += file.windows.length;
    days += (file.times.at(-1)! - file.times[first]!) / 86_400_000;
  }
  return {
    precision: found / Math.max(1, found + falseAlarms),
    recall: found / windows,
    falseAlarmsPerDay: falseAlarms / days,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(formatDetection(detection()));
