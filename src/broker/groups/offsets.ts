export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** A commit with its place among all commits of the group. */
interface OrderedOffset extends CommittedOffset {
  readonly order: number;
}

type ByPartition<T> = Map<string, Map<number, T>>;

/** A commit that waits for the end of its transaction, as plain data. */
export interface PendingOffset extends CommittedOffset {
  readonly producerId: number;
  readonly topic: string;
  readonly partition: number;
}

/** What one group committed, by topic and partition, and what transactions will commit for it. */
export class GroupOffsets {
  private readonly byTopic: ByPartition<OrderedOffset> = new Map();
  /** By producer id: one producer has one transaction at a time. */
  private readonly pendingOf = new Map<number, ByPartition<OrderedOffset>>();
  private commits = 0;

  get isEmpty(): boolean {
    return this.byTopic.size === 0 && this.pendingOf.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  put(topic: string, partition: number, committed: CommittedOffset): void {
    place(this.byTopic, topic, partition, { ...committed, order: this.commits++ });
  }

  /** A commit of a transaction: it shows when that commits, unless a later commit came first (KIP-447). */
  putPending(producerId: number, topic: string, partition: number, committed: CommittedOffset): void {
    let pending = this.pendingOf.get(producerId);
    if (pending === undefined) {
      pending = new Map();
      this.pendingOf.set(producerId, pending);
    }
    place(pending, topic, partition, { ...committed, order: this.commits++ });
  }

  /** Whether a transaction may still change this offset. */
  isUnstable(topic: string, partition: number): boolean {
    if (this.pendingOf.size === 0) return false;
    for (const pending of this.pendingOf.values()) if (pending.get(topic)?.has(partition)) return true;
    return false;
  }

  endTransaction(producerId: number, isCommit: boolean): void {
    const pending = this.pendingOf.get(producerId);
    this.pendingOf.delete(producerId);
    if (pending === undefined || !isCommit) return;
    for (const [topic, partitions] of pending) {
      for (const [partition, offset] of partitions) {
        const current = this.byTopic.get(topic)?.get(partition);
        if (current === undefined || current.order < offset.order) place(this.byTopic, topic, partition, offset);
      }
    }
  }

  delete(topic: string, partition: number): void {
    const partitions = this.byTopic.get(topic);
    if (partitions?.delete(partition) && partitions.size === 0) this.byTopic.delete(topic);
  }

  forgetTopic(topic: string): void {
    this.byTopic.delete(topic);
    for (const pending of this.pendingOf.values()) pending.delete(topic);
  }

  *topics(): IterableIterator<readonly [topic: string, partitions: ReadonlyMap<number, CommittedOffset>]> {
    yield* this.byTopic;
  }

  /** For what outlives the process; `putPending` in this order restores it. */
  pending(): PendingOffset[] {
    const all = [...this.pendingOf].flatMap(([producerId, topics]) =>
      [...topics].flatMap(([topic, partitions]) =>
        [...partitions].map(([partition, committed]) => ({ producerId, topic, partition, ...committed })),
      ),
    );
    return all.sort((a, b) => a.order - b.order).map(({ order, ...offset }) => offset);
  }
}

function place<T>(into: ByPartition<T>, topic: string, partition: number, value: T): void {
  let partitions = into.get(topic);
  if (partitions === undefined) {
    partitions = new Map();
    into.set(topic, partitions);
  }
  partitions.set(partition, value);
}
