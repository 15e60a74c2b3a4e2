const bits = new DataView(new ArrayBuffer(4));

/** The largest finite number of float16. */
export const HALF_MAX = 65504;

/** Bits of the nearest float16, halves to the even side; beyond the range infinity. Source: IEEE 754-2019, binary16. */
export function halfBits(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 0xff;
  const mantissa = word & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  const shifted = exponent - 127 + 15;
  if (shifted >= 31) return sign | 0x7c00;
  if (shifted <= 0) {
    // Below 2^-25 nothing is left; else a number without the hidden bit.
    if (shifted < -10) return sign;
    return sign | roundedShift(mantissa | 0x800000, 14 - shifted);
  }
  // A carry of the mantissa goes into the exponent, as it should.
  return sign | roundedShift((shifted << 23) | mantissa, 13);
}

function roundedShift(value: number, by: number): number {
  const floor = value >>> by;
  const rest = value & ((1 << by) - 1);
  const half = 1 << (by - 1);
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}
