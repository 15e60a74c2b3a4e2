import { AnomalyError, type ErrorCode, isAnomalyError } from '../../errors.ts';
import type { ModelSpec } from '../modelSpec.ts';
import type { OnnxValue } from '../onnx/onnxTypes.ts';
import type { RuntimeSettings } from './ortRuntime.ts';
import type { TensorData } from './tensorData.ts';

/** Where a model is: on the disk, or in memory already. */
export type ModelSource =
  | { readonly path: string }
  | { readonly name: string; readonly bytes: Uint8Array; readonly external?: ReadonlyMap<string, Uint8Array> };

export interface OpenModel {
  readonly source: ModelSource;
  readonly runtime: RuntimeSettings;
  /** The model has to be this one. */
  readonly sha256?: string;
  /** For a model that scores windows; without, tensors can be run only. */
  readonly windows?: { readonly spec?: Partial<ModelSpec>; readonly batch: number; readonly callMs?: number };
}

/** What is known of a model once it is loaded. */
export interface OpenedModel {
  readonly path: string;
  readonly sha256: string;
  readonly runtime: 'onnxruntime-web' | 'onnxruntime-node';
  readonly runtimeVersion: string;
  readonly producer: string;
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Of a model that scores windows. */
  readonly windows?: {
    readonly spec: ModelSpec;
    /** Rows of a run, ascending: others are filled up to the next of these. */
    readonly batchSizes: readonly number[];
    /** Rows that are scored within the time of a call. */
    readonly rowsPerCall: number;
    /** Why the model runs row by row, though its input has a batch of any size. */
    readonly whyOneByOne?: string;
  };
  /** Of the file, and of those with its weights. */
  readonly bytes: number;
  /** Reading, loading and the first runs. */
  readonly loadMs: number;
}

export type ToModelWorker =
  | { readonly type: 'open'; readonly open: OpenModel }
  /** The array's buffer is handed over, and comes back with the scores. */
  | { readonly type: 'score'; readonly id: number; readonly rows: number; readonly windows: Float32Array }
  | {
      readonly type: 'run';
      readonly id: number;
      readonly feeds: Readonly<Record<string, TensorData>>;
      readonly outputs: readonly string[];
    }
  | { readonly type: 'close' };

export type FromModelWorker =
  | { readonly type: 'opened'; readonly opened: OpenedModel }
  | { readonly type: 'refused'; readonly error: PlainError }
  | { readonly type: 'scores'; readonly id: number; readonly scores: Float32Array; readonly windows: Float32Array }
  | { readonly type: 'tensors'; readonly id: number; readonly tensors: Record<string, TensorData> }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError; readonly windows?: Float32Array }
  | { readonly type: 'closed' };

/** An error as it crosses threads, where classes do not. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
}

export function plainError(error: unknown): PlainError {
  if (isAnomalyError(error)) return { code: error.code, message: error.message, hint: error.hint };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: 'ANM_INTERNAL', message, ...(stack === undefined ? {} : { stack }) };
}

export function errorOf({ code, message, hint, stack }: PlainError): AnomalyError {
  const options = { ...(hint === undefined ? {} : { hint }), ...(stack === undefined ? {} : { details: { stack } }) };
  return new AnomalyError(code, message, options);
}
