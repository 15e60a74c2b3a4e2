/**
 * Logarithm and exponential that give the same bits on every JavaScript engine, which Math.log and Math.exp need not.
 * Made of + - * / and reads of a double's bits only. Errors stay within 2 units in the last place, 3 for log10.
 */

/** ln 2 in two parts: products of the first with a whole number below 2^11 are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

const TWO_54 = 18014398509481984;

const bits = new DataView(new ArrayBuffer(8));

/** Natural logarithm: NaN below 0, -Infinity at 0. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  let exponent = 0;
  let scaled = x;
  if (x < 2.2250738585072014e-308) {
    scaled = x * TWO_54;
    exponent = -54;
  }
  // x = m * 2^exponent with m in [1, 2), then in [sqrt(1/2), sqrt(2)).
  bits.setFloat64(0, scaled);
  const high = bits.getInt32(0);
  exponent += (high >>> 20) - 1023;
  bits.setInt32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m > Math.SQRT2) {
    m *= 0.5;
    exponent++;
  }
  // ln m = 2 artanh(s) = 2s + 2s^3/3 + 2s^5/5 + ..., with s = f / (2 + f), |s| < 0.172. As 2s = f - s f, the leading
  // term is f itself, which is exact.
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const series =
    z *
    (1 / 3 +
      z *
        (1 / 5 +
          z *
            (1 / 7 +
              z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21))))))))));
  // 2s(1 + series) = f - s(f - 2 series).
  return exponent * LN2_HIGH - (s * (f - 2 * series) - exponent * LN2_LOW - f);
}

/** Decimal logarithm. */
export function log10(x: number): number {
  return log(x) / Math.LN10;
}

/** e to the power of x: 0 below about -745, Infinity above about 709.8. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  // x = k ln 2 + r with |r| <= ln 2 / 2, and e^r by its Taylor series, whose 14th term is below the last place.
  const k = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const lost = high - r - low;
  let tail = 1 / 6227020800;
  for (let i = 12; i >= 2; i--) tail = tail * r + 1 / FACTORIALS[i]!;
  const power = 1 + (r + (r * r * tail + lost));
  // Two steps, as 2^k itself may be out of range where the product is not.
  const half = Math.floor(k / 2);
  return power * powerOfTwo(half) * powerOfTwo(k - half);
}

const FACTORIALS = [1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600];

function powerOfTwo(k: number): number {
  bits.setInt32(4, 0);
  bits.setInt32(0, (k + 1023) << 20);
  return bits.getFloat64(0);
}
