import { ColumnBatch } from '../src/engine/batch.ts';
import type { PartitionPipeline } from '../src/engine/pipeline.ts';
import type { JournalDraft } from '../src/runtime/journal/journalRecord.ts';
import type { ModelDispatch } from '../src/runtime/model/modelDispatch.ts';
import type { PartitionScores } from '../src/runtime/model/partitionScores.ts';
import { unpackOffsets, unpackScores } from '../src/runtime/model/scoreLog.ts';
import { forecast, STEPS, uniform, type Weights } from './lstm.ts';

const RECORDS = 2048;
const NAME_BYTES = 12;
/** A value each 5 minutes. */
const INTERVAL_MS = 300_000;
const START_MS = 1_700_006_400_000;
const STEPS_OF_DAY = 288;
/** One value in so many is far off. */
const SPIKE_EVERY = 4999;
const COMMIT_EVERY_MS = 1000;
/** Of the journaled scores, one in so many is worked out in TypeScript. */
const CHECK_EVERY = 997;

type ScoresDraft = Extract<JournalDraft, { type: 'scores' }>;

/**
 * One partition whose series come in turns, each with a day's rhythm, noise and rare spikes; its scores are asked for,
 * taken back and journaled as a run does it, with a commit each second.
 */
export class ScoredFeed {
  readonly #pipeline: PartitionPipeline;
  readonly #dispatch: ModelDispatch;
  readonly #scores: PartitionScores;
  readonly #weights: Weights;
  readonly #series: number;
  readonly #isPatient: boolean;
  readonly #batch = new ColumnBatch(1, RECORDS);
  readonly #names: Uint8Array;
  readonly #rhythm = Float64Array.from({ length: STEPS_OF_DAY }, (_, k) => Math.sin((2 * Math.PI * k) / STEPS_OF_DAY));
  readonly #noise: Float64Array;
  #offset = 0;
  #committedMs = performance.now();
  readonly #drafts: ScoresDraft[] = [];
  #journaled = 0;
  #alerts = 0;
  #byModel = 0;
  #compared = 0;
  #error = 0;

  /** @param isPatient whether the deadline is one that no answer misses */
  constructor(
    pipeline: PartitionPipeline,
    dispatch: ModelDispatch,
    weights: Weights,
    series: number,
    isPatient: boolean,
  ) {
    this.#pipeline = pipeline;
    this.#dispatch = dispatch;
    this.#weights = weights;
    this.#series = series;
    this.#isPatient = isPatient;
    this.#scores = dispatch.open(pipeline, 'bench', () => this.#putOut());
    this.#scores.begin(0, []);
    const random = uniform(5);
    this.#noise = Float64Array.from({ length: 65_521 }, () => random() - 0.5);
    const names = Array.from({ length: series }, (_, id) => String(id).padStart(NAME_BYTES, '0')).join('');
    this.#names = new TextEncoder().encode(names);
  }

  get error(): number {
    return this.#error;
  }

  get compared(): number {
    return this.#compared;
  }

  /** Windows that the model was asked for so far, and those of them with a score in time. */
  asked(): { readonly asked: number; readonly scored: number } {
    return this.#dispatch.reading();
  }

  async run(records: number): Promise<void> {
    for (const end = this.#offset + records; this.#offset < end; ) await this.#step();
    await this.#commit();
  }

  /** Returns the windows that got a score. */
  async runFor(seconds: number): Promise<number> {
    const before = this.asked().scored;
    const endMs = performance.now() + 1000 * seconds;
    while (performance.now() < endMs) await this.#step();
    await this.#commit();
    return this.asked().scored - before;
  }

  /** @throws where not every value whose window is whole was asked and journaled, or the model had no part in alerts */
  check(): void {
    for (const draft of this.#drafts.splice(0)) this.#compare(draft);
    const { asked, scored } = this.asked();
    const due = this.#offset - STEPS * this.#series;
    if (asked !== due || this.#journaled !== due) {
      throw new Error(`${asked} windows asked and ${this.#journaled} journaled of ${due}`);
    }
    if (this.#isPatient && scored !== asked) throw new Error(`${asked - scored} of ${asked} windows got no score`);
    if (this.#alerts === 0 || (this.#isPatient && this.#byModel === 0)) {
      throw new Error(`${this.#alerts} alerts, ${this.#byModel} with a score of the model`);
    }
  }

  async #step(): Promise<void> {
    this.#fill();
    this.#pipeline.release();
    const { keyStart, keyEnd, series, count } = this.#batch;
    this.#pipeline.keys.internColumn(this.#names, keyStart, keyEnd, 0, count, series);
    this.#pipeline.process(this.#batch, 0, count);
    this.#putOut();
    this.#scores.advance();
    const room = this.#dispatch.ready();
    if (room !== null) await room;
    this.#dispatch.throwFailure();
    if (performance.now() - this.#committedMs > COMMIT_EVERY_MS) await this.#commit();
  }

  async #commit(): Promise<void> {
    for (let waits = this.#dispatch.drained(); waits !== undefined; waits = this.#dispatch.drained()) await waits;
    for (const draft of this.#scores.drafts(this.#offset)) if (draft.type === 'scores') this.#drafts.push(draft);
    this.#committedMs = performance.now();
  }

  #compare(record: ScoresDraft): void {
    const [offsets, scores] = [unpackOffsets(record.offsets, record.from), unpackScores(record.scores)];
    const window = new Float32Array(STEPS + 1);
    for (let k = 0; k < scores.length; k += CHECK_EVERY) {
      if (Number.isNaN(scores[k]!)) continue;
      for (let step = 0; step <= STEPS; step++) {
        window[step] = this.#valueAt(offsets[k]! - (STEPS - step) * this.#series);
      }
      const due = Math.abs(window[STEPS]! - forecast(this.#weights, window));
      this.#error = Math.max(this.#error, Math.abs(scores[k]! - due));
      this.#compared++;
    }
    this.#journaled += scores.length;
  }

  #putOut(): void {
    const { alertRows } = this.#pipeline;
    this.#alerts += alertRows.count;
    for (let row = 0; row < alertRows.count; row++) if (alertRows.model[row]! >= 0) this.#byModel++;
    this.#pipeline.clearOutput();
  }

  #fill(): void {
    const batch = this.#batch;
    batch.count = RECORDS;
    for (let i = 0; i < RECORDS; i++) {
      const at = this.#offset + i;
      const id = at % this.#series;
      batch.offsets[i] = at;
      batch.eventTimes[i] = START_MS + Math.floor(at / this.#series) * INTERVAL_MS + id;
      batch.recordTimes[i] = batch.eventTimes[i]!;
      batch.keyStart[i] = id * NAME_BYTES;
      batch.keyEnd[i] = batch.keyStart[i]! + NAME_BYTES;
      batch.fields[0]![i] = this.#valueAt(at);
    }
    this.#offset += RECORDS;
  }

  #valueAt(at: number): number {
    const spike = at % SPIKE_EVERY === 0 ? 6 : 0;
    return this.#rhythm[Math.floor(at / this.#series) % STEPS_OF_DAY]! + this.#noise[at % this.#noise.length]! + spike;
  }
}
