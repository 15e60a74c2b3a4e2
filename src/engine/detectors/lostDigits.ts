/** Differences smaller than this part of a value are what sums in doubles leave behind, and no variation. */
const NOISE = 1e-12;
/** A step of single precision is at most this part of a value. */
const LAST_DIGIT = 2 ** -22;

/**
 * Whether a deviation that is kept in single precision is the same as that of the value before, although the values
 * differ by `step`: the anchor is so far off that its distance has taken the digits in which values vary. False where
 * the step is not known.
 */
export function losesDigits(value: number, deviation: number, step: number): boolean {
  // Nearly always false, and told at once.
  if (!(Math.abs(step) <= LAST_DIGIT * Math.abs(deviation))) return false;
  return Math.fround(deviation) === Math.fround(deviation - step) && Math.abs(step) > NOISE * Math.abs(value);
}
