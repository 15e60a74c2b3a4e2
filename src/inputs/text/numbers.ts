/**
 * Decimal numbers read from bytes. The usual shapes need no string: a mantissa below 2^53 and a power of ten up to 22
 * are both exact doubles, so one multiplication or division rounds correctly. Anything longer goes to Number().
 * Source: W. Clinger, "How to Read Floating Point Numbers Accurately", 1990 (the fast path).
 */

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** A mantissa up to here can take one more digit and stay exact. */
const MANTISSA_MAX = 900719925474098;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The number in bytes[start, end), or NaN when it is none. NaN, infinities, hex and blanks are none. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  let negative = false;
  const first = bytes[i];
  if (first === MINUS || first === PLUS) {
    negative = first === MINUS;
    i++;
  }
  let mantissa = 0;
  let digits = 0;
  let scale = 0;
  let afterPoint = false;
  for (; i < end; i++) {
    const code = bytes[i]!;
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (mantissa > MANTISSA_MAX) return slowDecimal(bytes, start, end);
      mantissa = mantissa * 10 + digit;
      digits++;
      if (afterPoint) scale--;
    } else if (code === POINT && !afterPoint) afterPoint = true;
    else if (code === LOWER_E || code === UPPER_E) return slowDecimal(bytes, start, end);
    else return Number.NaN;
  }
  if (digits === 0) return Number.NaN;
  if (scale < -22) return slowDecimal(bytes, start, end);
  const value = scale === 0 ? mantissa : mantissa / POWERS_OF_TEN[-scale]!;
  return negative ? -value : value;
}

/** Whether bytes[start, end) is an optional sign and digits only. */
export function isIntegerText(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start;
  if (bytes[i] === MINUS || bytes[i] === PLUS) i++;
  if (i >= end) return false;
  for (; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/**
 * Whether a whole number was changed by becoming the double `value`: it is beyond 2^53 and not how that double is
 * spelled, or its fraction was lost. A fraction that is rounded to the nearest double is no change of this kind.
 */
export function isRounded(bytes: Uint8Array, start: number, end: number, value: number): boolean {
  // Fifteen digits always come through.
  if (end - start <= 15 || !Number.isInteger(value)) return false;
  const text = asciiText(bytes, start, end);
  const whole = /^([+-]?\d+)(?:\.0*)?$/.exec(text);
  if (whole !== null) {
    const exact = BigInt(whole[1]!.replace('+', ''));
    // Programs write the shortest digits that give the double again, which beyond 2^53 are not all of its digits.
    return exact !== BigInt(value) && String(exact) !== String(value);
  }
  return !/[eE]/.test(text);
}

/** Bytes as Latin-1 text: for numbers and messages, not for words. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString('latin1');
}

function slowDecimal(bytes: Uint8Array, start: number, end: number): number {
  const text = asciiText(bytes, start, end);
  if (!DECIMAL.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

const ZERO = 48;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const LOWER_E = 101;
const UPPER_E = 69;
