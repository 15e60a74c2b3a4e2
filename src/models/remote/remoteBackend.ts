import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ModelRequest } from '../modelScorer.ts';
import type { ModelIdentity, ModelSpec } from '../modelSpec.ts';
import { fillInput, type InputPlan, inputDims } from '../scoring/inputPlan.ts';
import type { ModelBackend } from '../scoring/modelBackend.ts';
import { OutputReader } from '../scoring/outputPlan.ts';
import type { HttpModel } from './httpModel.ts';
import { proveModel } from './proveModel.ts';
import type { RemoteProtocol } from './remoteProtocol.ts';

/** How a model's tensors are filled and read. */
export interface RemotePlan {
  readonly spec: ModelSpec;
  readonly input: InputPlan;
  /** Empty where the server does not tell its outputs, and none is given. */
  readonly output: string;
}

/** Requests of one call that are under way at once, where a request takes fewer rows than a call has. */
const MOST_REQUESTS = 8;

/** A model behind HTTP. A call of it is one request, or several where the model takes fewer rows at once. */
export class RemoteBackend implements ModelBackend {
  readonly identity: ModelIdentity;
  readonly spec: ModelSpec;
  readonly #http: HttpModel;
  readonly #protocol: RemoteProtocol;
  readonly #input: InputPlan;
  readonly #output: string;
  readonly #reader: OutputReader;
  #rowsPerRequest: number;
  #whyOneByOne: string | undefined;

  private constructor(http: HttpModel, protocol: RemoteProtocol, { spec, input, output }: RemotePlan) {
    const { name, version, address } = protocol;
    this.identity = { name, ...(version !== undefined && { version }) };
    this.spec = spec;
    this.#http = http;
    this.#protocol = protocol;
    this.#input = input;
    this.#output = output;
    this.#reader = new OutputReader(address, spec, input, output === '' ? 'its output' : output);
    this.#rowsPerRequest = protocol.rowsPerRequest ?? input.fixedBatch ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Sends the model windows of two rows, alone and together, before the first record.
   *
   * @throws ANM_MODEL_SPEC where the answer is not what the spec says; what `RemoteProtocol.infer` throws
   */
  static async open(
    http: HttpModel,
    protocol: RemoteProtocol,
    plan: RemotePlan,
    signal: AbortSignal,
  ): Promise<RemoteBackend> {
    const made = new RemoteBackend(http, protocol, plan);
    const run = async (windows: Float32Array, rows: number): Promise<Float32Array> => {
      const scores = new Float32Array(rows);
      await made.#request(windows, 0, rows, scores, signal);
      return scores;
    };
    made.#whyOneByOne = await proveModel(plan.input, run, made.#rowsPerRequest);
    if (made.#whyOneByOne !== undefined) made.#rowsPerRequest = 1;
    return made;
  }

  /** Why each row is a request of its own, though the server claims a batch of any size; undefined where it is not so. */
  get whyOneByOne(): string | undefined {
    return this.#whyOneByOne;
  }

  /** Rows of a request; infinite where it takes any number. */
  get rowsPerRequest(): number {
    return this.#rowsPerRequest;
  }

  /** Rows of a request that failed are NaN; rejects with what the first one said where all have failed. */
  async score({ rows, windows }: ModelRequest, signal: AbortSignal): Promise<Float32Array> {
    const kept = windows.slice(0, rows * this.#input.rowSize);
    const scores = new Float32Array(rows).fill(Number.NaN);
    const size = Math.min(rows, this.#rowsPerRequest);
    const requests = Math.ceil(rows / size);
    let next = 0;
    let failed = 0;
    let problem: unknown;
    const lane = async (): Promise<void> => {
      while (next < requests && !signal.aborted) {
        const from = next++ * size;
        try {
          await this.#request(kept, from, Math.min(size, rows - from), scores, signal);
        } catch (error) {
          problem ??= error;
          failed++;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(requests, MOST_REQUESTS) }, lane));
    if (failed === requests) throw invalidOutput(problem);
    return scores;
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  async #request(
    windows: Float32Array,
    from: number,
    rows: number,
    scores: Float32Array,
    signal: AbortSignal,
  ): Promise<void> {
    const input = this.#input;
    const batch = input.fixedBatch ?? rows;
    const size = batch * input.steps * input.channels;
    const fed = input.type === 'float64' ? new Float64Array(size) : new Float32Array(size);
    fillInput(input, windows, from, rows, batch, fed);
    const { name, type, layout } = input;
    const isBatchFirst = layout !== 'length-batch-channels';
    const tensor = { name, type, dims: inputDims(input, batch), isBatchFirst, data: fed };
    const output = await this.#protocol.infer(tensor, this.#output, signal);
    // Read apart, so that an answer of a wrong size leaves no scores.
    this.#reader.read(output, { windows, from, rows, batch, fed }, scores, from);
  }
}

/** What was right at the start does not make the configuration wrong later: the answer is. */
function invalidOutput(error: unknown): unknown {
  if (!isAnomalyError(error) || error.code !== 'ANM_MODEL_SPEC') return error;
  return new AnomalyError('ANM_MODEL_OUTPUT', error.message, { cause: error });
}
