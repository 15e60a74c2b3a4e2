import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AnomalyError } from '../errors.ts';
import type { Label, Labels } from '../eval/labels.ts';
import { openRows } from '../inputs/rowInput.ts';
import { epochTime, epochUnitByMagnitude, parseIsoTime } from '../inputs/time/time.ts';

/** Reads labels: JSON {series: [[start, end], ...]}, or CSV with the columns series, start, end. @throws ANM_LABELS */
export async function readLabels(path: string, cwd: string): Promise<Labels> {
  return /\.(csv|tsv)(\.gz)?$/i.test(path) ? await readTable(path, cwd) : await readJson(path, cwd);
}

async function readJson(path: string, cwd: string): Promise<Labels> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(resolve(cwd, path), 'utf8'));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? `it is no JSON: ${cause.message}` : (cause as Error).message;
    throw unreadable(path, reason, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw unreadable(path, 'it is no object of series');
  }
  const labels = new Map<string, Label[]>();
  for (const [series, windows] of Object.entries(parsed)) {
    if (!Array.isArray(windows)) throw unreadable(path, `${series} has no list of [start, end]`);
    const name = seriesName(series);
    labels.set(
      name,
      windows.map((window) => labelOf(window, `${path}, series ${name}`)),
    );
  }
  return labels;
}

/** One label: [start, end], [start, end, kind] or {start, end, kind}; a time alone is the row at that time. */
function labelOf(window: unknown, place: string): Label {
  const given = Array.isArray(window)
    ? { start: window[0], end: window[1], kind: window[2] }
    : typeof window === 'object' && window !== null
      ? (window as { start?: unknown; end?: unknown; kind?: unknown })
      : { start: window };
  const startMs = timeOf(given.start, place);
  return {
    startMs,
    endMs: given.end === undefined || given.end === null ? startMs : timeOf(given.end, place),
    ...(typeof given.kind === 'string' && { kind: given.kind }),
  };
}

async function readTable(path: string, cwd: string): Promise<Labels> {
  const input = await openRows([path], { cwd, order: 'file' });
  const labels = new Map<string, Label[]>();
  try {
    const names = input.columns.map(({ name }) => name.toLowerCase());
    const columnOf = (...wanted: string[]) => names.findIndex((name) => wanted.includes(name));
    const [series, start] = [columnOf('series', 'key', 'name'), columnOf('start', 'from', 'time', 'timestamp')];
    const [end, kind] = [columnOf('end', 'to', 'until'), columnOf('kind', 'type', 'label')];
    if (series < 0 || start < 0) {
      throw unreadable(path, `it has no columns series and start, but ${names.join(', ')}`);
    }
    for await (const rows of input.rows()) {
      for (let i = 0; i < rows.count; i++) {
        const { chunk } = rows.readers[rows.files[i]!]!;
        const text = (column: number) => (column < 0 ? null : chunk.text(rows.rows[i]!, column));
        const place = `${path}:${chunk.lines[rows.rows[i]!]}`;
        const name = seriesName(text(series) ?? '');
        const label = labelOf([text(start), text(end) ?? undefined, text(kind) ?? undefined], place);
        const own = labels.get(name);
        if (own === undefined) labels.set(name, [label]);
        else own.push(label);
      }
    }
  } finally {
    await input.close();
  }
  return labels;
}

/** A time of a label as epoch milliseconds: ISO 8601 (UTC without a zone), or a number of seconds to nanoseconds. */
function timeOf(value: unknown, place: string): number {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const number = text === '' ? NaN : Number(text);
  const bytes = Buffer.from(text);
  const timeMs = Number.isNaN(number)
    ? parseIsoTime(bytes, 0, bytes.length)
    : epochTime(epochUnitByMagnitude(number), number);
  if (!Number.isNaN(timeMs)) return timeMs;
  throw unreadable(place, `${JSON.stringify(value) ?? 'nothing'} is no time`);
}

/** Labels of a file are named by it, with its ending or without. */
function seriesName(name: string): string {
  return name.replace(/\.(csv|tsv|jsonl|ndjson|parquet|avro)(\.(gz|zst))?$/i, '');
}

function unreadable(place: string, reason: string, cause?: unknown): AnomalyError {
  return new AnomalyError('ANM_LABELS', `cannot read labels from ${place} as ${reason}`, { cause });
}
