/** A matrix in 8 bits, with a scale for each of its columns. */
export interface QuantizedMatrix {
  /** rows x columns, row-major: 128 is zero. */
  readonly values: Uint8Array;
  /** One a column. */
  readonly scales: Float32Array;
}

/** Zero, in the middle of a byte. */
export const WEIGHT_ZERO = 128;

/**
 * Symmetric quantisation by column: value = scale * (byte - 128), bytes from 1 to 255. Unsigned, as products of signed
 * bytes with unsigned ones overflow 16 bits in the kernels of older processors, and those of two unsigned do not.
 * @param at place of the value of a row and column
 */
export function quantizeColumns(
  values: Float32Array,
  rows: number,
  columns: number,
  at: (row: number, column: number) => number,
): QuantizedMatrix {
  const bytes = new Uint8Array(rows * columns);
  const scales = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    let largest = 0;
    for (let row = 0; row < rows; row++) largest = Math.max(largest, Math.abs(values[at(row, column)]!));
    // A column of zeros is zero at any scale.
    const scale = Math.fround(largest === 0 ? 1 : largest / 127);
    scales[column] = scale;
    for (let row = 0; row < rows; row++) {
      const level = Math.max(-127, Math.min(127, nearestEven(values[at(row, column)]! / scale)));
      bytes[row * columns + column] = WEIGHT_ZERO + level;
    }
  }
  return { values: bytes, scales };
}

/** Halves to the even side, as ONNX rounds. */
function nearestEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
