import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { FieldWatch } from './fieldWatch.ts';
import type { RowSink } from './rowSink.ts';
import type { Task } from './task.ts';
import { isWindow } from './topicSource.ts';
import type { WindowRowTask } from './windowRowTask.ts';

export interface PipeOptions {
  /** Lines of an earlier stage, in chunks as they arrive; see sources.ts. */
  readonly input: AsyncIterable<readonly Record<string, unknown>[]>;
  readonly inputName: string;
  readonly sink: RowSink;
  readonly config: PipelineConfig;
  readonly leaveOpen: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly createTask: (topic: string, partition: number, kind: 'record' | 'window') => Task;
}

export interface PipeTotals {
  records: number;
  windows: number;
  alerts: number;
  late: number;
  rejected: number;
}

/**
 * A stage between pipes or files: records or windows of an earlier stage in, windows or alerts out. Lines of a
 * partition are handled in their order, so a partition's output is the same as on topics.
 */
export class Pipe {
  readonly totals: PipeTotals = { records: 0, windows: 0, alerts: 0, late: 0, rejected: 0 };
  readonly #options: PipeOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #fields: FieldWatch;
  readonly #batch = new BatchOfLines();
  #kind: 'record' | 'window' | undefined;
  #lines = 0;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#fields = new FieldWatch(options.config.source.fields, options.logger);
  }

  async run(): Promise<PipeTotals> {
    const { input, sink, signal, leaveOpen } = this.#options;
    for await (const lines of input) {
      if (signal.aborted) break;
      for (const line of lines) await this.#take(line);
      await this.#flush();
      const room = sink.ready();
      if (room !== null) await room;
    }
    await this.#flush();
    if (!leaveOpen && !signal.aborted) {
      for (const task of this.#tasks.values()) {
        task.close();
        this.#putOut(task, undefined);
      }
    }
    this.#fields.end();
    await sink.finish();
    this.#report();
    return this.totals;
  }

  async #take(value: Record<string, unknown>): Promise<void> {
    this.#lines++;
    const { type, topic, partition } = value;
    const isLine = type === 'record' || (type === 'window' && isWindow(value));
    if (typeof topic !== 'string' || typeof partition !== 'number' || !isLine) {
      throw new AnomalyError(
        'ANM_BAD_DATA',
        `cannot read line ${this.#lines} of ${this.#options.inputName} as it is no record or window of an earlier stage`,
        { hint: 'pipe from anomaly replay or anomaly window; load other files with anomaly replay FILE --to -' },
      );
    }
    this.#kind ??= type;
    if (type !== this.#kind) {
      throw new AnomalyError(
        'ANM_BAD_DATA',
        `cannot read line ${this.#lines} of ${this.#options.inputName} as it is a ${type} after ${this.#kind}s`,
      );
    }
    const name = `${topic}/${partition}`;
    let task = this.#tasks.get(name);
    if (task === undefined) {
      task = this.#options.createTask(topic, partition, type);
      this.#tasks.set(name, task);
    }
    this.totals.records++;
    if (type === 'window') {
      (task as WindowRowTask).add(value);
      this.#putOut(task, undefined);
      return;
    }
    if (!this.#batch.fits(topic, partition)) await this.#flush();
    this.#batch.add(topic, partition, value, this.#options.config);
  }

  async #flush(): Promise<void> {
    const batch = this.#batch.take();
    if (batch === undefined) return;
    const task = this.#tasks.get(`${batch.topic}/${batch.partition}`)!;
    await task.process(batch);
    this.#fields.add(batch);
    this.totals.late += task.pipeline.lateRows.count;
    for (let row = 0; row < task.rejectCount; row++) {
      const { index, reason } = task.reject(row);
      if (this.totals.rejected++ < REPORTED_REJECTS) {
        this.#options.logger.warn(
          `left out ${batch.topic}/${batch.partition} offset ${batch.offsets[index]}: ${reason}`,
        );
      }
    }
    this.#putOut(task, batch);
  }

  #putOut(task: Task, batch: ColumnBatch | undefined): void {
    const { pipeline } = task;
    this.totals.windows += pipeline.windowRows.count;
    this.totals.alerts += pipeline.alertRows.count;
    this.#options.sink.write(task, batch);
    pipeline.clearOutput();
  }

  #report(): void {
    const { late, rejected, records } = this.totals;
    const { logger } = this.#options;
    if (rejected > 0)
      logger.warn(
        `left out ${rejected} of ${records} records that cannot be decoded; on topics they go to dead letters`,
      );
    if (late > 0)
      logger.warn(
        `left out ${late} late records (${((100 * late) / records).toFixed(1)} %); on topics they go to the late topic`,
      );
  }
}

const REPORTED_REJECTS = 10;
const BATCH_RECORDS = 1024;

/** Gathers consecutive records of one partition into a ColumnBatch whose values are JSON. */
class BatchOfLines {
  #batch = new ColumnBatch(0, BATCH_RECORDS);
  #bytes = new Uint8Array(65_536);
  #length = 0;

  fits(topic: string, partition: number): boolean {
    const batch = this.#batch;
    return batch.count === 0 || (batch.count < BATCH_RECORDS && batch.topic === topic && batch.partition === partition);
  }

  add(topic: string, partition: number, line: Record<string, unknown>, config: PipelineConfig): void {
    const batch = this.#batch;
    if (batch.fields.length !== Object.keys(config.source.fields).length) {
      this.#batch = new ColumnBatch(Object.keys(config.source.fields).length, BATCH_RECORDS);
      this.add(topic, partition, line, config);
      return;
    }
    const i = batch.count++;
    batch.topic = topic;
    batch.partition = partition;
    batch.offsets[i] = Number(line['offset']);
    batch.recordTimes[i] = Number(line['record_time']);
    batch.keyStart[i] = line['key'] === null || line['key'] === undefined ? -1 : this.#length;
    batch.keyEnd[i] = batch.keyStart[i]! < 0 ? -1 : this.#append(String(line['key']));
    batch.valueStart[i] = line['value'] === null || line['value'] === undefined ? -1 : this.#length;
    batch.valueEnd[i] = batch.valueStart[i]! < 0 ? -1 : this.#append(JSON.stringify(line['value']));
  }

  take(): ColumnBatch | undefined {
    const batch = this.#batch;
    if (batch.count === 0) return undefined;
    this.#batch = new ColumnBatch(batch.fields.length, BATCH_RECORDS);
    batch.bytes = this.#bytes.slice(0, this.#length);
    batch.firstOffset = batch.offsets[0]!;
    batch.nextOffset = batch.offsets[batch.count - 1]! + 1;
    this.#length = 0;
    return batch;
  }

  #append(text: string): number {
    const need = this.#length + text.length * 3;
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#length += new TextEncoder().encodeInto(text, this.#bytes.subarray(this.#length)).written;
    return this.#length;
  }
}
