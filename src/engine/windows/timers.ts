/** Numbers an entry: due time, end and sequence number of the pane, pane, stamp. */
const WIDTH = 5;

/** A binary heap of panes by due time, then end, then sequence number. Entries are looked at, not removed, when stale. */
export class Timers {
  count = 0;
  #heap = new Float64Array(64 * WIDTH);

  get dueMs(): number {
    return this.#heap[0]!;
  }

  get end(): number {
    return this.#heap[1]!;
  }

  get sequence(): number {
    return this.#heap[2]!;
  }

  get pane(): number {
    return this.#heap[3]!;
  }

  get stamp(): number {
    return this.#heap[4]!;
  }

  clear(): void {
    this.count = 0;
  }

  push(dueMs: number, end: number, sequence: number, pane: number, stamp: number): void {
    if ((this.count + 1) * WIDTH > this.#heap.length) {
      const grown = new Float64Array(this.#heap.length * 2);
      grown.set(this.#heap);
      this.#heap = grown;
    }
    const heap = this.#heap;
    let at = this.count++;
    this.#put(at, dueMs, end, sequence, pane, stamp);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#less(at, parent)) return;
      swap(heap, at, parent);
      at = parent;
    }
  }

  /** Removes the entry that the getters show. */
  pop(): void {
    const heap = this.#heap;
    const last = --this.count;
    heap.copyWithin(0, last * WIDTH, (last + 1) * WIDTH);
    let at = 0;
    for (;;) {
      let least = at;
      const child = 2 * at + 1;
      if (child < last && this.#less(child, least)) least = child;
      if (child + 1 < last && this.#less(child + 1, least)) least = child + 1;
      if (least === at) return;
      swap(heap, at, least);
      at = least;
    }
  }

  #put(at: number, dueMs: number, end: number, sequence: number, pane: number, stamp: number): void {
    const heap = this.#heap;
    heap[at * WIDTH] = dueMs;
    heap[at * WIDTH + 1] = end;
    heap[at * WIDTH + 2] = sequence;
    heap[at * WIDTH + 3] = pane;
    heap[at * WIDTH + 4] = stamp;
  }

  #less(a: number, b: number): boolean {
    const heap = this.#heap;
    for (let k = 0; k < 3; k++) {
      const [left, right] = [heap[a * WIDTH + k]!, heap[b * WIDTH + k]!];
      if (left !== right) return left < right;
    }
    return false;
  }
}

function swap(heap: Float64Array, a: number, b: number): void {
  for (let k = 0; k < WIDTH; k++) {
    const kept = heap[a * WIDTH + k]!;
    heap[a * WIDTH + k] = heap[b * WIDTH + k]!;
    heap[b * WIDTH + k] = kept;
  }
}
