import type { LabelledSeries } from '../labelledSeries.ts';
import { Random } from '../random.ts';
import { sine } from './shapes.ts';

/** One fault, over all series that it moves. */
export interface PlantFault {
  readonly id: number;
  readonly kind: 'spike' | 'shift' | 'drift' | 'plant';
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  /** Names of the series that it moves, the first mover first. */
  readonly series: readonly string[];
  /** Whether it falls into an hour of a usual peak of its asset. */
  readonly isInPeak: boolean;
}

export interface Plant {
  readonly series: readonly LabelledSeries[];
  readonly faults: readonly PlantFault[];
  /** What comes before is only learnt from. */
  readonly judgedFromMs: number;
}

export const PLANT_SEED = 20_260_105;
const ASSETS = 20;
const SENSORS = 10;
const WEEKS = 8;
/** The faults are in the last four. */
const JUDGED_WEEKS = 4;
const ASSET_FAULTS = 48;
const PLANT_FAULTS = 4;
const MINUTE_MS = 60_000;
const STEP_MS = 5 * MINUTE_MS;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** A Monday, 00:00 UTC. */
const START_MS = Date.UTC(2026, 0, 5);
const ROWS = (WEEKS * WEEK_MS) / STEP_MS;

/** A usual peak of an asset: each week or each workday at its time, a little early or late, a little higher or lower. */
interface Peak {
  readonly atMs: number;
  readonly isDaily: boolean;
  readonly lastsMs: number;
  readonly height: number;
}

interface Push {
  readonly fromRow: number;
  readonly toRow: number;
  readonly height: number;
  readonly kind: PlantFault['kind'];
}

/**
 * A plant of 200 correlated series at five minutes over eight weeks: 20 assets of 10 sensors, which share the load of the
 * plant by hour and workday, its slow wandering, and that of their asset; each asset has two to four usual peaks. In the last
 * four weeks 48 faults move three to ten sensors of one asset, one after the other within a quarter of an hour, a quarter of
 * them in the hour of a usual peak; and four move the whole plant. Everything is drawn from the seed.
 */
export function plant(seed: number = PLANT_SEED): Plant {
  const random = new Random(seed, 'plant');
  const names = Array.from(
    { length: ASSETS * SENSORS },
    (_, s) => `asset-${two(s / SENSORS)}/sensor-${two(s % SENSORS)}`,
  );
  const peaks = Array.from({ length: ASSETS }, () => drawPeaks(random));
  const faults = drawFaults(names, peaks, random);
  const pushes = new Map<string, Push[]>();
  for (const fault of faults)
    for (const [name, push] of pushesOf(fault, random)) pushes.set(name, [...(pushes.get(name) ?? []), push]);
  const load = wander(new Random(seed, 'load'), 0.995, 0.05);
  const series: LabelledSeries[] = [];
  for (let asset = 0; asset < ASSETS; asset++) {
    const own = wander(new Random(seed, `asset ${asset}`), 0.98, 0.08);
    const heights = peakHeights(peaks[asset]!, new Random(seed, `peaks ${asset}`));
    for (let sensor = 0; sensor < SENSORS; sensor++) {
      const name = names[asset * SENSORS + sensor]!;
      const shared = { load, own, heights };
      series.push(sensorOf(name, shared, pushes.get(name) ?? [], new Random(seed, name)));
    }
  }
  return { series, faults, judgedFromMs: START_MS + (WEEKS - JUDGED_WEEKS) * WEEK_MS };
}

function sensorOf(
  name: string,
  { load, own, heights }: { readonly load: Float64Array; readonly own: Float64Array; readonly heights: Float64Array },
  pushes: readonly Push[],
  random: Random,
): LabelledSeries {
  const base = random.between(20, 200);
  const scale = base * random.between(0.01, 0.05);
  const [byDay, byLoad, byOwn] = [random.between(2, 5), random.between(0.5, 1.5), random.between(0.5, 1.5)];
  const byPeak = random.uniform() < 0.7 ? random.between(0.6, 1.2) : 0;
  const times = new Float64Array(ROWS);
  const values = new Float64Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    const timeMs = START_MS + row * STEP_MS;
    times[row] = timeMs;
    const weekday = Math.floor((timeMs - START_MS) / DAY_MS) % 7;
    const day = (weekday < 5 ? 1 : 0.4) * sine(((timeMs % DAY_MS) - 6 * 3_600_000) / DAY_MS);
    const shared = byDay * day + byLoad * load[row]! + byOwn * own[row]! + byPeak * heights[row]!;
    values[row] = base + scale * (shared + random.normal());
  }
  for (const { fromRow, toRow, height, kind } of pushes) {
    for (let row = fromRow; row < Math.min(toRow, ROWS); row++) {
      const share = kind === 'drift' ? (row - fromRow + 1) / (toRow - fromRow) : 1;
      values[row] = values[row]! + scale * height * share;
    }
  }
  return { name, times, values, events: [] };
}

function drawPeaks(random: Random): Peak[] {
  return Array.from({ length: random.integer(2, 4) }, (_, i) => {
    const isDaily = i === 0;
    const atMs = random.integer(isDaily ? 6 : 0, isDaily ? 20 : 7 * 24 - 4) * 3_600_000;
    return { atMs, isDaily, lastsMs: random.integer(4, 18) * STEP_MS, height: random.between(6, 12) };
  });
}

/** By row, in standard deviations of a sensor. */
function peakHeights(peaks: readonly Peak[], random: Random): Float64Array {
  const heights = new Float64Array(ROWS);
  for (const { atMs, isDaily, lastsMs, height } of peaks) {
    for (let day = 0; day < WEEKS * 7; day++) {
      const weekday = day % 7;
      if (isDaily ? weekday >= 5 : Math.floor(atMs / DAY_MS) !== weekday) continue;
      const jitterMs = random.integer(-2, 2) * STEP_MS;
      const fromMs = day * DAY_MS + (atMs % DAY_MS) + jitterMs;
      const now = height * random.between(0.9, 1.1);
      const first = Math.max(0, Math.floor(fromMs / STEP_MS));
      for (let row = first; row < Math.min(ROWS, first + lastsMs / STEP_MS); row++) heights[row] = heights[row]! + now;
    }
  }
  return heights;
}

function drawFaults(names: readonly string[], peaks: readonly (readonly Peak[])[], random: Random): PlantFault[] {
  const faults: PlantFault[] = [];
  const fromMs = START_MS + (WEEKS - JUDGED_WEEKS) * WEEK_MS;
  const kinds = ['spike', 'shift', 'drift'] as const;
  for (let id = 0; id < ASSET_FAULTS; id++) {
    const asset = random.integer(0, ASSETS - 1);
    const isInPeak = id % 4 === 0;
    const weekMs = fromMs + random.integer(0, JUDGED_WEEKS - 1) * WEEK_MS;
    const peak = peaks[asset]!.at(-1)!;
    const atMs = isInPeak ? peak.atMs : random.integer(0, WEEK_MS / STEP_MS - 80) * STEP_MS;
    const kind = kinds[id % 3]!;
    const lastsMs = (kind === 'spike' ? random.integer(1, 3) : random.integer(12, 60)) * STEP_MS;
    const own = random.shuffle(names.slice(asset * SENSORS, (asset + 1) * SENSORS));
    const series = own.slice(0, random.integer(3, SENSORS));
    const startMs = weekMs + atMs;
    faults.push({ id, kind, startMs, endMs: startMs + lastsMs + 3 * STEP_MS, series, isInPeak });
  }
  for (let i = 0; i < PLANT_FAULTS; i++) {
    const startMs = fromMs + random.integer(0, (JUDGED_WEEKS * WEEK_MS) / STEP_MS - 80) * STEP_MS;
    const series = random.shuffle([...names]);
    const endMs = startMs + random.integer(6, 24) * STEP_MS;
    faults.push({ id: ASSET_FAULTS + i, kind: 'plant', startMs, endMs, series, isInPeak: false });
  }
  return faults;
}

/** Each sensor up to a quarter of an hour after the first mover, up or down. */
function pushesOf({ kind, startMs, endMs, series }: PlantFault, random: Random): [string, Push][] {
  const sign = random.uniform() < 0.5 ? -1 : 1;
  return series.map((name, i): [string, Push] => {
    const delay = i === 0 ? 0 : random.integer(0, 3);
    const fromRow = Math.round((startMs - START_MS) / STEP_MS) + delay;
    const toRow = Math.round((endMs - START_MS) / STEP_MS) - 3 + delay;
    return [name, { fromRow, toRow: Math.max(toRow, fromRow + 1), height: sign * random.between(5, 12), kind }];
  });
}

/** A first-order autoregression, in standard deviations of a sensor. */
function wander(random: Random, keep: number, step: number): Float64Array {
  const out = new Float64Array(ROWS);
  let at = 0;
  for (let row = 0; row < ROWS; row++) {
    at = keep * at + step * random.normal();
    out[row] = at;
  }
  return out;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}
