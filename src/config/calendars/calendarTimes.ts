import { CalendarProblem, type ContentLine } from './contentLines.ts';

/** A date, or a date and time, as it stands: without its zone. */
export interface CalendarTime {
  /** Milliseconds as if it were UTC. */
  readonly localMs: number;
  readonly isDate: boolean;
  /** Name of its zone; undefined where it is floating. */
  readonly zone: string | undefined;
}

/** Local days, and exact milliseconds beside them: a day that a clock change makes shorter is a day still. */
export interface CalendarDuration {
  readonly localMs: number;
  readonly exactMs: number;
}

export const DAY_MS = 86_400_000;

const DATE = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/;

/**
 * RFC 5545, 3.3.4 and 3.3.5.
 *
 * @throws CalendarProblem
 */
export function calendarTime(line: ContentLine, text = line.value): CalendarTime {
  const [, year, month, day, hour, minute, second, utc] = DATE.exec(text) ?? [];
  const fields = [year, month, day, hour ?? '0', minute ?? '0', second ?? '0'].map(Number);
  // A leap second is the next one.
  const localMs = Date.UTC(fields[0]!, fields[1]! - 1, fields[2]!, fields[3]!, fields[4]!, fields[5]!);
  const isReal =
    year !== undefined && new Date(Date.UTC(fields[0]!, fields[1]! - 1, fields[2]!)).getUTCDate() === fields[2];
  if (!isReal || fields[1]! > 12 || fields[3]! > 23 || fields[4]! > 59 || fields[5]! > 60) {
    throw new CalendarProblem(line, `wants a date or time such as 20261224 or 20261224T180000Z, got ${show(text)}`);
  }
  const isDate = hour === undefined;
  if (line.parameters.get('VALUE') === 'DATE' && !isDate) {
    throw new CalendarProblem(line, `is said to be a date, and is ${show(text)}`);
  }
  return { localMs, isDate, zone: utc === 'Z' ? 'UTC' : isDate ? undefined : line.parameters.get('TZID') };
}

const DURATION = /^\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/;

/**
 * RFC 5545, 3.3.6; not a negative one.
 *
 * @throws CalendarProblem
 */
export function calendarDuration(line: ContentLine, text = line.value): CalendarDuration {
  const match = DURATION.exec(text);
  if (match === null || /^\+?P(T?)$/.test(text) || text.endsWith('T')) {
    throw new CalendarProblem(line, `wants a duration such as PT2H or P1D, got ${show(text)}`);
  }
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return {
    localMs: (weeks! * 7 + days!) * DAY_MS,
    exactMs: ((hours! * 60 + minutes!) * 60 + seconds!) * 1000,
  };
}

export function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
