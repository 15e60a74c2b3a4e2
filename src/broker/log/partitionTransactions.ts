/** A transaction that holds the last stable offset of a partition. */
export interface OpenTransaction {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Its fence, or without one its first batch; -1 while it has neither. */
  firstOffset: number;
}

/** Offsets [firstOffset, lastOffset] in which the batches of one producer are aborted; the last is the marker's. */
export interface AbortedRange {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

export interface PartitionTransactionsState {
  readonly open: readonly OpenTransaction[];
  readonly aborted: readonly AbortedRange[];
}

/**
 * What read_committed needs to know of one partition: the transactions that are open, hence the last stable offset, and
 * the ranges that were aborted. It can be built anew from the log's batches, in order, by `appended` and `end`.
 *
 * Source: KIP-98, "Transactional Consumers".
 */
export class PartitionTransactions {
  private readonly open = new Map<number, OpenTransaction>();
  /** In the order of their markers. */
  private aborted: AbortedRange[] = [];
  /** The same by producer: those of one do not overlap. */
  private abortedBy = new Map<number, AbortedRange[]>();
  /** The least firstOffset of the open ones; Infinity without any. */
  private firstUnstable = Number.POSITIVE_INFINITY;

  get openCount(): number {
    return this.open.size;
  }

  openOf(producerId: number): OpenTransaction | undefined {
    return this.open.get(producerId);
  }

  allOpen(): IterableIterator<OpenTransaction> {
    return this.open.values();
  }

  /** The partition became part of a transaction. `firstOffset` is its fence's, or -1 where it writes none. */
  begin(producerId: number, producerEpoch: number, firstOffset: number): void {
    this.open.set(producerId, { producerId, producerEpoch, firstOffset });
    if (firstOffset >= 0 && firstOffset < this.firstUnstable) this.firstUnstable = firstOffset;
  }

  /** A transactional batch was appended. */
  appended(producerId: number, producerEpoch: number, baseOffset: number): void {
    const transaction = this.open.get(producerId);
    if (transaction === undefined) this.begin(producerId, producerEpoch, baseOffset);
    else if (transaction.firstOffset < 0) {
      transaction.firstOffset = baseOffset;
      if (baseOffset < this.firstUnstable) this.firstUnstable = baseOffset;
    }
  }

  /** Its marker was appended. */
  end(producerId: number, markerOffset: number, isCommit: boolean): void {
    const transaction = this.open.get(producerId);
    if (transaction === undefined) return;
    this.open.delete(producerId);
    const { firstOffset } = transaction;
    if (!isCommit && firstOffset >= 0) {
      const range = { producerId, firstOffset, lastOffset: markerOffset };
      this.aborted.push(range);
      this.sortIn(range);
    }
    if (firstOffset === this.firstUnstable) this.findFirstUnstable();
  }

  /** Everything before it is decided: committed, aborted, or in no transaction. */
  lastStableOffset(logStartOffset: number, highWatermark: number): number {
    return Math.max(logStartOffset, Math.min(this.firstUnstable, highWatermark));
  }

  /** Aborted ranges that reach into [from, to), by first offset, as clients need them. */
  abortedWithin(from: number, to: number): AbortedRange[] {
    const found: AbortedRange[] = [];
    for (let i = firstEndingAt(this.aborted, from); i < this.aborted.length; i++) {
      // A later marker may belong to a range that begins earlier, so all of them are looked at.
      if (this.aborted[i]!.firstOffset < to) found.push(this.aborted[i]!);
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether a transactional batch belongs to an aborted transaction. */
  isAborted({ producerId, baseOffset }: { readonly producerId: number; readonly baseOffset: number }): boolean {
    const ranges = this.abortedBy.get(producerId);
    if (ranges === undefined) return false;
    const range = ranges[firstEndingAt(ranges, baseOffset + 1)];
    return range !== undefined && range.firstOffset <= baseOffset;
  }

  /** The log begins at `offset` now. */
  forgetBefore(offset: number): void {
    const keepFrom = firstEndingAt(this.aborted, offset);
    if (keepFrom > 0) this.setAborted(this.aborted.slice(keepFrom));
  }

  toState(): PartitionTransactionsState {
    return { open: [...this.open.values()].map((one) => ({ ...one })), aborted: [...this.aborted] };
  }

  restore({ open, aborted }: PartitionTransactionsState): void {
    this.open.clear();
    for (const one of open) this.open.set(one.producerId, { ...one });
    this.setAborted([...aborted]);
    this.findFirstUnstable();
  }

  private setAborted(aborted: AbortedRange[]): void {
    this.aborted = aborted;
    this.abortedBy = new Map();
    for (const range of aborted) this.sortIn(range);
  }

  private sortIn(range: AbortedRange): void {
    const ranges = this.abortedBy.get(range.producerId);
    if (ranges === undefined) this.abortedBy.set(range.producerId, [range]);
    else ranges.push(range);
  }

  private findFirstUnstable(): void {
    this.firstUnstable = Number.POSITIVE_INFINITY;
    for (const { firstOffset } of this.open.values()) {
      if (firstOffset >= 0 && firstOffset < this.firstUnstable) this.firstUnstable = firstOffset;
    }
  }
}

/** Index of the first range that ends at or after an offset, of ranges in the order of their markers. */
function firstEndingAt(ranges: readonly AbortedRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]!.lastOffset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
