import type { TopicPartition } from '../clients/topicPartition.ts';
import { type AlertVerdict, type Judged, judgeAlert } from '../engine/alertVerdict.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { EffectRecord, JournalDraft } from './journal/journalRecord.ts';
import type { PartitionScores, ScoreSource } from './model/partitionScores.ts';
import type { Recovered } from './recovery/recovered.ts';
import { BatchTimes } from './status/batchTimes.ts';
import type { Task } from './task.ts';
import { partitionName } from './topics/partitionName.ts';

type JournaledEffect = Recovered['effects'][number];

/** Takes what a piece of a batch, or a closing, has left in the output tables of the task. */
export type PutOut = (partition: PartitionAtWork, batch: ColumnBatch | undefined) => void;

/**
 * A source partition of this member: first its state comes back, then the records up to the committed offset are run
 * again with their outputs suppressed, then it goes on.
 */
export class PartitionAtWork implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly name: string;
  task: Task;
  /** Still without its state: batches of it are of no use. */
  isRestoring = true;
  /** Its fetching is held until it is restored. */
  isPaused = false;
  /** The group gave it to another. */
  isGone = false;
  /** Next offset to read: everything below it is run and put out. */
  position = -1;
  /** What the group has; -1 for nothing. */
  committed = -1;
  /** Outputs of records below this offset are committed: they are not put out again. */
  suppressBelow = -1;
  /** Records that were run again. */
  replayed = 0;
  /** Of the last stored snapshot; undefined before the first. */
  stateBytes: number | undefined;
  /** Records that were put into the dead letters. */
  deadLetters = 0;
  /** Record time of the newest record that was run, epoch milliseconds; -1 before the first. */
  recordMs = -1;
  /** Where it began to run records again. */
  restoredFrom = -1;
  /** Grows with whatever changes the state. */
  version = 0;
  /** Journal records for the next commit. */
  drafts: JournalDraft[] = [];
  /** Where values wait for a model; absent where none is asked. */
  scores: PartitionScores | undefined;
  /** When its last batches came. */
  readonly times = new BatchTimes();
  #effects: JournaledEffect[] = [];
  /** Records below this offset are left out. */
  #skipBelow = 0;

  constructor({ topic, partition }: TopicPartition, task: Task, committed = -1) {
    this.topic = topic;
    this.partition = partition;
    this.name = partitionName(this);
    this.task = task;
    this.committed = committed;
  }

  get isReplaying(): boolean {
    return this.position < this.suppressBelow;
  }

  /** Offset in the journal of the earliest effect that has not come yet; Infinity when all have. */
  get pendingEffectAt(): number {
    return this.#effects.reduce((first, { at }) => Math.min(first, at), Infinity);
  }

  /**
   * Takes the recovered state: from now on batches count.
   *
   * @param model absent where no model is asked
   */
  begin(recovered: Recovered, putOut?: PutOut, model?: ScoreSource): void {
    const { task, position, suppressBelow, effects, drafts } = recovered;
    this.task = task;
    this.position = position;
    this.restoredFrom = position;
    this.suppressBelow = suppressBelow;
    this.#effects = [...effects];
    this.drafts.push(...drafts);
    if (model !== undefined && task.pipeline.model !== undefined) {
      this.scores = model.open(task.pipeline, this.name, () => putOut?.(this, undefined));
      this.scores.begin(suppressBelow, recovered.scores);
    }
    this.isRestoring = false;
  }

  /** Runs the decoded batch, cut where something journaled takes effect and where outputs are no longer suppressed. */
  run(batch: ColumnBatch, putOut: PutOut): void {
    this.version++;
    if (batch.count > 0) {
      this.recordMs = batch.recordTimes[batch.count - 1]!;
      this.scores?.heard(this.recordMs);
    }
    const { task } = this;
    const plainFrom = Math.max(this.suppressBelow, this.#skipBelow);
    if (this.#effects.length === 0 && (batch.count === 0 || batch.offsets[0]! >= plainFrom)) {
      task.run(batch, 0, batch.count);
      this.#put(batch, putOut);
      return;
    }
    let at = 0;
    while (at < batch.count) {
      const offset = batch.offsets[at]!;
      this.applyEffects(offset, putOut);
      const stop = this.#nextStop(offset);
      let to = at + 1;
      while (to < batch.count && batch.offsets[to]! < stop) to++;
      if (offset >= this.#skipBelow) {
        task.run(batch, at, to);
        if (offset < this.suppressBelow) {
          this.replayed += to - at;
          this.#suppress();
        } else {
          this.#put(batch, putOut);
        }
      }
      at = to;
    }
  }

  /** Applies what was journaled up to this position, all records below which have been run. */
  applyEffects(position: number, putOut: PutOut): void {
    for (let effect = this.#effects[0]; effect !== undefined && effect.offset <= position; effect = this.#effects[0]) {
      this.#effects.shift();
      this.version++;
      this.times.clear();
      this.#apply(effect);
      // Whoever journaled it had put out its rows before.
      if (effect.offset <= this.suppressBelow) this.#suppress();
      else this.#put(undefined, putOut);
    }
  }

  /** Leaves out the record at this offset, and journals that it did. */
  putAside(offset: number, reason: string): void {
    this.version++;
    this.drafts.push({ type: 'poison', offset, to: offset + 1, reason });
  }

  /** Closes the open windows, as the end of the input does, and journals that it did. */
  close(putOut: PutOut): void {
    const { pipeline } = this.task;
    if (pipeline.openWindows === 0) return;
    this.task.close();
    this.version++;
    this.times.clear();
    this.drafts.push({ type: 'close', offset: this.position, watermark: pipeline.watermark });
    this.#put(undefined, putOut);
  }

  /** Closes what a silence up to this watermark (epoch milliseconds) has passed, and journals it; else nothing changes. */
  passSilence(watermark: number, putOut: PutOut): void {
    const { pipeline } = this.task;
    if (!(watermark >= pipeline.nextClosing)) return;
    pipeline.advanceWatermark(watermark);
    this.version++;
    this.times.clear();
    this.drafts.push({ type: 'idle', offset: this.position, watermark });
    this.#put(undefined, putOut);
  }

  /** What waits for a model follows later. */
  #put(batch: ColumnBatch | undefined, putOut: PutOut): void {
    putOut(this, batch);
    this.scores?.advance();
  }

  /** It was put out before. */
  #suppress(): void {
    this.scores?.replayed();
    this.task.pipeline.clearOutput();
  }

  /** Takes an operator's verdict, and journals it where it changed something. Undefined where its series is not here. */
  judge({ alert, ...verdict }: Omit<AlertVerdict, 'before'> & { readonly alert: string }): Judged | undefined {
    const { rule, series, timeMs: time, isTrue } = verdict;
    const judged = judgeAlert(this.task.pipeline, { rule, series, timeMs: time, isTrue });
    if (judged?.outcome !== 'applied') return judged;
    this.version++;
    const { position: offset } = this;
    const { before } = judged;
    this.drafts.push({ type: 'feedback', offset, alert, rule, series, time, verdict: isTrue, before });
    return judged;
  }

  #apply(effect: EffectRecord): void {
    if (effect.type === 'close') this.task.close();
    else if (effect.type === 'idle') this.task.pipeline.advanceWatermark(effect.watermark);
    else if (effect.type === 'feedback') {
      const { rule, series, time: timeMs, verdict: isTrue, before } = effect;
      judgeAlert(this.task.pipeline, { rule, series, timeMs, isTrue, before });
    }
    // A poison record.
    else this.#skipBelow = Math.max(this.#skipBelow, effect.to);
  }

  #nextStop(offset: number): number {
    let stop = this.#effects[0]?.offset ?? Infinity;
    if (this.suppressBelow > offset) stop = Math.min(stop, this.suppressBelow);
    if (this.#skipBelow > offset) stop = Math.min(stop, this.#skipBelow);
    return stop;
  }
}
