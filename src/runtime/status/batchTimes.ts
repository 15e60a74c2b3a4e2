import type { ColumnBatch } from '../../engine/batch.ts';

/** Batches that are remembered: values of more than these do not wait for a model at once. */
const KEPT = 256;

/**
 * When the last batches of a partition came and how long each hop took, in columns that are used again: an alert whose
 * value waited for a model is of a batch that is long gone. Times are milliseconds; `ticks` are of a clock that only
 * goes forward.
 */
export class BatchTimes {
  /** Wall clock at which the bytes were here, epoch milliseconds. */
  readonly arrivedMs = new Float64Array(KEPT);
  readonly fetchWaitMs = new Float64Array(KEPT);
  readonly decodeMs = new Float64Array(KEPT);
  readonly decodedTicks = new Float64Array(KEPT);
  /** 1 where the record times are those of the broker's append. */
  readonly isAppendTime = new Uint8Array(KEPT);
  readonly #first = new Float64Array(KEPT);
  readonly #next = new Float64Array(KEPT);
  #newest = -1;
  #count = 0;
  /** Rows that have been asked of a model: when as many have their scores, the batch of `scoringSince` is scored. */
  scoringUntil = -1;
  scoringSince = 0;

  /** Place of the batch that was decoded last; -1 for none. */
  get newest(): number {
    return this.#newest;
  }

  add(batch: ColumnBatch, arrivedMs: number, fetchWaitMs: number, decodeMs: number, decodedTicks: number): void {
    const at = (this.#newest + 1) % KEPT;
    this.#newest = at;
    this.#count = Math.min(KEPT, this.#count + 1);
    this.arrivedMs[at] = arrivedMs;
    this.fetchWaitMs[at] = fetchWaitMs;
    this.decodeMs[at] = decodeMs;
    this.decodedTicks[at] = decodedTicks;
    this.isAppendTime[at] = batch.isAppendTime ? 1 : 0;
    this.#first[at] = batch.firstOffset;
    this.#next[at] = batch.nextOffset;
  }

  /** Place of the batch that has the offset; -1 where it is not remembered. */
  find(offset: number): number {
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#newest - i + KEPT) % KEPT;
      if (offset >= this.#next[at]!) return -1;
      if (offset >= this.#first[at]!) return at;
    }
    return -1;
  }

  /** What comes out next is of a silence or of the end: no record completed it. */
  clear(): void {
    this.#newest = -1;
    this.#count = 0;
    this.scoringUntil = -1;
  }
}
