import { verdict } from '../detectors/detector.ts';
import { SlotBlocks, SlotCells } from '../detectors/slotBlocks.ts';
import { log10 } from '../math.ts';
import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import type { FoundHandler, ValueWatch } from './valueWatch.ts';

/** So many of the longest runs are kept, longest first. */
const KEPT = 8;
/** Runs, and kinds of values, that have to be seen first. */
const MIN_RUNS = 64;
const MIN_KINDS = 12;
/** A run is told when it is at least this long, and this many times the longest one before. */
const LEAST_RUN = 5;
const LONGEST_TIMES = 3;
/** Mean excess of the longest runs at least: half a value. */
const LEAST_EXCESS = 0.5;
/** No score is above. */
const MAX_SCORE = 60;

// What a slot keeps in doubles.
const VALUE = 0;
const TIME = 1;
/** Values of the run so far; 0 before the first value. */
const RUN = 2;
/** Runs that have ended. */
const RUNS = 3;
const MIN = 4;
const MAX = 5;
/** A bit for each of 32 kinds that values fall into by their bits. */
const KINDS = 6;
/** Length at which the run is told: NaN while it is not worked out, Infinity if never; above TOLD, it was told. */
const LIMIT = 7;
const WIDTH = 8;

/**
 * Tells a sensor that freezes: a run of equal values that is longer than the slot has shown. The score is -log10 of the
 * probability that a run gets as long: by the eight longest runs so far, with an exponential tail of their mean excess
 * (peaks over threshold as in SPOT, Siffer et al. 2017, with the shape fixed at 0). The run has to be five values and three times
 * the longest one before, too. It is told once, by the value that makes it long enough.
 *
 * Not told are runs at the least or the greatest value so far, where idle and saturated gauges, switches, and counters rest,
 * and of slots with fewer than 64 runs or about a dozen kinds of values. A value with the time of the one before is no
 * further value of a run. A told run is learnt as half as long as the length at which it was told.
 *
 * Cost: 0.02 us a value; 144 bytes a slot.
 */
export class FlatWatch implements ValueWatch {
  readonly partNames = ['run'] as const;
  readonly current = verdict(1);
  readonly #cells = new SlotCells(WIDTH);
  readonly #longest = new SlotBlocks(KEPT);
  readonly #thresholds = new SlotCells(1);

  reserve(count: number): void {
    this.#cells.reserve(count);
    this.#longest.reserve(count);
    this.#thresholds.reserve(count);
  }

  setThreshold(slot: number, threshold: number): void {
    this.#thresholds.values[slot] = threshold;
  }

  observe(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: FoundHandler,
  ): void {
    const cells = this.#cells.values;
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      if (slot < 0 || Number.isNaN(value)) continue;
      const cell = slot * WIDTH;
      const time = times[i]!;
      if (value !== cells[cell + VALUE] || cells[cell + RUN] === 0) {
        this.#begin(slot, cell, time, value);
        continue;
      }
      if (!(time > cells[cell + TIME]!)) continue;
      cells[cell + TIME] = time;
      const run = cells[cell + RUN]! + 1;
      cells[cell + RUN] = run;
      if (run < LEAST_RUN) continue;
      if (Number.isNaN(cells[cell + LIMIT]!)) cells[cell + LIMIT] = this.#limit(slot, cell);
      if (run < cells[cell + LIMIT]!) continue;
      cells[cell + LIMIT] = TOLD + run;
      this.#describeRun(slot, cell);
      handler.onFound(i);
    }
  }

  /** Ends the run before, and begins one. */
  #begin(slot: number, cell: number, time: number, value: number): void {
    const cells = this.#cells.values;
    const run = cells[cell + RUN]!;
    if (run > 0) {
      cells[cell + RUNS] = cells[cell + RUNS]! + 1;
      const limit = cells[cell + LIMIT]!;
      this.#learn(slot, limit >= TOLD && limit < Infinity ? (limit - TOLD) / 2 : run);
    } else {
      cells[cell + MIN] = value;
      cells[cell + MAX] = value;
    }
    if (value < cells[cell + MIN]!) cells[cell + MIN] = value;
    if (value > cells[cell + MAX]!) cells[cell + MAX] = value;
    cells[cell + KINDS] = cells[cell + KINDS]! | kindOf(value);
    cells[cell + VALUE] = value;
    cells[cell + TIME] = time;
    cells[cell + RUN] = 1;
    cells[cell + LIMIT] = NaN;
  }

  #learn(slot: number, run: number): void {
    const block = this.#longest.block(slot);
    const base = this.#longest.base(slot);
    let place = base + KEPT - 1;
    if (run <= block[place]!) return;
    for (; place > base && block[place - 1]! < run; place--) block[place] = block[place - 1]!;
    block[place] = run;
  }

  /** Length from which on the run is told; Infinity if never. */
  #limit(slot: number, cell: number): number {
    const cells = this.#cells.values;
    const value = cells[cell + VALUE]!;
    if (value <= cells[cell + MIN]! || value >= cells[cell + MAX]!) return Infinity;
    const runs = cells[cell + RUNS]!;
    if (runs < MIN_RUNS || bitCount(cells[cell + KINDS]!) < MIN_KINDS) return Infinity;
    const block = this.#longest.block(slot);
    const base = this.#longest.base(slot);
    const beyond = this.#thresholds.values[slot]! - log10(runs / KEPT);
    const byTail = block[base + KEPT - 1]! + beyond * Math.LN10 * this.#excess(slot);
    return Math.max(LEAST_RUN, LONGEST_TIMES * block[base]!, Math.ceil(byTail + SMALL));
  }

  /** Mean of what the longest runs exceed the shortest of them by. */
  #excess(slot: number): number {
    const block = this.#longest.block(slot);
    const base = this.#longest.base(slot);
    let sum = 0;
    for (let k = 0; k < KEPT - 1; k++) sum += block[base + k]! - block[base + KEPT - 1]!;
    return Math.max(LEAST_EXCESS, sum / (KEPT - 1));
  }

  #describeRun(slot: number, cell: number): void {
    const cells = this.#cells.values;
    const { current } = this;
    const excess = this.#excess(slot);
    const least = this.#longest.block(slot)[this.#longest.base(slot) + KEPT - 1]!;
    const score = log10(cells[cell + RUNS]! / KEPT) + (cells[cell + RUN]! - least) / excess / Math.LN10;
    current.score = Math.min(MAX_SCORE, score);
    current.parts[0] = current.score;
    current.expected = NaN;
    current.lower = NaN;
    current.upper = NaN;
  }

  pack(slot: number, out: StateRow): void {
    this.#cells.pack(slot, out);
    const base = this.#longest.base(slot);
    out.putFloats(this.#longest.block(slot), base, base + KEPT);
  }

  unpack(slot: number, from: StateRow): void {
    this.#cells.unpack(slot, from);
    const base = this.#longest.base(slot);
    from.floats(this.#longest.block(slot), base, base + KEPT);
  }

  reset(slot: number): void {
    this.#cells.reset(slot);
    const base = this.#longest.base(slot);
    this.#longest.block(slot).fill(0, base, base + KEPT);
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const cell = slot * WIDTH;
    const cells = this.#cells.values;
    const limit = cells[cell + RUN]! > 0 ? this.#limit(slot, cell) : Infinity;
    return {
      run: cells[cell + RUN]!,
      runs: cells[cell + RUNS]!,
      longest_run: this.#longest.block(slot)[this.#longest.base(slot)]!,
      told_at_run: Number.isFinite(limit) ? limit : null,
    };
  }
}

/** Above any length of a run: a limit from here on says that the run was told, and at which length. */
const TOLD = 2 ** 50;
/** A score has to be above the threshold, not at it. */
const SMALL = 1e-9;

const bits = new DataView(new ArrayBuffer(8));

/** One of 32 bits, by the bits of the value. */
function kindOf(value: number): number {
  bits.setFloat64(0, value);
  let hash = bits.getInt32(0) ^ bits.getInt32(4);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x45d9f3b);
  return 1 << (hash >>> 27);
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}
