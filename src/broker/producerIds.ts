/** Names of deleted topics that are remembered one by one; above that they count as one. */
const MAX_DELETED_NAMES = 10_000;

/**
 * The producer ids that this process gave. It tells which producers a partition knows wholly, as it existed when they
 * got their ids: what it has not seen of them they have not written.
 */
export class ProducerIds {
  private readonly give: () => number;
  private readonly first: number;
  /** The one after the last that was given. */
  private end: number;
  /** By topic: ids below may have written to one of that name that was deleted. */
  private readonly deleted = new Map<string, number>();
  private deletedAtAll = 0;

  /** `first` is above all ids that an earlier process gave, and `give` gives rising ones from there. */
  constructor(first = 1, give: (() => number) | null = null) {
    this.first = first;
    this.end = first;
    this.give = give ?? (() => this.end);
  }

  /** @throws StorageError */
  next(): number {
    const id = this.give();
    this.end = id + 1;
    return id;
  }

  topicDeleted(name: string): void {
    if (this.deleted.size >= MAX_DELETED_NAMES) {
      this.deleted.clear();
      this.deletedAtAll = this.end;
    }
    this.deleted.set(name, this.end);
  }

  /** For the partitions of a topic that is made now, or was there at the start. */
  knownIn(topic: string): (producerId: number) => boolean {
    const from = Math.max(this.first, this.deletedAtAll, this.deleted.get(topic) ?? 0);
    return (producerId) => from <= producerId && producerId < this.end;
  }
}
