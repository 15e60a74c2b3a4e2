import type { Detector, Verdict } from '../../src/engine/detectors/detector.ts';
import { StateRow } from '../../src/engine/stateRow.ts';

/**
 * A verdict as it was when the alert came, with the index of the value. Its parts are plain numbers: assert compares
 * typed arrays by their bits, and which bits a NaN has is up to the runtime.
 */
export interface SeenAlert extends Omit<Verdict, 'parts'> {
  readonly index: number;
  readonly parts: readonly number[];
}

/** Columns to score: slot, time and value. */
export interface Columns {
  readonly slots: ArrayLike<number>;
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** Of every slot, or by slot. */
export type Threshold = number | ((slot: number) => number);

/** Scores columns in one go, or in pieces that end before the given indexes; tells what is above the threshold. */
export function scoreAll(
  detector: Detector,
  columns: Columns,
  threshold: Threshold = 2.5,
  cuts: readonly number[] = [],
): SeenAlert[] {
  const alerts: SeenAlert[] = [];
  const thresholdOf = (slot: number) => (typeof threshold === 'number' ? threshold : threshold(slot));
  const handler = {
    onScore(index: number, from: Detector) {
      from.explain(thresholdOf(slots[index]!));
      alerts.push({ ...from.current, parts: [...from.current.parts], index });
    },
  };
  const slots = Int32Array.from(columns.slots);
  const times = Float64Array.from(columns.times);
  const values = Float64Array.from(columns.values);
  const count = slots.reduce((most, slot) => Math.max(most, slot), 0) + 1;
  detector.reserve(count);
  for (let slot = 0; slot < count; slot++) detector.setFloor(slot, thresholdOf(slot));
  const ends = [...cuts].filter((cut) => cut < values.length).sort((a, b) => a - b);
  let from = 0;
  for (const to of [...ends, values.length]) {
    detector.score(slots, times, values, from, to, handler);
    from = to;
  }
  return alerts;
}

/** One series with a value each `intervalMs`, from 1 January 2024, a Monday, 00:00 UTC. */
export function regular(values: ArrayLike<number>, intervalMs = 300_000): Columns {
  const startMs = Date.UTC(2024, 0, 1);
  const times = Float64Array.from(values, (_, i) => startMs + i * intervalMs);
  return { slots: new Int32Array(values.length), times, values };
}

/** Scores the columns with the state of each slot packed, and unpacked into a fresh detector, before index `cut`. */
export function scoreAcrossSnapshot(
  make: () => Detector,
  columns: Columns,
  cut: number,
  threshold: Threshold = 2.5,
): SeenAlert[] {
  const part = (from: number, to: number): Columns => ({
    slots: Array.from(columns.slots).slice(from, to),
    times: Array.from(columns.times).slice(from, to),
    values: Array.from(columns.values).slice(from, to),
  });
  const before = make();
  const first = scoreAll(before, part(0, cut), threshold);
  const after = make();
  const count = Array.from(columns.slots).reduce((most, slot) => Math.max(most, slot), 0) + 1;
  before.reserve(count);
  after.reserve(count);
  const row = new StateRow();
  for (let slot = 0; slot < count; slot++) {
    row.clear();
    before.pack(slot, row);
    after.unpack(slot, row);
  }
  const second = scoreAll(after, part(cut, columns.values.length), threshold);
  return [...first, ...second.map((alert) => ({ ...alert, index: alert.index + cut }))];
}
