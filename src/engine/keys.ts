import { AnomalyError } from '../errors.ts';
import { hashKey, resized, sameBytes, viewOf } from './keyHash.ts';
import { hexName, isText } from './keyNames.ts';
import { BLOCK, MANY, readKeys } from './readAhead.ts';
import type { StateReader, StateWriter } from './state.ts';

const INITIAL_KEYS = 1024;
const INITIAL_ARENA_BYTES = 16 * INITIAL_KEYS;
/** Positions are Int32. */
const ARENA_BYTES_MAX = 2 ** 31 - 1;
/** The arena is not put in order for less. */
const MIN_WASTE_BYTES = 65_536;
const DEFAULT_SEED = 0x2f0b4c47;
/** How many columns go without guesses after one in which fewer than half of the guesses were right. */
const REST_COLUMNS = 15;

/**
 * Byte keys interned to small integer ids from 0, off the JS heap: one arena of bytes, one array of positions, and an
 * open-addressing table with linear probing, at most half full.
 *
 * A new key gets the id that was freed last, else the next one. So ids depend on the order of the keys and of what was
 * freed only, never on the seed, the table's size or where a column ends.
 */
export class KeyDictionary {
  /** All ids are below it. */
  size = 0;
  /** The bytes of all keys; key `id` is [startOf(id), endOf(id)). Replaced when it grows. */
  arena: Uint8Array = new Uint8Array(INITIAL_ARENA_BYTES);
  #arenaView: DataView;
  /** Start and end of each key in the arena; 0 and -1 where the id is free, which no key equals. */
  #spans: Int32Array = new Int32Array(2 * INITIAL_KEYS);
  #arenaEnd = 0;
  /** Bytes of the arena below #arenaEnd that belong to no key any more. */
  #waste = 0;
  #free: number[] = [];
  #reused: number[] = [];
  /** Called with an id before it is freed, while it still has its key. */
  onFree: ((id: number) => void) | undefined;
  /** Per slot id + 1 in the low bits, the hash's high bits above them; 0 where the slot is free. */
  #slots = new Int32Array(2 * INITIAL_KEYS);
  #mask = 2 * INITIAL_KEYS - 1;
  /** Which key came after this one the last time, or -1: sensors often report in a fixed order. */
  #followers: Int32Array = new Int32Array(INITIAL_KEYS).fill(-1);
  #last = 0;
  #restColumns = 0;
  /** Of no meaning, and not private: what nobody needs is not read (readKeys). */
  ahead = 0;
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
    const isAhead = !guessing && this.size > MANY;
    for (let i = from; i < to; i++) {
      if (isAhead && (i - from) % BLOCK === 0) this.#readAhead(view, starts, ends, i, Math.min(to, i + BLOCK), ids);
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

  #readAhead(view: DataView, starts: Int32Array, ends: Int32Array, from: number, to: number, ids: Int32Array): void {
    for (let i = from; i < to; i++) ids[i] = starts[i]! < 0 ? 0 : hashKey(view, starts[i]!, ends[i]!, this.#seed);
    this.ahead = readKeys(ids, from, to, this.#slots, this.#mask, this.#spans, this.arena);
  }

  /** Number of keys. */
  get count(): number {
    return this.size - this.#free.length;
  }

  startOf(id: number): number {
    return this.#spans[2 * id]!;
  }

  endOf(id: number): number {
    return this.#spans[2 * id + 1]!;
  }

  /** Whether the id is a key's: it was given, and not freed since. */
  has(id: number): boolean {
    return id < this.size && this.#spans[2 * id + 1]! >= 0;
  }

  get hasReused(): boolean {
    return this.#reused.length > 0;
  }

  /** Ids that were given a second time since the last call; only while somebody listens by `onFree`. */
  takeReused(): readonly number[] {
    const reused = this.#reused;
    if (reused.length > 0) this.#reused = [];
    return reused;
  }

  /** Forgets a key: its id goes to one of the next new keys. */
  free(id: number): void {
    this.onFree?.(id);
    const start = this.startOf(id);
    const end = this.endOf(id);
    this.#removeSlot(id, hashKey(this.#arenaView, start, end, this.#seed));
    this.#spans[2 * id] = 0;
    this.#spans[2 * id + 1] = -1;
    this.#waste += end - start;
    this.#free.push(id);
    this.#hexNames.delete(id);
    const again = this.#reused.indexOf(id);
    if (again >= 0) this.#reused.splice(again, 1);
    if (this.#texts !== undefined) delete this.#texts[id];
    if (this.#waste > MIN_WASTE_BYTES && this.#waste * 2 > this.#arenaEnd) this.#compact();
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
    const text = this.name(id);
    this.#texts[id] = text;
    return text;
  }

  /** The same, made anew at each call: where few of many are asked for, or each once. */
  name(id: number): string {
    return this.hexName(id) ?? DECODER.decode(this.arena.subarray(this.startOf(id), this.endOf(id)));
  }

  snapshot(state: StateWriter): void {
    state.array('spans', this.#spans, 2 * this.size);
    state.array('free', Int32Array.from(this.#free), this.#free.length);
    state.array('arena', this.arena, this.#arenaEnd);
  }

  restore(state: StateReader): void {
    const size = state.length('spans') / 2;
    let capacity = INITIAL_KEYS;
    while (capacity <= size) capacity *= 2;
    this.#spans = state.i32('spans', 2 * capacity);
    this.arena = state.u8('arena', INITIAL_ARENA_BYTES);
    this.#arenaEnd = state.length('arena');
    this.#arenaView = viewOf(this.arena);
    this.#free = Array.from(state.i32('free'));
    this.#followers = new Int32Array(capacity).fill(-1);
    this.#last = 0;
    this.#texts = undefined;
    this.size = size;
    this.#hexNames.clear();
    let bytes = 0;
    for (let id = 0; id < size; id++) {
      if (!this.has(id)) continue;
      const [start, end] = [this.startOf(id), this.endOf(id)];
      if (!(start >= 0 && start <= end && end <= this.#arenaEnd)) throw misplaced();
      bytes += end - start;
      this.#noteName(id);
    }
    if (this.#free.some((id) => !(id >= 0 && id < size) || this.has(id)) || bytes > this.#arenaEnd) throw misplaced();
    this.#waste = this.#arenaEnd - bytes;
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
    const from = this.#spans[2 * id]!;
    if (this.#spans[2 * id + 1]! - from !== end - start) return false;
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
    const from = this.#arenaEnd;
    const to = from + end - start;
    if (to > this.arena.length) this.#growArena(to);
    for (let i = start, k = from; i < end; i++, k++) this.arena[k] = bytes[i]!;
    this.#arenaEnd = to;
    const reused = this.#free.pop();
    const id = reused ?? this.size++;
    if (reused !== undefined && this.onFree !== undefined) this.#reused.push(reused);
    if (this.size > this.#followers.length) {
      const capacity = this.#followers.length * 2;
      this.#spans = resized(this.#spans, 2 * capacity, 0);
      this.#followers = resized(this.#followers, capacity, -1);
    }
    this.#spans[2 * id] = from;
    this.#spans[2 * id + 1] = to;
    this.#slots[slot] = (hash & ~this.#mask) | (id + 1);
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
        `cannot keep ${this.count + 1} series in one partition as their names take more than 2 GiB`,
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
      if (!this.has(id)) continue;
      const hash = hashKey(this.#arenaView, this.startOf(id), this.endOf(id), this.#seed);
      let at = hash & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = (hash & ~mask) | (id + 1);
    }
    this.#slots = slots;
    this.#mask = mask;
  }

  /** Takes a key out of the table: what lies behind it in its run moves up, so that no probe stops before it. */
  #removeSlot(id: number, hash: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = hash & mask;
    while ((slots[hole]! & mask) !== id + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const other = (slots[at]! & mask) - 1;
      const home = hashKey(this.#arenaView, this.startOf(other), this.endOf(other), this.#seed) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at]!;
      hole = at;
    }
    slots[hole] = 0;
  }

  /** Moves the bytes of all keys together. */
  #compact(): void {
    const arena = new Uint8Array(Math.max(INITIAL_ARENA_BYTES, 2 * (this.#arenaEnd - this.#waste)));
    let end = 0;
    for (let id = 0; id < this.size; id++) {
      if (!this.has(id)) continue;
      const start = end;
      for (let k = this.startOf(id); k < this.endOf(id); k++) arena[end++] = this.arena[k]!;
      this.#spans[2 * id] = start;
      this.#spans[2 * id + 1] = end;
    }
    this.arena = arena;
    this.#arenaView = viewOf(arena);
    this.#arenaEnd = end;
    this.#waste = 0;
  }
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

function misplaced(): AnomalyError {
  return new AnomalyError('ANM_STATE_CORRUPT', 'cannot restore keys as their positions do not match their bytes');
}
