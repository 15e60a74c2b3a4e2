import type { ColdStore } from './coldStore.ts';
import { type RowState, StateRow } from './stateRow.ts';

/**
 * Which series are in the arrays of the operators, where all of them are too many: a series that is needed takes the
 * place of one that was not used lately (CLOCK, Corbato 1968), whose state goes to the cold store as a row. Results do
 * not depend on it, since what was packed and unpacked behaves the same.
 *
 * A row is, an operator after the other, the length of its state and the state; length -1 where there is none.
 */
export class HotSeries {
  /** By place in the arrays: its series, -1 where it is free. */
  seriesOf: Int32Array;
  readonly capacity: number;
  readonly #cold: ColdStore;
  readonly #states: readonly RowState[];
  /** By series: its place, -1 where it is cold. */
  #placeOf: Int32Array = new Int32Array(0);
  readonly #used: Uint8Array;
  /** The round in which a place was asked for last: within a round it is not given away. */
  readonly #rounds: Int32Array;
  #round = 0;
  #count = 0;
  #hand = 0;
  readonly #free: number[] = [];
  readonly #row = new StateRow();

  /** @param capacity how many series are hot; more than twice the series that one round asks for */
  constructor(capacity: number, cold: ColdStore, states: readonly RowState[]) {
    this.capacity = capacity;
    this.#cold = cold;
    this.#states = states;
    this.seriesOf = new Int32Array(capacity).fill(-1);
    this.#used = new Uint8Array(capacity);
    this.#rounds = new Int32Array(capacity).fill(-1);
  }

  /** Makes room for series below `count`. */
  reserve(count: number): void {
    if (count <= this.#placeOf.length) return;
    const placeOf = new Int32Array(Math.max(count, 2 * this.#placeOf.length)).fill(-1);
    placeOf.set(this.#placeOf);
    this.#placeOf = placeOf;
  }

  /** Fills places[i] with the place of series[i], -1 for none, for from <= i < to: at most capacity / 2 of them. */
  bring(series: Int32Array, from: number, to: number, places: Int32Array): void {
    const placeOf = this.#placeOf;
    this.#round++;
    let missing = false;
    for (let i = from; i < to; i++) {
      const place = series[i]! < 0 ? -1 : placeOf[series[i]!]!;
      places[i] = place;
      if (place >= 0) this.#keep(place);
      else if (series[i]! >= 0) missing = true;
    }
    if (!missing) return;
    this.#cold.batch(() => {
      for (let i = from; i < to; i++) {
        if (places[i]! >= 0 || series[i]! < 0) continue;
        // The record before may have brought it.
        const place = placeOf[series[i]!]! >= 0 ? placeOf[series[i]!]! : this.#load(series[i]!);
        this.#keep(place);
        places[i] = place;
      }
    });
  }

  /** Forgets the state of a series, wherever it is. */
  drop(series: number): void {
    const place = this.#placeOf[series]!;
    this.#cold.batch(() => this.#cold.remove(series));
    if (place < 0) return;
    for (const state of this.#states) state.reset(place);
    this.#placeOf[series] = -1;
    this.seriesOf[place] = -1;
    this.#used[place] = 0;
    this.#free.push(place);
  }

  /** Forgets what one operator has of a series. */
  dropFrom(state: RowState, series: number): void {
    const place = new Int32Array(1);
    this.bring(Int32Array.of(series), 0, 1, place);
    state.reset(place[0]!);
  }

  /** Fills `out` with the row of a series. Only within a batch of the cold store. */
  read(series: number, out: StateRow): void {
    const place = this.#placeOf[series]!;
    if (place >= 0) packRow(this.#states, place, out);
    else if (!this.#cold.get(series, out)) out.clear();
  }

  /** Keeps a row as it is, cold. Only within a batch of the cold store, before the series is brought. */
  write(series: number, row: StateRow): void {
    this.#cold.put(series, row);
  }

  batch(work: () => void): void {
    this.#cold.batch(work);
  }

  #keep(place: number): void {
    this.#rounds[place] = this.#round;
    this.#used[place] = 1;
  }

  #load(series: number): number {
    const place = this.#free.pop() ?? (this.#count < this.capacity ? this.#count++ : this.#evict());
    const row = this.#row;
    this.seriesOf[place] = series;
    this.#placeOf[series] = place;
    for (const state of this.#states) state.reserve(this.#count);
    const found = this.#cold.get(series, row);
    for (const state of this.#states) {
      state.appear?.(place);
      if (found && row.i32() >= 0) state.unpack(place, row);
    }
    return place;
  }

  /** The place of a series that was not asked for since the hand came by, as new. */
  #evict(): number {
    for (;;) {
      const place = this.#hand;
      this.#hand = place + 1 === this.capacity ? 0 : place + 1;
      if (this.#rounds[place] === this.#round || this.seriesOf[place]! < 0) continue;
      if (this.#used[place] === 1) {
        this.#used[place] = 0;
        continue;
      }
      const series = this.seriesOf[place]!;
      packRow(this.#states, place, this.#row);
      this.#cold.put(series, this.#row);
      this.#placeOf[series] = -1;
      for (const state of this.#states) state.reset(place);
      return place;
    }
  }
}

/** Replaces `out` by the states of a place, each after its length. */
export function packRow(states: readonly RowState[], place: number, out: StateRow): void {
  out.clear();
  for (const state of states) {
    const at = out.length;
    out.putI32(0);
    state.pack(place, out);
    out.setI32(at, out.length - at - 4);
  }
}
