/** Why offsets are missing between two batches. */
export type HoleCause = 'compaction' | 'log start' | 'transaction' | 'checked';

/** Offsets [from, to) that no batch covered and nothing explains. */
export interface OffsetHole {
  readonly from: number;
  readonly to: number;
}

/**
 * Follows the offsets of one partition from batch header to batch header, so that a client's bug can't become silent
 * loss. Offsets may be missing where
 *   - compaction removed whole batches (a compacted topic; holes inside a batch are the broker's own word, under CRC);
 *   - the log start moved past them (retention, trimming);
 *   - Redpanda wrote a transaction's fence, which takes one offset that no client sees: one-offset holes where the
 *     partition holds transactional data.
 * Any other hole is for the client to fetch again, raw: `accept` when nothing is there, else it is a lost record.
 */
export class OffsetContinuity {
  /** The next offset that a batch should begin at: everything before is accounted for. */
  position: number;
  /** Whether cleanup.policy has "compact"; may be set when it becomes known. */
  isCompacted: boolean;
  /** Transactional or control batches were seen. */
  hasTransactions = false;
  /** Offsets explained so far, by cause. */
  readonly explained: Record<HoleCause, number> = { compaction: 0, 'log start': 0, transaction: 0, checked: 0 };
  #emptyEnd = -1;

  constructor(position: number, isCompacted = false) {
    this.position = position;
    this.isCompacted = isCompacted;
  }

  /** Begins anew at `position`; what is known of the partition stays. */
  seek(position: number): void {
    this.position = position;
    this.#emptyEnd = -1;
  }

  /**
   * A batch that covers [baseOffset, nextOffset) comes next. Null when it follows without an unexplained hole, and
   * then it counts as read up to `nextOffset`; else the hole, and nothing is changed: `accept` it and call again.
   */
  observe(baseOffset: number, nextOffset: number, isTransactional: boolean, logStartOffset: number): OffsetHole | null {
    if (isTransactional) this.hasTransactions = true;
    if (baseOffset > this.position) {
      const hole = this.#unexplained(baseOffset, logStartOffset);
      if (hole !== null) return hole;
    }
    if (nextOffset > this.position) this.position = nextOffset;
    this.#emptyEnd = -1;
    return null;
  }

  /**
   * A fetch at `position` came back without any batch although the readable log ends at `endOffset`. The first time
   * it may be a race with an append; the second time in a row the hole is returned, as `observe` does: offsets up to
   * the end that hold nothing (a fence is the newest entry), or that a client cannot get.
   */
  observeEmpty(endOffset: number, logStartOffset: number): OffsetHole | null {
    if (endOffset <= this.position) return null;
    if (this.#emptyEnd !== endOffset) {
      this.#emptyEnd = endOffset;
      return null;
    }
    return this.#unexplained(endOffset, logStartOffset);
  }

  /** The client fetched [position, to) again, raw, and nothing is there. */
  accept(to: number): void {
    this.#explain('checked', to);
  }

  #unexplained(to: number, logStartOffset: number): OffsetHole | null {
    if (logStartOffset > this.position) this.#explain('log start', Math.min(to, logStartOffset));
    if (to <= this.position) return null;
    if (this.isCompacted) this.#explain('compaction', to);
    else if (this.hasTransactions && to - this.position === 1) this.#explain('transaction', to);
    else return { from: this.position, to };
    return null;
  }

  #explain(cause: HoleCause, to: number): void {
    if (to <= this.position) return;
    this.explained[cause] += to - this.position;
    this.position = to;
  }
}
