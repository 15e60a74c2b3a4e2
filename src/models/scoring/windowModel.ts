import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { completeSpec } from '../modelMetadata.ts';
import type { ModelSpec } from '../modelSpec.ts';
import type { ModelFiles } from '../runtime/modelFiles.ts';
import { type OnnxSession, openSession } from '../runtime/onnxSession.ts';
import type { RuntimeSettings } from '../runtime/ortRuntime.ts';
import { numberToHalf } from '../runtime/tensorData.ts';
import { fillInput, type InputPlan, inputDims, planInput } from './inputPlan.ts';
import { type OutputPlan, OutputReader, planOutput } from './outputPlan.ts';

export interface WindowModelOptions {
  readonly runtime: RuntimeSettings;
  /** Over what the file says of itself. */
  readonly spec?: Partial<ModelSpec>;
  /** Most rows of a run. */
  readonly batch: number;
  /** Longest time that a call may take: a slow model gets fewer rows at once. Absent: any. */
  readonly callMs?: number;
}

/** The arrays of one size of a batch, used again for each run. */
interface BatchBuffers {
  readonly dims: readonly number[];
  readonly fed: Float32Array | Float64Array;
  /** What the tensor takes, where these are the bits of float16. */
  readonly halves: Uint16Array | undefined;
}

/** Of one run: more than the runtime has memory for. */
const MOST_VALUES = 2 ** 28;
/** Rows of the probe; two, as the trap is a batch that is only ever 1. */
const PROBE_ROWS = 2;

/**
 * A model that scores windows, in this thread. Opening it runs it: what a file claims of its shapes is not relied on,
 * and each size of a batch that will be used has been run once.
 */
export class WindowModel {
  readonly spec: ModelSpec;
  readonly session: OnnxSession;
  readonly #path: string;
  readonly #input: InputPlan;
  readonly #output: OutputPlan;
  readonly #reader: OutputReader;
  readonly #buffers = new Map<number, BatchBuffers>();
  #sizes: readonly number[];
  #rowsPerCall = 1;
  #whyOneByOne: string | undefined;

  private constructor(path: string, session: OnnxSession, spec: ModelSpec, input: InputPlan, output: OutputPlan) {
    this.spec = spec;
    this.session = session;
    this.#path = path;
    this.#input = input;
    this.#output = output;
    this.#reader = new OutputReader(path, spec, input, output.tensor);
    this.#sizes = [input.fixedBatch ?? 1];
  }

  /** Throws ANM_MODEL_SPEC, or what `openSession` throws. */
  static async open(
    files: ModelFiles,
    { runtime, spec: given, batch, callMs }: WindowModelOptions,
  ): Promise<WindowModel> {
    const { path, model } = files;
    const spec = completeSpec(path, model.metadata, given);
    const input = planInput(path, model, spec);
    const output = planOutput(path, model, spec);
    const session = await openSession(files, runtime, output.isExtra ? [output.tensor] : []);
    const made = new WindowModel(path, session, spec, input, output);
    try {
      await made.#probe(batch, callMs ?? Number.POSITIVE_INFINITY);
    } catch (error) {
      await session.release();
      throw error;
    }
    return made;
  }

  /** Rows of a run, ascending: others are filled up to the next of these. */
  get batchSizes(): readonly number[] {
    return this.#sizes;
  }

  /** Rows that are scored within the time of a call, at most the batch. */
  get rowsPerCall(): number {
    return this.#rowsPerCall;
  }

  /** Why the model runs row by row, though its input has a batch of any size; undefined where it does not. */
  get whyOneByOne(): string | undefined {
    return this.#whyOneByOne;
  }

  /** Raw scores of rows x (length + 1) x channels values; NaN where the model gives no number. */
  async score(rows: number, windows: Float32Array): Promise<Float32Array> {
    const scores = new Float32Array(rows);
    const most = this.#sizes.at(-1)!;
    for (let from = 0; from < rows; from += most) {
      const count = Math.min(most, rows - from);
      await this.#run(windows, from, count, this.#sizes.find((size) => size >= count)!, scores);
    }
    return scores;
  }

  release(): Promise<void> {
    return this.session.release();
  }

  async #run(windows: Float32Array, from: number, rows: number, batch: number, scores: Float32Array): Promise<void> {
    const { name, type } = this.#input;
    const { dims, fed, halves } = this.#buffersOf(batch);
    fillInput(this.#input, windows, from, rows, batch, fed);
    if (halves !== undefined) for (let i = 0; i < fed.length; i++) halves[i] = numberToHalf(fed[i]!);
    const { tensor } = this.#output;
    const results = await this.session.run({ [name]: { type, dims, data: halves ?? fed } }, [tensor]);
    this.#reader.read(results[tensor]!, { windows, from, rows, batch, fed }, scores, from);
  }

  #buffersOf(batch: number): BatchBuffers {
    let found = this.#buffers.get(batch);
    if (found === undefined) {
      const dims = inputDims(this.#input, batch);
      const size = batch * this.#input.steps * this.#input.channels;
      const { type } = this.#input;
      if (size > MOST_VALUES) {
        const what = `${this.#path} reads [${dims.join(', ')}] at once, which is more than ${MOST_VALUES} values`;
        throw new AnomalyError('ANM_MODEL_TOO_LARGE', what);
      }
      found = {
        dims,
        fed: type === 'float64' ? new Float64Array(size) : new Float32Array(size),
        halves: type === 'float16' ? new Uint16Array(size) : undefined,
      };
      this.#buffers.set(batch, found);
    }
    return found;
  }

  /** Finds out which batches the model takes, and runs each size. */
  async #probe(batch: number, callMs: number): Promise<void> {
    const { rowSize, fixedBatch } = this.#input;
    const windows = Float32Array.from({ length: PROBE_ROWS * rowSize }, (_, i) => ((i * 7919) % 13) / 13 - 0.5);
    const [size] = this.#sizes as [number];
    const alone = await this.#runAlone(windows, size);
    const isOne = fixedBatch !== undefined && fixedBatch < PROBE_ROWS;
    const problem = isOne ? undefined : await this.#runTogether(windows, Math.max(size, PROBE_ROWS), alone);
    if (fixedBatch === undefined && problem === undefined) {
      await this.#warmUp(windows, batch, callMs);
      return;
    }
    if (fixedBatch === undefined) this.#whyOneByOne = problem;
    else if (problem !== undefined) throw this.#unsupported(`of the fixed batch of ${fixedBatch}: ${problem}`);
    const runMs = await this.#timeOf(windows, size);
    this.#rowsPerCall = Math.min(batch, size * Math.max(1, Math.floor(callMs / runMs)));
  }

  /** Takes sizes as long as a run of twice the rows can be expected within the time of a call. */
  async #warmUp(windows: Float32Array, batch: number, callMs: number): Promise<void> {
    const sizes: number[] = [];
    for (const size of batchSizes(batch)) {
      const runMs = await this.#timeOf(windows, size);
      if (sizes.length > 0 && runMs > callMs) break;
      sizes.push(size);
      if (2 * runMs > callMs) break;
    }
    this.#sizes = sizes;
    this.#rowsPerCall = sizes.at(-1)!;
  }

  /** The shorter of two runs; the one before them makes the memory. */
  async #timeOf(windows: Float32Array, size: number): Promise<number> {
    const scores = new Float32Array(1);
    let leastMs = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const startedMs = performance.now();
      await this.#run(windows, 0, 1, size, scores);
      if (run > 0) leastMs = Math.min(leastMs, performance.now() - startedMs);
    }
    return leastMs;
  }

  /** Scores of each row by itself. */
  async #runAlone(windows: Float32Array, size: number): Promise<Float32Array> {
    const scores = new Float32Array(PROBE_ROWS);
    try {
      for (let row = 0; row < PROBE_ROWS; row++) await this.#run(windows, row, 1, size, scores);
    } catch (error) {
      if (!isAnomalyError(error) || error.code !== 'ANM_MODEL_FAILED') throw error;
      throw this.#unsupported(error.message, error);
    }
    return scores;
  }

  /** What is wrong with rows that share a batch; undefined: nothing. */
  async #runTogether(windows: Float32Array, size: number, alone: Float32Array): Promise<string | undefined> {
    const scores = new Float32Array(PROBE_ROWS);
    try {
      await this.#run(windows, 0, PROBE_ROWS, size, scores);
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      return error.message;
    }
    const tolerance = this.#input.type === 'float16' ? 1e-2 : 1e-3;
    const isSame = scores.every(
      (score, i) => Object.is(score, alone[i]) || Math.abs(score - alone[i]!) <= tolerance * (1 + Math.abs(alone[i]!)),
    );
    return isSame ? undefined : 'rows of one batch change the scores of each other';
  }

  #unsupported(why: string, cause?: unknown): AnomalyError {
    const dims = inputDims(this.#input, this.#sizes[0]!).join(', ');
    const message = `cannot run ${this.#path}: it loads, and fails on an input of ${this.#input.type} [${dims}]: ${why}`;
    return new AnomalyError('ANM_MODEL_UNSUPPORTED', message, cause === undefined ? {} : { cause });
  }
}

/** Powers of two up to the largest: few shapes for the runtime to keep memory for, and at most half of a run for nothing. */
function batchSizes(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < most; size *= 2) sizes.push(size);
  return [...sizes, most];
}
