import type { ModelName } from '../../engine/definition.ts';
import type { PartitionPipeline } from '../../engine/pipeline.ts';
import type { ModelScorer, ModelScores } from '../../models/modelScorer.ts';
import { type ModelStatus, scoredByAny } from '../../observe/status.ts';
import type { ModelRecord } from '../journal/journalRecord.ts';
import { AvailabilityNotice } from './availabilityNotice.ts';
import { CanaryShare } from './canaryShare.ts';
import { requireFit } from './modelFit.ts';
import type { ModelOptions } from './modelOptions.ts';
import { ModelSeat } from './modelSeat.ts';
import { type Handed, PartitionScores, type ScoreSource } from './partitionScores.ts';
import { type Extremes, RolloutGuard } from './rolloutGuard.ts';
import { Shadow } from './shadow.ts';
import { StandIn } from './standIn.ts';

/** Asked rows that may wait over all partitions, in flights: beyond it the input is held back. */
const WAITING_FLIGHTS = 8;

/** A model took the place of another. */
export type ModelChange = Pick<ModelRecord, 'uri' | 'model' | 'configured' | 'reason'>;

/**
 * Hands the asked rows of all partitions of a run to the model, and its answers back to each partition in its order.
 * Rows in flight are bounded, and so are those that wait: then the run waits, and nothing is dropped. The model may be
 * put in another's place meanwhile: rows that one of them has are answered by it.
 */
export class ModelDispatch implements ScoreSource {
  /** What the journal has to know of the model that is asked: not the one that the configuration names. */
  standing: ModelChange | undefined;
  readonly #options: ModelOptions;
  readonly #onChange: (change: ModelChange) => void;
  readonly #partitions = new Set<PartitionScores>();
  readonly #shadow: Shadow | undefined;
  readonly #standIn: StandIn | undefined;
  #live: ModelSeat;
  /** Goes back into its place where the live one does not do. */
  #former: ModelSeat | undefined;
  #guard: RolloutGuard | undefined;
  #canary: CanaryShare | undefined;
  #canaryGuard: RolloutGuard | undefined;
  #rollbacks = 0;
  readonly #notice: AvailabilityNotice;
  #recovering: { readonly uri: string; readonly done: Promise<void> } | undefined;
  #waiters: (() => void)[] = [];
  #failure: { readonly error: unknown } | undefined;

  /** @param onChange is to have the change journaled at the next offset of each partition */
  constructor(options: ModelOptions, onChange: (change: ModelChange) => void = () => {}) {
    this.#options = options;
    this.#onChange = onChange;
    const { live, shadow, canary, standIn, uri, share, rollback, ticks } = options;
    this.#notice = new AvailabilityNotice(options.logger);
    this.#live = this.#seat(live, uri, false);
    if (standIn !== undefined) this.#standIn = new StandIn(this.#seat(standIn, 'fallback', false));
    if (shadow !== undefined) this.#shadow = new Shadow(this.#seat(shadow, 'shadow', false));
    if (canary === undefined || share <= 0) return;
    this.#canary = new CanaryShare(this.#seat(canary, 'canary', false), share);
    this.#canaryGuard = new RolloutGuard({ ...rollback, withinMs: Infinity }, ticks(), NONE);
  }

  /** What status and metrics show of it. */
  reading(): ModelStatus {
    const canary = this.#canary;
    return {
      ...this.#live.reading(),
      rollbacks: this.#rollbacks,
      standIn: this.#standIn?.reading() ?? null,
      shadow: this.#shadow?.reading() ?? null,
      canary: canary === undefined ? null : { ...canary.seat.reading(), share: canary.share },
    };
  }

  open(pipeline: PartitionPipeline, name: string, onFused: () => void): PartitionScores {
    let isTold = false;
    const onMissing = (offset: number): void => {
      if (isTold) return;
      isTold = true;
      this.#options.logger.warn(
        `${name}: from offset ${offset} on values are learnt from without the model, as the journal has no scores of them`,
      );
    };
    const hooks = { onFused, onAsked: () => this.#pump(), onMissing };
    const partition = new PartitionScores(pipeline, hooks, this.#options);
    this.#partitions.add(partition);
    return partition;
  }

  /** What a partition still waits for is of no use any more. */
  drop(partition: PartitionScores): void {
    partition.isGone = true;
    this.#partitions.delete(partition);
    this.#wake();
  }

  /** The run has ended, maybe in the middle of something: nobody waits for what is under way. */
  close(): void {
    for (const partition of this.#partitions) this.drop(partition);
    this.#live.retire();
    this.#former?.retire();
  }

  /**
   * Puts another model in the place of the live one; rows go to it from the moment it is loaded.
   *
   * @returns what it is called
   * @throws ANM_MODEL_*, ANM_CONTROL where it reads other windows
   */
  async promote(uri: string, reason: string): Promise<string> {
    const seat = await this.#load(uri);
    this.#former?.retire();
    this.#former = this.#live;
    this.#change(seat, reason);
    const { rollback, ticks } = this.#options;
    this.#guard = new RolloutGuard(rollback, ticks(), this.#extremes(seat.scorer.identity));
    return `${seat.text}, in the place of ${this.#former.text}`;
  }

  /** A partition comes back whose journal knows of a model in the place of the configured one. */
  async recover(record: ModelRecord | undefined): Promise<void> {
    const { uri: configured } = this.#options;
    // The configuration has changed since: it says which model it is.
    if (record === undefined || record.configured !== configured) return;
    const { uri, model, reason } = record;
    if (this.#recovering?.uri !== uri) {
      if (uri === this.#live.uri) return;
      this.#recovering = { uri, done: this.#goOn({ uri, model, configured, reason }) };
    }
    await this.#recovering.done;
  }

  /** Values that wait, whether for the model or for those before them. */
  get waiting(): number {
    let count = 0;
    for (const partition of this.#partitions) count += partition.waiting;
    return count;
  }

  get isWaiting(): boolean {
    return this.waiting > 0;
  }

  /** Undefined where nothing waits; else resolves when that was so at one moment, within the model's deadline. */
  drained(): Promise<void> | undefined {
    return this.waiting === 0 ? undefined : this.#until(() => this.waiting === 0);
  }

  /** Null while there is room for more; else a promise of it. */
  ready(): Promise<void> | null {
    const hasRoom = () => this.waiting < WAITING_FLIGHTS * this.#live.window.most;
    return hasRoom() ? null : this.#until(hasRoom);
  }

  /** @throws what putting an answer out has failed with */
  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      this.throwFailure();
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    this.throwFailure();
  }

  /** Between two batches: what has waited for too long to be handed over goes on without the model. */
  turn(): void {
    const live = this.#live;
    const { timeoutMs, ticks } = this.#options;
    this.#notice.turn(ticks(), live.text, () => ({ ...live.gauge.reading(), scored: scoredByAny(this.reading()) }));
    for (const partition of this.#partitions) {
      const room = this.#standIn?.room ?? 0;
      const stood = room > 0 ? partition.overdue(timeoutMs, room) : undefined;
      if (stood !== undefined)
        void this.#settle(partition, stood, this.#standIn!.fill(this.#lost(stood), stood.asked.windows));
      const left = partition.overdue(timeoutMs, Infinity);
      if (left !== undefined) partition.take(left, this.#lost(left));
    }
  }

  /** The live model has no score of them, as it is too slow. */
  #lost({ asked: { rows } }: Handed): NonNullable<Handed['answer']> {
    const { gauge, scorer } = this.#live;
    const scores = new Float32Array(rows).fill(NaN);
    const answer = { scores, fallback: 'deadline', latencyMs: this.#options.timeoutMs } as const;
    gauge.answered(answer);
    this.#guard?.answered(answer);
    return { scores, models: [scorer.identity] };
  }

  /** Partitions take turns, a batch each. */
  #pump(): void {
    const { batch } = this.#options;
    const room = () => Math.min(batch, this.#live.window.rows - this.#live.inFlight - this.#besides());
    for (let isAny = true; isAny && room() > 0; ) {
      isAny = false;
      for (const partition of this.#partitions) {
        if (room() <= 0) return;
        const handed = partition.hand(room());
        if (handed === undefined) continue;
        isAny = true;
        void this.#ask(partition, handed);
      }
    }
  }

  async #ask(partition: PartitionScores, handed: Handed): Promise<void> {
    const answer = this.#answer(partition, handed);
    this.#shadow?.ask(partition, handed.asked, answer);
    await this.#settle(partition, handed, answer);
  }

  async #settle(
    partition: PartitionScores,
    handed: Handed,
    answer: Promise<NonNullable<Handed['answer']>>,
  ): Promise<void> {
    const given = await answer;
    try {
      partition.take(handed, given);
      this.turn();
      this.#watch();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#pump();
    this.#wake();
  }

  /** Rows that others than the live model have. */
  #besides(): number {
    return (this.#canary?.seat.inFlight ?? 0) + (this.#standIn?.seat.inFlight ?? 0);
  }

  async #answer(partition: PartitionScores, handed: Handed): Promise<NonNullable<Handed['answer']>> {
    if (this.#standIn === undefined) return await this.#firstAnswer(partition, handed);
    // The rows that are handed over next may lie in the same memory.
    const windows = handed.asked.windows.slice();
    return await this.#standIn.fill(await this.#firstAnswer(partition, handed), windows);
  }

  async #firstAnswer(partition: PartitionScores, { asked }: Handed): Promise<NonNullable<Handed['answer']>> {
    const live = this.#live;
    if (this.#canary !== undefined) {
      return await this.#canary.ask(
        asked,
        partition.pipeline.keys,
        live,
        (answer) => this.#judge(this.#guard, partition, answer),
        (answer) => this.#judge(this.#canaryGuard, partition, answer),
      );
    }
    const answer = await live.ask(asked.rows, asked.windows);
    // What the former one still answers says nothing of the new one.
    if (live === this.#live) this.#judge(this.#guard, partition, answer);
    return { scores: answer.scores, models: [live.scorer.identity] };
  }

  /** A backlog is read as fast as the model answers: being late there is no fault of a new one. */
  #judge(guard: RolloutGuard | undefined, { isLive }: PartitionScores, answer: ModelScores): void {
    const { fallback } = answer;
    if (isLive || fallback === 'error' || fallback === 'invalid-output') guard?.answered(answer);
  }

  /** Looks whether a new model does. */
  #watch(): void {
    const { logger, ticks } = this.#options;
    const canary = this.#canary;
    const failing = canary && this.#canaryGuard?.verdict(this.#extremes(canary.seat.scorer.identity));
    if (canary !== undefined && failing !== undefined) {
      logger.warn(`canary ${canary.seat.text} is asked no more, as ${failing}`);
      this.#canary = undefined;
      this.#rollbacks++;
    }
    if (this.#guard === undefined || this.#former === undefined) return;
    const reason = this.#guard.verdict(this.#extremes(this.#live.scorer.identity));
    if (reason !== undefined) {
      logger.warn(`went back from ${this.#live.text} to ${this.#former.text}, as ${reason}`);
      this.#rollbacks++;
      this.#live.retire();
      this.#change(this.#former, `rolled back: ${reason}`);
    } else if (this.#guard.isOver(ticks())) this.#former.retire();
    else return;
    this.#former = undefined;
    this.#guard = undefined;
  }

  #change(seat: ModelSeat, reason: string): void {
    this.#live = seat;
    const { uri } = seat;
    const change = { uri, model: seat.scorer.identity, configured: this.#options.uri, reason };
    this.standing = change;
    this.#onChange(change);
  }

  async #goOn(change: ModelChange): Promise<void> {
    const seat = await this.#load(change.uri);
    this.#live.retire();
    this.#live = seat;
    this.standing = { ...change, model: seat.scorer.identity };
    this.#options.logger.info(`goes on with ${seat.text}, which was put in the place of ${change.configured}`);
  }

  async #load(uri: string): Promise<ModelSeat> {
    const { open, live } = this.#options;
    const scorer = await requireFit(uri, open, live.spec);
    return this.#seat(scorer, uri, true);
  }

  #seat(scorer: ModelScorer, uri: string, isOwned: boolean): ModelSeat {
    const { batch, inFlight, timeoutMs } = this.#options;
    return new ModelSeat(scorer, uri, { mostRows: batch * inFlight, timeoutMs }, isOwned);
  }

  #extremes(model: ModelName): Extremes {
    let [calibrated, extreme] = [0, 0];
    for (const { pipeline } of this.#partitions) {
      const counts = pipeline.model!.extremes(pipeline.model!.indexOf(model));
      calibrated += counts.calibrated;
      extreme += counts.extreme;
    }
    return { calibrated, extreme };
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

const NONE: Extremes = { calibrated: 0, extreme: 0 };
