import { AlertRows, type Column, grown, type Rule } from '../rows.ts';

/** Asked rows that are handed to the model together. */
export interface AskedRows {
  readonly rows: number;
  /** rows x (length + 1) x channels, row-major, oldest first. Valid until the next record is processed. */
  readonly windows: Float32Array;
  /** Offset of the record that each row was asked at, ascending. */
  readonly offsets: Float64Array;
  readonly series: Int32Array;
}

/**
 * Values that the detector has scored and that wait for the model, in their order: what an alert of each would be, and
 * whether the model is asked for it. A row waits, too, for the rows before it.
 */
export class PendingScores extends AlertRows {
  /** Rows below it are settled; they make room when there are many. */
  head = 0;
  /** 1 where the model is asked. */
  asked = new Uint8Array(INITIAL);
  /** Offset of the record that was processed last when the row came to be, in the partition that is processed. */
  at = new Float64Array(INITIAL);
  /** Index into the batch, or the table of windows, that is being scored: of no use afterwards. */
  index = new Int32Array(INITIAL);
  /** Which of the states that were set aside the row is of: its series was forgotten since. -1: none. */
  aside = new Int32Array(INITIAL);
  /** 0 where the value is too near to what is expected to be worth an alert, whatever the model says. */
  worth = new Uint8Array(INITIAL);
  /** What is taken off a model's score as values come often. */
  chances = new Float64Array(INITIAL);
  /** 1 for an alert of another rule, which only waits for its turn. */
  ready = new Uint8Array(INITIAL);
  /** Asked rows that wait for a score, handed over or not. */
  askedCount = 0;
  /** Rows that were asked ever, those of the states included that this one goes on from. */
  askedEver = 0;
  readonly #size: number;
  #windows: Float32Array<ArrayBuffer>;
  /** Rows whose windows are in the buffer: those below `taken` were handed over. */
  #buffered = 0;
  #taken = 0;
  /** Where the search for the next row that was not handed over begins. */
  #next = 0;

  /** @param size numbers of a window */
  constructor(rules: readonly Rule[], size: number) {
    super(rules);
    this.#size = size;
    this.#windows = new Float32Array(INITIAL * size);
  }

  /** Rows that wait. */
  get waiting(): number {
    return this.count - this.head;
  }

  /** Asked rows that are not handed over yet. */
  get untaken(): number {
    return this.#buffered - this.#taken;
  }

  /** Offset at which the next row was asked that is not handed over; NaN where there is none. */
  get nextAt(): number {
    if (this.untaken === 0) return NaN;
    let row = this.#next;
    while (this.asked[row] === 0) row++;
    return this.at[row]!;
  }

  override reserve(more: number): void {
    super.reserve(more);
    const capacity = this.series.length;
    if (this.asked.length === capacity) return;
    this.asked = grown(this.asked, capacity);
    this.at = grown(this.at, capacity);
    this.index = grown(this.index, capacity);
    this.aside = grown(this.aside, capacity);
    this.worth = grown(this.worth, capacity);
    this.ready = grown(this.ready, capacity);
    this.chances = grown(this.chances, capacity);
  }

  /** What a new row has beside its columns as an alert; whether it is asked in the end is known when its piece ends. */
  begin(row: number, index: number, isWanted: boolean, isWorth: boolean): void {
    this.asked[row] = isWanted ? 1 : 0;
    this.index[row] = index;
    this.aside[row] = -1;
    this.worth[row] = isWorth ? 1 : 0;
    this.ready[row] = 0;
    this.chances[row] = 0;
  }

  /** Takes alerts of other rules over from row `first` on: they are put out in their turn. */
  hold(alerts: AlertRows, first: number): void {
    for (let row = first; row < alerts.count; row++) {
      this.append(alerts, row);
      const own = this.count - 1;
      this.begin(own, -1, false, true);
      this.ready[own] = 1;
    }
    alerts.count = first;
  }

  /** Notes that the model is asked for a row: rows in their order. Returns the buffer and where its window goes. */
  ask(row: number): { readonly buffer: Float32Array; readonly at: number } {
    this.asked[row] = 1;
    this.askedCount++;
    this.askedEver++;
    if ((this.#buffered + 1) * this.#size > this.#windows.length) this.#makeRoom();
    const at = this.#buffered++ * this.#size;
    this.#place.buffer = this.#windows;
    this.#place.at = at;
    return this.#place;
  }

  /** Hands the next asked rows over, `most` at most; undefined where there is none. */
  take(most: number): AskedRows | undefined {
    const rows = Math.min(most, this.untaken);
    if (rows === 0) return undefined;
    const offsets = new Float64Array(rows);
    const series = new Int32Array(rows);
    let row = this.#next;
    for (let k = 0; k < rows; row++) {
      if (this.asked[row] === 0) continue;
      offsets[k] = this.at[row]!;
      series[k++] = this.series[row]!;
    }
    this.#next = row;
    const windows = this.#windows.subarray(this.#taken * this.#size, (this.#taken + rows) * this.#size);
    this.#taken += rows;
    if (this.#taken === this.#buffered) {
      this.#taken = 0;
      this.#buffered = 0;
    }
    return { rows, windows, offsets, series };
  }

  /** Up to where the scores of the next `asked` rows settle: to the first row that waits for another. */
  settledBy(asked: number): number {
    let left = asked;
    let row = this.head;
    while (row < this.count && (this.asked[row] === 0 || left > 0)) left -= this.asked[row++]!;
    return row;
  }

  /**
   * Series whose state the rows that wait below `to` are settled with: -1 where that was set aside, as the series was
   * forgotten since and its id may be another's by the time that its state would leave memory, and where none is needed.
   */
  owners(to: number): Int32Array {
    if (this.#owners.length < to) this.#owners = new Int32Array(this.series.length);
    for (let row = this.head; row < to; row++) {
      this.#owners[row] = this.aside[row]! >= 0 || this.ready[row] === 1 ? -1 : this.series[row]!;
    }
    return this.#owners;
  }

  /** The rows below `to` are settled. */
  settle(to: number): void {
    for (let row = this.head; row < to; row++) this.askedCount -= this.asked[row]!;
    this.head = to;
    this.#next = Math.max(this.#next, to);
    // Moving the rest up at each turn would cost more than scoring it.
    if (to < this.count && (to < FEW_ROWS || 2 * to < this.count)) return;
    this.drop(to);
    this.#next -= to;
    this.head = 0;
  }

  #makeRoom(): void {
    const kept = this.#windows.subarray(this.#taken * this.#size, this.#buffered * this.#size);
    const isHalfFree = 2 * kept.length <= this.#windows.length;
    const to = isHalfFree ? this.#windows : new Float32Array(2 * this.#windows.length);
    to.set(kept);
    this.#windows = to;
    this.#buffered -= this.#taken;
    this.#taken = 0;
  }

  protected override get columns(): Column[] {
    return [...super.columns, this.asked, this.at, this.index, this.aside, this.worth, this.ready, this.chances];
  }

  readonly #place = { buffer: EMPTY, at: 0 };
  #owners = new Int32Array(0);
}

const INITIAL = 64;
const FEW_ROWS = 512;
const EMPTY = new Float32Array(0);
