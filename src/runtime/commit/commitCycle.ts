import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { Checkpointer, Cut } from '../checkpoints/checkpointer.ts';
import type { JournalRecord } from '../journal/journalRecord.ts';
import type { ModelDispatch } from '../model/modelDispatch.ts';
import type { Holding } from '../output/rowSink.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { LatencyGauge } from '../status/latencyGauge.ts';
import type { Committer } from './committer.ts';

export interface CommitCycleOptions {
  readonly committer: Committer;
  /** Absent where there is no state. */
  readonly checkpointer: Checkpointer | undefined;
  readonly holding: Holding | undefined;
  /** Absent where no model is asked. */
  readonly model?: Pick<ModelDispatch, 'drained' | 'standing'> | undefined;
  /** The partitions of this member, as they are at each moment. */
  readonly partitions: () => Iterable<PartitionAtWork>;
  /** Of the group now; -1 where it is not known. */
  readonly generation: () => number;
  readonly member: string;
  /** Setting commit_every. */
  readonly everyMs: number;
  /** Called with what each commit took. */
  readonly onCommit: (durationMs: number) => void;
  /** Learns which alerts can be read. */
  readonly latency?: Pick<LatencyGauge, 'cut' | 'committed' | 'discarded'>;
  readonly logger: Logger;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
}

/** Between two commits for alerts that wait: a transaction costs the brokers a marker in every partition of it. */
const ALERT_APART_MS = 10;

/** Commits while processing goes on, one at a time. */
export class CommitCycle {
  count = 0;
  readonly #options: CommitCycleOptions;
  #nextMs: number;
  #lastMs = -Infinity;
  #alertWaits = false;
  #running: Promise<boolean> | undefined;
  #failure: unknown;
  /** The last commit was refused by the group. */
  #isRefused = false;
  #isDiscarding = false;
  #draining: Promise<void> | undefined;

  constructor(options: CommitCycleOptions) {
    this.#options = options;
    this.#nextMs = options.ticks() + options.everyMs;
  }

  /** A commit is about to begin, and waits for values that wait for a model: no more of them may come. Else undefined. */
  get draining(): Promise<void> | undefined {
    return this.#draining;
  }

  /** An alert was put out that nobody can read before a commit. */
  alertWaits(): void {
    this.#alertWaits = this.#options.committer.isNeededToRead;
  }

  /** How long the loop may wait for records before it should look again. */
  waitMs(longestMs: number): number {
    if (this.#alertWaits) return Math.min(longestMs, ALERT_APART_MS / 2);
    return Math.max(0, Math.min(longestMs, this.#nextMs - this.#options.ticks()));
  }

  /** Between two batches: begins a commit in the background when one is due. */
  turn(): void {
    const time = this.#options.ticks();
    const isDue = time >= this.#nextMs || (this.#alertWaits && time >= this.#lastMs + ALERT_APART_MS);
    if (isDue || this.#options.committer.isFull) this.#start();
  }

  async #run(cutAll?: (partitions: Iterable<PartitionAtWork>) => void): Promise<boolean> {
    this.#start(cutAll);
    const isCommitted = await this.#running!;
    this.throwFailure();
    return isCommitted;
  }

  /** @param cutAll takes the place of the snapshots that are due */
  #start(cutAll?: (partitions: Iterable<PartitionAtWork>) => void): void {
    if (this.#running !== undefined) return;
    this.#running = this.#begin(cutAll)
      .catch((error: unknown) => {
        this.#failure ??= error;
        return false;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /**
   * Commits everything that was put out, after the one that is under way. False when the group is between two
   * generations and takes none: whoever owns the partitions next computes it again.
   */
  async now(): Promise<boolean> {
    await this.settle();
    return await this.#run();
  }

  /**
   * As `now`, with copies of all states at that commit; undefined when the group takes none.
   *
   * @param savepoint name under which they are to be kept
   */
  async cut(savepoint: string): Promise<readonly Cut[] | undefined> {
    const checkpointer = this.#options.checkpointer!;
    // The buffers of a state that is being stored must not be used for another copy.
    while (checkpointer.isStoring || this.#running !== undefined) {
      await checkpointer.settle();
      await this.#running;
    }
    const cuts: Cut[] = [];
    const isCommitted = await this.#run((partitions) => {
      cuts.push(...checkpointer.cutAll(partitions, savepoint));
    });
    if (isCommitted) return cuts;
    checkpointer.forget(cuts);
    return undefined;
  }

  /** Resolves when no commit is under way. @throws what a commit in the background failed with */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.throwFailure();
  }

  /**
   * Throws away what is not committed. No commit begins meanwhile: it would be of offsets whose outputs are gone.
   *
   * @param giveUp called at once where that took outputs of every partition: their positions are of no use any more
   */
  async discard(giveUp: () => void): Promise<void> {
    this.#isDiscarding = true;
    try {
      if (await this.#options.committer.discard()) {
        this.#options.latency?.discarded();
        giveUp();
      }
    } finally {
      this.#isDiscarding = false;
      this.#isRefused = false;
    }
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #begin(cutAll?: (partitions: Iterable<PartitionAtWork>) => void): Promise<boolean> {
    if (this.#isDiscarding) return false;
    const { committer, checkpointer, everyMs, logger, model, ticks, latency } = this.#options;
    const startedMs = ticks();
    this.#lastMs = startedMs;
    this.#nextMs = this.#lastMs + everyMs;
    // A value that waits for a model is behind the position, and its alert not put out yet.
    try {
      for (let waits = model?.drained(); waits !== undefined; waits = model?.drained()) {
        this.#draining = waits;
        await waits;
      }
    } finally {
      this.#draining = undefined;
    }
    if (this.#isDiscarding) return false;
    this.#alertWaits = false;
    // From here to the committer's first await nothing else runs: offsets, states and outputs are of one moment.
    const { offsets, records, moved } = this.#take();
    const isIdle = offsets.length === 0;
    // Where nothing moved, an outcome of the group would not be known: that is no success.
    if (isIdle && this.#isRefused) return false;
    const whole = settled(this.#options.partitions());
    const cuts = cutAll === undefined ? (checkpointer?.cut(whole, isIdle) ?? []) : [];
    cutAll?.(whole);
    if (isIdle) {
      // All positions are committed already. Retention takes the records of a topic that went quiet: what was read
      // since the last snapshot has to be in one before.
      checkpointer?.store(cuts);
      return true;
    }
    latency?.cut();
    try {
      await committer.commit(records, offsets);
      latency?.committed();
    } catch (error) {
      checkpointer?.forget(cuts);
      if (!isAnomalyError(error) || error.code !== 'ANM_GROUP_REBALANCED') throw error;
      this.#isRefused = true;
      logger.info(`${error.message}: the next owner goes on from the last commit`);
      return false;
    }
    for (const { partition, offset } of moved) partition.committed = offset;
    this.count++;
    this.#options.onCommit(this.#options.ticks() - startedMs);
    this.#isRefused = false;
    checkpointer?.committed(
      moved.map(({ partition }) => partition),
      records,
    );
    checkpointer?.store(cuts);
    return true;
  }

  #draftModel({ scores, drafts }: PartitionAtWork, offset: number): void {
    if (scores === undefined) return;
    drafts.push(...scores.drafts(offset));
    // The journal is trimmed to what the oldest snapshot needs: one that is named now has to find the model behind it.
    const standing = this.#options.model?.standing;
    const isNamed = drafts.some(({ type }) => type === 'snapshot') && !drafts.some(({ type }) => type === 'model');
    if (standing !== undefined && isNamed) drafts.push({ type: 'model', offset, ...standing });
  }

  /** What is to be committed, of all partitions. */
  #take() {
    const { partitions, generation, member, holding } = this.#options;
    const records: JournalRecord[] = [];
    const moved: { partition: PartitionAtWork; offset: number }[] = [];
    const offsets: TopicPartitionOffset[] = [];
    const current = generation();
    for (const partition of partitions()) {
      if (partition.isRestoring) continue;
      const { topic, partition: number } = partition;
      const done = holding?.heldFrom(partition) ?? partition.position;
      // While records are run again the commit stays where it is.
      const offset = Math.max(done, partition.suppressBelow);
      this.#draftModel(partition, offset);
      if (offset === partition.committed && partition.drafts.length === 0) continue;
      for (const draft of partition.drafts) {
        records.push({ ...draft, topic, partition: number, generation: current, member } as JournalRecord);
      }
      partition.drafts = [];
      moved.push({ partition, offset });
      offsets.push({ topic, partition: number, offset });
    }
    return { offsets, records, moved };
  }
}

/** Those whose state is that of their position. */
function* settled(partitions: Iterable<PartitionAtWork>): Iterable<PartitionAtWork> {
  for (const partition of partitions) if (!partition.isRestoring && !partition.isReplaying) yield partition;
}
