import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** One file of the Numenta Anomaly Benchmark, as columns, with its labelled windows as inclusive row ranges. */
export interface NabFile {
  /** 'realTweets/Twitter_volume_AAPL.csv' */
  readonly name: string;
  /** Epoch milliseconds; the files' times are taken as UTC. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly windows: readonly NabWindow[];
}

export interface NabWindow {
  /** First and last row. */
  readonly left: number;
  readonly right: number;
}

const ROOT = new URL('../../fixtures/nab/', import.meta.url);

/** All 58 files, in the order of their names. */
export function loadNab(): NabFile[] {
  const labels = JSON.parse(readFileSync(new URL('labels/combined_windows.json', ROOT), 'utf8'));
  return Object.keys(labels)
    .sort()
    .map((name) => loadFile(name, labels[name]));
}

/** Scores that a published detector gave each row: file name -> scores. */
export function loadNabScores(detector: string): Record<string, number[]> {
  const path = fileURLToPath(new URL(`results/${detector}.scores.json.gz`, ROOT));
  return JSON.parse(gunzipSync(readFileSync(path)).toString('utf8'));
}

function loadFile(name: string, labels: [string, string][]): NabFile {
  const text = gunzipSync(readFileSync(new URL(`data/${name}.gz`, ROOT))).toString('utf8');
  const lines = text.trim().split(/\r?\n/).slice(1);
  const times = new Float64Array(lines.length);
  const values = new Float64Array(lines.length);
  lines.forEach((line, i) => {
    const comma = line.indexOf(',');
    times[i] = utc(line.slice(0, comma));
    values[i] = Number(line.slice(comma + 1));
  });
  const row = (time: string) => {
    // The first of equal times, as the benchmark's own scorer takes it.
    const at = times.indexOf(utc(time));
    if (at < 0) throw new Error(`${name} has no row at ${time}`);
    return at;
  };
  return { name, times, values, windows: labels.map(([start, end]) => ({ left: row(start), right: row(end) })) };
}

function utc(time: string): number {
  return Date.parse(`${time.slice(0, 19).replace(' ', 'T')}Z`);
}
