import type * as Ort from 'onnxruntime-web';
import { AnomalyError } from '../../errors.ts';
import { withOutput } from '../onnx/extraOutput.ts';
import type { OnnxModel } from '../onnx/onnxTypes.ts';
import type { ModelFiles } from './modelFiles.ts';
import { loadProblem, refuseUnrunnable, runProblem } from './modelProblems.ts';
import { loadRuntime, type RuntimeSettings, sessionOptions } from './ortRuntime.ts';
import type { TensorData } from './tensorData.ts';

/** What goes wrong is thrown, and said once. */
const QUIET = { logSeverityLevel: 4 } as const;

/** A loaded model, on either runtime. It computes on the thread that calls `run`. */
export interface OnnxSession {
  readonly runtime: 'onnxruntime-web' | 'onnxruntime-node';
  readonly version: string;
  readonly model: OnnxModel;
  /**
   * Computes the named outputs, which have to be tensors. The runtime copies what it is fed, and the results are the
   * caller's. Throws ANM_MODEL_FAILED.
   */
  run(feeds: Readonly<Record<string, TensorData>>, outputs: readonly string[]): Promise<Record<string, TensorData>>;
  /** The memory of onnxruntime-web does not shrink by it, but serves the next session of the thread. */
  release(): Promise<void>;
}

/**
 * Loads a model in this thread. `extraOutputs` are float tensors within the graph that are wanted, too. Throws
 * ANM_MODEL_RUNTIME, ANM_MODEL_UNSUPPORTED, ANM_MODEL_TOO_LARGE or ANM_MODEL_FILE.
 */
export async function openSession(
  files: ModelFiles,
  settings: RuntimeSettings,
  extraOutputs: readonly string[] = [],
): Promise<OnnxSession> {
  const { path, model, external } = files;
  refuseUnrunnable(path, model);
  const runtime = await loadRuntime(settings);
  const bytes = extraOutputs.reduce(withOutput, files.bytes);
  let session: Ort.InferenceSession;
  try {
    session = await runtime.ort.InferenceSession.create(bytes, sessionOptions(settings, external));
  } catch (error) {
    throw loadProblem(path, model, runtime, error);
  }
  return {
    runtime: runtime.name,
    version: runtime.version,
    model,
    async run(feeds, outputs) {
      try {
        const tensors: Record<string, Ort.Tensor> = {};
        for (const [name, each] of Object.entries(feeds)) tensors[name] = toOrt(runtime.ort, each);
        return fromOrt(path, await session.run(tensors, outputs, QUIET), outputs);
      } catch (error) {
        throw runProblem(path, error);
      }
    },
    release: () => session.release(),
  };
}

function toOrt(ort: typeof Ort, { type, dims, data }: TensorData): Ort.Tensor {
  // The classes of typed arrays are those that the runtime asks for.
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

function fromOrt(
  path: string,
  results: Ort.InferenceSession.ReturnType,
  outputs: readonly string[],
): Record<string, TensorData> {
  const found: Record<string, TensorData> = {};
  for (const name of outputs) {
    const tensor = results[name] as Ort.Tensor | undefined;
    if (tensor === undefined) throw new AnomalyError('ANM_MODEL_FAILED', `${path} gave no output ${name}`);
    const { type, dims, data } = tensor;
    // Where there is a Float16Array, float16 comes in one.
    const isHalf = type === 'float16' && !(data instanceof Uint16Array);
    const half = data as unknown as Uint16Array;
    const numbers = isHalf ? new Uint16Array(half.buffer, half.byteOffset, half.length) : data;
    found[name] = { type, dims, data: numbers as TensorData['data'] };
  }
  return found;
}
