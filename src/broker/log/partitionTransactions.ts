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
    if (!isCommit && firstOffset >= 0) this.aborted.push({ producerId, firstOffset, lastOffset: markerOffset });
    if (firstOffset === this.firstUnstable) this.findFirstUnstable();
  }

  /** Everything before it is decided: committed, aborted, or in no transaction. */
  lastStableOffset(logStartOffset: number, highWatermark: number): number {
    return Math.max(logStartOffset, Math.min(this.firstUnstable, highWatermark));
  }

  /** Aborted ranges that reach into [from, to), by first offset, as clients need them. */
  abortedWithin(from: number, to: number): AbortedRange[] {
    let low = 0;
    let high = this.aborted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.aborted[middle]!.lastOffset < from) low = middle + 1;
      else high = middle;
    }
    const found: AbortedRange[] = [];
    for (let i = low; i < this.aborted.length; i++) {
      // A later marker may belong to a range that begins earlier, so all of them are looked at.
      if (this.aborted[i]!.firstOffset < to) found.push(this.aborted[i]!);
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether a transactional batch belongs to an aborted transaction. */
  isAborted({ producerId, baseOffset }: { readonly producerId: number; readonly baseOffset: number }): boolean {
    return this.aborted.some(
      (range) => range.producerId === producerId && range.firstOffset <= baseOffset && baseOffset < range.lastOffset,
    );
  }

  /** The log begins at `offset` now. */
  forgetBefore(offset: number): void {
    const keepFrom = this.aborted.findIndex(({ lastOffset }) => lastOffset >= offset);
    if (keepFrom !== 0) this.aborted = keepFrom < 0 ? [] : this.aborted.slice(keepFrom);
  }

  toState(): PartitionTransactionsState {
    return { open: [...this.open.values()].map((one) => ({ ...one })), aborted: [...this.aborted] };
  }

  restore({ open, aborted }: PartitionTransactionsState): void {
    this.open.clear();
    for (const one of open) this.open.set(one.producerId, { ...one });
    this.aborted = [...aborted];
    this.findFirstUnstable();
  }

  private findFirstUnstable(): void {
    this.firstUnstable = Number.POSITIVE_INFINITY;
    for (const { firstOffset } of this.open.values()) {
      if (firstOffset >= 0 && firstOffset < this.firstUnstable) this.firstUnstable = firstOffset;
    }
  }
}
