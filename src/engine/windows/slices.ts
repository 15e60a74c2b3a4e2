import type { Layout } from './layout.ts';
import { CELL, mergeCell } from './moments.ts';
import { Pane } from './pane.ts';

/** A slice, or several that follow each other, put together. */
interface Node {
  readonly pane: Pane;
  /** Series whose values changed since it was put together. */
  readonly stale: number[];
}

/**
 * The slices of a hopping window by their number, and sums over 2, 4, 8, ... of them that begin at a multiple of their
 * length: a window is put together from a few of those. A sum is made when it is first needed and depends on its slices
 * only, so none of them is part of a snapshot.
 */
export class Slices {
  /** Ascending by number. */
  readonly panes: Pane[] = [];
  readonly #layout: Layout;
  readonly #sliceMs: number;
  readonly #offsetMs: number;
  /** By level from 1 on: sums of 2^level slices, by number / 2^level. */
  readonly #sums: Map<number, Node>[] = [];
  readonly #free: Pane[] = [];
  #series = 0;

  constructor(layout: Layout, sliceMs: number, offsetMs: number) {
    this.#layout = layout;
    this.#sliceMs = sliceMs;
    this.#offsetMs = offsetMs;
  }

  reserve(series: number): void {
    this.#series = Math.max(series, this.#series);
    for (const pane of this.panes) pane.reserve(this.#series);
  }

  numberOf(timeMs: number): number {
    return Math.floor((timeMs - this.#offsetMs) / this.#sliceMs);
  }

  /** The slice of a number, undefined when it has no record. */
  at(number: number): Pane | undefined {
    const pane = this.panes[this.#indexFrom(number)];
    return pane?.start === this.#startOf(number) ? pane : undefined;
  }

  open(number: number): Pane {
    const pane = this.#newPane();
    pane.start = this.#startOf(number);
    pane.end = pane.start + this.#sliceMs;
    let at = this.panes.length;
    while (at > 0 && this.panes[at - 1]!.start > pane.start) at--;
    this.panes.splice(at, 0, pane);
    this.#dropSums(number);
    return pane;
  }

  /** Drops slices below `number`, and the sums that hold any of them. */
  dropBelow(number: number): void {
    while (this.panes.length > 0 && this.numberOf(this.panes[0]!.start) < number) {
      this.#release(this.panes.shift()!);
    }
    for (let level = 0; level < this.#sums.length; level++) {
      for (const [at, node] of this.#sums[level]!) {
        if (at * 2 ** (level + 1) >= number) continue;
        this.#release(node.pane);
        this.#sums[level]!.delete(at);
      }
    }
  }

  /**
   * A slice is about to change by values of a series: sums over it change as well. Where the series is new in it, its
   * place in their order may be another, so they are made anew.
   */
  touch(number: number, series: number, isNew: boolean): void {
    if (isNew) {
      this.#dropSums(number);
      return;
    }
    for (let level = 0; level < this.#sums.length; level++) {
      this.#sums[level]!.get(Math.floor(number / 2 ** (level + 1)))?.stale.push(series);
    }
  }

  /** Puts slices from <= number < to together into `into`, which is empty. */
  sum(from: number, to: number, into: Pane): void {
    let at = from;
    while (at < to) {
      let level = 0;
      while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= to) level++;
      const part = this.#part(level, at / 2 ** level);
      if (part !== undefined) this.#mergeAll(into, part);
      at += 2 ** level;
    }
  }

  /** Puts slices from <= number < to of one series together. */
  sumOf(series: number, from: number, to: number, into: Pane): void {
    for (const pane of this.panes) {
      const number = this.numberOf(pane.start);
      if (number >= from && number < to && this.has(pane, series)) this.#mergeOne(into, pane, series);
    }
  }

  has(pane: Pane, series: number): boolean {
    return series < pane.place.length && pane.place[series] !== 0;
  }

  forget(series: number): void {
    for (const pane of this.panes) if (this.has(pane, series)) pane.forget(series);
    this.#dropAllSums();
  }

  /** An empty pane, to sum into. */
  #newPane(): Pane {
    const pane = this.#free.pop() ?? new Pane(this.#layout, Math.max(this.#series, 64), false);
    pane.reserve(this.#series);
    return pane;
  }

  #startOf(number: number): number {
    return number * this.#sliceMs + this.#offsetMs;
  }

  /** Index of the first slice from `number` on. */
  #indexFrom(number: number): number {
    const start = this.#startOf(number);
    let low = 0;
    let high = this.panes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.panes[middle]!.start < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The sum of 2^level slices, the slice itself for level 0; undefined when none has a record. */
  #part(level: number, at: number): Pane | undefined {
    if (level === 0) return this.at(at);
    // Ranges without a record are not looked into: where values are rare they are most of a window.
    const first = this.panes[this.#indexFrom(at * 2 ** level)];
    if (first === undefined || this.numberOf(first.start) >= (at + 1) * 2 ** level) return undefined;
    while (this.#sums.length < level) this.#sums.push(new Map());
    const sums = this.#sums[level - 1]!;
    const known = sums.get(at);
    // What makes a part of it stale makes it stale as well.
    if (known?.stale.length === 0) return known.pane;
    const [left, right] = [this.#part(level - 1, at * 2), this.#part(level - 1, at * 2 + 1)];
    if (known !== undefined) {
      for (const series of known.stale) this.#again(known.pane, series, left, right);
      known.stale.length = 0;
      return known.pane;
    }
    const pane = this.#newPane();
    if (left !== undefined) this.#mergeAll(pane, left);
    if (right !== undefined) this.#mergeAll(pane, right);
    sums.set(at, { pane, stale: [] });
    return pane;
  }

  #mergeAll(into: Pane, from: Pane): void {
    const { count, order } = from;
    for (let k = 0; k < count; k++) if (order[k]! >= 0) this.#mergeOne(into, from, order[k]!);
    into.missing |= from.missing;
  }

  #mergeOne(into: Pane, from: Pane, series: number): void {
    const { fields, accumulators } = this.#layout;
    if (into.place[series] === 0) into.begin(series);
    for (let slot = series * fields; slot < (series + 1) * fields; slot++) {
      mergeCell(into.base, slot * CELL, from.base, slot * CELL);
      for (let a = 0; a < accumulators.length; a++) {
        accumulators[a]!.merge(into.tables[a]!, slot, from.tables[a]!, slot);
      }
    }
    into.missing |= from.missing;
  }

  /** Sums one series of a sum anew; it keeps its place. */
  #again(pane: Pane, series: number, left: Pane | undefined, right: Pane | undefined): void {
    this.#layout.begin(pane.base, pane.tables, series * this.#layout.fields);
    if (left !== undefined && this.has(left, series)) this.#mergeOne(pane, left, series);
    if (right !== undefined && this.has(right, series)) this.#mergeOne(pane, right, series);
  }

  #dropSums(number: number): void {
    for (let level = 0; level < this.#sums.length; level++) {
      const at = Math.floor(number / 2 ** (level + 1));
      const node = this.#sums[level]!.get(at);
      if (node === undefined) continue;
      this.#release(node.pane);
      this.#sums[level]!.delete(at);
    }
  }

  #dropAllSums(): void {
    for (const sums of this.#sums) {
      for (const { pane } of sums.values()) this.#release(pane);
      sums.clear();
    }
  }

  #release(pane: Pane): void {
    pane.release();
    this.#free.push(pane);
  }
}
