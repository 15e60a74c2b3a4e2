import { createHash } from 'node:crypto';
import { AnomalyError } from '../../errors.ts';
import { sha256 } from '../../stores/checkpoints/sha256.ts';
import type { ModelFile, NewVersion } from './modelVersion.ts';

export type HashedFile = ModelFile & { readonly bytes: number; readonly sha256: string };

export interface HashedFiles {
  readonly files: readonly HashedFile[];
  /** Of the version: the ONNX file's bytes, and after them those of its other files in the order of their paths. Hex. */
  readonly sha256: string;
}

/** @throws ANM_USAGE for a path that leaves its folder */
export async function hashFiles(files: NewVersion['files']): Promise<HashedFiles> {
  const [first, ...beside] = files;
  if (first === undefined) throw new AnomalyError('ANM_INTERNAL', 'a version of a model has no files');
  const hashed: HashedFile[] = [];
  for (const { path, bytes } of files) {
    if (path.split('/').some((part) => part === '' || part.startsWith('.') || /[\\\0]/.test(part))) {
      const what = JSON.stringify(path);
      throw new AnomalyError('ANM_USAGE', `cannot keep ${what} in a registry as it is no path within a folder`, {
        hint: 'external data of an ONNX file has to lie beside or below it, under names that begin with no point',
      });
    }
    hashed.push({ path, bytes: bytes.length, sha256: await sha256(bytes) });
  }
  if (beside.length === 0) return { files: hashed, sha256: hashed[0]!.sha256 };
  const hash = createHash('sha256').update(first.bytes);
  for (const { bytes } of beside.sort((a, b) => (a.path < b.path ? -1 : 1))) hash.update(bytes);
  return { files: hashed, sha256: hash.digest('hex') };
}
