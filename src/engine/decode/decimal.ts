/**
 * Decimal numbers read from bytes. The usual shapes need no string: a mantissa below 2^53 and a power of ten up to 22
 * are both exact doubles, so one division rounds correctly. Anything longer goes to Number().
 * Source: W. Clinger, "How to Read Floating Point Numbers Accurately", 1990 (the fast path).
 */
export const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** A mantissa up to here can take one more digit and stay exact. */
const MANTISSA_MAX = 900719925474098;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The number in bytes[start, end), blanks around it ignored, or NaN when it is none: infinities and hex are none. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let from = start;
  let to = end;
  while (from < to && isBlank(bytes[from]!)) from++;
  while (from < to && isBlank(bytes[to - 1]!)) to--;
  let i = from;
  const sign = bytes[i];
  if (i < to && (sign === MINUS || sign === PLUS)) i++;
  let mantissa = 0;
  let digits = 0;
  let scale = 0;
  let afterPoint = 0;
  for (; i < to; i++) {
    const code = bytes[i]!;
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (mantissa > MANTISSA_MAX) return slowDecimal(bytes, from, to);
      mantissa = mantissa * 10 + digit;
      digits++;
      scale += afterPoint;
    } else if (code === POINT && afterPoint === 0) afterPoint = 1;
    else if (code === LOWER_E || code === UPPER_E) return slowDecimal(bytes, from, to);
    else return Number.NaN;
  }
  if (digits === 0) return Number.NaN;
  if (scale > 22) return slowDecimal(bytes, from, to);
  const value = scale === 0 ? mantissa : mantissa / POWERS_OF_TEN[scale]!;
  return sign === MINUS ? -value : value;
}

function slowDecimal(bytes: Uint8Array, start: number, end: number): number {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  if (!DECIMAL.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

const ZERO = 48;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const LOWER_E = 101;
const UPPER_E = 69;
