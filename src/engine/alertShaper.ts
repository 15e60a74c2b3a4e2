import type { StateRow } from './stateRow.ts';

/** How scores above the threshold become alerts; all of it in event time, so that a replay does the same. */
export interface AlertShaping {
  /** After an alert of a slot, none of the same slot within this time, unless its score is higher. */
  readonly refractoryMs: number;
  /** This many of the last `of` values have to be above the threshold; default 1 of 1. */
  readonly atLeast?: number;
  /** 1 to 32. */
  readonly of?: number;
  /**
   * Hysteresis: an alert lasts until a score falls below this part of the threshold, and while it lasts only a higher
   * score alerts again. Default: it ends with each score that is not above the threshold.
   */
  readonly closeBelow?: number;
  /** With hysteresis: the value that ends an alert is told, too. */
  readonly tellsEnd?: boolean;
}

// What a slot keeps.
const TIME = 0;
const SCORE = 1;
/** Bits of the last values, the newest lowest: 1 where it was above the threshold. */
const RECENT = 2;
/** 1 while an alert lasts. */
const OPEN = 3;
const WIDTH = 4;

/** Decides which scores alert. State by slot: time and score of the last alert, and what came since. */
export class AlertShaper {
  readonly shaping: AlertShaping;
  /** Whether each alert will have an end, which is told. */
  readonly tellsEnd: boolean;
  /** Whether it has to see scores below the threshold, too. */
  readonly seesAll: boolean;
  readonly #atLeast: number;
  readonly #mask: number;
  readonly #closeBelow: number | undefined;
  /** Whether the last score ended an alert, which is to be told. */
  hasEnded = false;
  #cells = new Float64Array(0);

  constructor(shaping: AlertShaping) {
    this.shaping = shaping;
    this.#atLeast = shaping.atLeast ?? 1;
    const of = shaping.of ?? this.#atLeast;
    this.#mask = of >= 32 ? -1 : (1 << of) - 1;
    this.#closeBelow = shaping.closeBelow;
    this.tellsEnd = shaping.tellsEnd === true && this.#closeBelow !== undefined;
    this.seesAll = of > 1 || this.#closeBelow !== undefined;
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    const from = this.#cells.length;
    if (WIDTH * slots <= from) return;
    const cells = new Float64Array(WIDTH * Math.max(slots, (2 * from) / WIDTH, 16));
    cells.set(this.#cells);
    this.#cells = cells;
    for (let slot = from / WIDTH; WIDTH * slot < cells.length; slot++) this.reset(slot);
  }

  /** Whether the score of a value at event time `timeMs` (epoch ms) alerts; if so, it is remembered. */
  next(slot: number, timeMs: number, score: number, threshold: number): boolean {
    const cells = this.#cells;
    const cell = slot * WIDTH;
    const isAbove = score > threshold;
    this.hasEnded = false;
    if (this.seesAll && !this.#follow(cell, score, threshold, isAbove)) return false;
    if (!isAbove) return false;
    const lastTimeMs = cells[cell + TIME]!;
    const isHigher = score > cells[cell + SCORE]!;
    // A late record may be older than the last alert: it is held back only when it is near to it.
    if (!isHigher && Math.abs(timeMs - lastTimeMs) < this.shaping.refractoryMs) return false;
    if (!isHigher && cells[cell + OPEN] === 1) return false;
    if (this.#closeBelow !== undefined) cells[cell + OPEN] = 1;
    if (timeMs < lastTimeMs) return true;
    cells[cell + TIME] = timeMs;
    cells[cell + SCORE] = score;
    return true;
  }

  pack(slot: number, out: StateRow): void {
    out.putDoubles(this.#cells, WIDTH * slot, WIDTH * (slot + 1));
  }

  unpack(slot: number, from: StateRow): void {
    from.doubles(this.#cells, WIDTH * slot, WIDTH * (slot + 1));
  }

  /** The last alert, null where there was none. */
  describe(slot: number): { readonly time_ms: number; readonly score: number } | null {
    const time = this.#cells[WIDTH * slot + TIME]!;
    return Number.isNaN(time) ? null : { time_ms: time, score: this.#cells[WIDTH * slot + SCORE]! };
  }

  reset(slot: number): void {
    const cell = WIDTH * slot;
    this.#cells.fill(NaN, cell, cell + RECENT);
    this.#cells.fill(0, cell + RECENT, cell + WIDTH);
  }

  /** Takes the score into what came last; returns whether enough of it was above the threshold. */
  #follow(cell: number, score: number, threshold: number, isAbove: boolean): boolean {
    const cells = this.#cells;
    const recent = ((cells[cell + RECENT]! << 1) | (isAbove ? 1 : 0)) & this.#mask;
    cells[cell + RECENT] = recent;
    if (this.#closeBelow !== undefined && score < this.#closeBelow * threshold) {
      this.hasEnded = this.tellsEnd && cells[cell + OPEN] === 1;
      cells[cell + OPEN] = 0;
    }
    return bitCount(recent) >= this.#atLeast;
  }
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
