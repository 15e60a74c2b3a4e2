import { formatDuration } from './duration.ts';
import type { Aggregate, FeatureConfig, OverrideConfig, WindowConfig } from './pipelineConfig.ts';
import type { SettingRow } from './settingsTable.ts';
import { nearest } from './suggest.ts';
import { type Checked, checkScalar, good, parseScalar, show, type ValueIssue } from './values.ts';

/** The lists of anomaly.yaml whose items are objects. */
export type ItemKind = 'windows' | 'features' | 'overrides';

export const AGGREGATES: readonly Aggregate[] = ['count', 'mean', 'min', 'max', 'stddev'];

interface ItemField extends Pick<SettingRow, 'key' | 'type' | 'choices' | 'min' | 'max'> {
  readonly name: string;
  readonly required?: boolean;
  readonly doc: string;
}

/** Fields of an item, by kind; docs/configuration.md prints them. */
export const ITEM_FIELDS: Readonly<Record<ItemKind, readonly ItemField[]>> = {
  windows: [
    { key: 'windows[].name', name: 'name', type: 'string', doc: 'name; default w and the size, as w5m' },
    { key: 'windows[].type', name: 'type', type: 'string', choices: ['tumbling'], doc: 'shape; default tumbling' },
    { key: 'windows[].size', name: 'size', type: 'duration', min: 1, required: true, doc: 'length in event time' },
    { key: 'windows[].aggregates', name: 'aggregates', type: 'list', doc: `of ${AGGREGATES.join(', ')}; default all` },
  ],
  features: [
    { key: 'features[].name', name: 'name', type: 'string', required: true, doc: 'name' },
    {
      key: 'features[].rolling',
      name: 'rolling',
      type: 'integer',
      min: 1,
      max: 100_000,
      required: true,
      doc: 'number of last values, the current one included',
    },
    {
      key: 'features[].statistic',
      name: 'statistic',
      type: 'string',
      choices: ['mean', 'stddev', 'z'],
      doc: 'what is computed; default mean',
    },
    { key: 'features[].of', name: 'of', type: 'string', required: true, doc: 'a field, or an aggregate as w5m.mean' },
  ],
  overrides: [
    { key: 'overrides[].series', name: 'series', type: 'string', required: true, doc: 'series names, * and ? allowed' },
    { key: 'overrides[].min', name: 'min', type: 'number', doc: 'least valid value' },
    { key: 'overrides[].max', name: 'max', type: 'number', doc: 'greatest valid value' },
    {
      key: 'overrides[].sensitivity',
      name: 'sensitivity',
      type: 'string',
      choices: ['low', 'medium', 'high'],
      doc: 'sensitivity of these series',
    },
  ],
};

/** Fields that a later version will know. */
const LATER_FIELDS: Readonly<Record<ItemKind, Readonly<Record<string, string>>>> = {
  windows: { advance: 'hopping windows', slide: 'sliding windows', gap: 'session windows', group_by: 'group_by' },
  features: { group_by: 'group_by' },
  overrides: { detector: 'a detector per series', model: 'ONNX models', threshold: 'a threshold per series' },
};

/** Checks the node of a YAML file. All issues at once, each with its path from the list. */
export function checkItems(kind: ItemKind, node: unknown): Checked {
  if (node === null || node === undefined) return good([]);
  if (!Array.isArray(node)) return { issues: [{ path: [], message: `wants a list, got ${show(node)}` }] };
  const issues: ValueIssue[] = [];
  const items: Record<string, unknown>[] = [];
  node.forEach((item: unknown, index) => {
    const checked = checkItem(kind, item);
    for (const issue of checked.issues) issues.push({ ...issue, path: [index, ...issue.path] });
    if (checked.issues.length === 0) items.push(checked.value as Record<string, unknown>);
  });
  if (issues.length > 0) return { issues };
  return finish(kind, items);
}

/** Checks items in the short notation of flags; ITEM_FIELDS and the table's doc lines show it. */
export function parseItems(kind: ItemKind, texts: readonly string[]): Checked {
  const node = texts.map((text) =>
    kind === 'windows' ? parseWindow(text) : kind === 'features' ? parseFeature(text) : parseOverride(text),
  );
  const bad = texts.find((_, index) => node[index] === null);
  if (bad !== undefined) {
    const shape = {
      windows: '5m, w5m=5m or w5m=5m:count+mean',
      features: 'name=mean:field:12',
      overrides: 'pump-*:min=0:max=90',
    };
    return { issues: [{ path: [], message: `wants ${shape[kind]}, got "${bad}"` }] };
  }
  return checkItems(kind, node);
}

function checkItem(kind: ItemKind, item: unknown): Checked {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return { issues: [{ path: [], message: `wants a map, got ${show(item)}` }] };
  }
  const fields = ITEM_FIELDS[kind];
  const issues: ValueIssue[] = [];
  const value: Record<string, unknown> = {};
  for (const [name, node] of Object.entries(item)) {
    const field = fields.find((each) => each.name === name);
    if (field === undefined) {
      issues.push(unknownField(kind, name));
      continue;
    }
    const checked = checkItemField(field, node);
    for (const issue of checked.issues) issues.push({ ...issue, path: [name, ...issue.path] });
    value[name] = checked.value;
  }
  for (const field of fields) {
    if (field.required && !(field.name in item))
      issues.push({ path: [], message: `misses ${field.name}: ${field.doc}` });
  }
  return issues.length > 0 ? { issues } : good(value);
}

function checkItemField(field: ItemField, node: unknown): Checked {
  if (field.key === 'features[].rolling' && typeof node === 'string' && /^\d.*[a-z]$/.test(node)) {
    return {
      issues: [
        { path: [], message: `cannot be ${node} yet, as this version rolls over a number of values`, later: true },
      ],
    };
  }
  const checked = checkScalar(field, node);
  if (field.key !== 'windows[].aggregates' || checked.issues.length > 0) return checked;
  const names = checked.value as string[];
  const bad = names.find((name) => !AGGREGATES.includes(name as Aggregate));
  if (bad === undefined) return checked;
  const near = nearest(bad, AGGREGATES);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return {
    issues: [{ path: [names.indexOf(bad)], message: `wants some of ${AGGREGATES.join(', ')}, got "${bad}"${meant}` }],
  };
}

function unknownField(kind: ItemKind, name: string): ValueIssue {
  const later = LATER_FIELDS[kind][name];
  if (later !== undefined)
    return { path: [name], message: `is not known yet, as this version has no ${later}`, later: true };
  const near = nearest(
    name,
    ITEM_FIELDS[kind].map((field) => field.name),
  );
  return { path: [name], message: near === undefined ? 'is no key here' : `is no key here; did you mean ${near}?` };
}

function finish(kind: ItemKind, items: readonly Record<string, unknown>[]): Checked {
  const value = items.map((item) => {
    if (kind === 'windows') return windowOf(item);
    if (kind === 'features') return featureOf(item);
    return item as unknown as OverrideConfig;
  });
  if (kind === 'overrides') return good(value);
  const names = (value as { name: string }[]).map((item) => item.name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  return twice < 0
    ? good(value)
    : { issues: [{ path: [twice], message: `has the name ${names[twice]} a second time` }] };
}

function windowOf(item: Record<string, unknown>): WindowConfig {
  const sizeMs = item['size'] as number;
  const asked = item['aggregates'] as Aggregate[] | undefined;
  return {
    name: (item['name'] as string | undefined) ?? `w${formatDuration(sizeMs)}`,
    type: 'tumbling',
    sizeMs,
    // One fixed order, whatever order they are asked in.
    aggregates: AGGREGATES.filter((name) => asked === undefined || asked.includes(name)),
  };
}

function featureOf(item: Record<string, unknown>): FeatureConfig {
  return {
    name: item['name'] as string,
    rolling: item['rolling'] as number,
    statistic: (item['statistic'] as FeatureConfig['statistic'] | undefined) ?? 'mean',
    of: item['of'] as string,
  };
}

function parseWindow(text: string): Record<string, unknown> | null {
  const match = /^(?:([^=:]+)=)?([^=:]+)(?::(.+))?$/.exec(text);
  if (match === null) return null;
  return {
    ...(match[1] !== undefined && { name: match[1] }),
    size: match[2],
    ...(match[3] !== undefined && { aggregates: match[3].split('+') }),
  };
}

function parseFeature(text: string): Record<string, unknown> | null {
  const match = /^([^=:]+)=([^=:]+):([^=:]+):([^=:]+)$/.exec(text);
  if (match === null) return null;
  const rolling = Number(match[4]);
  return { name: match[1], statistic: match[2], of: match[3], rolling: Number.isNaN(rolling) ? match[4] : rolling };
}

function parseOverride(text: string): Record<string, unknown> | null {
  const [series, ...parts] = text.split(':');
  const item: Record<string, unknown> = { series };
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals <= 0) return null;
    const name = part.slice(0, equals);
    const numeric = ITEM_FIELDS.overrides.find((field) => field.name === name)?.type === 'number';
    const checked = numeric
      ? parseScalar({ key: name, type: 'number' }, part.slice(equals + 1))
      : good(part.slice(equals + 1));
    item[name] = checked.value ?? part.slice(equals + 1);
  }
  return series === '' || parts.length === 0 ? null : item;
}
