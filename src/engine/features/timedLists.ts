import type { StateRow } from '../stateRow.ts';

/** Entries of a chunk, a time and a value each: 128 bytes, so that a series with few values costs little. */
const CHUNK = 8;
const CHUNK_DOUBLES = 2 * CHUNK;
const SLAB_BITS = 10;
const SLAB_CHUNKS = 1 << SLAB_BITS;

/** Numbers of a list. Chunks are counted from 1: 0 is none. */
const HEAD = 0;
const TAIL = 1;
/** Place of the first entry in the head, and the one after the last entry in the tail. */
const FIRST = 2;
const END = 3;
const COUNT = 4;
const WIDTH = 8;

/**
 * One list of times and values a slot, in ascending order of time, equal times in the order in which they came. Entries
 * lie in chunks of a pool that all lists share, in slabs off the JS heap: a list takes what it holds, gives back what
 * it no longer holds, and the pool grows without copying an entry.
 */
export class TimedLists {
  #lists = new Int32Array(0);
  readonly #slabs: Float64Array[] = [];
  #next = new Int32Array(SLAB_CHUNKS);
  #previous = new Int32Array(SLAB_CHUNKS);
  /** First of the chunks that were given back, linked by #next. */
  #free = 0;
  /** Chunks below this one were given out before. */
  #fresh = 1;
  /** What `lift` took out, the latest first: time, value. */
  #lifted = new Float64Array(64);
  #liftedCount = 0;

  reserve(slots: number): void {
    if (slots * WIDTH <= this.#lists.length) return;
    const grown = new Int32Array(Math.max(slots * WIDTH, 2 * this.#lists.length, 128));
    grown.set(this.#lists);
    this.#lists = grown;
  }

  /** Bytes of the pool. */
  get poolBytes(): number {
    return this.#slabs.length * SLAB_CHUNKS * CHUNK_DOUBLES * 8 + 2 * this.#next.byteLength;
  }

  count(slot: number): number {
    return this.#lists[slot * WIDTH + COUNT]!;
  }

  /** Times and values of the first and the last entry; only of a list that has one. */
  headTime(slot: number): number {
    return this.#headAt(slot, 0);
  }

  headValue(slot: number): number {
    return this.#headAt(slot, 1);
  }

  tailTime(slot: number): number {
    return this.#tailAt(slot, 0);
  }

  tailValue(slot: number): number {
    return this.#tailAt(slot, 1);
  }

  /** Puts an entry behind all others: its time must not be below theirs. */
  push(slot: number, time: number, value: number): void {
    const list = slot * WIDTH;
    let tail = this.#lists[list + TAIL]!;
    let end = this.#lists[list + END]!;
    if (tail === 0 || end === CHUNK) {
      tail = this.#append(list, tail);
      end = 0;
    }
    const slab = this.#slabs[tail >>> SLAB_BITS]!;
    const at = (tail & (SLAB_CHUNKS - 1)) * CHUNK_DOUBLES + 2 * end;
    slab[at] = time;
    slab[at + 1] = value;
    this.#lists[list + END] = end + 1;
    this.#lists[list + COUNT] = this.#lists[list + COUNT]! + 1;
  }

  /** Puts an entry at its place by time, behind those of the same time. Costs as many steps as there are later ones. */
  insert(slot: number, time: number, value: number): void {
    this.lift(slot, time);
    this.push(slot, time, value);
    this.lower(slot);
  }

  dropHead(slot: number): void {
    const lists = this.#lists;
    const list = slot * WIDTH;
    const head = lists[list + HEAD]!;
    const first = lists[list + FIRST]! + 1;
    const count = lists[list + COUNT]! - 1;
    lists[list + FIRST] = first;
    lists[list + COUNT] = count;
    if (count > 0 && first < CHUNK) return;
    lists[list + FIRST] = 0;
    lists[list + HEAD] = count === 0 ? 0 : this.#next[head]!;
    if (count === 0) lists[list + TAIL] = 0;
    this.#release(head);
  }

  dropTail(slot: number): void {
    const lists = this.#lists;
    const list = slot * WIDTH;
    const tail = lists[list + TAIL]!;
    const end = lists[list + END]! - 1;
    const count = lists[list + COUNT]! - 1;
    lists[list + END] = end;
    lists[list + COUNT] = count;
    if (count > 0 && end > 0) return;
    lists[list + END] = CHUNK;
    lists[list + TAIL] = count === 0 ? 0 : this.#previous[tail]!;
    if (count === 0) {
      lists[list + HEAD] = 0;
      lists[list + FIRST] = 0;
    }
    this.#release(tail);
  }

  /** Takes out the entries later than `time`, until `lower` puts them back. */
  lift(slot: number, time: number): void {
    this.#liftedCount = 0;
    while (this.count(slot) > 0 && this.tailTime(slot) > time) {
      const at = 2 * this.#liftedCount++;
      if (at === this.#lifted.length) this.#growLifted();
      this.#lifted[at] = this.tailTime(slot);
      this.#lifted[at + 1] = this.tailValue(slot);
      this.dropTail(slot);
    }
  }

  get liftedCount(): number {
    return this.#liftedCount;
  }

  /** Of the earliest entry that was taken out. */
  get liftedTime(): number {
    return this.#lifted[2 * this.#liftedCount - 2]!;
  }

  get liftedValue(): number {
    return this.#lifted[2 * this.#liftedCount - 1]!;
  }

  lower(slot: number): void {
    for (let k = this.#liftedCount - 1; k >= 0; k--) this.push(slot, this.#lifted[2 * k]!, this.#lifted[2 * k + 1]!);
    this.#liftedCount = 0;
  }

  /** Copies the values in their order into `out`, which has room for them. */
  copyValues(slot: number, out: Float64Array): void {
    let chunk = this.#lists[slot * WIDTH + HEAD]!;
    let place = this.#lists[slot * WIDTH + FIRST]!;
    const count = this.count(slot);
    for (let k = 0; k < count; k++) {
      const at = (chunk & (SLAB_CHUNKS - 1)) * CHUNK_DOUBLES + 2 * place;
      out[k] = this.#slabs[chunk >>> SLAB_BITS]![at + 1]!;
      if (++place < CHUNK) continue;
      chunk = this.#next[chunk]!;
      place = 0;
    }
  }

  pack(slot: number, out: StateRow): void {
    out.putI32(this.count(slot));
    let chunk = this.#lists[slot * WIDTH + HEAD]!;
    let place = this.#lists[slot * WIDTH + FIRST]!;
    for (let left = this.count(slot); left > 0; ) {
      const until = Math.min(CHUNK, place + left);
      const at = (chunk & (SLAB_CHUNKS - 1)) * CHUNK_DOUBLES;
      out.putDoubles(this.#slabs[chunk >>> SLAB_BITS]!, at + 2 * place, at + 2 * until);
      left -= until - place;
      chunk = this.#next[chunk]!;
      place = 0;
    }
  }

  unpack(slot: number, from: StateRow): void {
    for (let left = from.i32(); left > 0; left--) {
      const time = from.f64();
      this.push(slot, time, from.f64());
    }
  }

  reset(slot: number): void {
    const list = slot * WIDTH;
    for (let chunk = this.#lists[list + HEAD]!; chunk !== 0; ) {
      const next = chunk === this.#lists[list + TAIL] ? 0 : this.#next[chunk]!;
      this.#release(chunk);
      chunk = next;
    }
    this.#lists.fill(0, list, list + WIDTH);
  }

  #headAt(slot: number, part: number): number {
    const head = this.#lists[slot * WIDTH + HEAD]!;
    const place = this.#lists[slot * WIDTH + FIRST]!;
    return this.#slabs[head >>> SLAB_BITS]![(head & (SLAB_CHUNKS - 1)) * CHUNK_DOUBLES + 2 * place + part]!;
  }

  #tailAt(slot: number, part: number): number {
    const tail = this.#lists[slot * WIDTH + TAIL]!;
    const place = this.#lists[slot * WIDTH + END]! - 1;
    return this.#slabs[tail >>> SLAB_BITS]![(tail & (SLAB_CHUNKS - 1)) * CHUNK_DOUBLES + 2 * place + part]!;
  }

  /** Links another chunk behind the tail. */
  #append(list: number, tail: number): number {
    const chunk = this.#take();
    this.#next[chunk] = 0;
    this.#previous[chunk] = tail;
    this.#lists[list + TAIL] = chunk;
    if (tail !== 0) this.#next[tail] = chunk;
    else {
      this.#lists[list + HEAD] = chunk;
      this.#lists[list + FIRST] = 0;
    }
    return chunk;
  }

  #take(): number {
    const chunk = this.#free;
    if (chunk !== 0) {
      this.#free = this.#next[chunk]!;
      return chunk;
    }
    if (this.#fresh >>> SLAB_BITS >= this.#slabs.length) {
      this.#slabs.push(new Float64Array(SLAB_CHUNKS * CHUNK_DOUBLES));
      const chunks = this.#slabs.length * SLAB_CHUNKS;
      if (chunks > this.#next.length) {
        this.#next = grown(this.#next, 2 * chunks);
        this.#previous = grown(this.#previous, 2 * chunks);
      }
    }
    return this.#fresh++;
  }

  #release(chunk: number): void {
    this.#next[chunk] = this.#free;
    this.#free = chunk;
  }

  #growLifted(): void {
    const lifted = new Float64Array(2 * this.#lifted.length);
    lifted.set(this.#lifted);
    this.#lifted = lifted;
  }
}

function grown(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(length);
  out.set(values);
  return out;
}
