export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** Told of each change before it takes effect; null = the offset is gone. */
export type OffsetListener = (topic: string, partition: number, committed: CommittedOffset | null) => void;

/** What one group committed, by topic and partition. */
export class GroupOffsets {
  private readonly byTopic = new Map<string, Map<number, CommittedOffset>>();
  changed: OffsetListener | undefined;

  get isEmpty(): boolean {
    return this.byTopic.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  put(topic: string, partition: number, committed: CommittedOffset): void {
    this.changed?.(topic, partition, committed);
    this.restore(topic, partition, committed);
  }

  /** As `put`, for what is known from an earlier life. */
  restore(topic: string, partition: number, committed: CommittedOffset): void {
    let partitions = this.byTopic.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.byTopic.set(topic, partitions);
    }
    partitions.set(partition, committed);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.byTopic.get(topic);
    if (partitions?.has(partition) !== true) return;
    this.changed?.(topic, partition, null);
    partitions.delete(partition);
    if (partitions.size === 0) this.byTopic.delete(topic);
  }

  forgetTopic(topic: string): void {
    for (const partition of [...(this.byTopic.get(topic)?.keys() ?? [])]) this.delete(topic, partition);
  }

  clear(): void {
    for (const topic of [...this.byTopic.keys()]) this.forgetTopic(topic);
  }

  *topics(): IterableIterator<readonly [topic: string, partitions: ReadonlyMap<number, CommittedOffset>]> {
    yield* this.byTopic;
  }
}
