import { checkModelName } from '../../models/registry/modelName.ts';
import type { ModelRegistry } from '../../models/registry/modelRegistry.ts';
import { unknownModel } from '../../models/registry/registryErrors.ts';
import { formatBytes, formatSpan } from '../../output/format.ts';
import type { CommandContext } from '../command.ts';
import { withRegistry } from './access.ts';
import { versionDocument } from './document.ts';

/** `model ls`. */
export async function runModelLs(context: CommandContext): Promise<number> {
  const [name] = context.args;
  return await withRegistry(context, async (registry) => {
    if (name === undefined) await listModels(context, registry);
    else await listVersions(context, registry, checkModelName(name));
    return 0;
  });
}

async function listModels({ output }: CommandContext, registry: ModelRegistry): Promise<void> {
  const rows = (await registry.models()).map(({ name, versions, aliases }) => ({
    model: name,
    versions: versions.map(Number),
    latest: versions.at(-1) ?? null,
    aliases: Object.fromEntries(aliases.map(({ alias, version }) => [alias, version])),
  }));
  await output.table('models', rows, [
    { header: 'MODEL', value: (row) => row.model },
    { header: 'VERSIONS', value: (row) => row.versions.length, align: 'right' },
    { header: 'LATEST', value: (row) => row.latest, align: 'right' },
    {
      header: 'ALIASES',
      value: (row) =>
        Object.entries(row.aliases)
          .map(([alias, at]) => `${alias}=${at}`)
          .join(' '),
    },
  ]);
}

async function listVersions({ output, now }: CommandContext, registry: ModelRegistry, name: string): Promise<void> {
  const [model, versions] = await Promise.all([registry.model(name), registry.versions(name)]);
  if (model === undefined) throw await unknownModel(registry, name);
  const timeMs = now();
  const rows = versions.map((version) => versionDocument(version, model)).reverse();
  await output.table('versions', rows, [
    { header: 'VERSION', value: (row) => row.version, align: 'right' },
    { header: 'ALIASES', value: (row) => row.aliases.join(' ') },
    { header: 'KIND', value: (row) => row.spec?.kind },
    { header: 'BYTES', value: (row) => (row.bytes === null ? null : formatBytes(row.bytes)), align: 'right' },
    { header: 'SHA256', value: (row) => row.sha256?.slice(0, 12) },
    {
      header: 'METRICS',
      value: (row) =>
        Object.entries(row.metrics)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
    },
    { header: 'AGE', value: (row) => formatSpan(timeMs - Date.parse(row.created)), align: 'right' },
    { header: 'CREATED', value: (row) => row.created, wide: true },
    { header: 'BY', value: (row) => row.created_by, wide: true },
    { header: 'SOURCE', value: (row) => row.source, wide: true },
    { header: 'DESCRIPTION', value: (row) => row.description },
  ]);
}
