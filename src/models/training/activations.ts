import { exp } from '../../engine/math.ts';

/** Beyond it a sigmoid is 0 or 1 to the last place. */
const REACH = 40;
const STEPS = 64;
/** ln 2 / 64 in two parts: products of the first with a whole number below 2^17 are exact. */
const STEP_HIGH = 0.6931471803691238 / STEPS;
const STEP_LOW = 1.9082149292705877e-10 / STEPS;
const PER_STEP = 1 / (STEP_HIGH + STEP_LOW);
/** 2^(i / 64), by the engine's own e^x, which gives the same bits on every runtime. */
const ROOTS = Float64Array.from({ length: STEPS }, (_, i) => exp(i * (STEP_HIGH + STEP_LOW)));
const POWERS = Float64Array.from({ length: 256 }, (_, i) => powerOfTwo(i - 128));
const C3 = 1 / 6;
const C4 = 1 / 24;
const C5 = 1 / 120;

/** 1 / (1 + e^-x), within 5e-16 of it, the same bits on every runtime. */
export function sigmoid(x: number): number {
  return 1 / (1 + expWithin(-x));
}

/** Within 5e-16 of tanh, the same bits on every runtime. */
export function tanh(x: number): number {
  return 2 / (1 + expWithin(-2 * x)) - 1;
}

/** values[from, to) in their places: loops that are short enough to have the function inside. */
export function sigmoidRange(values: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i++) values[i] = 1 / (1 + expWithin(-values[i]!));
}

export function tanhRange(values: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i++) values[i] = 2 / (1 + expWithin(-2 * values[i]!)) - 1;
}

/**
 * e^x for |x| <= 40; farther out that of the bound. The engine's e^x has eleven divisions, and training needs it a
 * hundred million times. Here x = k ln 2 / 64 + r, and of e^r the series ends soon.
 */
function expWithin(x: number): number {
  const bounded = Math.max(-REACH, Math.min(REACH, x));
  const k = Math.floor(bounded * PER_STEP + 0.5) | 0;
  const r = bounded - k * STEP_HIGH - k * STEP_LOW;
  const r2 = r * r;
  return (1 + r + r2 * (0.5 + r * C3 + r2 * (C4 + r * C5))) * ROOTS[k & (STEPS - 1)]! * POWERS[(k >> 6) + 128]!;
}

function powerOfTwo(k: number): number {
  let power = 1;
  for (let i = 0; i < Math.abs(k); i++) power = k < 0 ? power / 2 : power * 2;
  return power;
}
