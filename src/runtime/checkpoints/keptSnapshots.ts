import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore } from '../../stores/checkpointStore.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { KeptSnapshot } from './keptSnapshot.ts';

export interface RetentionOptions {
  readonly store: Pick<CheckpointStore, 'list' | 'remove'>;
  readonly retain: number;
  readonly logger: Logger;
  readonly journalEnd: (partition: number) => Promise<number>;
  readonly trimJournal: (partition: number, offset: number) => Promise<void>;
  /**
   * The first offset of the journal's partition that the other source topics with this partition need, Infinity where
   * there are none; undefined while that is not known here.
   */
  readonly othersNeed: () => Promise<number | undefined>;
}

/** The cleaning of all partitions of a run. */
export interface Retention {
  /** Resolves when nothing is removed any more. */
  readonly running: Set<Promise<void>>;
  /** None begins any more, and one that fails says nothing: the next owner has the same to do. */
  isOver: boolean;
}

/**
 * The snapshots of a partition that count. One that was named makes room for itself: first the journal is trimmed to
 * what the oldest that stays needs, then what is older is removed, so that a kill in between leaves files. Where the
 * journal may not be trimmed, it goes on to name what is removed: a recovery takes the newer ones, which are still there.
 */
export class KeptSnapshots {
  /** A place in the journal's partition that is at or before its end. */
  journalEnd: number;
  readonly #partition: PartitionAtWork;
  readonly #options: RetentionOptions;
  readonly #retention: Retention;
  #kept: KeptSnapshot[];
  /** Stored, and to be named by a later commit. */
  #waiting: KeptSnapshot[] = [];
  #isCleaning = false;

  constructor(
    partition: PartitionAtWork,
    kept: readonly KeptSnapshot[],
    journalEnd: number,
    options: RetentionOptions,
    retention: Retention,
  ) {
    this.#partition = partition;
    this.#kept = [...kept];
    this.journalEnd = journalEnd;
    this.#options = options;
    this.#retention = retention;
  }

  /** Oldest first. */
  get list(): readonly KeptSnapshot[] {
    return this.#kept;
  }

  /** First offset of the journal's partition that is needed; undefined while none of it may go. */
  get needed(): number | undefined {
    return this.#automatic.at(-this.#options.retain)?.journal;
  }

  get #automatic(): KeptSnapshot[] {
    return this.#kept.filter(({ savepoint }) => savepoint === undefined);
  }

  stored(snapshot: KeptSnapshot): void {
    this.#waiting.push(snapshot);
  }

  /** A commit is through that names these: one that was stored while it was under way waits for the next. */
  named(names: ReadonlySet<string>): void {
    const counting = this.#waiting.filter(({ name }) => names.has(name));
    if (counting.length === 0) return;
    this.#kept.push(...counting);
    this.#waiting = this.#waiting.filter(({ name }) => !names.has(name));
    const { running, isOver } = this.#retention;
    if (isOver || this.#isCleaning) return;
    const cleaning = this.#clean().finally(() => running.delete(cleaning));
    running.add(cleaning);
  }

  async #clean(): Promise<void> {
    this.#isCleaning = true;
    const { retain, trimJournal, othersNeed, logger, journalEnd } = this.#options;
    const { partition, name } = this.#partition;
    try {
      const gone = this.#automatic.slice(0, -retain);
      const { needed } = this;
      if (gone.length > 0 && needed !== undefined) {
        const others = await othersNeed();
        if (others !== undefined) await trimJournal(partition, Math.min(needed, others));
        await this.#remove(gone, others !== undefined && others >= needed);
        this.#kept = this.#kept.filter((each) => !gone.includes(each));
      }
      this.journalEnd = await journalEnd(partition);
    } catch (error) {
      // Tried again with the next snapshot.
      if (this.#retention.isOver) return;
      logger.warn(`cannot remove old checkpoints of ${name}: ${error instanceof Error ? error.message : error}`);
    } finally {
      this.#isCleaning = false;
    }
  }

  /** Removes them, and what is older still: snapshots that were stored and never named. */
  async #remove(gone: readonly KeptSnapshot[], isTrimmed: boolean): Promise<void> {
    const { store } = this.#options;
    const { topic, partition } = this.#partition;
    const all = await store.list(topic, partition);
    const lastGone = gone.at(-1)!.name;
    const older = all.slice(0, 1 + all.findIndex((each) => each.name === lastGone));
    const staying = [...this.#kept.filter((each) => !gone.includes(each)), ...this.#waiting];
    const kept = new Set(staying.map((each) => each.name));
    const names = new Set(gone.map((each) => each.name));
    const orphans = older.filter((each) => !kept.has(each.name) && !names.has(each.name));
    // Where the journal still names them, a recovery would only warn of them: the newer ones come first.
    await store.remove(isTrimmed ? [...gone, ...orphans] : gone);
  }
}
