import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore, Snapshot } from '../../stores/checkpointStore.ts';
import type { JournalDraft } from '../journal/journalRecord.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { Recovered } from '../recovery/recovered.ts';
import { Increments, type Taking } from './increments.ts';
import { KeptSnapshots, type Retention } from './keptSnapshots.ts';
import type { SnapshotHead } from './snapshotHead.ts';

export interface CheckpointerOptions {
  readonly store: CheckpointStore;
  readonly head: SnapshotHead;
  /** Ids of the registry's schemas that records were read with so far. */
  readonly schemaIds: () => readonly number[];
  /** checkpoint.every, checkpoint.retain, checkpoint.max_failures (Infinity: never stop). */
  readonly everyMs: number;
  readonly retain: number;
  readonly maxFailures: number;
  readonly logger: Logger;
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Id of a checkpoint. */
  readonly newId: () => string;
  /** Where the next record of the journal's partition goes. */
  readonly journalEnd: (partition: number) => Promise<number>;
  /** Removes the journal's records below `offset`. */
  readonly trimJournal: (partition: number, offset: number) => Promise<void>;
  /** How many source topics have this partition: they share a partition of the journal. Infinity while that is not known. */
  readonly sourcesWith: (partition: number) => Promise<number>;
}

/** Of all snapshots of a run, for metrics and status. */
export interface CheckpointTotals {
  stored: number;
  failed: number;
  bytes: number;
  /** Of the last one: milliseconds from the cut to the end of the upload. */
  lastDurationMs: number;
  /** Id of the last checkpoint that has a stored snapshot; undefined before the first. */
  lastCheckpoint: string | undefined;
  /** Epoch milliseconds; undefined before the first. */
  lastStoredMs: number | undefined;
  /** Message of the failure since which none was stored; undefined while all is well. */
  failure: string | undefined;
}

/** Milliseconds of cutting that one commit may bring: the partitions that are due after that wait for the next. */
const CUT_BUDGET_MS = 20;

interface Plan {
  dueMs: number;
  isStoring: boolean;
  /** Resolves when none of its cuts is being taken or stored. */
  underWay: Promise<void>;
  /** Version of the state that the newest snapshot holds, and its offset. */
  version: number;
  offset: number;
  readonly increments: Increments;
  readonly kept: KeptSnapshots;
}

/** A state as it was at a commit. */
export interface Cut {
  readonly partition: PartitionAtWork;
  /** All of it but the operators, which are taken while processing goes on. */
  readonly head: Omit<Snapshot, 'operators' | 'base'>;
  readonly taking: Taking;
  readonly version: number;
  readonly startedMs: number;
  readonly journal: number;
  /** It is stored, or given up: its state is not read any more. */
  readonly release: () => void;
}

/**
 * Snapshots while processing goes on: cut with a commit, at its offset; stored in the background once that commit is
 * through; named in the journal with a later one. Partitions take turns, so that the pauses do not add up.
 */
export class Checkpointer {
  readonly totals = noCheckpoints();
  readonly #options: CheckpointerOptions;
  readonly #plans = new Map<PartitionAtWork, Plan>();
  /** Of each partition of the journal: how many source topics write there, by the last answer. */
  readonly #sources = new Map<number, number>();
  #failuresInARow = 0;
  #fatal: unknown;
  readonly #running = new Set<Promise<void>>();
  readonly #retention: Retention = { running: new Set(), isOver: false };

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** @param turn which of `turns` partitions it is: they are due one after the other */
  add(partition: PartitionAtWork, recovered: Recovered, turn: number, turns: number): void {
    const { everyMs, ticks } = this.#options;
    const { kept, journalEnd, wantsSnapshot, position } = recovered;
    const dueMs = ticks() + (wantsSnapshot ? 0 : (everyMs * (turn + 1)) / turns);
    // Version 0 is the state as it was recovered: worth a snapshot only where that is asked for.
    const version = wantsSnapshot ? -1 : partition.version;
    const retention = { ...this.#options, othersNeed: () => this.#othersNeed(partition) };
    this.#plans.set(partition, {
      dueMs,
      isStoring: false,
      underWay: Promise.resolve(),
      version,
      offset: position,
      increments: new Increments(),
      kept: new KeptSnapshots(partition, kept, journalEnd, retention, this.#retention),
    });
  }

  /** Resolves when its state is not read any more. */
  async remove(partition: PartitionAtWork): Promise<void> {
    const plan = this.#plans.get(partition);
    this.#plans.delete(partition);
    await plan?.underWay;
  }

  /** Snapshots that count, oldest first. */
  keptOf(partition: PartitionAtWork) {
    return this.#plans.get(partition)?.kept.list ?? [];
  }

  /**
   * Cuts of the states that are due, each at the offset that is being committed.
   *
   * @param isIdle nothing is being committed: the journal does not grow, so one without news holds nothing of it back
   */
  cut(partitions: Iterable<PartitionAtWork>, isIdle: boolean): Cut[] {
    const { ticks } = this.#options;
    const started = ticks();
    const cuts: Cut[] = [];
    let checkpoint: string | undefined;
    for (const partition of partitions) {
      const plan = this.#plans.get(partition);
      if (plan === undefined || plan.isStoring || plan.dueMs > started) continue;
      if (!hasNews(partition, plan) && (isIdle || !this.#holdsBack(partition, plan))) continue;
      checkpoint ??= this.#options.newId();
      cuts.push(this.#cutOne(partition, plan, checkpoint, undefined));
      if (ticks() - started > CUT_BUDGET_MS) break;
    }
    return cuts;
  }

  /** Copies of the states that no snapshot holds yet, whether due or not; of all, for a savepoint. */
  cutAll(partitions: Iterable<PartitionAtWork>, savepoint?: string): Cut[] {
    const checkpoint = this.#options.newId();
    const cuts: Cut[] = [];
    for (const partition of partitions) {
      const plan = this.#plans.get(partition);
      if (plan === undefined || (savepoint === undefined && !hasNews(partition, plan))) continue;
      cuts.push(this.#cutOne(partition, plan, checkpoint, savepoint));
    }
    return cuts;
  }

  /** Stores what was cut, in the background: the commit that it was cut at is through. */
  store(cuts: readonly Cut[]): void {
    for (const cut of cuts) void this.storeOne(cut).catch(() => {});
  }

  /** Gives up cuts whose commit failed: they are made again. */
  forget(cuts: readonly Cut[]): void {
    for (const cut of cuts) {
      cut.taking.abandon();
      this.#release(cut);
    }
  }

  /** Resolves when the snapshot is stored and waits to be named; rejects with why it is not. */
  storeOne(cut: Cut): Promise<void> {
    const run = this.#storeOne(cut);
    const settled = run.then(
      () => {},
      () => {},
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
    return run;
  }

  get isStoring(): boolean {
    return this.#running.size > 0;
  }

  /** Resolves when nothing is being stored any more. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Ends the retention: after an orderly run it is waited for, before the clients that it uses are closed. */
  async end(isOrderly: boolean): Promise<void> {
    if (isOrderly) await Promise.all(this.#retention.running);
    this.#retention.isOver = true;
  }

  /** @throws ANM_CHECKPOINT_FAILED when too many snapshots in a row could not be stored */
  throwFailure(): void {
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  /** Only who has this partition of all source topics knows what each of them needs of their journal. */
  async #othersNeed(partition: PartitionAtWork): Promise<number | undefined> {
    const sources = await this.#options.sourcesWith(partition.partition);
    this.#sources.set(partition.partition, sources);
    const others = this.#others(partition);
    if (others.length + 1 < sources) return undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const { kept } of others) {
      if (kept.needed === undefined) return undefined;
      least = Math.min(least, kept.needed);
    }
    return least;
  }

  /** A partition without news would keep the journal that it shares from being trimmed, with its old snapshots. */
  #holdsBack(partition: PartitionAtWork, { kept }: Plan): boolean {
    // Without a commit a recovery begins anew, and takes no snapshot.
    if (partition.committed < 0) return false;
    const others = this.#others(partition);
    // Where another member has one of the topics, nothing is trimmed here, whatever is stored.
    if (others.length + 1 < (this.#sources.get(partition.partition) ?? 0)) return false;
    return others.some((other) => (other.kept.needed ?? -1) > (kept.needed ?? -1));
  }

  #others({ topic, partition }: PartitionAtWork): Plan[] {
    const others: Plan[] = [];
    for (const [at, plan] of this.#plans) if (at.partition === partition && at.topic !== topic) others.push(plan);
    return others;
  }

  #cutOne(partition: PartitionAtWork, plan: Plan, checkpoint: string, savepoint: string | undefined): Cut {
    const { head, schemaIds, ticks, now, everyMs } = this.#options;
    const startedMs = ticks();
    const { topic, partition: number, position, task } = partition;
    const { watermark } = task.pipeline;
    // What is being stored already comes before this one, and this one is whole.
    const taking = plan.increments.take(task, savepoint !== undefined || plan.isStoring);
    plan.isStoring = true;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    plan.underWay = plan.underWay.then(() => released);
    plan.dueMs = startedMs + everyMs;
    const own = {
      ...head,
      topic,
      partition: number,
      offset: position,
      watermark: Number.isFinite(watermark) ? watermark : null,
      checkpoint,
      ...(savepoint !== undefined && { savepoint }),
      journal: plan.kept.journalEnd,
      createdMs: now(),
      schemaIds: schemaIds(),
    };
    const journal = Math.min(plan.kept.journalEnd, partition.pendingEffectAt);
    return { partition, head: own, taking, version: partition.version, startedMs, journal, release };
  }

  async #storeOne(cut: Cut): Promise<void> {
    const { partition, head, taking, version, startedMs, journal } = cut;
    const { store, ticks, now, logger } = this.#options;
    const { offset, checkpoint, savepoint } = head;
    try {
      const parts = await taking.parts();
      const { name, sha256, bytes } = await store.save({ ...head, ...parts });
      taking.stored({ name, sha256 });
      this.totals.stored++;
      this.totals.bytes = bytes;
      this.totals.lastDurationMs = ticks() - startedMs;
      this.totals.lastStoredMs = now();
      this.totals.lastCheckpoint = checkpoint;
      partition.stateBytes = bytes;
      this.totals.failure = undefined;
      this.#failuresInARow = 0;
      const plan = this.#plans.get(partition);
      // Where the partition went to another meanwhile, nobody will name it: the next owner's retention removes it.
      if (plan === undefined) return;
      plan.version = version;
      plan.offset = offset;
      const named = { name, sha256, checkpoint, ...(savepoint !== undefined && { savepoint }), journal };
      partition.drafts.push({ type: 'snapshot', offset, ...named });
      plan.kept.stored({ ...named, offset });
      logger.debug(`stored checkpoint ${name} of ${partition.name} at offset ${offset}: ${bytes} bytes`);
    } catch (error) {
      taking.abandon();
      // Of one that was given up nobody misses it, and its state may have been closed under it.
      if (this.#plans.has(partition)) this.#failed(partition, error);
      throw error;
    } finally {
      this.#release(cut);
    }
  }

  /** After a commit with these records of the journal: the snapshots that they name count, and older ones may go. */
  committed(partitions: Iterable<PartitionAtWork>, records: readonly JournalDraft[]): void {
    const names = new Set<string>();
    for (const record of records) if (record.type === 'snapshot') names.add(record.name);
    if (names.size === 0) return;
    for (const partition of partitions) this.#plans.get(partition)?.kept.named(names);
  }

  #release({ partition, release }: Cut): void {
    release();
    const plan = this.#plans.get(partition);
    if (plan !== undefined) plan.isStoring = false;
  }

  #failed(partition: PartitionAtWork, error: unknown): void {
    const { logger, maxFailures } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    this.totals.failed++;
    this.totals.failure = message;
    this.#failuresInARow++;
    const count = this.#failuresInARow === 1 ? '' : ` (failure ${this.#failuresInARow} in a row)`;
    logger.warn(`cannot store a checkpoint of ${partition.name}${count}, and went on without it: ${message}`);
    if (this.#failuresInARow < maxFailures) return;
    this.#fatal ??= new AnomalyError(
      'ANM_CHECKPOINT_FAILED',
      `cannot go on as ${this.#failuresInARow} checkpoints in a row could not be stored, which is checkpoint.max_failures: ${message}`,
      { cause: error, ...(isAnomalyError(error) && { hint: error.hint }) },
    );
  }
}

/** No snapshot holds its state yet; or one does, but wants records that are behind it and count for nothing: markers. */
function hasNews({ version, position }: PartitionAtWork, plan: Plan): boolean {
  return plan.version !== version || plan.offset !== position;
}

export function noCheckpoints(): CheckpointTotals {
  return {
    stored: 0,
    failed: 0,
    bytes: 0,
    lastDurationMs: 0,
    lastCheckpoint: undefined,
    lastStoredMs: undefined,
    failure: undefined,
  };
}
