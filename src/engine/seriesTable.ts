import type { ColumnBatch } from './batch.ts';
import type { KeyDictionary } from './keys.ts';
import { RecentSeries } from './recentSeries.ts';
import type { StateReader, StateWriter } from './state.ts';

/** How long series are kept, and how many of them. */
export interface SeriesLimits {
  /** Event time after which a series without a record is forgotten; Infinity for never. */
  readonly ttlMs: number;
  /** Times to live of single operators, by their ids. */
  readonly operatorTtlMs: ReadonlyMap<string, number>;
  /** Infinity for no bound. */
  readonly maxSeries: number;
  /** Whether a series too many is refused, or takes the place of the one that was seen least recently. */
  readonly onFull: 'reject' | 'evict';
}

/** What the pipeline does for its series. */
export interface SeriesOwner {
  /** A key begins to have state. */
  appear(series: number): void;
  /** Whether an open window holds records of the series. */
  holdsOpen(series: number): boolean;
  /** The series is forgotten by all operators. */
  drop(series: number): void;
  /** The series is forgotten by one operator. */
  dropFrom(operator: string, series: number): void;
}

/**
 * Which series have state, since when, and for how long.
 *
 * The dictionary gives ids to the keys of a whole batch before the first of its records is processed, so having an id
 * is not yet having state: a series is admitted at its record, in record order, and what it is refused or loses by then
 * depends on the records before it only. Ids that lost their state are freed between two batches, when nothing that was
 * put out names them any more.
 */
export class SeriesTable {
  /** By series: event time of its newest record, and number of its records. */
  times: Float64Array = new Float64Array(0);
  /** By series, 1 where its state has changed since the last cut. */
  dirty: Uint8Array = new Uint8Array(0);
  /** Number of series with state. */
  count = 0;
  readonly #keys: KeyDictionary;
  readonly #limits: SeriesLimits | undefined;
  readonly #owner: SeriesOwner;
  readonly #recent: RecentSeries | undefined;
  readonly #shortestTtlMs: number;
  /** By series, 1 where it has state. Only with limits: without, all that have an id do. */
  #live: Uint8Array = new Uint8Array(0);
  #toFree: number[] = [];
  #sweptAt = -Infinity;

  constructor(keys: KeyDictionary, limits: SeriesLimits | undefined, owner: SeriesOwner) {
    this.#keys = keys;
    this.#limits = limits;
    this.#owner = owner;
    if (limits?.onFull === 'evict' && limits.maxSeries < Infinity) this.#recent = new RecentSeries();
    this.#shortestTtlMs = limits === undefined ? Infinity : Math.min(limits.ttlMs, ...limits.operatorTtlMs.values());
  }

  /** Makes room for series below `count`. */
  reserve(count: number): void {
    if (count <= this.dirty.length) return;
    const capacity = Math.max(count, 2 * this.dirty.length, 64);
    const times = new Float64Array(2 * capacity);
    times.set(this.times);
    for (let at = this.times.length; at < times.length; at += 2) times[at] = -Infinity;
    this.times = times;
    this.dirty = grown(this.dirty, capacity);
    if (this.#limits !== undefined) this.#live = grown(this.#live, capacity);
    this.#recent?.reserve(capacity);
  }

  has(series: number): boolean {
    return this.#limits === undefined ? this.#keys.has(series) : this.#live[series] === 1;
  }

  /**
   * Admits the series of records from <= i < to; returns the first record whose series is one too many as things
   * stand, `to` where there is none.
   */
  admit(series: Int32Array, from: number, to: number): number {
    const limits = this.#limits;
    if (limits === undefined) return to;
    const live = this.#live;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      if (id < 0 || live[id] === 1) continue;
      if (this.count >= limits.maxSeries) return i;
      this.#begin(id);
    }
    return to;
  }

  /** Makes place for a series too many, or returns false: it is refused. Everything before its record is processed. */
  admitFull(id: number): boolean {
    const leaving = this.#evictable();
    if (leaving < 0) {
      this.#toFree.push(id);
      return false;
    }
    this.#drop(leaving);
    this.#begin(id);
    return true;
  }

  /** Notes records from <= i < to, whose series are admitted. */
  touch(batch: ColumnBatch, from: number, to: number): void {
    const { series, eventTimes } = batch;
    for (let i = from; i < to; i++) if (series[i]! >= 0) this.touchOne(series[i]!, eventTimes[i]!);
  }

  touchOne(id: number, time: number): void {
    const { times } = this;
    if (time > times[2 * id]!) times[2 * id] = time;
    times[2 * id + 1] = times[2 * id + 1]! + 1;
    this.dirty[id] = 1;
    this.#recent?.touch(id);
  }

  /** Sets out[series] to 1 for all that have state, and to 0 for the rest. */
  markAll(out: Uint8Array): void {
    if (this.#limits === undefined && this.#keys.count === this.#keys.size) {
      out.fill(0).fill(1, 0, this.#keys.size);
      return;
    }
    for (let series = 0; series < out.length; series++) out[series] = this.has(series) ? 1 : 0;
  }

  /** Whether more than half of the series changed since the last cut. */
  isMostlyChanged(): boolean {
    let changed = 0;
    for (let id = 0; id < this.#keys.size; id++) changed += this.dirty[id]!;
    return changed * 2 > this.#keys.count;
  }

  /** The lowest watermark above `watermark` at which series can be forgotten: a sixteenth of the shortest time apart. */
  nextSweep(watermark: number): number {
    if (this.#shortestTtlMs === Infinity) return Infinity;
    if (watermark === -Infinity) return -Infinity;
    const step = Math.max(1, Math.floor(this.#shortestTtlMs / SWEEPS));
    return Math.floor(watermark / step) * step + step;
  }

  /** Forgets what is older than its time to live allows; returns whether a series lost all of its state. */
  sweep(watermark: number): boolean {
    const { ttlMs, operatorTtlMs } = this.#limits!;
    const before = this.count;
    const { times } = this;
    for (let id = 0; id < this.#keys.size; id++) {
      if (this.#live[id] === 0) continue;
      const time = times[2 * id]!;
      // Admitted for a record that is yet to be processed.
      if (time === -Infinity) continue;
      if (time < watermark - ttlMs && !this.#owner.holdsOpen(id)) {
        this.#drop(id);
        continue;
      }
      for (const [operator, operatorTtl] of operatorTtlMs) {
        // What was older at the last sweep is forgotten already.
        if (time < watermark - operatorTtl && !(time < this.#sweptAt - operatorTtl)) this.#owner.dropFrom(operator, id);
      }
    }
    this.#sweptAt = watermark;
    return this.count < before;
  }

  /** Frees the ids of what was forgotten or refused: between two batches, after what names them is out. */
  release(): void {
    if (this.#limits === undefined) return;
    this.releaseDropped();
    // Keys of records that were left out before they came here.
    if (this.#keys.count <= this.count + UNUSED_KEYS) return;
    for (let id = 0; id < this.#keys.size; id++) {
      if (this.#keys.has(id) && this.#live[id] !== 1) this.#keys.free(id);
    }
  }

  /** The same, but for keys without state that a batch may hold which is decoded and yet to be processed. */
  releaseDropped(): void {
    for (const id of this.#toFree) if (this.#live[id] === 0 && this.#keys.has(id)) this.#keys.free(id);
    this.#toFree = [];
  }

  snapshot(state: StateWriter): void {
    const { size } = this.#keys;
    this.reserve(size);
    state.number('sweptAt', this.#sweptAt);
    state.array('times', this.times, 2 * size);
    if (this.#limits !== undefined) state.array('live', this.#live, size);
    if (this.#recent !== undefined) {
      const order = this.#recent.order();
      state.array('recent', order, order.length);
    }
  }

  /** After the dictionary. */
  restore(state: StateReader): void {
    const { size } = this.#keys;
    this.reserve(size);
    // Version 0.1 kept no times: there a series was never forgotten, and its time begins with its next record.
    if (state.has('times')) {
      this.times.set(state.f64('times').subarray(0, 2 * size));
      this.#sweptAt = state.number('sweptAt');
    }
    if (this.#limits === undefined) return;
    for (let id = 0; id < size; id++) this.#live[id] = this.#keys.has(id) ? 1 : 0;
    if (state.has('live')) this.#live.set(state.u8('live').subarray(0, size));
    this.count = 0;
    for (let id = 0; id < size; id++) this.count += this.#live[id]!;
    if (this.#recent === undefined) return;
    // Where no order was kept, as there was no bound, the times stand for it.
    const order = state.has('recent') ? Array.from(state.i32('recent')) : this.#byTime(size);
    for (const id of order) this.#recent.touch(id);
  }

  /** Takes over a series of another table, under an id that has no state here yet. */
  adopt(id: number, from: SeriesTable, fromId: number): void {
    if (this.#limits !== undefined) this.#begin(id);
    this.times[2 * id] = from.times[2 * fromId]!;
    this.times[2 * id + 1] = from.times[2 * fromId + 1]!;
    this.dirty[id] = 1;
    this.#recent?.touch(id);
  }

  /** Of those seen least recently the first that no open window holds, -1 where all of them are held. */
  #evictable(): number {
    const recent = this.#recent;
    if (recent === undefined) return -1;
    let id = recent.oldest;
    for (let k = 0; k < EVICT_LOOKS && id >= 0; k++, id = recent.after(id)) if (!this.#owner.holdsOpen(id)) return id;
    return -1;
  }

  #byTime(size: number): number[] {
    const ids: number[] = [];
    for (let id = 0; id < size; id++) if (this.#live[id] === 1) ids.push(id);
    return ids.sort((a, b) => this.times[2 * a]! - this.times[2 * b]! || a - b);
  }

  #begin(id: number): void {
    this.#live[id] = 1;
    this.count++;
    this.#owner.appear(id);
  }

  #drop(id: number): void {
    this.#owner.drop(id);
    this.#live[id] = 0;
    this.count--;
    this.times[2 * id] = -Infinity;
    this.times[2 * id + 1] = 0;
    this.dirty[id] = 1;
    this.#recent?.remove(id);
    this.#toFree.push(id);
  }
}

/** How many times within the shortest time to live the series are looked through. */
const SWEEPS = 16;
/** How many series are looked at for one that may go: it happens at each record of a series that is refused. */
const EVICT_LOOKS = 64;
/** So many keys without state do not matter. */
const UNUSED_KEYS = 4096;

function grown(values: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(values);
  return out;
}
