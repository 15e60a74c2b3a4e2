import type { Fence } from '../log/segmentStore.ts';
import type { Journal } from './journal.ts';

const START = 'start/';
const FENCE = 'fence/';

/**
 * What the journal says of single partitions, found without a look at all else that it holds:
 *   start/TOPIC_ID/PARTITION -> where the log starts | fence/TOPIC_ID/PARTITION/PRODUCER -> a transaction's offset
 */
export class PartitionEntries {
  private readonly journal: Journal;
  /** Producers with a fence, by TOPIC_ID/PARTITION. */
  private readonly fenced = new Map<string, Set<number>>();

  constructor(journal: Journal) {
    this.journal = journal;
    for (const [key, fence] of journal.under(FENCE)) {
      this.producersOf(key.slice(0, key.lastIndexOf('/'))).add((fence as unknown as Fence).producerId);
    }
  }

  startOf(partition: string): number {
    return Number(this.journal.get(START + partition) ?? 0);
  }

  fencesOf(partition: string): Fence[] {
    const producers = [...(this.fenced.get(partition) ?? [])];
    return producers.map((id) => this.journal.get(fenceKey(partition, id)) as unknown as Fence);
  }

  /** @throws StorageError, and then nothing changed; so do the others */
  startMoved(partition: string, offset: number): void {
    this.journal.set(START + partition, offset);
  }

  fence(partition: string, fence: Fence): void {
    this.journal.set(fenceKey(partition, fence.producerId), { ...fence });
    this.producersOf(partition).add(fence.producerId);
  }

  unfence(partition: string, producerId: number): void {
    this.journal.delete(fenceKey(partition, producerId));
    const producers = this.fenced.get(partition);
    producers?.delete(producerId);
    if (producers?.size === 0) this.fenced.delete(partition);
  }

  remove(partition: string): void {
    this.journal.delete(START + partition);
    for (const id of [...(this.fenced.get(partition) ?? [])]) this.unfence(partition, id);
  }

  private producersOf(partition: string): Set<number> {
    let producers = this.fenced.get(partition);
    if (producers === undefined) {
      producers = new Set();
      this.fenced.set(partition, producers);
    }
    return producers;
  }
}

function fenceKey(partition: string, producerId: number): string {
  return `${FENCE}${partition}/${producerId}`;
}
