export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** A commit with its place among all commits of the group. */
export interface OrderedOffset extends CommittedOffset {
  readonly order: number;
}

/** Told of each change before it takes effect; null = the offset is gone. `producerId` is -1 without a transaction. */
export type OffsetListener = (
  topic: string,
  partition: number,
  producerId: number,
  offset: OrderedOffset | null,
) => void;

const NO_TRANSACTION = -1;

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
  changed: OffsetListener | undefined;

  get isEmpty(): boolean {
    return this.byTopic.size === 0 && this.pendingOf.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  put(topic: string, partition: number, committed: CommittedOffset): void {
    const offset = { ...committed, order: this.commits++ };
    this.changed?.(topic, partition, NO_TRANSACTION, offset);
    place(this.byTopic, topic, partition, offset);
  }

  /** A commit of a transaction: it shows when that commits, unless a later commit came first (KIP-447). */
  putPending(producerId: number, topic: string, partition: number, committed: CommittedOffset): void {
    const offset = { ...committed, order: this.commits++ };
    this.changed?.(topic, partition, producerId, offset);
    place(this.pendingBy(producerId), topic, partition, offset);
  }

  /** Takes in what is known from an earlier life, with its order; -1 stands for no transaction. */
  restore(topic: string, partition: number, producerId: number, offset: OrderedOffset): void {
    this.commits = Math.max(this.commits, offset.order + 1);
    place(producerId === NO_TRANSACTION ? this.byTopic : this.pendingBy(producerId), topic, partition, offset);
  }

  /** Whether a transaction may still change this offset. */
  isUnstable(topic: string, partition: number): boolean {
    if (this.pendingOf.size === 0) return false;
    for (const pending of this.pendingOf.values()) if (pending.get(topic)?.has(partition)) return true;
    return false;
  }

  endTransaction(producerId: number, isCommit: boolean): void {
    const pending = this.pendingOf.get(producerId);
    if (pending === undefined) return;
    for (const [topic, partitions] of pending) {
      for (const [partition, offset] of partitions) {
        const current = this.byTopic.get(topic)?.get(partition);
        if (isCommit && (current === undefined || current.order < offset.order)) {
          this.changed?.(topic, partition, NO_TRANSACTION, offset);
          place(this.byTopic, topic, partition, offset);
        }
        // Last, so that a crash before it finds the commit still to be made.
        this.changed?.(topic, partition, producerId, null);
      }
    }
    this.pendingOf.delete(producerId);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.byTopic.get(topic);
    if (partitions?.has(partition) !== true) return;
    this.changed?.(topic, partition, NO_TRANSACTION, null);
    partitions.delete(partition);
    if (partitions.size === 0) this.byTopic.delete(topic);
  }

  forgetTopic(topic: string): void {
    for (const partition of [...(this.byTopic.get(topic)?.keys() ?? [])]) this.delete(topic, partition);
    for (const [producerId, pending] of this.pendingOf) {
      for (const partition of pending.get(topic)?.keys() ?? []) this.changed?.(topic, partition, producerId, null);
      pending.delete(topic);
    }
  }

  /** The group is gone. */
  clear(): void {
    const pending = [...this.pendingOf.values()].flatMap((topics) => [...topics.keys()]);
    for (const topic of new Set([...this.byTopic.keys(), ...pending])) this.forgetTopic(topic);
  }

  *topics(): IterableIterator<readonly [topic: string, partitions: ReadonlyMap<number, CommittedOffset>]> {
    yield* this.byTopic;
  }

  private pendingBy(producerId: number): ByPartition<OrderedOffset> {
    let pending = this.pendingOf.get(producerId);
    if (pending === undefined) {
      pending = new Map();
      this.pendingOf.set(producerId, pending);
    }
    return pending;
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
