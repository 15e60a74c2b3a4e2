export interface CommittedOffset {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

/** What one group committed, by topic and partition. */
export class GroupOffsets {
  private readonly byTopic = new Map<string, Map<number, CommittedOffset>>();

  get isEmpty(): boolean {
    return this.byTopic.size === 0;
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.byTopic.get(topic)?.get(partition);
  }

  put(topic: string, partition: number, committed: CommittedOffset): void {
    let partitions = this.byTopic.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.byTopic.set(topic, partitions);
    }
    partitions.set(partition, committed);
  }

  delete(topic: string, partition: number): void {
    const partitions = this.byTopic.get(topic);
    if (partitions?.delete(partition) && partitions.size === 0) this.byTopic.delete(topic);
  }

  forgetTopic(topic: string): void {
    this.byTopic.delete(topic);
  }

  *topics(): IterableIterator<readonly [topic: string, partitions: ReadonlyMap<number, CommittedOffset>]> {
    yield* this.byTopic;
  }
}
