import { asciiText, parseDecimal } from '../text/numbers.ts';

/**
 * Event times read from bytes without a Date per row.
 *
 * A time is epoch milliseconds as a double; microseconds are its fraction (exact to the microsecond until 2041), finer
 * digits are cut. A text without a zone is UTC.
 */

export type EpochUnit = 's' | 'ms' | 'us' | 'ns';

/** How a column spells its times. */
export type TimeFormat = { readonly kind: 'iso' } | { readonly kind: 'epoch'; readonly unit: EpochUnit };

/** The range of Date, which is what other programs can hold. */
const TIME_MAX_MS = 8.64e15;
const DAY_MS = 86_400_000;
const DAYS_IN_MONTH = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);
const UNIT_WORDS: readonly (readonly [EpochUnit, RegExp])[] = [
  ['s', /^s(ecs?|econds?)?$/],
  ['ms', /^(ms|millis|milliseconds?)$/],
  ['us', /^(us|micros|microseconds?)$/],
  ['ns', /^(ns|nanos|nanoseconds?)$/],
];
const MS_PER_UNIT = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;

/** The time in bytes[start, end) in that format, or NaN when it is none. */
export function parseTime(format: TimeFormat, bytes: Uint8Array, start: number, end: number): number {
  return format.kind === 'iso' ? parseIsoTime(bytes, start, end) : parseEpochTime(format.unit, bytes, start, end);
}

/** An integer or decimal count of seconds, milliseconds, micro- or nanoseconds since 1970, as milliseconds. */
export function parseEpochTime(unit: EpochUnit, bytes: Uint8Array, start: number, end: number): number {
  return epochTime(unit, parseDecimal(bytes, start, end));
}

/** That many seconds, milliseconds, micro- or nanoseconds since 1970, as milliseconds; NaN outside the range of Date. */
export function epochTime(unit: EpochUnit, value: number): number {
  const timeMs = value * MS_PER_UNIT[unit];
  if (!(Math.abs(timeMs) <= TIME_MAX_MS)) return Number.NaN;
  if (Number.isInteger(timeMs)) return timeMs;
  // Nanoseconds are cut like finer digits of a text; the other units are only cleared of binary noise.
  return Math.floor(timeMs * 1000 + (unit === 'ns' ? 0 : 0.5)) / 1000;
}

/**
 * ISO 8601 and its common relatives: YYYY-MM-DD, also with slashes, then optionally T or a space and HH:MM, :SS, a
 * fraction after a point or a comma, and a zone: Z, UTC, +HH, +HHMM or +HH:MM. NaN for anything else, the 30th of
 * February included.
 */
export function parseIsoTime(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 10) return Number.NaN;
  const separator = bytes[start + 4]!;
  if ((separator !== DASH && separator !== SLASH) || bytes[start + 7] !== separator) return Number.NaN;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  // Every comparison with NaN is false, so a letter among the digits fails here too.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN;
  const dayMs = daysSinceEpoch(year, month, day) * DAY_MS;
  if (end - start === 10) return dayMs;
  const joint = bytes[start + 10];
  if ((joint !== SPACE && joint !== UPPER_T && joint !== LOWER_T) || end - start < 16) return Number.NaN;
  return dayMs + clockMs(bytes, start + 11, end);
}

/** Number of days from 1970-01-01 to a date of the proleptic Gregorian calendar; the month is 1 to 12. */
export function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years that begin in March put the leap day last, so that a month's first day is a linear expression.
  const y = month > 2 ? year : year - 1;
  const m = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + Math.floor((m * 153 + 2) / 5) + day - 719_469;
}

/** The unit in which a number is a plausible time: seconds until the year 5138, milliseconds from 1973 on, and so on. */
export function epochUnitByMagnitude(value: number): EpochUnit {
  const size = Math.abs(value);
  if (size < 1e11) return 's';
  if (size < 1e14) return 'ms';
  return size < 1e17 ? 'us' : 'ns';
}

/** The unit that a column's name states (ts_ms, time_us, epochSeconds), or undefined. */
export function epochUnitByName(name: string): EpochUnit | undefined {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/);
  return UNIT_WORDS.find(([, pattern]) => pattern.test(words.at(-1) ?? ''))?.[0];
}

/** For messages: what was there instead of a time. */
export function describeTime(bytes: Uint8Array, start: number, end: number): string {
  return start < 0 || end <= start ? 'empty' : `'${asciiText(bytes, start, Math.min(end, start + 40))}'`;
}

/** HH:MM[:SS[.fraction]][zone] at `at`, as milliseconds of the day in UTC; NaN when it is no time of day. */
function clockMs(bytes: Uint8Array, at: number, end: number): number {
  const hour = twoDigits(bytes, at);
  const minute = twoDigits(bytes, at + 3);
  if (!(hour <= 23 && minute <= 59) || bytes[at + 2] !== COLON) return Number.NaN;
  let i = at + 5;
  let second = 0;
  let fractionMs = 0;
  if (i < end && bytes[i] === COLON) {
    if (i + 3 > end) return Number.NaN;
    second = twoDigits(bytes, i + 1);
    if (!(second <= 59)) return Number.NaN;
    i += 3;
    if (i < end && (bytes[i] === POINT || bytes[i] === COMMA)) {
      const from = ++i;
      let micros = 0;
      for (; i < end; i++) {
        const digit = bytes[i]! - ZERO;
        if (digit < 0 || digit > 9) break;
        if (i - from < 6) micros = micros * 10 + digit;
      }
      if (i === from) return Number.NaN;
      for (let digits = i - from; digits < 6; digits++) micros *= 10;
      fractionMs = micros / 1000;
    }
  }
  const wholeMs = ((hour * 60 + minute) * 60 + second) * 1000;
  return i === end ? wholeMs + fractionMs : wholeMs + fractionMs - zoneMs(bytes, i, end);
}

/** The offset from UTC of the zone in bytes[at, end), in milliseconds; NaN when it is none. */
function zoneMs(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  if (bytes[i] === SPACE) i++;
  const first = bytes[i];
  const length = end - i;
  if (length === 1 && (first === UPPER_Z || first === LOWER_Z)) return 0;
  if (length === 3 && asciiText(bytes, i, end) === 'UTC') return 0;
  if (first !== PLUS && first !== DASH) return Number.NaN;
  const colon = length === 6 && bytes[i + 3] === COLON ? 1 : 0;
  if (length !== 3 && length !== 5 + colon) return Number.NaN;
  const hours = twoDigits(bytes, i + 1);
  const minutes = length === 3 ? 0 : twoDigits(bytes, i + 3 + colon);
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  const offset = (hours * 60 + minutes) * 60_000;
  return first === DASH ? -offset : offset;
}

/** Two decimal digits, or NaN. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - ZERO;
  const ones = bytes[at + 1]! - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return DAYS_IN_MONTH[month]!;
}

const ZERO = 48;
const SPACE = 32;
const DASH = 45;
const SLASH = 47;
const COLON = 58;
const POINT = 46;
const COMMA = 44;
const PLUS = 43;
const UPPER_T = 84;
const LOWER_T = 116;
const UPPER_Z = 90;
const LOWER_Z = 122;
