import type { Random } from '../random.ts';

export const SHAPES = ['sine', 'humps', 'square', 'sawtooth', 'pulse', 'weekday', 'flat', 'wander'] as const;
export type Shape = (typeof SHAPES)[number];

export const TRENDS = ['none', 'linear', 'bend'] as const;
export type Trend = (typeof TRENDS)[number];

const DAY_MS = 86_400_000;
/** A day's amplitude differs from the usual one by this standard deviation, where the shape is of human making. */
const DAY_VARIATION = 0.03;
/** The slow wandering of a series without a rhythm: its standard deviation, and the time after which half is forgotten. */
export const WANDER_DEVIATION = 0.25;
const WANDER_HALF_LIFE_MS = DAY_MS;

/** What a series would be without noise and anomalies, in amplitudes: shape plus trend, about 0 to 1. */
export function expectedValues(times: Float64Array, shape: Shape, trend: Trend, random: Random): Float64Array {
  const phase = random.uniform();
  const rise = random.between(0.5, 1.5) * (random.uniform() < 0.5 ? -1 : 1);
  const isVaried = shape === 'sine' || shape === 'humps' || shape === 'weekday';
  const first = times[0]!;
  const spanMs = times[times.length - 1]! - first;
  const wander = shape === 'wander' ? wandering(times, random) : undefined;
  const days = Math.ceil(spanMs / DAY_MS) + 2;
  const amplitudes = Float64Array.from({ length: days }, () => (isVaried ? 1 + DAY_VARIATION * random.normal() : 1));
  return times.map((timeMs, i) => {
    const done = (timeMs - first) / spanMs;
    const moved = trend === 'none' ? 0 : trend === 'linear' ? rise * done : rise * sine(done / 2);
    if (wander !== undefined) return 0.5 + wander[i]! + moved;
    // A day, of a time zone of its own, begins where the shape is lowest: a change of amplitude makes no step.
    const place = timeMs / DAY_MS - phase;
    const day = Math.floor(place);
    const amplitude = amplitudes[day - Math.floor(first / DAY_MS - phase)]!;
    return amplitude * shapeAt(shape, place - day, weekdayOf(day)) + moved;
  });
}

/** The shape over one day, `day` in [0, 1). */
function shapeAt(shape: Shape, day: number, weekday: number): number {
  switch (shape) {
    case 'sine':
      return (1 - cosine(day)) / 2;
    case 'humps':
      // A morning and an evening peak over a low night.
      return 0.75 * bump(day, 0.4, 0.12) + bump(day, 0.7, 0.1);
    case 'square':
      return day < 0.4 ? 0 : 1;
    case 'sawtooth':
      return day;
    case 'pulse':
      // A batch job of two hours.
      return day >= 0.3 && day < 0.3 + 1 / 12 ? 1 : 0;
    case 'weekday':
      return (weekday >= 5 ? 0.35 : 1) * ((1 - cosine(day)) / 2);
    default:
      return 0;
  }
}

/** 0 is Monday: day 0, 1970-01-01, was a Thursday. */
function weekdayOf(day: number): number {
  return (day + 3) % 7;
}

/** A smooth hill of height 1 that is 0 beyond twice its width. */
function bump(day: number, centre: number, width: number): number {
  const place = Math.abs(day - centre) / (2 * width);
  return place >= 1 ? 0 : (1 + cosine(place / 2)) / 2;
}

/** A first-order autoregression; it forgets by time, so that the interval between rows does not change its nature. */
function wandering(times: Float64Array, random: Random): Float64Array {
  let level = WANDER_DEVIATION * random.normal();
  return times.map((timeMs, i) => {
    if (i === 0) return level;
    // 2^-x to first order: exact enough for steps that are short beside the half-life.
    const kept = 1 / (1 + (Math.LN2 * (timeMs - times[i - 1]!)) / WANDER_HALF_LIFE_MS);
    level = kept * level + WANDER_DEVIATION * Math.sqrt(1 - kept * kept) * random.normal();
    return level;
  });
}

/** Sine of so many turns, by its Taylor series: Math.sin differs between runtimes. */
export function sine(turns: number): number {
  let turn = turns - Math.floor(turns);
  if (turn > 0.75) turn -= 1;
  else if (turn > 0.25) turn = 0.5 - turn;
  const x = 2 * Math.PI * turn;
  const square = x * x;
  let sum = 1;
  for (let k = 19; k >= 3; k -= 2) sum = 1 - (sum * square) / (k * (k - 1));
  return x * sum;
}

export function cosine(turns: number): number {
  return sine(turns + 0.25);
}
