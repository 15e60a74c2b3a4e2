import { losesDigits } from './lostDigits.ts';

/** What is this many times as far from the second value as that is from the third is none of the series' own. */
const FAR = 1000;
/** And as this part of the second value is from 0, so that heavy tails, and series near 0, are left alone. */
const PART = 0.1;

/**
 * Whether the first value was one that stands for "not ready" (65535, INT_MIN, FLT_MAX) rather than the first of the
 * series, as far as the third tells: levels begin at the first value, and follow too slowly to leave such a one within
 * the values that are learnt as they come. `step` is the third minus the second, NaN where that is not known.
 */
export function isFirstAbsurd(first: number, third: number, step: number): boolean {
  const second = third - step;
  // Neither is true where the second is 0 as the third is: what is far from a constant cannot be told.
  const usual = Math.max(Math.abs(step), PART * Math.abs(second));
  return (usual > 0 && Math.abs(first - second) > FAR * usual) || losesDigits(third, third - first, step);
}
