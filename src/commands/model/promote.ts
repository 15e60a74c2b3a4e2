import { AnomalyError } from '../../errors.ts';
import { checkAlias, checkModelName, checkVersion } from '../../models/registry/modelName.ts';
import { rollbackAlias } from '../../models/registry/rollback.ts';
import type { CommandContext } from '../command.ts';
import { withRegistry } from './access.ts';

/** `model promote`. */
export async function runModelPromote(context: CommandContext): Promise<number> {
  const { args, output, flags } = context;
  const name = checkModelName(args[0]!);
  const version = checkVersion(args[1]!);
  const alias = aliasOf(context);
  const expect = expectedOf(flags['expect'] as string | undefined);
  return await withRegistry(context, async (registry) => {
    const before = await registry.alias(name, alias);
    const from = before?.version ?? null;
    const change = { name, alias, version, kind: 'promote', expect: expect === undefined ? from : expect } as const;
    const state = await registry.setAlias(change);
    const document = {
      model: name,
      alias,
      version,
      from,
      set_by: state.by,
      set_at: state.at,
      previous: state.previous,
    };
    await output.document(document, () => {
      const was = from === null ? 'it was not set before' : from === version ? 'it was before' : `it was ${from}`;
      return `${name}@${alias} is version ${version}; ${was}`;
    });
    return 0;
  });
}

/** `model rollback`. */
export async function runModelRollback(context: CommandContext): Promise<number> {
  const { args, output, logger } = context;
  const name = checkModelName(args[0]!);
  const alias = aliasOf(context);
  return await withRegistry(context, async (registry) => {
    const { from, state, skipped } = await rollbackAlias(registry, name, alias);
    if (skipped.length > 0) logger.warn(`version ${skipped.join(', ')} was removed, and is passed over`);
    const { version, by, at, previous } = state;
    const document = { model: name, alias, version, from, skipped, set_by: by, set_at: at, previous };
    await output.document(
      document,
      () => `${name}@${alias} is version ${version} again; it was ${from ?? 'taken away'}`,
    );
    return 0;
  });
}

function aliasOf({ flags }: CommandContext): string {
  return checkAlias((flags['alias'] as string | undefined) ?? 'champion');
}

function expectedOf(text: string | undefined): string | null | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return text;
  throw new AnomalyError('ANM_USAGE', `--expect cannot be ${JSON.stringify(text)}`, {
    hint: 'give the number of a version, or none where the alias is not to be set yet',
  });
}
