import { basename } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import type { ModelRegistry } from '../../models/registry/modelRegistry.ts';
import { parseModelReference } from '../../models/registry/modelUri.ts';
import { unknownModel } from '../../models/registry/registryErrors.ts';

/** A model to serve: the URI that finds it, and the name that requests call it by. */
export interface ServeTarget {
  readonly uri: string;
  readonly name: string;
  /** Set where it is followed. */
  readonly alias?: string;
}

/** What the arguments of `model serve` name; everything in the registry where there are none. */
export async function serveTargets(
  args: readonly string[],
  open: () => Promise<ModelRegistry>,
): Promise<ServeTarget[]> {
  if (args.length === 0) return await everyTarget(await open());
  const targets: ServeTarget[] = [];
  for (const text of args) targets.push(await target(text, open));
  return targets;
}

async function target(text: string, open: () => Promise<ModelRegistry>): Promise<ServeTarget> {
  const isUri = /^models:/i.test(text);
  if (!isUri && /\.onnx$|^\.{0,2}\/|^file:/i.test(text))
    return { uri: text, name: basename(text).replace(/\.onnx$/i, '') };
  const found = parseModelReference(text);
  if (found?.kind === 'alias') return aliased(found.name, found.alias);
  if (found?.kind === 'version') return { uri: `models:/${found.name}/${found.version}`, name: found.name };
  const name = text.replace(/^models:\/*/i, '');
  const registry = await open();
  const model = await registry.model(name);
  const newest = model?.versions.at(-1);
  if (newest === undefined) throw await unknownModel(registry, name);
  if (model?.aliases.some(({ alias }) => alias === CHAMPION)) return aliased(name, CHAMPION);
  return { uri: `models:/${name}/${newest}`, name };
}

/** The champion first, as it is meant where a request names no version. */
async function everyTarget(registry: ModelRegistry): Promise<ServeTarget[]> {
  const models = await registry.models();
  const targets = models.flatMap(({ name, versions, aliases }) => {
    const names = aliases.map(({ alias }) => alias).sort((a, b) => Number(b === CHAMPION) - Number(a === CHAMPION));
    if (names.length > 0) return names.map((alias) => aliased(name, alias));
    return versions.length === 0 ? [] : [{ uri: `models:/${name}/${versions.at(-1)}`, name }];
  });
  if (targets.length > 0) return targets;
  throw new AnomalyError('ANM_MODEL_UNKNOWN', `there is no model to serve in ${registry.url}`, {
    hint: 'add one with anomaly model add, or name an ONNX file',
  });
}

function aliased(name: string, alias: string): ServeTarget {
  return { uri: `models:/${name}@${alias}`, name, alias };
}

const CHAMPION = 'champion';
