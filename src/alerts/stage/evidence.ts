import type { Severity } from '../../observe/notification.ts';

/** What the stage reads: an alert of the anomalies topic, the value that ended one, or a breach of the pipeline. */
export interface Evidence {
  readonly id: string;
  /** Empty where the pipeline itself is meant. */
  readonly series: string;
  readonly rule: string;
  /** Event time, epoch milliseconds; the end exclusive, equal to the start where a record was scored. */
  readonly startMs: number;
  readonly endMs: number;
  readonly value: number | null;
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** -log10 p; null for a breach. */
  readonly score: number | null;
  readonly threshold: number | null;
  /** Name and score of its parts, the highest first; at most three. */
  readonly parts: readonly (readonly [string, number])[];
  /** Record time of what completes it. */
  readonly recordMs: number;
  /** `open`: its end will come as `resolved`; null: it ends when nothing follows it. */
  readonly state: 'open' | 'resolved' | null;
  /** Of a breach, which has no score that says it. */
  readonly severity?: Severity;
  /** Of a breach: one line. */
  readonly text?: string;
  /** Of a breach: what is behind it, most telling first. */
  readonly reasons?: readonly string[];
}

const PARTS = 3;

/** The evidence in a decoded value of the anomalies topic (schemas/anomaly.avsc); null for what is none. */
export function evidenceOf(value: unknown): Evidence | null {
  if (typeof value !== 'object' || value === null || value instanceof Error) return null;
  const row = value as Record<string, unknown>;
  const [id, series, rule] = [row['id'], row['series'], row['rule']];
  if (typeof id !== 'string' || typeof series !== 'string' || typeof rule !== 'string') return null;
  const [startMs, endMs, recordMs] = [timeOf(row['start']), timeOf(row['end']), timeOf(row['record_time'])];
  if (startMs === null || recordMs === null || typeof row['score'] !== 'number') return null;
  const state = row['state'];
  return {
    ...{ id, series, rule, startMs, endMs: endMs ?? startMs, recordMs },
    value: numberOf(row['value']),
    expected: numberOf(row['expected']),
    lower: numberOf(row['lower']),
    upper: numberOf(row['upper']),
    score: row['score'],
    threshold: numberOf(row['threshold']),
    parts: partsOf(row['parts']),
    state: state === 'open' || state === 'resolved' ? state : null,
  };
}

function partsOf(parts: unknown): Evidence['parts'] {
  if (!Array.isArray(parts)) return [];
  const known = parts.flatMap((part: { name?: unknown; score?: unknown }): [string, number][] =>
    typeof part?.name === 'string' && typeof part.score === 'number' ? [[part.name, part.score]] : [],
  );
  return known.sort((a, b) => b[1] - a[1]).slice(0, PARTS);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** avsc gives logical times as numbers or as dates. */
function timeOf(value: unknown): number | null {
  return value instanceof Date ? value.getTime() : numberOf(value);
}
