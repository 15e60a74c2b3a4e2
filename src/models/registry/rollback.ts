import { AnomalyError } from '../../errors.ts';
import type { AliasState } from './aliasState.ts';
import type { ModelRegistry } from './modelRegistry.ts';
import { unknownAlias } from './registryErrors.ts';

export interface RolledBack {
  /** The version that the alias pointed at. */
  readonly from: string | null;
  readonly state: AliasState;
  /** Versions in between that were removed since. */
  readonly skipped: readonly string[];
}

/**
 * Sets an alias back to the version that it pointed at before, passing over those that were removed. A second rollback goes
 * one further back.
 *
 * @throws ANM_MODEL_UNKNOWN where the alias is not set or has nothing to go back to, ANM_MODEL_CONFLICT where somebody
 *   else sets it meanwhile
 */
export async function rollbackAlias(registry: ModelRegistry, name: string, alias: string): Promise<RolledBack> {
  const current = await registry.alias(name, alias);
  if (current === undefined) throw unknownAlias(registry.url, name, alias);
  const model = await registry.model(name);
  const skipped: string[] = [];
  for (const version of current.previous) {
    if (model?.versions.includes(version) === true) {
      const state = await registry.setAlias({ name, alias, version, kind: 'rollback', expect: current.version });
      return { from: current.version, state, skipped };
    }
    skipped.push(version);
  }
  const gone = skipped.length === 0 ? '' : `; version ${skipped.join(', ')} was removed`;
  throw new AnomalyError(
    'ANM_MODEL_UNKNOWN',
    `cannot roll back ${name}@${alias} as it was at no other version before ${current.version ?? 'it was taken away'}${gone}`,
    {
      hint: `set it with anomaly model promote ${name} VERSION --alias ${alias}`,
      details: { model: name, alias, skipped },
    },
  );
}
