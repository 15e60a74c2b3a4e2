import { AnomalyError } from '../../errors.ts';
import type { ModelRegistry } from '../../models/registry/modelRegistry.ts';
import { parseModelReference } from '../../models/registry/modelUri.ts';
import { inUse } from '../../models/registry/registryErrors.ts';
import { findVersion } from '../../models/registry/resolveModel.ts';
import { formatBytes } from '../../output/format.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { withRegistry } from './access.ts';
import { versionDocument } from './document.ts';

/** `model rm`. */
export async function runModelRm(context: CommandContext): Promise<number> {
  const text = context.args[0]!;
  const uri = parseModelReference(text);
  if (uri === undefined) {
    throw new AnomalyError('ANM_USAGE', `cannot remove ${text} as it names neither a version nor an alias`, {
      hint: 'as anomaly model rm NAME/3 or NAME@challenger; anomaly model ls NAME lists the versions',
    });
  }
  return await withRegistry(context, async (registry) => {
    if (uri.kind === 'alias') return await removeAlias(context, registry, uri.name, uri.alias);
    return await removeVersion(context, registry, uri.name, uri.version);
  });
}

async function removeVersion(
  context: CommandContext,
  registry: ModelRegistry,
  name: string,
  version: string,
): Promise<number> {
  const found = await findVersion(registry, { kind: 'version', name, version });
  const { aliases, bytes, sha256 } = versionDocument(found.version, await registry.model(name));
  if (aliases.length > 0)
    throw inUse(
      name,
      version,
      aliases.map((alias) => ({ alias })),
    );
  const isDry = context.flags['dryRun'] === true;
  const size = bytes === null ? '' : `, ${formatBytes(bytes)}`;
  if (!isDry && !(await confirm(context, `remove ${name}/${version} of ${found.version.created}${size}`))) return 1;
  if (!isDry) await registry.remove(name, version);
  const document = { model: name, version, sha256, dryRun: isDry };
  await context.output.document(document, () => `${isDry ? 'would remove' : 'removed'} ${name}/${version}`);
  return 0;
}

async function removeAlias(
  context: CommandContext,
  registry: ModelRegistry,
  name: string,
  alias: string,
): Promise<number> {
  const { version } = await findVersion(registry, { kind: 'alias', name, alias });
  const at = version.version;
  const isDry = context.flags['dryRun'] === true;
  if (!isDry && !(await confirm(context, `take away ${name}@${alias}, which points at version ${at}`))) return 1;
  if (!isDry) await registry.setAlias({ name, alias, version: null, kind: 'remove', expect: at });
  const document = { model: name, alias, version: at, dryRun: isDry };
  const text = isDry
    ? `would take away ${name}@${alias}, which is version ${at}`
    : `took away ${name}@${alias}; it was version ${at}`;
  await context.output.document(document, () => text);
  return 0;
}
