const ISO_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?$/;
const ZONE = /(?:Z|[+-]\d\d:\d\d)$/;
/** Milliseconds from 1970 that `Date` can show: 100 million days. */
const LATEST_MS = 8.64e15;

/**
 * Epoch milliseconds of a time as the tool prints it, 2026-01-31T08:00:00Z, or a day of it, with a space for the T and any
 * zone; one without a zone is UTC, wherever it is typed. Null where the text is none.
 */
export function parseUtcTime(text: string): number | null {
  if (!ISO_TIME.test(text)) return null;
  const zoned = ZONE.test(text.slice(10)) || text.length === 10 ? text : `${text}Z`;
  const timeMs = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(timeMs) ? null : timeMs;
}

/** 2026-01-31T08:00:00.000Z; the number itself where no calendar goes so far, as with microseconds for milliseconds. */
export function utcTime(timeMs: number): string {
  return Math.abs(timeMs) <= LATEST_MS ? new Date(timeMs).toISOString() : String(timeMs);
}
