import type { ModelSpec } from '../modelSpec.ts';

/** A tensor that goes into or comes out of a model. */
export interface TensorInfo {
  readonly name: string;
  /** float32, float16, int64, bool, string ...: as numpy names them. */
  readonly type: string;
  /** A number, a named dimension, or null for one that has neither. */
  readonly shape: readonly (number | string | null)[];
}

export interface ModelSignature {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** The data that a model was trained on. */
export interface TrainingRange {
  /** Topic or files. */
  readonly source?: string;
  /** Event times, ISO 8601. */
  readonly from?: string;
  readonly to?: string;
  readonly windows?: number;
}

/** A file of a version: the ONNX file first, then the files beside it that hold its weights. */
export interface ModelFile {
  /** As the ONNX file names it: `model.onnx`, `weights/model.onnx.data`. */
  readonly path: string;
  /** Absent in MLflow where the server does not tell. */
  readonly bytes?: number;
  /** In hex. Absent in MLflow where the version was registered by another tool. */
  readonly sha256?: string;
}

/** One version of a model: never changed once it is there. */
export interface ModelVersion {
  readonly name: string;
  /** A whole number from 1 on, as text; never given twice. */
  readonly version: string;
  /** Of the files together, as HashedFiles says; absent where a file's hash is. */
  readonly sha256?: string;
  /** The ONNX file first. Empty in MLflow where a version holds none. */
  readonly files: readonly ModelFile[];
  readonly signature?: ModelSignature;
  readonly spec?: ModelSpec;
  readonly training?: TrainingRange;
  readonly metrics: Readonly<Record<string, number>>;
  readonly description?: string;
  /** ISO 8601. */
  readonly created: string;
  /** user@host; empty where it is not known. */
  readonly createdBy: string;
  /** Where the file came from, for people. */
  readonly source?: string;
  /** For the registry itself: where it keeps the files. */
  readonly location: string;
}

/** What a version is made of; number, time and place are the registry's. */
export interface NewVersion {
  readonly name: string;
  /** The ONNX file first. Paths are relative, without `..`. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly signature?: ModelSignature;
  readonly spec?: ModelSpec;
  readonly training?: TrainingRange;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly description?: string;
  readonly source?: string;
}

export interface RegisteredModel {
  readonly name: string;
  /** Numbers of the versions that are there, ascending. */
  readonly versions: readonly string[];
  readonly aliases: readonly { readonly alias: string; readonly version: string }[];
}
