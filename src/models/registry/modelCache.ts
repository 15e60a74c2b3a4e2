import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { hashFiles } from './fileHash.ts';
import type { ModelRegistry } from './modelRegistry.ts';
import type { ModelVersion } from './modelVersion.ts';

/** A version's files in a directory of this machine. */
export interface CachedModel {
  /** Of the ONNX file; its other files lie beside it as it names them. */
  readonly path: string;
  readonly sha256: string;
}

/**
 * Models of a registry in a directory, in a folder each by sha256. What is there was whole when it got its name, and is
 * checked again at each use: a disk may have changed it. Several processes may share the directory.
 */
export class ModelCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws ANM_MODEL_CORRUPT where the version holds no ONNX file, or others than it says, ANM_STATE_DIRECTORY */
  async get(registry: ModelRegistry, version: ModelVersion): Promise<CachedModel> {
    const { name, version: number, files, sha256 } = version;
    const [first] = files;
    if (first === undefined) {
      throw new AnomalyError('ANM_MODEL_CORRUPT', `${name}/${number} in ${registry.url} holds no ONNX file`, {
        hint: 'register the model as ONNX: mlflow.onnx.log_model, or anomaly model add',
      });
    }
    const paths = files.map(({ path }) => path);
    if (sha256 !== undefined && (await this.#isWhole(sha256, paths))) {
      return { path: join(this.#directory, sha256, first.path), sha256 };
    }
    const read: { path: string; bytes: Uint8Array }[] = [];
    for (const file of files) read.push({ path: file.path, bytes: await registry.read(version, file) });
    const hash = (await hashFiles(read)).sha256;
    await this.#store(hash, read);
    return { path: join(this.#directory, hash, first.path), sha256: hash };
  }

  async #isWhole(sha256: string, paths: readonly string[]): Promise<boolean> {
    const read: { path: string; bytes: Uint8Array }[] = [];
    for (const path of paths) {
      const bytes = await readFile(join(this.#directory, sha256, path)).catch(() => undefined);
      if (bytes === undefined) return false;
      read.push({ path, bytes });
    }
    return (await hashFiles(read)).sha256 === sha256;
  }

  /** Written aside and renamed: a folder of this name is whole. */
  async #store(sha256: string, files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void> {
    const folder = join(this.#directory, sha256);
    const aside = join(this.#directory, `.${sha256}.${randomUUID()}.tmp`);
    try {
      for (const { path, bytes } of files) {
        const target = join(aside, path);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(target, bytes);
      }
      const paths = files.map(({ path }) => path);
      while (!(await tryRename(aside, folder, ['ENOTEMPTY', 'EEXIST']))) {
        // Another process was faster, or what is there is damaged.
        if (await this.#isWhole(sha256, paths)) return await rm(aside, { recursive: true, force: true });
        const damaged = `${aside}.damaged`;
        if (await tryRename(folder, damaged, ['ENOENT'])) await rm(damaged, { recursive: true, force: true });
      }
    } catch (cause) {
      await rm(aside, { recursive: true, force: true }).catch(() => {});
      throw new AnomalyError('ANM_STATE_DIRECTORY', `cannot keep a model in ${folder}: ${(cause as Error).message}`, {
        hint: 'check models.cache: its rights, and the room on its disk',
        cause,
      });
    }
  }
}

/** False for a failure of these codes. */
async function tryRename(from: string, to: string, codes: readonly string[]): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
