import type { AliasState } from '../../models/registry/aliasState.ts';
import { checkModelName } from '../../models/registry/modelName.ts';
import type { ModelRegistry } from '../../models/registry/modelRegistry.ts';
import { parseModelReference } from '../../models/registry/modelUri.ts';
import type { RegisteredModel } from '../../models/registry/modelVersion.ts';
import { unknownModel } from '../../models/registry/registryErrors.ts';
import { findVersion } from '../../models/registry/resolveModel.ts';
import { formatBytes } from '../../output/format.ts';
import type { CommandContext } from '../command.ts';
import { withRegistry } from './access.ts';
import { tensorText, type VersionDocument, versionDocument } from './document.ts';

/** `model show`. */
export async function runModelShow(context: CommandContext): Promise<number> {
  const text = context.args[0]!;
  return await withRegistry(context, async (registry) => {
    const uri = parseModelReference(text);
    if (uri === undefined) return await showModel(context, registry, checkModelName(text.replace(/^models:\/*/i, '')));
    const [{ version, alias }, model] = [await findVersion(registry, uri), await registry.model(uri.name)];
    const document = {
      ...versionDocument(version, model),
      ...(alias !== undefined && { alias: aliasDocument(alias) }),
      registry: registry.url,
    };
    await context.output.document(document, () => {
      const set = alias === undefined ? [] : [`  ${aliasText(alias)}`];
      return [versionText(document), ...set].join('\n');
    });
    return 0;
  });
}

async function showModel(context: CommandContext, registry: ModelRegistry, name: string): Promise<number> {
  const model = await registry.model(name);
  if (model === undefined) throw await unknownModel(registry, name);
  const aliases = await aliasesOf(registry, model);
  const newest = model.versions.at(-1);
  const version = newest === undefined ? undefined : await registry.version(name, newest);
  const document = {
    model: name,
    registry: registry.url,
    versions: model.versions,
    aliases: aliases.map(aliasDocument),
    newest: version === undefined ? null : versionDocument(version, model),
  };
  await context.output.document(document, () => {
    const count = `${model.versions.length} version${model.versions.length === 1 ? '' : 's'}`;
    const lines = [`${name} in ${registry.url}: ${count}`, ...aliases.map((each) => `  ${aliasText(each)}`)];
    if (document.newest !== null) lines.push(versionText(document.newest));
    return lines.join('\n');
  });
  return 0;
}

async function aliasesOf(registry: ModelRegistry, { name, aliases }: RegisteredModel): Promise<AliasState[]> {
  const states = await Promise.all(aliases.map(({ alias }) => registry.alias(name, alias)));
  return states.filter((state) => state !== undefined);
}

function aliasDocument({ alias, version, kind, by, at, previous }: AliasState) {
  return { alias, version, previous, set_by: by === '' ? null : by, set_at: at === '' ? null : at, change: kind };
}

function aliasText({ alias, version, by, at, kind, previous }: AliasState): string {
  const who = by === '' ? 'set by another tool' : `${kind} by ${by} at ${at}`;
  const before = previous.length === 0 ? '' : `; before: ${previous.join(', ')}`;
  return `@${alias} is version ${version ?? 'none'}, ${who}${before}`;
}

function versionText(document: VersionDocument): string {
  const { spec, training, files, inputs, outputs } = document;
  const line = (title: string, text: string | null | undefined): string[] =>
    text === null || text === undefined || text === '' ? [] : [`  ${title.padEnd(12)}${text}`];
  const aliases = document.aliases.map((alias) => ` @${alias}`).join('');
  const range = [training?.from, training?.to].every((each) => each !== undefined)
    ? `${training!.from} to ${training!.to}`
    : undefined;
  return [
    `${document.model}/${document.version}${aliases}`,
    ...line('sha256', document.sha256),
    ...files.flatMap(({ path, bytes }) => line('file', `${path}${bytes === null ? '' : `, ${formatBytes(bytes)}`}`)),
    ...(inputs ?? []).flatMap((tensor) => line('input', tensorText(tensor))),
    ...(outputs ?? []).flatMap((tensor) => line('output', tensorText(tensor))),
    ...line('kind', spec?.kind),
    ...line(
      'reads',
      spec && `${spec.channels.join(', ')}: ${spec.length} values before the scored one, scaling ${spec.scaling}`,
    ),
    ...line('trained on', [training?.source, range].filter((each) => each !== undefined).join(', ')),
    ...Object.entries(document.metrics).flatMap(([key, value]) => line('metric', `${key} ${value}`)),
    ...line('description', document.description),
    ...line('created', `${document.created}${document.created_by === '' ? '' : ` by ${document.created_by}`}`),
    ...line('source', document.source),
  ].join('\n');
}
