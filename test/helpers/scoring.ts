import type { Detector, Verdict } from '../../src/engine/detectors/detector.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';

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

/** Scores columns in one go, or in pieces that end before the given indexes. */
export function scoreAll(detector: Detector, columns: Columns, cuts: readonly number[] = []): SeenAlert[] {
  const alerts: SeenAlert[] = [];
  const handler = {
    onAlert(index: number, from: Detector) {
      alerts.push({ ...from.current, parts: [...from.current.parts], index });
    },
  };
  const slots = Int32Array.from(columns.slots);
  const times = Float64Array.from(columns.times);
  const values = Float64Array.from(columns.values);
  detector.reserve(slots.reduce((most, slot) => Math.max(most, slot), 0) + 1);
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

/** Scores the columns with a snapshot, restored into a fresh detector, before index `cut`. */
export function scoreAcrossSnapshot(make: () => Detector, columns: Columns, cut: number): SeenAlert[] {
  const part = (from: number, to: number): Columns => ({
    slots: Array.from(columns.slots).slice(from, to),
    times: Array.from(columns.times).slice(from, to),
    values: Array.from(columns.values).slice(from, to),
  });
  const before = make();
  const first = scoreAll(before, part(0, cut));
  const writer = new SnapshotWriter();
  before.snapshot(writer);
  const after = make();
  after.restore(new SnapshotReader(writer.encode()));
  const second = scoreAll(after, part(cut, columns.values.length));
  return [...first, ...second.map((alert) => ({ ...alert, index: alert.index + cut }))];
}
