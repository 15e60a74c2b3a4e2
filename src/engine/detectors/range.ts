import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { type Detector, type ScoreHandler, type Verdict, verdict } from './detector.ts';
import { SlotCells } from './slotBlocks.ts';

/** Valid values are min <= value <= max; -Infinity and Infinity where there is no bound. */
export interface Limits {
  readonly min: number;
  readonly max: number;
}

/** Largest score that is reported. */
export const MAX_RANGE_SCORE = 1e6;

/** A value this part of the range seen so far outside of it is outside. */
const SEEN_MARGIN = 0.05;
const SEEN_MIN_COUNT = 60;

const COUNT = 0;
const MIN = 1;
const MAX = 2;
const WIDTH = 3;

/**
 * Alerts on values outside of a range. `threshold` knows only the range that is given; `range` takes, for a series that
 * none is given for, what was seen of it so far and a twentieth of that on both sides, from 60 values on.
 *
 * The score is the distance outside over the width of the range; with one bound only, or a range without width, over
 * that bound's size (1 for the bound 0). 0.01 us a value; 16 bytes a series, and 24 more where ranges are learnt.
 */
export class RangeCheck implements Detector {
  readonly name: 'range' | 'threshold';
  readonly partNames = ['range'];
  readonly current: Verdict = verdict(1);
  readonly #limits: SlotLimits;
  readonly #seen: SlotCells | undefined;
  #lower = NaN;
  #upper = NaN;

  constructor(limits: (slot: number) => Limits, name: 'range' | 'threshold') {
    this.name = name;
    this.#limits = new SlotLimits(limits);
    this.#seen = name === 'range' ? new SlotCells(WIDTH) : undefined;
  }

  get slotBytes(): number {
    return this.#seen === undefined ? 16 : 16 + 8 * WIDTH;
  }

  reserve(count: number): void {
    this.#limits.reserve(count);
    this.#seen?.reserve(count);
  }

  /** Inside the range is no score to be told. */
  setFloor(): void {}

  score(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: ScoreHandler,
  ): void {
    const { bounds } = this.#limits;
    const { current } = this;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) continue;
      this.#lower = bounds[2 * slot]!;
      this.#upper = bounds[2 * slot + 1]!;
      if (this.#seen !== undefined && this.#lower === -Infinity && this.#upper === Infinity) {
        this.#follow(this.#seen.values, slot * WIDTH, value);
      }
      if (value < this.#lower || value > this.#upper) {
        current.score = distanceOutside(value, this.#lower, this.#upper);
        current.parts[0] = current.score;
        handler.onScore(i, this);
      }
    }
  }

  explain(): void {
    this.current.lower = finiteOrNaN(this.#lower);
    this.current.upper = finiteOrNaN(this.#upper);
  }

  appear(slot: number): void {
    this.#limits.ask(slot);
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const { bounds } = this.#limits;
    const given = { min: finiteOrNull(bounds[2 * slot]!), max: finiteOrNull(bounds[2 * slot + 1]!) };
    if (this.#seen === undefined || this.#seen.values[slot * WIDTH] === 0) return given;
    const [, seenMin, seenMax] = this.#seen.values.subarray(slot * WIDTH, slot * WIDTH + WIDTH);
    return { ...given, seen_min: seenMin!, seen_max: seenMax! };
  }

  pack(slot: number, out: StateRow): void {
    this.#seen?.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#seen?.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#seen?.reset(slot);
  }

  /** The band around what was seen before the value, which is then seen, too. */
  #follow(seen: Float64Array, cell: number, value: number): void {
    const count = seen[cell + COUNT]!;
    const [min, max] = [seen[cell + MIN]!, seen[cell + MAX]!];
    if (count >= SEEN_MIN_COUNT) {
      const margin = SEEN_MARGIN * (max - min);
      this.#lower = min - margin;
      this.#upper = max + margin;
    }
    // An infinite reading would make a range of everything.
    if (Math.abs(value) === Infinity) return;
    seen[cell + COUNT] = count + 1;
    seen[cell + MIN] = count === 0 ? value : Math.min(min, value);
    seen[cell + MAX] = count === 0 ? value : Math.max(max, value);
  }
}

/** The limits of each slot, asked for once, when the slot appears. */
export class SlotLimits {
  /** Interleaved min and max. */
  bounds = new Float64Array(0);
  readonly #limits: (slot: number) => Limits;
  #reserved = 0;

  constructor(limits: (slot: number) => Limits) {
    this.#limits = limits;
  }

  reserve(count: number): void {
    if (2 * count > this.bounds.length) {
      const bounds = new Float64Array(2 * Math.max(count, this.bounds.length, 16));
      bounds.set(this.bounds);
      this.bounds = bounds;
    }
    for (let slot = this.#reserved; slot < count; slot++) this.ask(slot);
    this.#reserved = Math.max(this.#reserved, count);
  }

  ask(slot: number): void {
    const { min, max } = this.#limits(slot);
    this.bounds[2 * slot] = min;
    this.bounds[2 * slot + 1] = max;
  }
}

function distanceOutside(value: number, min: number, max: number): number {
  const [distance, bound] = value < min ? [min - value, min] : [value - max, max];
  const width = max - min;
  const scale = width > 0 && width < Infinity ? width : Math.abs(bound) || 1;
  return Math.min(MAX_RANGE_SCORE, distance / scale);
}

function finiteOrNull(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null;
}

function finiteOrNaN(bound: number): number {
  return Number.isFinite(bound) ? bound : NaN;
}
