import { AnomalyError } from '../errors.ts';
import type { ModelKind, ModelLayout, ModelScaling, ModelSpec } from './modelSpec.ts';

const KINDS: readonly ModelKind[] = ['forecast', 'reconstruction', 'score', 'class'];
const SCALINGS: readonly ModelScaling[] = ['none', 'standard', 'residual'];
const LAYOUTS: readonly ModelLayout[] = [
  'batch-length-channels',
  'batch-channels-length',
  'length-batch-channels',
  'flat',
];

/** What a file says of itself in metadata_props; a file of another maker says nothing. Throws ANM_MODEL_FILE. */
export function specFromMetadata(path: string, metadata: ReadonlyMap<string, string>): Partial<ModelSpec> {
  const found: { -readonly [Key in keyof ModelSpec]?: ModelSpec[Key] | undefined } = {};
  const wrong = (key: string, wanted: string): never => {
    const value = metadata.get(`anomaly.${key}`);
    const message = `the metadata of ${path} has anomaly.${key} '${value}', which is not ${wanted}`;
    throw new AnomalyError('ANM_MODEL_FILE', message, {
      hint: 'correct it, or make the model anew by anomaly model train',
    });
  };
  const one = <Value extends string>(key: string, values: readonly Value[]): Value | undefined => {
    const value = metadata.get(`anomaly.${key}`);
    if (value === undefined || values.includes(value as Value)) return value as Value | undefined;
    return wrong(key, `one of ${values.join(', ')}`);
  };
  const count = (key: string): number | undefined => {
    const value = metadata.get(`anomaly.${key}`);
    if (value === undefined) return undefined;
    return /^\d{1,9}$/.test(value) ? Number(value) : wrong(key, 'a count');
  };
  found.kind = one('kind', KINDS);
  found.length = count('length');
  found.scaling = one('scaling', SCALINGS);
  found.layout = one('layout', LAYOUTS);
  found.direction = one('direction', ['high', 'low']);
  found.classIndex = count('class_index');
  found.input = metadata.get('anomaly.input');
  found.output = metadata.get('anomaly.output');
  const channels = metadata.get('anomaly.channels');
  if (channels !== undefined) found.channels = namesOf(channels) ?? wrong('channels', 'a JSON list of names');
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The file's own description with what the configuration gives over it. Throws ANM_MODEL_SPEC where a part is missing. */
export function completeSpec(
  path: string,
  metadata: ReadonlyMap<string, string>,
  given: { readonly [Key in keyof ModelSpec]?: ModelSpec[Key] | undefined } = {},
): ModelSpec {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { kind, length, channels, scaling, ...rest } = {
    ...specFromMetadata(path, metadata),
    ...known,
  } as Partial<ModelSpec>;
  const missing = Object.entries({ kind, length, channels }).flatMap(([key, value]) =>
    value === undefined ? [key] : [],
  );
  if (kind === undefined || length === undefined || channels === undefined || channels.length === 0) {
    const what = missing.length > 0 ? missing.join(', ') : 'channels';
    throw new AnomalyError('ANM_MODEL_SPEC', `neither ${path} nor the configuration says the ${what} of the model`, {
      hint: 'give score.model.output.kind, score.model.input.length and score.model.input.fields',
    });
  }
  return { kind, length, channels, scaling: scaling ?? 'none', ...rest };
}

function namesOf(text: string): string[] | undefined {
  try {
    const names: unknown = JSON.parse(text);
    const isList = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
    return isList ? names : undefined;
  } catch {
    return undefined;
  }
}
