import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { LabelledSeries } from '../../src/eval/labelledSeries.ts';

const ROOT = new URL('../../fixtures/nab/', import.meta.url);

/**
 * All 58 files of the Numenta Anomaly Benchmark, in the order of their names; times are taken as UTC, and the windows
 * are events.
 */
export function loadNab(): LabelledSeries[] {
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

function loadFile(name: string, labels: [string, string][]): LabelledSeries {
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
  const events = labels.map(([start, end]) => ({
    ...{ startMs: utc(start), endMs: utc(end) + 1 },
    ...{ from: row(start), to: row(end) + 1 },
  }));
  return { name, times, values, events };
}

function utc(time: string): number {
  return Date.parse(`${time.slice(0, 19).replace(' ', 'T')}Z`);
}
