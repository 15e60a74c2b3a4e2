import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { fieldNames } from './definition/fieldNames.ts';
import { FieldWatch } from './input/fieldWatch.ts';
import { InputChecks } from './input/inputChecks.ts';
import { LineBatch } from './input/lineBatch.ts';
import type { LineSchemas } from './input/lineSchemas.ts';
import { isWindow, type Line, type NumberedLine, type RecordLine } from './input/lines.ts';
import { PlacementWatch } from './input/placementWatch.ts';
import { ModelDispatch } from './model/modelDispatch.ts';
import type { ModelOptions } from './model/modelOptions.ts';
import type { PartitionScores } from './model/partitionScores.ts';
import type { RowSink } from './output/rowSink.ts';
import { seriesLimit } from './series/seriesLimit.ts';
import { runWhole, type Task } from './task.ts';
import type { WindowRowTask } from './windowRowTask.ts';

/** What a stage reads: lines of an earlier stage as they arrive, or batches of a topic. */
export type PipeChunk = readonly NumberedLine[] | ColumnBatch;

export interface PipeOptions {
  readonly input: AsyncIterable<PipeChunk>;
  readonly inputName: string;
  /** Whether the input holds records, or windows that an earlier stage closed. */
  readonly kind: 'record' | 'window';
  readonly sink: RowSink;
  readonly config: PipelineConfig;
  /** Gets the schemas that lines bring along. */
  readonly schemas: LineSchemas;
  /** Share of undecodable lines and records above which it stops. */
  readonly maxBadRate: number;
  /** Topic of the dead letters, where the sink has one. */
  readonly deadLetters?: string | undefined;
  readonly leaveOpen: boolean;
  /** The model beside the detector; absent where none is asked. */
  readonly model?: ModelOptions | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly createTask: (topic: string, partition: number) => Task;
}

export interface PipeTotals {
  records: number;
  windows: number;
  alerts: number;
  late: number;
  /** Records that source.where left out. */
  filtered: number;
  rejected: number;
}

/**
 * A stage that reads once, without a group: records or windows in, windows or alerts out. What is of a partition is
 * handled in its order, so a partition's output is the same as that of a run.
 */
export class Pipe {
  readonly totals: PipeTotals = { records: 0, windows: 0, alerts: 0, late: 0, filtered: 0, rejected: 0 };
  readonly #options: PipeOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #fields: FieldWatch;
  readonly #checks: InputChecks;
  readonly #lines: LineBatch;
  readonly #placement: PlacementWatch;
  readonly #model: ModelDispatch | undefined;
  readonly #scores = new Map<Task, PartitionScores>();

  constructor(options: PipeOptions) {
    const { config, logger, schemas, kind } = options;
    this.#options = options;
    if (options.model !== undefined) this.#model = new ModelDispatch(options.model);
    this.#fields = new FieldWatch(kind === 'window' ? {} : config.source.fields, logger);
    this.#checks = new InputChecks(options);
    this.#placement = new PlacementWatch(new Map(), logger);
    this.#lines = new LineBatch(schemas, fieldNames(config).length);
  }

  /** @throws ANM_BAD_DATA, after what was good until then is out */
  async run(): Promise<PipeTotals> {
    const { sink } = this.#options;
    try {
      await this.#read();
    } catch (error) {
      await sink.finish().catch(() => {});
      throw error;
    }
    await sink.finish();
    this.#report();
    return this.totals;
  }

  async #read(): Promise<void> {
    const { input, sink, signal, leaveOpen } = this.#options;
    for await (const chunk of input) {
      if (signal.aborted) break;
      if (chunk instanceof ColumnBatch) await this.#process(chunk);
      else {
        for (const line of chunk) await this.#take(line);
        await this.#flush();
      }
      await this.#drain();
      const room = sink.ready();
      if (room !== null) await room;
    }
    await this.#flush();
    this.#judge();
    if (!leaveOpen && !signal.aborted) {
      for (const task of this.#tasks.values()) {
        task.close();
        this.#putOut(task, undefined);
        this.#scores.get(task)?.advance();
      }
    }
    await this.#drain();
    this.#fields.end();
  }

  async #take({ number, value, fault }: NumberedLine): Promise<void> {
    if (value === undefined) return this.#leaveOut(number, fault!);
    const { type } = value;
    if (type === 'schema') return this.#options.schemas.add(Number(value['id']), value['schema'] as string | null);
    if (type === 'source') return this.#options.sink.source?.(String(value['topic']), Number(value['partitions']));
    const other = this.#unfit(value);
    if (other !== null) return this.#leaveOut(number, other);
    const { topic, partition } = value as unknown as RecordLine;
    if (type === 'window') {
      const task = this.#task(topic, partition) as WindowRowTask;
      const key = value['key_base64'];
      const known = task.pipeline.keys.size;
      const isTaken = task.add(value, typeof key === 'string' ? Buffer.from(key, 'base64') : undefined);
      this.#placement.note(task, known, Infinity);
      this.#count(1, task, undefined);
      if (!isTaken) this.#say(`line ${number} of ${this.#options.inputName}`, seriesLimit(task.pipeline.definition));
      task.pipeline.release();
      return;
    }
    if (!this.#lines.fits(topic, partition)) await this.#flush();
    const misfit = await this.#lines.add(value as unknown as RecordLine);
    if (misfit !== null) this.#leaveOut(number, misfit);
  }

  /** Why a line is none of those that this stage reads, or null. */
  #unfit(value: Line): string | null {
    const { type, topic, partition } = value;
    const isLine = type === 'record' || (type === 'window' && isWindow(value));
    if (typeof topic !== 'string' || typeof partition !== 'number' || !isLine) {
      return 'it is no record or window of an earlier stage';
    }
    return type === this.#options.kind ? null : `it is a ${type} after ${this.#options.kind}s`;
  }

  #leaveOut(number: number, reason: string): void {
    this.totals.records++;
    this.#say(`line ${number} of ${this.#options.inputName}`, reason);
    this.#checks.add(1, 1, `line ${number} of ${this.#options.inputName}`, reason);
  }

  async #flush(): Promise<void> {
    const batch = this.#lines.take();
    if (batch !== undefined) await this.#process(batch);
  }

  async #process(batch: ColumnBatch): Promise<void> {
    const task = this.#task(batch.topic, batch.partition);
    const known = task.pipeline.keys.size;
    const filtered = task.filteredCount;
    await runWhole(task, batch);
    this.totals.filtered += task.filteredCount - filtered;
    this.#placement.note(task, known, Infinity);
    if (this.#options.kind === 'record') this.#fields.add(batch);
    this.#count(batch.count, task, batch);
  }

  #count(records: number, task: Task, batch: ColumnBatch | undefined): void {
    this.totals.records += records;
    this.totals.late += task.pipeline.lateRows.count;
    for (let row = 0; batch !== undefined && row < task.rejectCount; row++) {
      const { index, reason } = task.reject(row);
      this.#say(`${batch.topic}/${batch.partition} offset ${batch.offsets[index]}`, reason);
    }
    const bad = batch === undefined ? 0 : task.rejectCount;
    this.#putOut(task, batch);
    this.#scores.get(task)?.advance();
    const place = `${task.topic}/${task.partition}`;
    this.#checks.add(records, bad, place, task.lastRejectReason);
    this.#checks.checkShortened(task.pipeline.features.shortenedCount, place);
  }

  #say(place: string, reason: string): void {
    if (this.totals.rejected++ < REPORTED_REJECTS) this.#options.logger.warn(`left out ${place}: ${reason}`);
  }

  #task(topic: string, partition: number): Task {
    const name = `${topic}/${partition}`;
    let task = this.#tasks.get(name);
    if (task === undefined) {
      task = this.#options.createTask(topic, partition);
      this.#tasks.set(name, task);
      this.#await(task, name);
    }
    return task;
  }

  #await(task: Task, name: string): void {
    if (this.#model === undefined || task.pipeline.model === undefined) return;
    this.#scores.set(
      task,
      this.#model.open(task.pipeline, name, () => this.#putOut(task, undefined)),
    );
  }

  /** A stage that is read as it writes does not hold a line back longer than the model takes. */
  async #drain(): Promise<void> {
    for (let waits = this.#model?.drained(); waits !== undefined; waits = this.#model?.drained()) await waits;
    this.#model?.throwFailure();
    // There is no journal to know of them.
    for (const scores of this.#scores.values()) scores.drafts(0);
  }

  #putOut(task: Task, batch: ColumnBatch | undefined): void {
    const { pipeline } = task;
    this.totals.windows += pipeline.windowRows.count;
    this.totals.alerts += pipeline.alertRows.alertCount;
    this.#options.sink.write(task, batch);
    pipeline.clearOutput();
  }

  /** An input that was read as a whole and held nothing good is of another kind, however short it is. */
  #judge(): void {
    this.#checks.end();
    const { records, rejected } = this.totals;
    if (records === 0 || rejected < records) return;
    throw new AnomalyError(
      'ANM_BAD_DATA',
      `cannot use ${this.#options.inputName} as none of its ${records} lines or records can be read`,
      {
        hint: 'a stage reads what anomaly replay or anomaly window writes; load other files by anomaly replay FILE --to -',
      },
    );
  }

  #report(): void {
    const { late, rejected, records } = this.totals;
    const { logger, deadLetters } = this.#options;
    if (rejected > 0) {
      const where =
        deadLetters === undefined ? 'on topics records go to dead letters' : `records went to ${deadLetters}`;
      logger.warn(`left out ${rejected} of ${records} lines or records that cannot be read; ${where}`);
    }
    if (late > 0) {
      const where = deadLetters === undefined ? 'on topics they go to the late topic' : 'they went to the late topic';
      logger.warn(`left out ${late} late records (${((100 * late) / records).toFixed(1)} %); ${where}`);
    }
  }
}

const REPORTED_REJECTS = 10;
