/** A set of offsets, kept as ranges [start, end): what was done is mostly done in runs. */
export class OffsetRanges {
  #starts: number[] = [];
  #ends: number[] = [];

  /** Number of ranges. */
  get size(): number {
    return this.#starts.length;
  }

  /** Ranges in ascending order, apart from each other. */
  *[Symbol.iterator](): IterableIterator<readonly [number, number]> {
    for (let i = 0; i < this.#starts.length; i++) yield [this.#starts[i]!, this.#ends[i]!];
  }

  has(offset: number): boolean {
    const at = this.#firstEndAfter(offset);
    return at < this.#starts.length && this.#starts[at]! <= offset;
  }

  /** Adds [start, end); what touches becomes one range. */
  add(start: number, end: number): void {
    if (end <= start) return;
    // The first range that ends at `start` or later, and the first that begins after `end`.
    const from = this.#firstEndAfter(start - 1);
    let to = from;
    while (to < this.#starts.length && this.#starts[to]! <= end) to++;
    const first = to > from ? Math.min(start, this.#starts[from]!) : start;
    const last = to > from ? Math.max(end, this.#ends[to - 1]!) : end;
    this.#starts.splice(from, to - from, first);
    this.#ends.splice(from, to - from, last);
  }

  /** Index of the first range whose end lies after the offset. */
  #firstEndAfter(offset: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
