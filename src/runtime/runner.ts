import type { TopicPartition, TopicPartitionOffset } from '../clients/topicPartition.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { AssignmentNotice } from './assignmentNotice.ts';
import { CommitCycle } from './commit/commitCycle.ts';
import { IdleWatch } from './idleWatch.ts';
import { FieldWatch } from './input/fieldWatch.ts';
import { InputChecks } from './input/inputChecks.ts';
import { PlacementWatch } from './input/placementWatch.ts';
import { journalModel } from './model/journalModel.ts';
import { ModelDispatch } from './model/modelDispatch.ts';
import { PartitionAtWork } from './partitionAtWork.ts';
import { reachedEnd } from './reachedEnd.ts';
import { ReplayNotice } from './recovery/replayNotice.ts';
import { countBatch, noTotals, type RunnerOptions, type RunTotals } from './runnerOptions.ts';
import { RunOperation } from './runOperation.ts';
import { type RunState, statelessRun, stateOfRun } from './runState.ts';
import { RunGauge } from './status/runGauge.ts';
import type { Task } from './task.ts';
import { checkGrown } from './topics/grownTopics.ts';
import { partitionName } from './topics/partitionName.ts';

/**
 * Drives the tasks of the assigned partitions: poll, process, put out, commit. Commits and checkpoints are made beside
 * the next batches, and a partition that comes is restored beside those that are at work.
 */
export class Runner {
  readonly totals: RunTotals;
  /** False when the last commit of a stopped run was refused by a rebalance: the next owner computes it again. */
  isCommitted = true;
  readonly #options: RunnerOptions;
  readonly #partitions = new Map<string, PartitionAtWork>();
  readonly #commits: CommitCycle;
  readonly #state: RunState;
  readonly #placement: PlacementWatch;
  readonly #checks: InputChecks;
  readonly #fields: FieldWatch;
  readonly #notice: AssignmentNotice;
  readonly #operation: RunOperation;
  readonly #replays: ReplayNotice;
  readonly #idle: IdleWatch;
  readonly #model: ModelDispatch | undefined;
  #nextProgressMs = 0;
  #ending = false;
  readonly #putOut = (partition: PartitionAtWork, batch: ColumnBatch | undefined) => this.#put(partition, batch);

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { maxBadRate, logger, sink, ticks, consumer, committer, member } = options;
    const generation = () => consumer.membership()?.generation ?? -1;
    const partitions = () => this.#partitions.values();
    const gauge = new RunGauge(options);
    if (options.model !== undefined) {
      this.#model = new ModelDispatch(options.model, (change) => journalModel(partitions(), change));
    }
    this.#state =
      options.state === undefined ? statelessRun(options) : stateOfRun(options, options.state, partitions, this.#model);
    this.#commits = new CommitCycle({
      ...{ committer, partitions, generation, member, logger, ticks },
      checkpointer: this.#state.checkpointer,
      holding: sink.holding,
      model: this.#model,
      everyMs: options.commitEveryMs,
      latency: gauge.latency,
      onCommit: (durationMs) => gauge.committed(durationMs),
    });
    this.totals = { ...noTotals(), checkpoints: this.#state.totals };
    this.#operation = new RunOperation(options, gauge, {
      ...{ partitions, totals: this.totals, checkpointer: this.#state.checkpointer, model: this.#model },
      process: (batch, isPiece) => this.#process(batch, isPiece),
      commit: () => this.#commits.now(),
      savepoint: (name) => this.savepoint(name),
    });
    this.#fields = new FieldWatch(options.fields, logger);
    this.#placement = new PlacementWatch(options.partitionCounts ?? new Map(), logger);
    this.#notice = new AssignmentNotice(logger, ticks);
    this.#replays = new ReplayNotice(logger, ticks);
    this.#idle = new IdleWatch(options.idleAfterMs ?? Infinity, consumer, ticks);
    this.#checks = new InputChecks({ maxBadRate, logger, deadLetters: sink.names.deadLetters });
  }

  get tasks(): Iterable<Task> {
    return [...this.#partitions.values()].map(({ task }) => task);
  }

  /** Tasks whose state is that of their position: not those that another run of the group goes on with. */
  get settledTasks(): Iterable<Task> {
    const settled = [...this.#partitions.values()].filter(
      ({ isRestoring, isReplaying }) => !isRestoring && !isReplaying,
    );
    return settled.map(({ task }) => task);
  }

  /** Resolves when the end is reached or the signal came, with everything committed. */
  async run(): Promise<'end' | 'stopped'> {
    const { consumer, topics, start } = this.#options;
    await consumer.subscribe(topics, start, {
      onAssigned: (partitions) => this.#assigned(partitions),
      onRevoked: (partitions) => this.#revoked(partitions),
      onLost: (partitions) => this.#lost(partitions),
    });
    this.#operation.begin();
    try {
      const ended = await this.#loop();
      await this.#state.checkpointer?.end(true);
      return ended;
    } catch (error) {
      void this.#state.checkpointer?.end(false);
      // A batch may be half put out: whoever closes the consumer must not commit it.
      this.#ending = true;
      this.#operation.end();
      this.#partitions.clear();
      throw error;
    } finally {
      this.#model?.close();
    }
  }

  /**
   * Keeps the states of all partitions under a name, as they are at one commit. Processing goes on meanwhile where the
   * caller lets it.
   *
   * @returns the id of the checkpoint, once it counts
   * @throws ANM_STORE_*, ANM_UNSUPPORTED where there is no state
   */
  async savepoint(name: string): Promise<string> {
    return await this.#state.savepoint(name, this.#commits);
  }

  async #loop(): Promise<'end' | 'stopped'> {
    const { consumer, producer, sink, signal, ticks } = this.#options;
    while (!signal.aborted) {
      this.#operation.turn();
      const batch = await consumer.poll(this.#commits.waitMs(this.#model?.isWaiting === true ? ANSWER_MS : POLL_MS));
      if (batch !== null) await this.#operation.take(batch);
      this.#turn();
      sink.holding?.advance(this.tasks);
      for (const room of [producer.ready(), this.#model?.ready() ?? null]) {
        if (room !== null) await this.#operation.gauge.waiting(room);
      }
      this.#model?.turn();
      this.#model?.throwFailure();
      this.#commits.throwFailure();
      this.#state.checkpointer?.throwFailure();
      if (this.#partitions.size === 0) this.#notice.check();
      this.#commits.turn();
      this.totals.commits = this.#commits.count;
      const time = ticks();
      if (time >= this.#nextProgressMs) {
        this.#nextProgressMs = time + PROGRESS_MS;
        this.#options.onProgress?.(this.totals);
      }
      if (reachedEnd(this.#partitions, this.#options.until?.()) && (await this.#finish())) return 'end';
    }
    this.isCommitted = await this.#drain();
    return 'stopped';
  }

  /** Between two batches: how far each partition has come, and which ones are back. */
  #turn(): void {
    const { consumer } = this.#options;
    this.#putOutCorrupt();
    for (const partition of this.#partitions.values()) {
      if (partition.isRestoring) {
        if (!partition.isPaused) consumer.pause([partition]);
        partition.isPaused = true;
        continue;
      }
      partition.position = consumer.position(partition.topic, partition.partition);
      partition.applyEffects(partition.position, this.#putOut);
    }
    if (this.#operation.isPaused) this.#idle.hold(this.#partitions.values());
    else this.#idle.turn(this.#partitions.values(), this.#putOut);
    for (const { partition, recovered } of this.#state.restored()) {
      partition.begin(recovered, this.#putOut, this.#model);
      this.#operation.restored({ partition, recovered });
      consumer.seek({ topic: partition.topic, partition: partition.partition, offset: recovered.position });
      consumer.resume([partition]);
      this.#replays.begins(partition);
      this.#checkPlacement(partition.task, 0);
    }
    this.#replays.check();
  }

  /** In one turn with what was put out: a commit may begin at any await. */
  #moved(partition: PartitionAtWork, most: number): void {
    this.#putOutCorrupt();
    const { consumer } = this.#options;
    const { topic, partition: number } = partition;
    const position = consumer.position(topic, number);
    partition.position = Math.min(most, position);
    if (partition.scores !== undefined && position >= consumer.endOffset(topic, number)) partition.scores.caughtUp();
  }

  /** A corrupt batch is behind the position as soon as it is found, so it is put out before any commit. */
  #putOutCorrupt(): void {
    for (const corrupt of this.#options.consumer.takeCorrupt()) {
      const partition = this.#partitions.get(partitionName(corrupt));
      // One that is not at work yet reads it again; below the commit it was put out.
      if (partition === undefined || partition.isRestoring || corrupt.firstOffset < partition.suppressBelow) continue;
      this.#options.sink.corrupt(corrupt);
      this.totals.deadLetters += corrupt.recordCount;
      this.#checks.add(corrupt.recordCount, corrupt.recordCount, partitionName(corrupt), corrupt.reason);
    }
  }

  /** @param isPiece of a batch: the consumer's position is behind records that are still to come */
  async #process(batch: ColumnBatch, isPiece: boolean): Promise<void> {
    const partition = this.#partitions.get(partitionName(batch));
    if (partition === undefined || partition.isRestoring) return;
    const { task } = partition;
    const { keys } = task.pipeline;
    const series = keys.size;
    const filtered = task.filteredCount;
    const { latency } = this.#operation.gauge;
    latency.began(batch);
    const pending = task.decode(batch);
    if (pending !== undefined) await pending;
    latency.decoded(partition, batch);
    this.#fields.add(batch);
    while (this.#commits.draining !== undefined) await this.#commits.draining;
    if (partition.isGone) return;
    const { replayed } = partition;
    partition.run(batch, this.#putOut);
    latency.scored(partition);
    if (batch.count > 0) this.#idle.heard(partition);
    this.#moved(partition, isPiece ? batch.nextOffset : Infinity);
    countBatch(this.totals, batch, partition.replayed - replayed, task.filteredCount - filtered);
    if (keys.size > series || keys.hasReused) this.#checkPlacement(task, series);
    this.#checks.add(batch.count, task.rejectCount, partition.name, task.lastRejectReason);
    this.#checks.checkLate(this.totals);
    this.#checks.checkShortened(task.pipeline.features.shortenedCount, partition.name);
  }

  #put(partition: PartitionAtWork, batch: ColumnBatch | undefined): void {
    const { task } = partition;
    const { pipeline } = task;
    // Without a batch nothing was decoded: the task still shows the rejects of the one before.
    const rejectCount = batch === undefined ? 0 : task.rejectCount;
    const { windowRows, alertRows, lateRows } = pipeline;
    const { sink } = this.#options;
    if (windowRows.count + alertRows.count + lateRows.count + rejectCount === 0 && !sink.takesEveryBatch) return;
    this.totals.windows += windowRows.count;
    this.totals.alerts += alertRows.alertCount;
    this.totals.late += lateRows.count;
    this.totals.deadLetters += rejectCount;
    partition.deadLetters += rejectCount;
    if (alertRows.count > 0) this.#commits.alertWaits();
    this.#operation.alerted(pipeline);
    sink.write(task, batch);
    this.#operation.gauge.latency.put(partition, batch);
    pipeline.clearOutput();
  }

  #checkPlacement(task: Task, from: number): void {
    if (this.#options.state === undefined) return;
    let owned = 0;
    for (const { topic } of this.#partitions.values()) if (topic === task.topic) owned++;
    this.#placement.note(task, from, owned);
  }

  async #drain(): Promise<boolean> {
    this.#ending = true;
    const isCommitted = await this.#commits.now();
    // The next start then has nothing to run again.
    if (isCommitted && (await this.#state.storeAll(this.#partitions.values()))) await this.#commits.now();
    this.totals.commits = this.#commits.count;
    return isCommitted;
  }

  /** False when the group took no commit: the partitions come again, and with them their end. */
  async #finish(): Promise<boolean> {
    await this.#commits.settle();
    this.#checks.end();
    this.#fields.end();
    this.#options.sink.holding?.release();
    if (!this.#options.leaveOpen) {
      for (const partition of this.#partitions.values()) partition.close(this.#putOut);
    }
    return await this.#drain();
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const { createTask, logger } = this.#options;
    await checkGrown(this.#options, partitions);
    const taken = partitions.map((place) => new PartitionAtWork(place, createTask(place)));
    const starts = await this.#state.begin(taken);
    for (const partition of taken) this.#partitions.set(partition.name, partition);
    if (partitions.length > 0) logger.info(`assigned ${partitions.map(partitionName).join(', ')}`);
    this.#notice.assigned(partitions.length);
    this.#operation.assigned();
    return starts;
  }

  /** A commit covers all partitions, those that stay as well: a transaction cannot be divided. */
  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const going = partitions.filter((partition) => this.#partitions.has(partitionName(partition)));
    const isCommitted = await this.#commits.now();
    this.#drop(going);
    if (!isCommitted) await this.#startOver();
    if (isCommitted && going.length > 0 && !this.#ending)
      this.#options.logger.info(`gave up ${going.map(partitionName).join(', ')} after a commit`);
  }

  /** Others may be at work on the partitions already: their state here is worth nothing. */
  async #lost(partitions: readonly TopicPartition[]): Promise<void> {
    this.#drop(partitions);
    await this.#commits.settle();
    await this.#startOver();
    if (partitions.length > 0)
      this.#options.logger.warn(`lost ${partitions.map(partitionName).join(', ')} to the group`);
  }

  /** Outputs that were not committed are thrown away; partitions that stay put them out again, from their last commit on. */
  async #startOver(): Promise<void> {
    let staying: PartitionAtWork[] = [];
    await this.#commits.discard(() => {
      staying = [...this.#partitions.values()];
      this.#drop(staying);
    });
    if (staying.length === 0) return;
    for (const { topic, partition, offset } of await this.#assigned(staying)) {
      this.#options.consumer.seek({ topic, partition, offset });
    }
  }

  #drop(partitions: readonly TopicPartition[]): void {
    this.#notice.waits();
    this.#options.sink.holding?.drop(partitions);
    this.#placement.drop(partitions);
    for (const place of partitions) {
      const partition = this.#partitions.get(partitionName(place));
      if (partition === undefined) continue;
      partition.isGone = true;
      this.#state.drop(partition);
      if (partition.scores !== undefined) this.#model?.drop(partition.scores);
      this.#idle.forget(partition);
      this.#partitions.delete(partition.name);
    }
    if (this.#partitions.size === 0) this.#operation.waits();
  }
}

/** Waiting for records: short, so that signals and commits are seen. */
const POLL_MS = 100;
/** The same while a model is asked: an alert that its answer makes may have to be committed. */
const ANSWER_MS = 5;
const PROGRESS_MS = 250;
