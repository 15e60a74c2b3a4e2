import { verdict } from '../detectors/detector.ts';
import { isFirstAbsurd } from '../detectors/firstValue.ts';
import { SlotBlocks, SlotCells } from '../detectors/slotBlocks.ts';
import { TailScores } from '../detectors/tail.ts';
import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { takeMagnitude } from './takeMagnitude.ts';
import type { FoundHandler, ValueWatch } from './valueWatch.ts';

/** How many earlier stretches the present one is compared with. */
const STRETCHES = 1024;
const TAIL_SIZE = 500;
/** A shape comes in value by value: were more learnt, its beginning would hide the rest. */
const LEARN_SCORE = 2.5;
/** Differences to the first value that single precision holds, and whose squares add up. */
const LARGEST = 1e30;
/** What leaves a sum of squares must not be this many times what stays: rounding takes the rest's digits. */
const CANCELS = 1e10;
/** A value that is one of so few dwarfs others this many times as small, and as near to each other. */
const DWARFS = 1e3;
const DWARFING = 8;

// What a slot keeps beside the rest.
const COUNT = 0;
const ANCHOR = 1;
const WIDTH = 2;

/**
 * Tells a shape that has no like among the last: the distance of the last `length` values to the nearest stretch as long
 * among the 1,024 before that do not overlap it, as a calibrated tail of the slot's own last 500 such distances
 * (detectors/tail.ts). That is the left matrix profile (Yeh et al. 2016; DAMP, Lu et al. 2022), with plain Euclidean
 * distances: a shape at another level, or of another size, is another shape. What was told is in the history from then on,
 * so that its like is not told again for as long as it is there. Speaks once the history is full.
 *
 * A distance is moved on from that of the value before; one of them a value is worked out anew, so that rounding does not
 * add up; so is one of which rounding has left nothing after a value that dwarfs the others. Values are kept in single
 * precision, as differences to the first one, or to the third where the first was absurd.
 *
 * Cost: 4 us a value; 17 KB a slot.
 */
export class SubsequenceWatch implements ValueWatch {
  readonly partNames = ['shape'] as const;
  readonly current = verdict(1);
  readonly #length: number;
  readonly #size: number;
  readonly #cells = new SlotCells(WIDTH);
  /** The last values twice over, one copy after the other: any stretch of them lies in one piece. */
  readonly #rings: SlotBlocks;
  /** Squared distances by lag, from that of the nearest stretch that does not overlap. */
  readonly #squares = new SlotCells(STRETCHES);
  readonly #tails = new TailScores(TAIL_SIZE);
  readonly #thresholds = new SlotCells(1);
  /** Of the last value that was taken in: distance to the nearest stretch, NaN while the history is not full. */
  distance = NaN;
  /** Lag of the nearest stretch. */
  #nearest = 0;

  constructor(length: number) {
    this.#length = length;
    this.#size = STRETCHES + 2 * length;
    this.#rings = new SlotBlocks(2 * this.#size);
  }

  reserve(count: number): void {
    this.#cells.reserve(count);
    this.#rings.reserve(count);
    this.#squares.reserve(count);
    this.#tails.reserve(count);
    this.#thresholds.reserve(count);
  }

  setThreshold(slot: number, threshold: number): void {
    this.#thresholds.values[slot] = threshold;
  }

  observe(
    slots: Int32Array,
    _times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: FoundHandler,
  ): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) continue;
      this.distance = this.#distance(slot, value);
      if (Number.isNaN(this.distance)) continue;
      const score = takeMagnitude(this.#tails, slot, this.distance, LEARN_SCORE);
      if (score > this.#thresholds.values[slot]!) {
        this.#fill(slot, score);
        handler.onFound(i);
      }
    }
  }

  /** Takes a value in; returns the distance to the nearest stretch, NaN while the history is not full. */
  #distance(slot: number, value: number): number {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    if (cells[cell + COUNT] === 2 && this.#isFirstAbsurd(slot, value)) this.reset(slot);
    const count = cells[cell + COUNT]!;
    if (count === 0) cells[cell + ANCHOR] = Math.max(-LARGEST, Math.min(LARGEST, value));
    const place = count % this.#size;
    const ring = this.#rings.block(slot);
    const newest = this.#rings.base(slot) + place + this.#size;
    const x = Math.fround(Math.max(-LARGEST, Math.min(LARGEST, value - cells[cell + ANCHOR]!)));
    ring[newest] = x;
    ring[newest - this.#size] = x;
    cells[cell + COUNT] = count + 1;
    const best = this.#moveOn(ring, newest, slot * STRETCHES, value);
    this.#renew(ring, newest, slot * STRETCHES, count % STRETCHES);
    return count + 1 < this.#size ? NaN : Math.sqrt(Math.max(0, best));
  }

  /** Whether the first of two values was no measure for what is kept as differences to it. */
  #isFirstAbsurd(slot: number, value: number): boolean {
    const anchor = this.#cells.values[slot * WIDTH + ANCHOR]!;
    // Of values as they are kept: what rounding has taken from the second is no step.
    const step = Math.fround(value - anchor) - this.#rings.block(slot)[this.#rings.base(slot) + 1]!;
    return isFirstAbsurd(anchor, value, step);
  }

  /** Moves every distance on by one value; before the first value the history counts as zeros. */
  #moveOn(ring: Float32Array, newest: number, first: number, level: number): number {
    const squares = this.#squares.values;
    const length = this.#length;
    const x = ring[newest]!;
    const leaving = ring[newest - length]!;
    const entering = newest - length;
    const left = entering - length;
    let best = Infinity;
    let nearest = 0;
    for (let k = 0; k < STRETCHES; k++) {
      const a = x - ring[entering - k]!;
      const b = leaving - ring[left - k]!;
      const square = squares[first + k]! + a * a - b * b;
      squares[first + k] = square;
      if (square < best) {
        if (b * b > CANCELS * square && this.#isDwarfing(ring, newest, b, level)) {
          this.#renew(ring, newest, first, k);
          if (squares[first + k]! >= best) continue;
        }
        best = squares[first + k]!;
        nearest = k;
      }
    }
    this.#nearest = length + nearest;
    return best;
  }

  /** Whether values that differ so much from the newest are few, so that others, and it, are small beside them. */
  #isDwarfing(ring: Float32Array, newest: number, difference: number, level: number): boolean {
    if (Math.abs(difference) < DWARFS * Math.abs(level)) return false;
    const reach = Math.abs(difference) / DWARFS;
    let count = 0;
    for (let at = newest; at > newest - this.#size; at--) {
      if (Math.abs(ring[at]! - ring[newest]!) > reach && ++count > DWARFING) return false;
    }
    return true;
  }

  #renew(ring: Float32Array, newest: number, first: number, k: number): void {
    const lag = this.#length + k;
    let sum = 0;
    for (let at = newest; at > newest - this.#length; at--) {
      const difference = ring[at]! - ring[at - lag]!;
      sum += difference * difference;
    }
    this.#squares.values[first + k] = sum;
  }

  #fill(slot: number, score: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const newest = this.#rings.base(slot) + ((cells[cell + COUNT]! - 1) % this.#size) + this.#size;
    const { current } = this;
    current.score = score;
    current.parts[0] = score;
    // What came at this place of the shape that is most alike.
    current.expected = cells[cell + ANCHOR]! + this.#rings.block(slot)[newest - this.#nearest]!;
    current.lower = NaN;
    current.upper = NaN;
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    // A slot without a value is nothing but zeros.
    if (this.#cells.values[slot * WIDTH + COUNT] === 0) return;
    const base = this.#rings.base(slot);
    out.putFloats(this.#rings.block(slot), base, base + this.#size);
    this.#squares.pack(slot, out);
    this.#tails.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    if (this.#cells.values[slot * WIDTH + COUNT] === 0) return;
    const base = this.#rings.base(slot);
    const ring = this.#rings.block(slot);
    from.floats(ring, base, base + this.#size);
    ring.copyWithin(base + this.#size, base, base + this.#size);
    this.#squares.unpack(slot, from);
    this.#tails.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
    const base = this.#rings.base(slot);
    this.#rings.block(slot).fill(0, base, base + 2 * this.#size);
    this.#squares.reset(slot);
    this.#tails.clear(slot);
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const count = this.#cells.values[slot * WIDTH + COUNT]!;
    return { values: count, missing_values: Math.max(0, this.#size - count) };
  }
}
