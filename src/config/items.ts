import { nearest } from '../errors/nearest.ts';
import { ALERT_SINK_FIELDS, ALERT_SINK_SHAPE, alertSinkOf, parseAlertSink } from './alertSinks.ts';
import { type Checked, good, show, type ValueIssue } from './checked.ts';
import { checkRolling, FEATURE_FIELDS, FEATURE_SHAPE, featureOf, parseFeature } from './featureItems.ts';
import type { SettingRow } from './settingRow.ts';
import { type Checkable, checkScalar, isSecretReference, parseScalar } from './values.ts';
import { checkAggregates, parseWindow, WINDOW_FIELDS, WINDOW_SHAPE, windowOf } from './windowItems.ts';

/** The lists of anomaly.yaml whose items are objects. */
export type ItemKind = 'windows' | 'features' | 'overrides' | 'alert_sinks';

export function isItemKind(type: SettingRow['type']): type is ItemKind {
  return type in ITEM_FIELDS;
}

interface ItemField extends Pick<SettingRow, 'key' | 'choices' | 'min' | 'max'> {
  /** rolling: a number of values, or a duration. */
  readonly type: SettingRow['type'] | 'rolling';
  readonly name: string;
  readonly required?: boolean;
  readonly doc: string;
}

/** Fields of an item, by kind; docs/configuration.md prints them. */
export const ITEM_FIELDS: Readonly<Record<ItemKind, readonly ItemField[]>> = {
  windows: WINDOW_FIELDS,
  features: FEATURE_FIELDS,
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
    {
      key: 'overrides[].direction',
      name: 'direction',
      type: 'string',
      choices: ['above', 'below', 'both'],
      doc: 'on which side of the expected value they alert',
    },
    {
      key: 'overrides[].min_deviation',
      name: 'min_deviation',
      type: 'number',
      min: 0,
      doc: 'least distance to the expected value that is worth an alert',
    },
    {
      key: 'overrides[].min_deviation_ratio',
      name: 'min_deviation_ratio',
      type: 'number',
      min: 0,
      doc: 'the same as a part of the expected value',
    },
    {
      key: 'overrides[].calendars',
      name: 'calendars',
      type: 'list',
      doc: 'names of calendars in which they neither alert nor teach, in place of score.calendars',
    },
    { key: 'overrides[].mute', name: 'mute', type: 'list', doc: "parts of the detector's score that do not count" },
  ],
  alert_sinks: ALERT_SINK_FIELDS,
};

/** Fields that a later version will know. */
const LATER_FIELDS: Readonly<Record<ItemKind, Readonly<Record<string, string>>>> = {
  windows: { slide: 'sliding windows', group_by: 'group_by' },
  features: { group_by: 'group_by' },
  overrides: { detector: 'a detector per series', model: 'ONNX models', threshold: 'threshold per series' },
  alert_sinks: {},
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
  const node = texts.map((text) => PARSERS[kind](text));
  const bad = texts.find((_, index) => node[index] === null);
  if (bad !== undefined) {
    const shape = {
      windows: WINDOW_SHAPE,
      features: FEATURE_SHAPE,
      overrides: 'pump-*:min=0:max=90',
      alert_sinks: ALERT_SINK_SHAPE,
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
  if (issues.length > 0) return { issues };
  const whole = WHOLE[kind](value);
  return Array.isArray(whole) ? { issues: whole as ValueIssue[] } : good(whole);
}

/** The item in the shape of OverrideConfig, or issues. */
function overrideOf({ min_deviation, min_deviation_ratio, ...rest }: Record<string, unknown>): unknown {
  const { min, max } = rest as { min?: number; max?: number };
  if (min !== undefined && max !== undefined && min > max) {
    return [{ path: ['min'], message: `is ${min}, above max, which is ${max}` }];
  }
  return {
    ...rest,
    ...(min_deviation !== undefined && { minDeviation: min_deviation }),
    ...(min_deviation_ratio !== undefined && { minDeviationRatio: min_deviation_ratio }),
  };
}

function checkItemField(field: ItemField, node: unknown): Checked {
  if (field.key === 'features[].rolling') return checkRolling(node);
  // A duration or a number, by the type of the window.
  if (field.key === 'windows[].size') return good(node);
  if (field.type === 'secret' && !(typeof node === 'string' && isSecretReference(node))) {
    return { issues: [{ path: [], message: 'may not stand here in plain text: use file:PATH or env:NAME' }] };
  }
  const checked = checkScalar(field as ItemField & Checkable, node);
  if (field.key !== 'windows[].aggregates' || checked.issues.length > 0) return checked;
  const issues = checkAggregates(checked.value as string[]);
  return issues.length > 0 ? { issues } : checked;
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
  if (kind === 'overrides') return good(items);
  const names = (items as unknown as { name: string }[]).map((item) => item.name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  return twice < 0
    ? good(items)
    : { issues: [{ path: [twice], message: `has the name ${names[twice]} a second time` }] };
}

function parseOverride(text: string): Record<string, unknown> | null {
  const [series, ...parts] = text.split(':');
  const item: Record<string, unknown> = { series };
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals <= 0) return null;
    const name = part.slice(0, equals);
    const text = part.slice(equals + 1);
    const type = ITEM_FIELDS.overrides.find((field) => field.name === name)?.type;
    // Commas divide the overrides of a flag.
    if (type === 'list') item[name] = text.split('+').filter((each) => each !== '');
    else item[name] = (type === 'number' ? parseScalar({ key: name, type }, text) : good(text)).value ?? text;
  }
  return series === '' || parts.length === 0 ? null : item;
}

const PARSERS: Readonly<Record<ItemKind, (text: string) => Record<string, unknown> | null>> = {
  windows: parseWindow,
  features: parseFeature,
  overrides: parseOverride,
  alert_sinks: parseAlertSink,
};

/** An item whose fields are right, put together, or a list of issues. */
const WHOLE: Readonly<Record<ItemKind, (item: Record<string, unknown>) => unknown>> = {
  windows: windowOf,
  features: featureOf,
  overrides: overrideOf,
  alert_sinks: alertSinkOf,
};
