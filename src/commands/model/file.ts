import { createHash } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import type { CommandContext } from '../command.ts';

/** The path that --out names. @throws ANM_USAGE */
export function outPath({ flags, cwd }: CommandContext): string {
  const out = flags['out'] as string | undefined;
  if (out === undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot write the model as --out is not given', {
      hint: 'name a file, as --out pump.onnx',
    });
  }
  return resolve(cwd, out);
}

/** Writes a file at once or not at all; what was there is replaced. Gives its sha256. @throws ANM_FILE */
export async function writeModel(path: string, bytes: Uint8Array): Promise<string> {
  const aside = `${path}.part`;
  try {
    await writeFile(aside, bytes);
    await rename(aside, path);
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => {});
    throw new AnomalyError('ANM_FILE', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
  return sha256(bytes);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The files of models that are named as paths, or as models:/NAME@ALIAS and models:/NAME/VERSION of the registry. */
export async function modelPaths(context: CommandContext, names: readonly string[]): Promise<string[]> {
  const [{ modelSources }, { resolveModel }] = await Promise.all([
    import('./access.ts'),
    import('../../models/registry/resolveModel.ts'),
  ]);
  const sources = modelSources(context);
  try {
    const paths: string[] = [];
    for (const name of names) paths.push((await resolveModel(name, sources)).path);
    return paths;
  } finally {
    await sources.close();
  }
}
