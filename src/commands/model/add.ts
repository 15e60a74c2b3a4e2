import { basename, resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import { specFromMetadata } from '../../models/modelMetadata.ts';
import type { ModelSpec } from '../../models/modelSpec.ts';
import type { OnnxModel, OnnxValue } from '../../models/onnx/onnxTypes.ts';
import { checkAlias, checkModelName } from '../../models/registry/modelName.ts';
import type { NewVersion, TensorInfo, TrainingRange } from '../../models/registry/modelVersion.ts';
import { locationPath, type ModelFiles, readModelFiles } from '../../models/runtime/modelFiles.ts';
import type { CommandContext } from '../command.ts';
import { withRegistry } from './access.ts';
import { versionDocument } from './document.ts';

/** `model add`. */
export async function runModelAdd(context: CommandContext): Promise<number> {
  const { args, cwd, flags, output, logger } = context;
  const given = args[0]!;
  const path = resolve(cwd, given);
  const name = checkModelName((flags['name'] as string | undefined) ?? basename(path).replace(/\.onnx$/i, ''));
  const alias = flags['alias'] === undefined ? undefined : checkAlias(flags['alias'] as string);
  const metrics = metricsOf((flags['metric'] as string[] | undefined) ?? []);
  const version = newVersion(name, path, await readModelFiles(path), metrics);
  const description = flags['description'] as string | undefined;
  return await withRegistry(context, async (registry) => {
    const same = (await registry.versions(name)).find(({ sha256 }) => sha256 === version.sha256);
    if (same !== undefined)
      logger.warn(`${given} is the same file as ${name}/${same.version}; it becomes a version of its own`);
    const before = alias === undefined ? undefined : await registry.alias(name, alias);
    const added = await registry.add({ ...version.given, ...(description !== undefined && { description }) });
    if (alias !== undefined) {
      const expect = before?.version ?? null;
      await registry.setAlias({ name, alias, version: added.version, kind: 'promote', expect });
    }
    const document = { ...versionDocument(added, await registry.model(name)), registry: registry.url };
    await output.document(document, () => {
      const now = alias === undefined ? '' : `; ${name}@${alias} is version ${added.version}`;
      return `added ${given} as ${name}/${added.version} to ${registry.url}${now}\n  sha256      ${added.sha256}`;
    });
    return 0;
  });
}

export function newVersion(
  name: string,
  path: string,
  { bytes, external, model, sha256 }: ModelFiles,
  metrics: Readonly<Record<string, number>>,
): { given: NewVersion; sha256: string } {
  const spec = wholeSpec(path, model);
  const training = trainingOf(model);
  const files = [...external].map(([location, data]) => ({ path: locationPath(location), bytes: data }));
  const given = {
    name,
    files: [{ path: 'model.onnx', bytes }, ...files],
    signature: { inputs: model.inputs.map(tensorInfo), outputs: model.outputs.map(tensorInfo) },
    ...(spec !== undefined && { spec }),
    ...(training !== undefined && { training }),
    metrics: { ...metricsWithin(model), ...metrics },
    source: path,
  };
  return { given, sha256 };
}

/** What the file says of itself, where it says all that is needed. */
function wholeSpec(path: string, { metadata }: OnnxModel): ModelSpec | undefined {
  const { kind, length, channels, scaling = 'none', ...rest } = specFromMetadata(path, metadata);
  if (kind === undefined || length === undefined || channels === undefined) return undefined;
  return { kind, length, channels, scaling, ...rest };
}

function trainingOf({ metadata }: OnnxModel): TrainingRange | undefined {
  const text = (key: string) => (metadata.get(key) === '' ? undefined : metadata.get(key));
  const from = text('anomaly.trained_from');
  const to = text('anomaly.trained_until');
  const source = text('anomaly.trained_on');
  if (from === undefined && to === undefined && source === undefined) return undefined;
  return {
    ...(source !== undefined && { source }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

/** The figures of its training, which anomaly model train leaves in the file. */
function metricsWithin({ metadata }: OnnxModel): Record<string, number> {
  const json = metadata.get('anomaly.metrics');
  if (json === undefined) return {};
  try {
    const entries = Object.entries(JSON.parse(json) as Record<string, unknown>);
    return Object.fromEntries(entries.filter((each): each is [string, number] => Number.isFinite(each[1])));
  } catch {
    return {};
  }
}

function tensorInfo({ name, kind, type, shape }: OnnxValue): TensorInfo {
  return { name, type: kind === 'tensor' ? type : kind, shape: shape ?? [] };
}

function metricsOf(texts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, key = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (key !== '' && value.trim() !== '' && Number.isFinite(Number(value))) return [key, Number(value)];
      throw new AnomalyError('ANM_USAGE', `--metric cannot be ${JSON.stringify(text)}`, {
        hint: 'as --metric f1=0.91, once for each figure',
      });
    }),
  );
}
