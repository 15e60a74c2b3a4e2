import type { Worker } from 'node:worker_threads';
import { AnomalyError } from '../../errors.ts';
import { newThread } from '../../platform/thread.ts';
import type { TensorData } from './tensorData.ts';
import {
  errorOf,
  type FromModelWorker,
  type OpenedModel,
  type OpenModel,
  type ToModelWorker,
} from './workerMessages.ts';

interface Pending {
  resolve(value: never): void;
  reject(error: AnomalyError): void;
}

/** A release that takes longer is cut off with the thread. */
const CLOSE_MS = 2000;

/**
 * A model in a thread of its own, so that nothing else waits while it computes. Calls are answered in their order. Once
 * the thread has ended, calls reject with ANM_MODEL_WORKER.
 */
export class ModelThread {
  readonly opened: OpenedModel;
  /** Why the thread ended. */
  readonly ended: Promise<string>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Arrays that came back, for the next calls. */
  readonly #free: Float32Array[] = [];
  #next = 0;
  #isEnded = false;
  #onClosed: (() => void) | undefined;

  private constructor(worker: Worker, ended: Promise<string>, opened: OpenedModel) {
    this.#worker = worker;
    this.opened = opened;
    this.ended = ended;
    worker.on('message', (message: FromModelWorker) => this.#onMessage(message));
    ended.then((why) => this.#onEnd(why));
  }

  /** Starts a thread and loads the model in it. Throws what loading threw. */
  static async open(open: OpenModel): Promise<ModelThread> {
    const worker = newThread(entryUrl());
    let problem: string | undefined;
    worker.on('error', (error: Error) => {
      problem = error.message;
    });
    const ended = new Promise<string>((resolve) => {
      worker.once('exit', (code) => resolve(problem ?? `it ended with code ${code}`));
    });
    const path = 'path' in open.source ? open.source.path : open.source.name;
    const opened = await new Promise<OpenedModel>((resolve, reject) => {
      worker.once('message', (message: FromModelWorker) => {
        if (message.type === 'opened') resolve(message.opened);
        else if (message.type === 'refused') reject(errorOf(message.error));
      });
      ended.then((why) => reject(gone(path, why)));
      worker.postMessage({ type: 'open', open } satisfies ToModelWorker);
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    return new ModelThread(worker, ended, opened);
  }

  /** Raw scores, one a row; `windows` is copied before this returns. The model has to be opened with `windows`. */
  score(rows: number, windows: Float32Array): Promise<Float32Array> {
    let array = this.#free.pop();
    if (array === undefined || array.length < windows.length) array = new Float32Array(windows.length);
    array.set(windows);
    return this.#call<Float32Array>(
      (id) => ({ type: 'score', id, rows, windows: array }),
      [array.buffer as ArrayBuffer],
    );
  }

  /** Computes outputs from inputs, all tensors by their names. */
  run(feeds: Readonly<Record<string, TensorData>>, outputs: readonly string[]): Promise<Record<string, TensorData>> {
    return this.#call((id) => ({ type: 'run', id, feeds, outputs }), []);
  }

  /** Calls that were sent and are not answered. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Gives the model back after the calls before, and ends the thread. */
  async close(): Promise<void> {
    if (!this.#isEnded) {
      let timer: NodeJS.Timeout | undefined;
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve;
        timer = setTimeout(resolve, CLOSE_MS);
      });
      this.#worker.postMessage({ type: 'close' } satisfies ToModelWorker);
      await Promise.race([closed, this.ended]);
      clearTimeout(timer);
    }
    await this.terminate();
  }

  /** Ends the thread at once, whatever it does. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #call<Result>(message: (id: number) => ToModelWorker, transfer: ArrayBuffer[]): Promise<Result> {
    if (this.#isEnded) return Promise.reject(gone(this.opened.path, 'it has ended'));
    const id = this.#next++;
    return new Promise<Result>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage(message(id), transfer);
    });
  }

  #onMessage(message: FromModelWorker): void {
    if (message.type === 'closed') this.#onClosed?.();
    if (!('id' in message)) return;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('windows' in message && message.windows !== undefined) this.#free.push(message.windows);
    if (message.type === 'failed') pending?.reject(errorOf(message.error));
    else pending?.resolve((message.type === 'scores' ? message.scores : message.tensors) as never);
  }

  #onEnd(why: string): void {
    this.#isEnded = true;
    for (const { reject } of this.#pending.values()) reject(gone(this.opened.path, why));
    this.#pending.clear();
  }
}

function gone(path: string, why: string): AnomalyError {
  return new AnomalyError('ANM_MODEL_WORKER', `the thread that runs ${path} is gone: ${why}`);
}

/** dist/modelWorker.js beside dist/chunks/, or modelWorkerEntry.ts beside this file. */
function entryUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? './modelWorkerEntry.ts' : '../modelWorker.js', import.meta.url);
}
