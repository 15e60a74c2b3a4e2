import { AnomalyError } from '../../errors.ts';
import { ModelThread } from '../runtime/modelThread.ts';
import type { RuntimeSettings } from '../runtime/ortRuntime.ts';
import { Batcher, type Tensors } from './batcher.ts';
import { whyNotShared } from './batchProbe.ts';
import { RequestError } from './requestError.ts';
import { checkInputs, metadataOf, type ServedTensors, servedTensors } from './servedTensors.ts';

export interface ServedModelOptions {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly sha256: string | undefined;
  readonly runtime: RuntimeSettings;
  /** Most rows of a run that requests share. */
  readonly maxBatch: number;
  readonly maxDelayMs: number;
  /** Most rows of one request. */
  readonly maxRows: number;
  readonly onRun: (rows: number, requests: number, latencyMs: number) => void;
  /** Milliseconds that only go forward. */
  readonly now: () => number;
}

/** What Triton calls an ONNX model. */
const PLATFORM = 'onnx_onnxv1';

/** One version of a model in a thread of its own, with its queue. */
export class ServedModel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly tensors: ServedTensors;
  /** Why requests do not share runs; undefined where they do. */
  readonly whyAlone: string | undefined;
  readonly loadMs: number;
  readonly runtime: string;
  readonly #thread: ModelThread;
  readonly #batcher: Batcher;
  readonly #parameters: Readonly<Record<string, string>> | undefined;
  readonly #maxRows: number;
  #problem: string | undefined;

  /** @throws what loading throws; ANM_MODEL_UNSUPPORTED for a model whose inputs or outputs the protocol cannot carry */
  static async open(options: ServedModelOptions): Promise<ServedModel> {
    const { name, version, path, sha256, runtime } = options;
    const thread = await ModelThread.open({ source: { path }, runtime, ...(sha256 !== undefined && { sha256 }) });
    try {
      const tensors = servedTensors(thread.opened);
      if (tensors.problem !== undefined) {
        throw new AnomalyError('ANM_MODEL_UNSUPPORTED', `cannot serve ${name}/${version} as ${tensors.problem}`, {
          hint: 'the protocol carries tensors of numbers; export the model without labels, maps and sequences',
        });
      }
      const outputs = tensors.outputs.map((each) => each.name);
      const whyAlone = await whyNotShared(tensors, (feeds) => thread.run(feeds, outputs));
      return new ServedModel(options, thread, tensors, whyAlone);
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  private constructor(
    { name, version, maxBatch, maxDelayMs, maxRows, onRun, now }: ServedModelOptions,
    thread: ModelThread,
    tensors: ServedTensors,
    whyAlone: string | undefined,
  ) {
    this.name = name;
    this.version = version;
    this.sha256 = thread.opened.sha256;
    const own = [...thread.opened.metadata].filter(([key]) => key.startsWith('anomaly.'));
    this.#parameters = own.length > 0 ? Object.fromEntries(own) : undefined;
    this.tensors = tensors;
    this.whyAlone = whyAlone;
    this.loadMs = thread.opened.loadMs;
    this.runtime = `${thread.opened.runtime} ${thread.opened.runtimeVersion}`;
    this.#thread = thread;
    this.#maxRows = maxRows;
    const outputs = tensors.outputs.map((each) => each.name);
    this.#batcher = new Batcher({
      run: (feeds) => thread.run(feeds, outputs),
      mayShare: whyAlone === undefined,
      maxRows: maxBatch,
      maxDelayMs,
      onRun,
      now,
      setTimer: (work, ms) => {
        const timer = setTimeout(work, ms);
        return { clear: () => clearTimeout(timer) };
      },
    });
    void thread.ended.then((why) => {
      this.#problem ??= why;
    });
  }

  /** Why it answers nothing any more; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get waitingRows(): number {
    return this.#batcher.waitingRows;
  }

  /** With what the file says of itself for scoring, `anomaly.*`, as parameters: a client of this tool needs no more. */
  metadata(versions: readonly string[]) {
    const { inputs, outputs } = this.tensors;
    const sides = { inputs: inputs.map(metadataOf), outputs: outputs.map(metadataOf) };
    const parameters = this.#parameters;
    return { name: this.name, versions, platform: PLATFORM, ...sides, ...(parameters !== undefined && { parameters }) };
  }

  /**
   * Runs the model for one request, maybe beside others.
   *
   * @param gone nobody waits for the answer any more: a client with a deadline must not make those behind it late, too
   * @throws RequestError for inputs that do not fit, and where the model fails on them
   */
  async infer(feeds: Tensors, gone?: AbortSignal): Promise<Tensors> {
    checkInputs(this.tensors.inputs, feeds);
    const rows = Object.values(feeds)[0]?.dims[0] ?? 1;
    if (this.whyAlone === undefined && Object.values(feeds).some(({ dims }) => dims[0] !== rows)) {
      throw new RequestError(400, 'the inputs have different numbers of rows');
    }
    if (rows > this.#maxRows) throw new RequestError(413, `the request has ${rows} rows, more than ${this.#maxRows}`);
    this.#requireReady();
    try {
      return await this.#batcher.infer(feeds, rows, gone);
    } catch (error) {
      this.#requireReady();
      if (!(error instanceof AnomalyError)) throw error;
      // The sizes are those that the model allows; what it cannot do with them is told in its own words.
      throw new RequestError(error.code === 'ANM_MODEL_FAILED' ? 400 : 503, error.message);
    }
  }

  /** Ends the thread, when the requests that came are answered. */
  async close(): Promise<void> {
    if (this.#problem === undefined) await this.#batcher.idle();
    this.#problem ??= 'it was unloaded';
    await this.#thread.close();
  }

  #requireReady(): void {
    if (this.#problem !== undefined) {
      throw new RequestError(503, `${this.name}/${this.version} is not there at the moment: ${this.#problem}`);
    }
  }
}
