import { exp } from '../../engine/math.ts';
import type { LabelledEvent, LabelledSeries } from '../labelledSeries.ts';
import { Random } from '../random.ts';
import { type Durations, drawInjections, type Injection, movedBy } from './injection.ts';
import { LAWS, type Law, Noise } from './noise.ts';
import { expectedValues, SHAPES, type Shape, TRENDS, type Trend, WANDER_DEVIATION } from './shapes.ts';

/** Fixed before any detector was tuned; another seed draws other series from the same laws. */
export const SYNTHETIC_SEED = 20_260_105;

interface Interval {
  readonly name: string;
  readonly ms: number;
  readonly days: number;
  readonly durations: Durations;
}

/** What one series is made of. */
interface Plan {
  readonly name: string;
  readonly interval: Interval;
  readonly shape: Shape;
  readonly law: Law;
  readonly trend: Trend;
  readonly isClean: boolean;
  /** Readings are rounded to half the noise, as a coarse sensor's are. */
  readonly isCoarse: boolean;
  /** One reading in five hundred is missing, which is no anomaly. */
  readonly isPatchy: boolean;
}

const DAY_MS = 86_400_000;
/** Monday, 2026-01-05 in UTC; a series begins within a week of it. */
const FIRST_DAY = 20_458;
const VARIANTS = 2;
const MISSING_SHARE = 0.002;
/** A coarse sensor's step: half the standard deviation of normal noise. */
const COARSENESS = 6.58;
const INTERVALS: readonly Interval[] = [
  {
    ...{ name: '1m', ms: 60_000, days: 14 },
    durations: { shift: [60, 360], drift: [120, 480], freeze: [60, 240], gap: [30, 240] },
  },
  {
    ...{ name: '5m', ms: 300_000, days: 28 },
    durations: { shift: [24, 144], drift: [48, 192], freeze: [24, 96], gap: [12, 96] },
  },
  {
    ...{ name: '1h', ms: 3_600_000, days: 112 },
    durations: { shift: [12, 48], drift: [24, 72], freeze: [12, 36], gap: [6, 36] },
  },
];

/**
 * The built-in suite: 48 series with six anomalies each (two spikes, a level shift, a drift, a freeze, a gap) and 48
 * without any. Three intervals, eight shapes, five noise laws, three trends. The same numbers on every runtime.
 */
export function syntheticSuite(seed: number = SYNTHETIC_SEED): LabelledSeries[] {
  return plans().map((plan) => draw(plan, seed));
}

function plans(): Plan[] {
  const all: Plan[] = [];
  for (const isClean of [false, true]) {
    INTERVALS.forEach((interval, i) => {
      SHAPES.forEach((shape, s) => {
        for (let variant = 0; variant < VARIANTS; variant++) {
          const law = LAWS[(s + 2 * variant + i) % LAWS.length]!;
          const trend = TRENDS[(s + i + variant) % TRENDS.length]!;
          all.push({
            name: `${isClean ? 'clean' : 'events'}-${interval.name}/${shape}-${law}-${trend}`,
            ...{ interval, shape, law, trend, isClean },
            isCoarse: variant === 1 && (shape === 'flat' || shape === 'square') && law !== 'counts',
            isPatchy: (s + variant) % 2 === 1,
          });
        }
      });
    });
  }
  return all;
}

function draw(plan: Plan, seed: number): LabelledSeries {
  const { interval } = plan;
  const random = new Random(seed, plan.name);
  const rows = Math.round((interval.days * DAY_MS) / interval.ms);
  const startMs = (FIRST_DAY + random.integer(0, 6)) * DAY_MS;
  const grid = Float64Array.from({ length: rows }, (_, i) => startMs + i * interval.ms);
  const shaped = expectedValues(grid, plan.shape, plan.trend, random);
  const { expected, noise, unit } = inUnits(plan, shaped, random);
  const drawn = plan.isClean ? [] : drawInjections(rows, DAY_MS / interval.ms, interval.durations, random);
  // What wanders by itself has to be moved further for anyone to see it.
  const wander = plan.shape === 'wander' ? (2 * WANDER_DEVIATION * unit) / noise.reach(expected[0]!) : 0;
  const injections = drawn.map((injection) => movedFurther(injection, wander));
  const values = drawValues(expected, noise, injections);
  const resolution = noise.reach(expected[0]!) / COARSENESS;
  const rounded = plan.isCoarse ? values.map((value) => Math.round(value / resolution) * resolution) : values;
  return withoutMissing(plan, grid, rounded, injections, random);
}

/** What is expected, in the units of the series, and its noise. */
function inUnits(plan: Plan, shaped: Float64Array, random: Random) {
  let lowest = Infinity;
  for (const value of shaped) lowest = Math.min(lowest, value);
  const isCounts = plan.law === 'counts';
  const isPositive = isCounts || plan.law === 'multiplicative';
  const share = random.between(0.04, 0.12);
  // From tenths to thousands; counts of 20 to 80 where they are lowest.
  const unit = isCounts ? random.between(60, 240) : exp(random.between(-2.3, 7));
  const level = isCounts ? random.between(20, 80) / unit : random.between(0.4, 3);
  const expected = shaped.map((value) => unit * (value + level - (isPositive ? lowest : 0)));
  return { expected, unit, noise: new Noise(plan.law, plan.law === 'multiplicative' ? share : share * unit, random) };
}

function movedFurther(injection: Injection, reaches: number): Injection {
  if (injection.kind !== 'shift' && injection.kind !== 'drift') return injection;
  return { ...injection, reaches: injection.reaches + (injection.reaches < 0 ? -reaches : reaches) };
}

function drawValues(expected: Float64Array, noise: Noise, injections: readonly Injection[]): Float64Array {
  const values = new Float64Array(expected.length);
  for (let i = 0; i < expected.length; i++) {
    let reaches = 0;
    let isFrozen = false;
    for (const injection of injections) {
      reaches += movedBy(injection, i);
      isFrozen ||= injection.kind === 'freeze' && i >= injection.from && i < injection.to;
    }
    const value = noise.draw(noise.moved(expected[i]!, reaches));
    values[i] = isFrozen ? values[i - 1]! : value;
  }
  return values;
}

/** Takes out gaps and missing readings, and tells where the anomalies lie in what is left. */
function withoutMissing(
  plan: Plan,
  grid: Float64Array,
  values: Float64Array,
  injections: readonly Injection[],
  random: Random,
): LabelledSeries {
  const kept: number[] = [];
  const rowOf = new Int32Array(grid.length + 1);
  for (let i = 0; i < grid.length; i++) {
    rowOf[i] = kept.length;
    const isMissing = plan.isPatchy && random.uniform() < MISSING_SHARE;
    const isLabelled = injections.some(({ from, to }) => i >= from - 1 && i <= to);
    const isGap = injections.some(({ kind, from, to }) => kind === 'gap' && i >= from && i < to);
    if (!isGap && (!isMissing || isLabelled)) kept.push(i);
  }
  rowOf[grid.length] = kept.length;
  const events = injections.map(
    ({ kind, from, to }): LabelledEvent => ({
      ...{ kind, startMs: grid[from]!, endMs: grid[from]! + (to - from) * plan.interval.ms },
      ...{ from: rowOf[from]!, to: rowOf[to]! },
    }),
  );
  return {
    name: plan.name,
    times: Float64Array.from(kept, (i) => grid[i]!),
    values: Float64Array.from(kept, (i) => values[i]!),
    events,
  };
}
