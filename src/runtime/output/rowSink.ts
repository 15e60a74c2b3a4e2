import type { CorruptBatch } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import type { KeyDictionary } from '../../engine/keys.ts';
import type { TextOutput } from '../../output/textOutput.ts';
import type { SourceLine } from '../input/lines.ts';
import type { Crash } from '../poison/crashMemory.ts';
import type { Task } from '../task.ts';
import { anomalyObject, type WindowShown, windowObject, windowShown } from './rowObjects.ts';

/** Where the rows of a task go. */
export interface RowSink {
  /** Takes the rows in the task's output tables; `batch` is what it processed last, for late and rejected records. */
  write(task: Task, batch: ColumnBatch | undefined): void;
  /** How many partitions a source topic has, before its first row. */
  source?(topic: string, partitions: number): void;
  /** Null while there is room; else a promise of room. */
  ready(): Promise<void> | null;
  /** Resolves when everything written is out; nothing is written after it. */
  finish(): Promise<void>;
}

/** Where the runner puts what comes out of the tasks. */
export interface RunnerSink {
  /** Topic names, for messages. */
  readonly names: { readonly deadLetters: string };
  /** True where `write` is wanted for batches without any output row, too. */
  readonly takesEveryBatch: boolean;
  write(task: Task, batch: ColumnBatch | undefined): void;
  /** A batch that cannot be read at all: one dead letter. */
  corrupt(batch: CorruptBatch): void;
  /** The one record of the batch crashed again and again: a dead letter with the stack. */
  poison?(one: ColumnBatch, crash: Crash): void;
  /** Absent where `write` puts everything out at once. */
  readonly holding?: Holding;
}

/** A sink that may hold records back. They are not committed before they are put out. */
export interface Holding {
  /** Called each turn with all tasks: puts out what needs no more waiting. */
  advance(tasks: Iterable<Task>): void;
  /** The input has ended: puts out the rest. */
  release(): void;
  /** First offset of the partition that is not put out; undefined when none is held. */
  heldFrom(partition: TopicPartition): number | undefined;
  /** The partitions are gone: what is held of them is another's. */
  drop(partitions: readonly TopicPartition[]): void;
}

export interface Emit {
  readonly windows: boolean;
  readonly alerts: boolean;
}

/** Rows as NDJSON into a pipe or a file, for the next stage. */
export class NdjsonSink implements RowSink {
  readonly #output: Pick<TextOutput, 'write' | 'ready' | 'close'>;
  readonly #emit: Emit;
  readonly #shown: WindowShown;

  constructor(output: Pick<TextOutput, 'write' | 'ready' | 'close'>, config: PipelineConfig, emit: Emit) {
    this.#output = output;
    this.#emit = emit;
    this.#shown = windowShown(config);
  }

  write(task: Task): void {
    const { pipeline } = task;
    for (let row = 0; this.#emit.windows && row < pipeline.windowRows.count; row++) {
      const window = windowObject(pipeline, row, task.placeOf(row), this.#shown);
      // The watermark at which the row was due is how far event time has come for sure. The pipeline's own is by now
      // wherever the batch ended, and lines must not depend on that. A row that its record put out at once has none.
      const due = pipeline.windowRows.due[row]!;
      const key = binaryKey(pipeline.keys, pipeline.windowRows.series[row]!);
      this.#line({ type: 'window', ...window, ...key, ...(due > -Infinity && { watermark: due }) });
    }
    for (let row = 0; this.#emit.alerts && row < pipeline.alertRows.count; row++) {
      this.#line({ type: 'anomaly', ...anomalyObject(pipeline, row, task.placeOf(row)) });
    }
  }

  /** The next stage makes its topics with as many partitions. */
  source(topic: string, partitions: number): void {
    if (this.#emit.windows) this.#line({ type: 'source', topic, partitions } satisfies SourceLine);
  }

  ready(): Promise<void> | null {
    return this.#output.ready();
  }

  async finish(): Promise<void> {
    await this.#output.close();
  }

  #line(value: unknown): void {
    this.#output.write(`${JSON.stringify(value)}\n`);
  }
}

/** Of a series whose name is not its key. */
function binaryKey(keys: KeyDictionary, series: number): { key_base64?: string } {
  if (keys.hexName(series) === undefined) return {};
  const key = keys.arena.subarray(keys.startOf(series), keys.endOf(series));
  return { key_base64: Buffer.from(key).toString('base64') };
}
