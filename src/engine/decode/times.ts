import { parseDecimal } from './decimal.ts';
import type { TimeUnit } from './reader.ts';

/**
 * Event times as epoch milliseconds in a double: microseconds are its fraction, finer digits are cut. NaN is no time.
 */

/** The range of Date, which is what other programs can hold. */
const TIME_MAX_MS = 8.64e15;
const DAY_MS = 86_400_000;
const DAYS_IN_MONTH = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/** A count of units since 1970 as milliseconds; without a unit by magnitude. */
export function timeOfNumber(value: number, unit: TimeUnit | 'days' | undefined): number {
  let timeMs: number;
  switch (unit ?? unitByMagnitude(value)) {
    case 's':
      // Binary noise of decimal seconds (1e9 + 0.1) is cleared below the microsecond.
      timeMs = Number.isInteger(value) ? value * 1000 : Math.floor(value * 1e6 + 0.5) / 1000;
      break;
    case 'ms':
      timeMs = value;
      break;
    case 'us':
      timeMs = value / 1000;
      break;
    case 'days':
      timeMs = value * DAY_MS;
      break;
    default:
      timeMs = Math.floor(value / 1000) / 1000;
  }
  return validTime(timeMs);
}

/** The unit in which a number is a plausible time: seconds until the year 5138, milliseconds from 1973 on, and so on. */
export function unitByMagnitude(value: number): TimeUnit {
  const size = Math.abs(value);
  if (size < 1e11) return 's';
  if (size < 1e14) return 'ms';
  return size < 1e17 ? 'us' : 'ns';
}

export function validTime(timeMs: number): number {
  return Math.abs(timeMs) <= TIME_MAX_MS ? timeMs : Number.NaN;
}

/** A text as time: ISO 8601, else a decimal number. */
export function timeOfText(bytes: Uint8Array, start: number, end: number, unit: TimeUnit | 'days' | undefined): number {
  const iso = parseIsoTime(bytes, start, end);
  return Number.isNaN(iso) ? timeOfNumber(parseDecimal(bytes, start, end), unit) : iso;
}

/**
 * ISO 8601 and its common relatives: YYYY-MM-DD, also with slashes, then optionally T or a space and HH:MM, :SS, a
 * fraction after a point or a comma, and a zone: Z, UTC, +HH, +HHMM or +HH:MM; without a zone it is UTC. NaN for
 * anything else, the 30th of February included.
 */
export function parseIsoTime(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 10) return Number.NaN;
  const separator = bytes[start + 4]!;
  if ((separator !== DASH && separator !== SLASH) || bytes[start + 7] !== separator) return Number.NaN;
  const year = twoDigits(bytes, start, end) * 100 + twoDigits(bytes, start + 2, end);
  const month = twoDigits(bytes, start + 5, end);
  const day = twoDigits(bytes, start + 8, end);
  // Every comparison with NaN is false, so a letter among the digits fails here too.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN;
  const dayMs = daysSinceEpoch(year, month, day) * DAY_MS;
  if (end - start === 10) return dayMs;
  const joint = bytes[start + 10];
  if ((joint !== SPACE && joint !== UPPER_T && joint !== LOWER_T) || end - start < 16) return Number.NaN;
  return dayMs + clockMs(bytes, start + 11, end);
}

/** Number of days from 1970-01-01 to a date of the proleptic Gregorian calendar; the month is 1 to 12. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years that begin in March put the leap day last, so that a month's first day is a linear expression.
  const y = month > 2 ? year : year - 1;
  const m = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + Math.floor((m * 153 + 2) / 5) + day - 719_469;
}

/** HH:MM[:SS[.fraction]][zone] at `at`, as milliseconds of the day in UTC; NaN when it is no time of day. */
function clockMs(bytes: Uint8Array, at: number, end: number): number {
  const hour = twoDigits(bytes, at, end);
  const minute = twoDigits(bytes, at + 3, end);
  if (!(hour <= 23 && minute <= 59) || bytes[at + 2] !== COLON) return Number.NaN;
  let i = at + 5;
  let second = 0;
  let fractionMs = 0;
  if (i < end && bytes[i] === COLON) {
    second = twoDigits(bytes, i + 1, end);
    if (!(second <= 59)) return Number.NaN;
    i += 3;
    if (i < end && (bytes[i] === POINT || bytes[i] === COMMA)) {
      const from = ++i;
      let micros = 0;
      while (i < end && bytes[i]! >= ZERO && bytes[i]! <= ZERO + 9) {
        if (i - from < 6) micros = micros * 10 + bytes[i]! - ZERO;
        i++;
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
  const i = bytes[at] === SPACE ? at + 1 : at;
  const first = bytes[i];
  const length = end - i;
  if (length === 1 && (first === UPPER_Z || first === LOWER_Z)) return 0;
  if (length === 3 && first === UPPER_U && bytes[i + 1] === UPPER_T && bytes[i + 2] === UPPER_C) return 0;
  if (first !== PLUS && first !== DASH) return Number.NaN;
  const colon = length === 6 && bytes[i + 3] === COLON ? 1 : 0;
  if (length !== 3 && length !== 5 + colon) return Number.NaN;
  const hours = twoDigits(bytes, i + 1, end);
  const minutes = length === 3 ? 0 : twoDigits(bytes, i + 3 + colon, end);
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  const offset = (hours * 60 + minutes) * 60_000;
  return first === DASH ? -offset : offset;
}

/** Two decimal digits before `end`, or NaN. */
function twoDigits(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return Number.NaN;
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
const UPPER_C = 67;
const UPPER_T = 84;
const LOWER_T = 116;
const UPPER_U = 85;
const UPPER_Z = 90;
const LOWER_Z = 122;
