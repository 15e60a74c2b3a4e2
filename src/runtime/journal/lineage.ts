import type { TopicPartition } from '../../clients/topicPartition.ts';
import type {
  CrashRecord,
  EffectRecord,
  GapRecord,
  JournalEntry,
  ModelRecord,
  RestoreRecord,
  ScoresRecord,
  SnapshotRecord,
} from './journalRecord.ts';

type Entry<T> = T & { readonly at: number; readonly writtenMs: number };

/** What the journal says of one source partition, without what zombies wrote. */
export interface Lineage {
  /** Snapshots that count, oldest first. */
  readonly snapshots: readonly Entry<SnapshotRecord | RestoreRecord>[];
  /** Where the state was empty; undefined where that is trimmed away or was replaced. */
  readonly start: number | undefined;
  /** Where outputs begin, where it learnt first. */
  readonly live: number | undefined;
  /** By offset; those of one offset as they were written. */
  readonly effects: readonly Entry<EffectRecord>[];
  /** As they were written. */
  readonly scores: readonly ScoresRecord[];
  /** The last model that was put in another's place; undefined where none was, or that is trimmed away. */
  readonly model: ModelRecord | undefined;
  /** Gaps that the user went on over. */
  readonly gaps: readonly GapRecord[];
  /** Whoever met them: a crash is of the records, not of the member. */
  readonly crashes: readonly CrashRecord[];
  /** When the last of its entries was written, epoch milliseconds; undefined where there is none. */
  readonly lastWrittenMs: number | undefined;
  /** Hash of the definitions that the last owner ran. */
  readonly definition: string | undefined;
  /** The highest that counts; -1 before the first. */
  readonly generation: number;
}

/**
 * Reads the journal's entries of one source partition in their order.
 *
 * An entry of a lower generation after one of a higher is a zombie's: a member that had lost the partition and did not
 * know. So is one of another member than the owner's, in the owner's generation or below. With transactions the broker
 * has refused those already; at least once has no other fence.
 */
export function lineageOf(entries: Iterable<JournalEntry>, { topic, partition }: TopicPartition): Lineage {
  const found = new Lines();
  for (const entry of entries) {
    if (entry.topic === topic && entry.partition === partition) found.add(entry);
  }
  // The sort is stable.
  found.effects.sort((a, b) => a.offset - b.offset);
  return found;
}

class Lines implements Lineage {
  snapshots: Entry<SnapshotRecord | RestoreRecord>[] = [];
  start: number | undefined;
  live: number | undefined;
  effects: Entry<EffectRecord>[] = [];
  scores: ScoresRecord[] = [];
  model: ModelRecord | undefined;
  gaps: GapRecord[] = [];
  crashes: CrashRecord[] = [];
  lastWrittenMs: number | undefined;
  definition: string | undefined;
  generation = -1;
  #owner: string | undefined;

  add(entry: JournalEntry): void {
    if (entry.type === 'crash') {
      this.crashes.push(entry);
      return;
    }
    if (entry.type === 'restore') {
      this.#begin(undefined);
      // Whoever restored was no member of the group, which was empty.
      this.#owner = undefined;
      this.generation = -1;
      this.snapshots.push(entry);
    } else if (!this.#isCurrent(entry)) {
      return;
    } else if (entry.type === 'owner') {
      this.#owner = entry.member;
      this.definition = entry.definition;
      if (entry.start !== undefined) this.#begin(entry.start);
      if (entry.live !== undefined) this.live = entry.live;
    } else if (entry.type === 'snapshot') {
      this.snapshots.push(entry);
    } else if (entry.type === 'gap') {
      this.gaps.push(entry);
    } else if (entry.type === 'scores') {
      this.scores.push(entry);
    } else if (entry.type === 'model') {
      this.model = entry;
    } else if (entry.type !== 'control') {
      this.effects.push(entry);
    }
    this.lastWrittenMs = entry.writtenMs;
  }

  #isCurrent(entry: JournalEntry): boolean {
    const { type, generation, member } = entry;
    const isReset = type === 'owner' && entry.reset === true;
    if (generation < this.generation && !isReset) return false;
    const isOther = this.#owner !== undefined && member !== this.#owner;
    if (isOther && type !== 'owner' && generation === this.generation) return false;
    this.generation = generation;
    return true;
  }

  #begin(start: number | undefined): void {
    this.start = start;
    this.live = undefined;
    this.snapshots = [];
    this.effects = [];
    this.scores = [];
    this.gaps = [];
  }
}
