import type { BookBounds } from '../../../src/alerts/stage/bookBounds.ts';
import type { BookRules } from '../../../src/alerts/stage/bookRules.ts';
import type { Evidence } from '../../../src/alerts/stage/evidence.ts';
import { IncidentBook } from '../../../src/alerts/stage/incidentBook.ts';
import { decodeOutbox } from '../../../src/alerts/stage/outbox.ts';
import { Silences } from '../../../src/alerts/stage/silences.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const WEEK = 7 * DAY;
/** A Monday, 00:00 UTC. */
export const MONDAY = Date.UTC(2026, 0, 5);

export function rulesOf(changes: Partial<BookRules> = {}): BookRules {
  return {
    ...{ pipeline: 'pump-room', kind: 'anomaly', groupBy: '*', groupWithinMs: 10 * MINUTE, updateEveryMs: 5 * MINUTE },
    ...{ resolveAfterMs: 10 * MINUTE, refractoryMs: () => 0, maxAgeMs: 15 * MINUTE, minDurationMs: 0, seasonal: true },
    ...{ severity: { warning: 1, error: 1.5, critical: 2.5 }, flapping: { count: 4, withinMs: HOUR } },
    ...{ maintenance: [], maintenanceSpans: [], silences: new Silences() },
    ...changes,
  };
}

export function alert(series: string, startMs: number, changes: Partial<Evidence> = {}): Evidence {
  return {
    ...{ id: `kpi@value/${series}/${startMs}/1`, series, rule: 'kpi@value', startMs, endMs: startMs, value: 90 },
    ...{ expected: 50, lower: 40, upper: 60, score: 3, threshold: 2.5, parts: [], recordMs: startMs, state: null },
    ...changes,
  };
}

/** Takes what comes in the order of its time from one partition, so that event time follows it as far as it may be behind. */
export function follow(book: IncidentBook, evidence: Evidence, { groupWithinMs }: BookRules, nowMs = evidence.startMs) {
  book.advance(evidence.startMs - groupWithinMs, nowMs);
  book.take(evidence, nowMs);
}

/** A book that has only what this one has put out so far. */
export function reborn(
  records: Map<string, Uint8Array>,
  rules: BookRules,
  bounds?: BookBounds,
  nowMs = Infinity,
): IncidentBook {
  const book = new IncidentBook(rules, bounds);
  for (const [key, value] of records) {
    const record = decodeOutbox(key, value);
    if (record !== null) book.restore(record, nowMs);
  }
  return book;
}

/** Keeps what a book puts out as a compacted topic does; returns what it told. */
export function drainInto(records: Map<string, Uint8Array>, book: IncidentBook) {
  const drained = book.drain();
  for (const { key, value } of drained.records) {
    records.delete(key);
    if (value !== null) records.set(key, value);
  }
  return drained.told;
}
