import type { Json } from './operatorState.ts';
import type { StateReader } from './state.ts';

/**
 * One series' share of an operator's state, as bytes: what a time to live, a bound on series, the lmdb backend, a change
 * of the partition count and `anomaly state get` need of an operator that keeps its state by series.
 */
export interface SeriesState {
  /** Makes room for series below `count`. */
  reserve(count: number): void;
  /** Appends the series' state. What was packed from a series and unpacked into another id behaves the same. */
  pack(series: number, out: StateRow): void;
  /** Takes back what `pack` wrote, into a series that is as after `reset`. */
  unpack(series: number, from: StateRow): void;
  /** As if the series had never been seen; its id may be given to another key. */
  reset(series: number): void;
  /** Event time of the newest record that the state holds something of; -Infinity when it holds nothing. */
  lastTime(series: number): number;
}

/** What moves a series' state from one place to another; the times of series are known apart from it. */
export interface RowState extends Omit<SeriesState, 'lastTime'> {
  /** The id was given to a key, after `reserve` or `reset`: what depends on the name of the series is asked anew. */
  appear?(series: number): void;
  /** What the state of a series is, for people: plain values by name. */
  describe?(series: number): Json;
  /** Takes all series from the arrays that snapshots had before they had rows. */
  restore?(state: StateReader): void;
}

/** A reused buffer of little-endian numbers with one cursor for writing and one for reading. */
export class StateRow {
  bytes: Uint8Array;
  length = 0;
  position = 0;
  #view: DataView;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
    this.position = 0;
  }

  /** Replaces the contents by a copy of bytes[start, end). */
  load(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.clear();
    this.#reserve(end - start);
    this.bytes.set(bytes.subarray(start, end));
    this.length = end - start;
  }

  putF64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  putI32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.length, value, true);
    this.length += 4;
  }

  putU8(value: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Appends values[from, to) of doubles. */
  putDoubles(values: Float64Array, from: number, to: number): void {
    this.#reserve((to - from) * 8);
    for (let i = from; i < to; i++, this.length += 8) this.#view.setFloat64(this.length, values[i]!, true);
  }

  putF32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.length, value, true);
    this.length += 4;
  }

  putFloats(values: Float32Array, from: number, to: number): void {
    this.#reserve((to - from) * 4);
    for (let i = from; i < to; i++, this.length += 4) this.#view.setFloat32(this.length, values[i]!, true);
  }

  putBytes(values: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    this.bytes.set(values.subarray(from, to), this.length);
    this.length += to - from;
  }

  f64(): number {
    this.position += 8;
    return this.#view.getFloat64(this.position - 8, true);
  }

  i32(): number {
    this.position += 4;
    return this.#view.getInt32(this.position - 4, true);
  }

  u8(): number {
    return this.bytes[this.position++]!;
  }

  doubles(out: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) out[i] = this.f64();
  }

  f32(): number {
    this.position += 4;
    return this.#view.getFloat32(this.position - 4, true);
  }

  floats(out: Float32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) out[i] = this.f32();
  }

  /** Overwrites four bytes that were written before: a length that is known only now. */
  setI32(at: number, value: number): void {
    this.#view.setInt32(at, value, true);
  }

  bytesInto(out: Uint8Array, from: number, to: number): void {
    out.set(this.bytes.subarray(this.position, this.position + to - from), from);
    this.position += to - from;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
