import type { TopicPartition, TopicPartitionOffset } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { isAnomalyError } from '../errors.ts';
import type { StoredSnapshot } from '../stores/snapshotStore.ts';
import { AssignmentNotice } from './assignmentNotice.ts';
import { FieldWatch } from './fieldWatch.ts';
import { InputChecks } from './inputChecks.ts';
import { partitionName } from './partitionName.ts';
import { PlacementWatch } from './placementWatch.ts';
import { usableSnapshot } from './recovery.ts';
import type { RunnerOptions, RunTotals } from './runnerOptions.ts';
import type { Task } from './task.ts';

/**
 * Drives the tasks of the assigned partitions: poll, process, put out, commit. At least once: a commit waits until
 * every output before it is acknowledged, then stores the snapshots, then commits the offsets; all in the background
 * of the next batches. After a crash each partition goes on from its snapshot, and outputs of records below the
 * committed offset, which were acknowledged before, are not put out again.
 */
export class Runner {
  readonly totals: RunTotals = { records: 0, bytes: 0, windows: 0, alerts: 0, late: 0, deadLetters: 0, commits: 0 };
  /** False when the last commit of a stopped run was refused by a rebalance: the snapshots are stored all the same. */
  isCommitted = true;
  readonly #options: RunnerOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #placement: PlacementWatch;
  #committed = new Map<string, number>();
  #commit: Promise<void> | undefined;
  #failure: unknown;
  #nextCommitMs = 0;
  #nextProgressMs = 0;
  #ending = false;
  readonly #checks: InputChecks;
  readonly #fields: FieldWatch;
  readonly #notice: AssignmentNotice;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { maxBadRate, logger, sink } = options;
    this.#fields = new FieldWatch(options.fields, logger);
    this.#placement = new PlacementWatch(options.partitionCounts ?? new Map(), logger);
    this.#notice = new AssignmentNotice(logger, options.now);
    this.#checks = new InputChecks({ maxBadRate, logger, deadLetters: sink.names.deadLetters });
  }

  get tasks(): Iterable<Task> {
    return this.#tasks.values();
  }

  /** Resolves when the end is reached or the signal came, with everything committed. */
  async run(): Promise<'end' | 'stopped'> {
    const { consumer, now, topics, start } = this.#options;
    await consumer.subscribe(topics, start, {
      onAssigned: (partitions) => this.#assigned(partitions),
      onRevoked: (partitions) => this.#revoked(partitions),
      onLost: (partitions) => this.#lost(partitions),
    });
    this.#nextCommitMs = now() + this.#options.commitEveryMs;
    try {
      return await this.#loop();
    } catch (error) {
      // The position is behind a batch that may not have been put out: whoever closes the consumer must not commit it.
      this.#failure ??= error;
      throw error;
    }
  }

  async #loop(): Promise<'end' | 'stopped'> {
    const { consumer, producer, sink, signal, now } = this.#options;
    while (!signal.aborted) {
      const batch = await consumer.poll(POLL_MS);
      if (batch !== null) await this.#process(batch);
      this.#putOutCorrupt();
      sink.holding?.advance(this.#tasks.values());
      const room = producer.ready();
      if (room !== null) await room;
      this.#throwFailure();
      if (this.#tasks.size === 0) this.#notice.check();
      const time = now();
      if (time >= this.#nextCommitMs && this.#commit === undefined) this.#startCommit();
      if (time >= this.#nextProgressMs) {
        this.#nextProgressMs = time + PROGRESS_MS;
        this.#options.onProgress?.(this.totals);
      }
      if (this.#atEnd() && (await this.#finish())) return 'end';
    }
    this.isCommitted = await this.#drain();
    return 'stopped';
  }

  /** A corrupt batch is behind the position as soon as it is found, so it is put out before any commit. */
  #putOutCorrupt(): void {
    for (const corrupt of this.#options.consumer.takeCorrupt()) {
      this.#options.sink.corrupt(corrupt);
      this.totals.deadLetters += corrupt.recordCount;
      this.#checks.add(corrupt.recordCount, corrupt.recordCount, partitionName(corrupt), corrupt.reason);
    }
  }

  async #process(batch: ColumnBatch): Promise<void> {
    const task = this.#tasks.get(partitionName(batch));
    if (task === undefined) return;
    const series = task.pipeline.keys.size;
    const pending = task.process(batch);
    if (pending !== undefined) await pending;
    this.#fields.add(batch);
    this.totals.records += batch.count;
    this.totals.bytes += batch.count === 0 ? 0 : batch.valueEnd[batch.count - 1]! - Math.max(0, batch.keyStart[0]!);
    if (task.pipeline.keys.size > series) this.#checkPlacement(task, series);
    this.#putOut(task, batch);
    this.#checks.add(batch.count, task.rejectCount, partitionName(task), task.lastRejectReason);
    this.#checks.checkLate(this.totals);
  }

  #putOut(task: Task, batch: ColumnBatch | undefined): void {
    const { pipeline } = task;
    // Without a batch nothing was decoded: the task still shows the rejects of the one before.
    const rejectCount = batch === undefined ? 0 : task.rejectCount;
    const { windowRows, alertRows, lateRows } = pipeline;
    const { sink } = this.#options;
    if (windowRows.count + alertRows.count + lateRows.count + rejectCount === 0 && !sink.takesEveryBatch) return;
    this.totals.windows += windowRows.count;
    this.totals.alerts += alertRows.count;
    this.totals.late += lateRows.count;
    this.totals.deadLetters += rejectCount;
    sink.write(task, batch);
    pipeline.clearOutput();
  }

  #checkPlacement(task: Task, from: number): void {
    if (this.#options.store === undefined) return;
    let owned = 0;
    for (const { topic } of this.#tasks.values()) if (topic === task.topic) owned++;
    this.#placement.note(task, from, owned);
  }

  /** Cuts a snapshot of every task that moved, now; the rest goes on in the background. */
  #startCommit(): void {
    this.#nextCommitMs = this.#options.now() + this.#options.commitEveryMs;
    this.#commit = this.#tryCommit([...this.#tasks.values()])
      .then(() => {})
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#commit = undefined;
      });
  }

  /**
   * False when the group is between two generations and takes no commit. Nothing is wrong then: the outputs are
   * acknowledged and the snapshots stored, and whoever owns the partitions next goes on from those.
   */
  async #tryCommit(tasks: readonly Task[]): Promise<boolean> {
    try {
      await this.#commitNow(tasks);
      return true;
    } catch (error) {
      if (!isAnomalyError(error) || error.code !== 'ANM_GROUP_REBALANCED') throw error;
      this.#options.logger.info(`${error.message}: the next owner goes on from the snapshots`);
      return false;
    }
  }

  async #commitNow(tasks: readonly Task[]): Promise<void> {
    const { producer, sink, store, consumer, definition, cluster, now } = this.#options;
    const started = now();
    this.#putOutCorrupt();
    const cuts: { task: Task; snapshot: StoredSnapshot }[] = [];
    for (const task of tasks) {
      const offset = sink.holding?.heldFrom(task) ?? consumer.position(task.topic, task.partition);
      // While the records between the snapshot and the commit are read again, a commit would only move it back.
      if (offset < task.suppressBelow || this.#committed.get(partitionName(task)) === offset) continue;
      cuts.push({
        task,
        snapshot: { offset, definition, cluster, state: store === undefined ? NO_STATE : task.snapshot() },
      });
    }
    // A large state must not keep the process busy with snapshots: at most a tenth of the time goes into them, of which
    // the cut is about half and hashing and writing the rest. Waiting for the broker and the disk does not count, or a
    // pipeline that catches up would hardly ever commit.
    this.#nextCommitMs = Math.max(this.#nextCommitMs, started + 20 * (now() - started));
    await producer.flush();
    await Promise.all(cuts.map(({ task, snapshot }) => store?.save(task.topic, task.partition, snapshot)));
    if (cuts.length === 0) return;
    await consumer.commit(
      cuts.map(({ task, snapshot }) => ({ topic: task.topic, partition: task.partition, offset: snapshot.offset })),
    );
    for (const { task, snapshot } of cuts) this.#committed.set(partitionName(task), snapshot.offset);
    this.totals.commits++;
  }

  async #drain(): Promise<boolean> {
    this.#ending = true;
    await this.#commit;
    this.#throwFailure();
    return await this.#tryCommit([...this.#tasks.values()]);
  }

  /** False when the group took no commit: the partitions come again, and with them their end. */
  async #finish(): Promise<boolean> {
    await this.#commit;
    this.#throwFailure();
    this.#checks.end();
    this.#fields.end();
    this.#options.sink.holding?.release();
    if (!this.#options.leaveOpen) {
      for (const task of this.#tasks.values()) {
        task.close();
        // Closing changes the state without moving the offset.
        this.#committed.delete(partitionName(task));
        this.#putOut(task, undefined);
      }
    }
    return await this.#drain();
  }

  #atEnd(): boolean {
    const until = this.#options.until?.();
    if (until === undefined || this.#tasks.size === 0) return false;
    const { consumer } = this.#options;
    for (const task of this.#tasks.values()) {
      const { topic, partition } = task;
      const end = until.find((each) => each.partition === partition && each.topic === topic);
      if (end !== undefined && consumer.position(topic, partition) < end.offset) return false;
    }
    return true;
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const { consumer, store, createTask, definition, cluster, start, startEmpty, logger } = this.#options;
    await this.#checkGrown(partitions);
    const committed = await consumer.committed(partitions);
    const starts: TopicPartitionOffset[] = [];
    for (const partition of partitions) {
      const name = partitionName(partition);
      const offset = committed.find((each) => partitionName(each) === name)?.offset ?? -1;
      const task = createTask(partition);
      const stored = await store?.load(partition.topic, partition.partition);
      const rule = { location: store?.location ?? '', definition, cluster, start, startEmpty, logger };
      const snapshot = store === undefined ? undefined : usableSnapshot(name, offset, stored, rule);
      if (snapshot !== undefined) {
        task.restore(snapshot.state);
        task.suppressBelow = offset;
        starts.push({ ...partition, offset: snapshot.offset });
        // The commit itself: a kill between snapshot and commit leaves it behind, and nothing may be read any more.
        this.#committed.set(name, offset);
      } else if (offset >= 0) {
        starts.push({ ...partition, offset });
      }
      this.#tasks.set(name, task);
    }
    for (const partition of partitions) this.#checkPlacement(this.#tasks.get(partitionName(partition))!, 0);
    if (partitions.length > 0) logger.info(`assigned ${partitions.map(partitionName).join(', ')}`);
    this.#notice.assigned(partitions.length);
    return starts;
  }

  async #checkGrown(partitions: readonly TopicPartition[]): Promise<void> {
    const { partitionCounts, onGrown } = this.#options;
    for (const { topic, partition } of partitions) {
      if (partition >= (partitionCounts?.get(topic) ?? Infinity)) await onGrown?.(partition);
    }
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#commit;
    this.#throwFailure();
    const going = partitions.flatMap((partition) => this.#tasks.get(partitionName(partition)) ?? []);
    const isCommitted = await this.#tryCommit(going);
    this.#drop(partitions);
    if (isCommitted && going.length > 0 && !this.#ending)
      this.#options.logger.info(`gave up ${going.map(partitionName).join(', ')} after a commit`);
  }

  /** Others may be at work on the partitions already: their state here is worth nothing. */
  async #lost(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#commit;
    this.#drop(partitions);
    if (partitions.length > 0)
      this.#options.logger.warn(`lost ${partitions.map(partitionName).join(', ')} to the group`);
  }

  #drop(partitions: readonly TopicPartition[]): void {
    this.#notice.waits();
    this.#options.sink.holding?.drop(partitions);
    for (const partition of partitions) {
      this.#tasks.delete(partitionName(partition));
      this.#committed.delete(partitionName(partition));
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Waiting for records: short, so that signals and commits are seen. */
const POLL_MS = 100;
const PROGRESS_MS = 250;
const NO_STATE = new Uint8Array(0);
