import { AnomalyError } from '../errors.ts';
import { hexName, isText } from './keyNames.ts';
import type { StateReader, StateWriter } from './state.ts';

const INITIAL_KEYS = 1024;
const INITIAL_ARENA_BYTES = 16 * INITIAL_KEYS;
/** Positions are Int32. */
const ARENA_BYTES_MAX = 2 ** 31 - 1;
const DEFAULT_SEED = 0x2f0b4c47;
/** How many columns go without guesses after one in which fewer than half of the guesses were right. */
const REST_COLUMNS = 15;

/**
 * Byte keys interned to dense integer ids from 0, in the order of their first appearance, off the JS heap: one arena
 * of bytes, one array of positions, and an open-addressing table with linear probing, at most half full.
 *
 * Ids depend on the order of the keys only, never on the seed, the table's size or where a column ends.
 */
export class KeyDictionary {
  /** Number of keys, and the id of the next new one. */
  size = 0;
  /** The bytes of all keys; key `id` is [startOf(id), endOf(id)). Replaced when it grows. */
  arena: Uint8Array = new Uint8Array(INITIAL_ARENA_BYTES);
  #arenaView: DataView;
  #starts: Int32Array = new Int32Array(INITIAL_KEYS + 1);
  /** Per slot id + 1 in the low bits, the hash's high bits above them; 0 where the slot is free. */
  #slots = new Int32Array(2 * INITIAL_KEYS);
  #mask = 2 * INITIAL_KEYS - 1;
  /** Which key came after this one the last time, or -1: sensors often report in a fixed order. */
  #followers: Int32Array = new Int32Array(INITIAL_KEYS).fill(-1);
  #last = 0;
  #restColumns = 0;
  #texts: string[] | undefined;
  /** Names of the keys whose bytes are no text: few, as a rule none. */
  readonly #hexNames = new Map<number, string>();
  #bytes: Uint8Array = new Uint8Array(0);
  #view = viewOf(this.#bytes);
  readonly #seed: number;

  /** @param seed of the hash: a runtime may draw one per process, which makes colliding keys harder to prepare */
  constructor(seed: number = DEFAULT_SEED) {
    this.#seed = seed | 0;
    this.#arenaView = viewOf(this.arena);
  }

  /** The id of the key in bytes[start, end), a new one when it was never seen. Copies the bytes of a new key. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const view = this.#attach(bytes);
    const hash = hashKey(view, start, end, this.#seed);
    const slot = this.#probe(hash, view, start, end);
    const id = (this.#slots[slot]! & this.#mask) - 1;
    return id >= 0 ? id : this.#add(hash, slot, bytes, start, end);
  }

  /** The id of a key, or -1 when it was never interned. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const view = this.#attach(bytes);
    const slot = this.#probe(hashKey(view, start, end, this.#seed), view, start, end);
    return (this.#slots[slot]! & this.#mask) - 1;
  }

  /** Interns keys [starts[i], ends[i]) for from <= i < to into ids[i]; where starts[i] < 0, ids[i] becomes -1. */
  internColumn(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    from: number,
    to: number,
    ids: Int32Array,
  ): void {
    const view = this.#attach(bytes);
    const guessing = this.#restColumns === 0;
    if (!guessing) this.#restColumns--;
    let last = this.#last;
    let right = 0;
    for (let i = from; i < to; i++) {
      const start = starts[i]!;
      const end = ends[i]!;
      if (start < 0) {
        ids[i] = -1;
        continue;
      }
      let id = guessing ? this.#followers[last]! : -1;
      if (id >= 0 && this.#is(id, view, start, end)) {
        right++;
      } else {
        const hash = hashKey(view, start, end, this.#seed);
        const slot = this.#probe(hash, view, start, end);
        id = (this.#slots[slot]! & this.#mask) - 1;
        if (id < 0) id = this.#add(hash, slot, bytes, start, end);
        if (guessing) this.#followers[last] = id;
      }
      ids[i] = id;
      last = id;
    }
    this.#last = last;
    if (guessing && right * 2 < to - from) this.#restColumns = REST_COLUMNS;
  }

  startOf(id: number): number {
    return this.#starts[id]!;
  }

  endOf(id: number): number {
    return this.#starts[id + 1]!;
  }

  /** The name of a key whose bytes are no text (see keyNames.ts), undefined for all others. */
  hexName(id: number): string | undefined {
    return this.#hexNames.size === 0 ? undefined : this.#hexNames.get(id);
  }

  /**
   * The name of the series: its key as UTF-8 text, or in hexadecimal where it is none. Made at the first call for an id
   * and kept: for alerts and configuration, not per record.
   */
  text(id: number): string {
    const hex = this.hexName(id);
    if (hex !== undefined) return hex;
    this.#texts ??= [];
    const known = this.#texts[id];
    if (known !== undefined) return known;
    const text = DECODER.decode(this.arena.subarray(this.startOf(id), this.endOf(id)));
    this.#texts[id] = text;
    return text;
  }

  snapshot(state: StateWriter): void {
    state.array('starts', this.#starts, this.size + 1);
    state.array('arena', this.arena, this.#starts[this.size]!);
  }

  restore(state: StateReader): void {
    const size = state.length('starts') - 1;
    let capacity = INITIAL_KEYS;
    while (capacity <= size) capacity *= 2;
    this.#starts = state.i32('starts', capacity + 1);
    this.arena = state.u8('arena', INITIAL_ARENA_BYTES);
    if (size < 0 || this.#starts[size] !== state.length('arena')) {
      throw new AnomalyError('ANM_STATE_CORRUPT', 'cannot restore keys as their positions do not match their bytes');
    }
    this.#arenaView = viewOf(this.arena);
    this.#followers = new Int32Array(capacity).fill(-1);
    this.#last = 0;
    this.#texts = undefined;
    this.size = size;
    this.#hexNames.clear();
    for (let id = 0; id < size; id++) this.#noteName(id);
    this.#rebuild(capacity * 2);
  }

  #attach(bytes: Uint8Array): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    return this.#view;
  }

  /** Whether key `id` is the one in [start, end). */
  #is(id: number, view: DataView, start: number, end: number): boolean {
    const from = this.#starts[id]!;
    if (this.#starts[id + 1]! - from !== end - start) return false;
    return sameBytes(view, start, end, this.#arenaView, from);
  }

  /** Position in the table of the key, or of the free slot where it belongs. */
  #probe(hash: number, view: DataView, start: number, end: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = hash & mask;
    for (;;) {
      const entry = slots[at]!;
      if (entry === 0) return at;
      if (((entry ^ hash) & ~mask) === 0 && this.#is((entry & mask) - 1, view, start, end)) return at;
      at = (at + 1) & mask;
    }
  }

  #add(hash: number, slot: number, bytes: Uint8Array, start: number, end: number): number {
    const id = this.size;
    const from = this.#starts[id]!;
    const to = from + end - start;
    if (to > this.arena.length) this.#growArena(to);
    for (let i = start, k = from; i < end; i++, k++) this.arena[k] = bytes[i]!;
    if (id + 1 >= this.#starts.length - 1) {
      const capacity = this.#followers.length * 2;
      this.#starts = resized(this.#starts, capacity + 1, 0);
      this.#followers = resized(this.#followers, capacity, -1);
    }
    this.#starts[id + 1] = to;
    this.#slots[slot] = (hash & ~this.#mask) | (id + 1);
    this.size = id + 1;
    this.#noteName(id);
    if (this.size * 2 > this.#mask) this.#rebuild((this.#mask + 1) * 2);
    return id;
  }

  #noteName(id: number): void {
    const [start, end] = [this.startOf(id), this.endOf(id)];
    if (!isText(this.arena, start, end)) this.#hexNames.set(id, hexName(this.arena, start, end));
  }

  #growArena(bytes: number): void {
    if (bytes > ARENA_BYTES_MAX) {
      throw new AnomalyError(
        'ANM_UNSUPPORTED',
        `cannot keep ${this.size + 1} series in one partition as their names take more than 2 GiB`,
        { hint: 'choose another source.key, or more partitions' },
      );
    }
    const grown = new Uint8Array(Math.min(ARENA_BYTES_MAX, Math.max(bytes, this.arena.length * 2)));
    grown.set(this.arena);
    this.arena = grown;
    this.#arenaView = viewOf(grown);
  }

  /** Makes a table of that many slots, a power of two, from the arena. */
  #rebuild(slotCount: number): void {
    const slots = new Int32Array(slotCount);
    const mask = slotCount - 1;
    for (let id = 0; id < this.size; id++) {
      const hash = hashKey(this.#arenaView, this.#starts[id]!, this.#starts[id + 1]!, this.#seed);
      let at = hash & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = (hash & ~mask) | (id + 1);
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Hash of a key by words of four bytes, the last of which may overlap the one before: one multiplication a word, and
 * the finalizer of MurmurHash3 (A. Appleby). Signed 32 bits.
 */
function hashKey(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  const tail = end - 4;
  let i = start;
  if (tail < start) {
    for (; i < end; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x9e3779b1);
  } else {
    for (; i < tail; i += 4) {
      hash = Math.imul(hash ^ view.getInt32(i, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ view.getInt32(tail, true), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Whether two ranges of equal length hold the same bytes. */
function sameBytes(a: DataView, start: number, end: number, b: DataView, from: number): boolean {
  const tail = end - 4;
  let i = start;
  let k = from;
  if (tail < start) {
    for (; i < end; i++, k++) if (a.getUint8(i) !== b.getUint8(k)) return false;
    return true;
  }
  for (; i < tail; i += 4, k += 4) if (a.getInt32(i, true) !== b.getInt32(k, true)) return false;
  // The last four bytes, which may overlap the word before: no loop over single bytes.
  return a.getInt32(tail, true) === b.getInt32(k + tail - i, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function resized(values: Int32Array, length: number, rest: number): Int32Array {
  const grown = new Int32Array(length).fill(rest);
  grown.set(values);
  return grown;
}
