import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { readOnnx } from '../onnx/onnxReader.ts';
import type { OnnxModel } from '../onnx/onnxTypes.ts';
import { ProtobufError } from '../onnx/protobufInput.ts';
import { foreignFile, foreignFolder, HEAD_BYTES } from './foreignFormats.ts';

/** A model as it is on the disk, read whole and checked. */
export interface ModelFiles {
  readonly path: string;
  readonly model: OnnxModel;
  readonly bytes: Uint8Array;
  /** Files of weights beside the model, by the location that it stores. */
  readonly external: ReadonlyMap<string, Uint8Array>;
  /** Of the model's file, and of its files of weights after it in the order of their paths. Hex. */
  readonly sha256: string;
}

/** A message of protobuf has at most 2 GiB. */
const MOST_FILE_BYTES = 2 ** 31;
/** A WebAssembly memory has 4 GiB. */
const WASM_BYTES = 2 ** 32;
/** Of one read, or one step of a hash. */
const MOST_READ_BYTES = 2 ** 30;

/**
 * Reads an ONNX file and its external data. Sizes are looked at before anything is read whole: the file is twice in the
 * runtime's memory while it loads, external data once.
 */
export async function readModelFiles(path: string): Promise<ModelFiles> {
  const size = await fileSize(path);
  const handle = await open(path).catch((cause) => unreadable(path, cause));
  try {
    const foreign = foreignFile(path, await read(handle, Math.min(size, HEAD_BYTES)));
    if (foreign !== undefined) throw notOnnx(path, foreign.what, foreign.hint);
    if (size >= MOST_FILE_BYTES) {
      throw new AnomalyError('ANM_MODEL_TOO_LARGE', `${path} has ${gib(size)}, an ONNX file has less than 2 GiB`, {
        hint: 'save it with its weights in files beside it: onnx.save_model(model, path, save_as_external_data=True)',
      });
    }
    const bytes = await read(handle, size);
    const model = parse(path, bytes);
    const external = await readExternal(path, model, size);
    return { path, model, bytes, external, sha256: sha256Of(bytes, external) };
  } finally {
    await handle.close();
  }
}

/** A model that is in memory already, as a registry or a trainer has it; `name` stands for its path in messages. */
export function modelFromBytes(
  name: string,
  bytes: Uint8Array,
  external: ReadonlyMap<string, Uint8Array> = new Map(),
): ModelFiles {
  const foreign = foreignFile(name, bytes.subarray(0, HEAD_BYTES));
  if (foreign !== undefined) throw notOnnx(name, foreign.what, foreign.hint);
  const model = parse(name, bytes);
  for (const [location, { end, tensor }] of externalNeeds(model)) {
    const length = external.get(location)?.length;
    if (length === undefined) throw externalProblem(name, location, 'was not given');
    if (length < end) throw externalProblem(name, location, `has ${length} bytes, ${tensor} needs ${end}`);
  }
  return { path: name, model, bytes, external, sha256: sha256Of(bytes, external) };
}

function parse(path: string, bytes: Uint8Array): OnnxModel {
  try {
    return readOnnx(bytes);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new AnomalyError('ANM_MODEL_FILE', `cannot read ${path} as an ONNX model: ${error.message}`, {
      hint: 'it is damaged, cut short, or of another format; onnx.checker.check_model in Python tells more',
      cause: error,
    });
  }
}

async function fileSize(path: string): Promise<number> {
  const found = await stat(path).catch((cause) => unreadable(path, cause));
  if (found.isDirectory()) {
    const names = await readdir(path);
    const foreign = foreignFolder(path, names);
    if (foreign !== undefined) throw notOnnx(path, foreign.what, foreign.hint);
    const models = names.filter((name) => name.endsWith('.onnx'));
    const hint = models.length > 0 ? `give one of its files: ${models.join(', ')}` : undefined;
    throw notOnnx(path, 'a folder', hint);
  }
  return found.size;
}

interface Need {
  /** Bytes that the file has to have. */
  end: number;
  /** Whose values end there. */
  tensor: string;
}

/** By location, what the tensors want of each file. */
function externalNeeds(model: OnnxModel): Map<string, Need> {
  const needs = new Map<string, Need>();
  for (const { name, external } of model.tensors) {
    if (external === undefined) continue;
    const end = external.offset + (external.length ?? 0);
    const known = needs.get(external.location);
    if (known === undefined) needs.set(external.location, { end, tensor: name });
    else if (end > known.end) Object.assign(known, { end, tensor: name });
  }
  return needs;
}

async function readExternal(path: string, model: OnnxModel, fileBytes: number): Promise<Map<string, Uint8Array>> {
  const needs = externalNeeds(model);
  const sizes = new Map<string, { target: string; size: number }>();
  let total = 2 * fileBytes;
  for (const [location, { end, tensor }] of needs) {
    const target = await externalPath(path, location);
    const { size } = await stat(target);
    if (size < end) throw externalProblem(path, location, `has ${size} bytes, ${tensor} needs ${end}`);
    sizes.set(location, { target, size });
    total += size;
  }
  if (total > WASM_BYTES) {
    throw new AnomalyError(
      'ANM_MODEL_TOO_LARGE',
      `${path} needs ${gib(total)} to load, with its external data; the runtime has ${gib(WASM_BYTES)} at most`,
    );
  }
  const external = new Map<string, Uint8Array>();
  for (const [location, { target, size }] of sizes) {
    const handle = await open(target).catch((cause) => unreadable(target, cause));
    try {
      external.set(location, await read(handle, size));
    } finally {
      await handle.close();
    }
  }
  return external;
}

/** The file of a location, which has to be in the model's folder or below it, links included. */
async function externalPath(path: string, location: string): Promise<string> {
  const isOutside =
    location === '' || isAbsolute(location) || /^[a-z]:|\0/i.test(location) || location.split(/[/\\]/).includes('..');
  if (isOutside) throw externalProblem(path, location, 'is outside the folder of the model');
  const folder = await realpath(dirname(resolve(path)));
  let target: string;
  try {
    target = await realpath(join(folder, location));
  } catch (cause) {
    throw externalProblem(path, location, 'is missing', cause);
  }
  const inside = folder.endsWith(sep) ? folder : `${folder}${sep}`;
  if (!target.startsWith(inside))
    throw externalProblem(path, location, 'is a link that leaves the folder of the model');
  if (!(await stat(target)).isFile()) throw externalProblem(path, location, 'is not a file');
  return target;
}

/** The first bytes of a file. */
async function read(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, MOST_READ_BYTES), at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

function sha256Of(bytes: Uint8Array, external: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  const add = (part: Uint8Array): void => {
    // A hash takes less than 2 GiB at once.
    for (let at = 0; at < part.length; at += MOST_READ_BYTES) hash.update(part.subarray(at, at + MOST_READ_BYTES));
  };
  add(bytes);
  for (const [, location] of [...external.keys()].map((each) => [locationPath(each), each] as const).sort(byPath)) {
    add(external.get(location)!);
  }
  return hash.digest('hex');
}

/** `./weights.bin` is `weights.bin`. */
export function locationPath(location: string): string {
  return location
    .split('/')
    .filter((part) => part !== '.')
    .join('/');
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

function notOnnx(path: string, what: string, hint?: string): AnomalyError {
  const options = hint === undefined ? {} : { hint };
  return new AnomalyError('ANM_MODEL_FILE', `cannot read ${path} as an ONNX model: it is ${what}`, options);
}

function unreadable(path: string, cause: unknown): never {
  const why = cause instanceof Error ? cause.message.replace(/,.*$/, '') : String(cause);
  throw new AnomalyError('ANM_MODEL_FILE', `cannot read the model ${path}: ${why}`, { cause });
}

function externalProblem(path: string, location: string, problem: string, cause?: unknown): AnomalyError {
  const message = `cannot load the external data of ${path}: '${location}' ${problem}`;
  return new AnomalyError('ANM_MODEL_EXTERNAL_DATA', message, cause === undefined ? {} : { cause });
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
