import type { OnnxModel, OnnxValue } from '../onnx/onnxTypes.ts';
import type { TensorData } from '../runtime/tensorData.ts';

/** One input, filled with a batch of windows. */
export interface FedTensor {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'float64';
  readonly dims: readonly number[];
  /** Else the batch is another dimension. */
  readonly isBatchFirst: boolean;
  /** Row-major; the bits of float16 are written out as numbers, too. */
  readonly data: Float32Array | Float64Array;
}

/** How one kind of server is asked. */
export interface RemoteProtocol {
  /** The address of the model, for messages. */
  readonly address: string;
  /** As alerts name it. */
  readonly name: string;
  /** Where the address names one. */
  readonly version?: string;
  /** Rows of one request, where only so many can be sent. */
  readonly rowsPerRequest?: number;
  /** What the model's file says of itself, `anomaly.*`, where the server tells it: `anomaly model serve` does. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** What the server says of the model. Shapes may be unknown, lists may be empty. */
  readonly tensors: RemoteTensors;
  /**
   * One request. Reads the data before it returns.
   *
   * @param output to ask for; empty where the server does not tell its outputs
   * @throws ANM_MODEL_OUTPUT for an answer that has no numbers there, else what `HttpModel.send` throws
   */
  infer(fed: FedTensor, output: string, signal: AbortSignal): Promise<TensorData>;
}

export interface RemoteTensors {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** As what a file says of itself, so that both are held against a spec by the same rules. */
export function asModel({ inputs, outputs }: RemoteTensors): OnnxModel {
  return {
    irVersion: 0,
    producer: '',
    opsets: new Map(),
    metadata: new Map(),
    graphName: '',
    inputs,
    outputs,
    nodes: [],
    tensors: [],
    functionDomains: new Set(),
  };
}

/** A tensor of which only the name is known. */
export function anyTensor(name: string, type: OnnxValue['type']): OnnxValue {
  return { name, kind: 'tensor', type, shape: undefined };
}

/** Numbers that came as JSON. */
export function numberTensor(numbers: readonly number[], dims: readonly number[] = [numbers.length]): TensorData {
  return { type: 'float64', dims, data: Float64Array.from(numbers) };
}
