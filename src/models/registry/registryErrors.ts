import { didYouMean } from '../../errors/nearest.ts';
import { AnomalyError } from '../../errors.ts';
import type { ModelRegistry } from './modelRegistry.ts';

export function unknownVersion(url: string, name: string, version: string): AnomalyError {
  return new AnomalyError('ANM_MODEL_UNKNOWN', `there is no version ${version} of model ${name} in ${url}`, {
    hint: `anomaly model show ${name} lists its versions`,
    details: { registry: url, model: name, version },
  });
}

export async function unknownModel(
  registry: Pick<ModelRegistry, 'url' | 'models'>,
  name: string,
): Promise<AnomalyError> {
  const { url } = registry;
  // What is not there is worth more than what is near.
  const known = await registry.models().then(
    (models) => models.map((each) => each.name),
    () => [],
  );
  return new AnomalyError('ANM_MODEL_UNKNOWN', `there is no model ${name} in ${url}`, {
    hint: didYouMean(name, known, 'anomaly model ls lists the models; models.registry says where they are'),
    details: { registry: url, model: name },
  });
}

export function unknownAlias(url: string, name: string, alias: string): AnomalyError {
  return new AnomalyError('ANM_MODEL_UNKNOWN', `model ${name} has no alias ${alias} in ${url}`, {
    hint: `set it with anomaly model promote ${name} VERSION --alias ${alias}`,
    details: { registry: url, model: name, alias },
  });
}

export function inUse(name: string, version: string, aliases: readonly { readonly alias: string }[]): AnomalyError {
  const names = aliases.map(({ alias }) => `${name}@${alias}`);
  const point = names.length === 1 ? 'points' : 'point';
  return new AnomalyError(
    'ANM_MODEL_IN_USE',
    `cannot remove ${name}/${version} as ${names.join(', ')} ${point} at it`,
    {
      details: { model: name, version, aliases: aliases.map(({ alias }) => alias) },
    },
  );
}
