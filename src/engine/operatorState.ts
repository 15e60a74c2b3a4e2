import { AnomalyError } from '../errors.ts';

/** Plain data, as JSON can hold it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One operator's share of a snapshot. */
export interface OperatorState {
  /** Stable name by which it is found again: time, keys, window/w5m, feature/mean_1h, score. */
  readonly id: string;
  /** What the operator computes. State of another definition is not restored; what may differ is not in here. */
  readonly definition: Json;
  /** As SnapshotWriter.encode made it. Valid until the next snapshot of the same partition: buffers are used again. */
  readonly bytes: Uint8Array;
}

/** One place at which two definitions of an operator differ; undefined where there is nothing at that place. */
export interface DefinitionChange {
  readonly operator: string;
  /** Keys from the definition down, 'sizeMs' or 'of.window.sizeMs'; empty for the operator as a whole. */
  readonly path: string;
  readonly before: Json | undefined;
  readonly now: Json | undefined;
}

/** What an operator computes, by its id. */
export type OperatorDefinition = Pick<OperatorState, 'id' | 'definition'>;

/**
 * What keeps state from being restored: operators that are gone, and keys that differ, in the order of `before`. An
 * operator that is only in `now` is new and starts empty, which is no change of what is kept.
 */
export function definitionChanges(
  before: readonly OperatorDefinition[],
  now: readonly OperatorDefinition[],
): DefinitionChange[] {
  const changes: DefinitionChange[] = [];
  for (const { id, definition } of before) {
    const own = now.find((each) => each.id === id);
    if (own === undefined) changes.push({ operator: id, path: '', before: definition, now: undefined });
    else compare(id, '', definition, own.definition, changes);
  }
  return changes;
}

/** 'window/w5m: sizeMs was 300000 and is 60000', 'feature/mean_1h is no longer there' */
export function changeText({ operator, path, before, now }: DefinitionChange): string {
  if (path === '' && now === undefined) return `${operator} is no longer there`;
  const isSpan = path.endsWith('Ms');
  const place = path === '' ? operator : `${operator}: ${isSpan ? path.slice(0, -2) : path}`;
  const text = isSpan ? spanShown : shown;
  return `${place} was ${text(before)} and is ${text(now)}`;
}

/**
 * All changes in one line. What changed alike in several operators, as source.where does in all, is said once, with what
 * reads them.
 */
export function changesText(changes: readonly DefinitionChange[]): string {
  const groups = new Map<string, DefinitionChange[]>();
  for (const change of changes) {
    const { operator, path, before, now } = change;
    const keyOf = (place: string) => canonicalJson([place, before ?? 'none', now ?? 'none']);
    const key = path === '' ? operator : keyOf(path);
    const group = groups.get(key) ?? groups.get(keyOf(path.replace(INPUT, '')));
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  const texts = [...groups.values()].map((group) => {
    const operators = [...new Set(group.map(({ operator }) => operator))];
    return changeText({ ...group[0]!, operator: operators.join(', ') });
  });
  return texts.join('; ');
}

/**
 * The operators of a snapshot that a pipeline goes on with, in the pipeline's order.
 *
 * @param allow ids whose state may be dropped where it does not fit. Without its keys no state by series has an owner:
 * where `keys` is dropped, all of it is.
 * @throws ANM_STATE_INCOMPATIBLE naming each operator that does not fit, and how it changed
 */
export function keptOperators(
  operators: readonly OperatorState[],
  now: readonly OperatorDefinition[],
  allow: ReadonlySet<string>,
): OperatorState[] {
  const changes = definitionChanges(operators, now);
  const refused = changes.filter(({ operator }) => !allow.has(operator));
  if (refused.length > 0) {
    const names = [...new Set(refused.map(({ operator }) => operator))];
    throw new AnomalyError('ANM_STATE_INCOMPATIBLE', `cannot restore the state as ${changesText(refused)}`, {
      hint: 'give the anomaly.yaml that the state is of by --config, or put the former definition back',
      details: { operators: names },
    });
  }
  const dropped = new Set(changes.map(({ operator }) => operator));
  const isWhole = !dropped.has('keys');
  if (isWhole && operators.some(({ id }) => id !== 'time') && !operators.some(({ id }) => id === 'keys')) {
    throw new AnomalyError('ANM_STATE_CORRUPT', 'cannot restore the state as the snapshot has no operator keys');
  }
  return now.flatMap(({ id }) => {
    if (dropped.has(id) || (!isWhole && id !== 'time')) return [];
    return operators.find((each) => each.id === id) ?? [];
  });
}

/** A snapshot without some of its operators; without its keys only event time is left. */
export function withoutOperators<T extends OperatorDefinition>(
  operators: readonly T[],
  drop: ReadonlySet<string>,
): T[] {
  return operators.filter(({ id }) => !drop.has(id) && (!drop.has('keys') || id === 'time'));
}

/** 'window/w5m' is the window w5m. */
export function splitId(id: string): [kind: string, name: string] {
  const slash = id.indexOf('/');
  return slash < 0 ? [id, ''] : [id.slice(0, slash), id.slice(slash + 1)];
}

function compare(
  operator: string,
  path: string,
  before: Json | undefined,
  now: Json | undefined,
  changes: DefinitionChange[],
): void {
  if (isObject(before) && isObject(now)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
      compare(operator, path === '' ? key : `${path}.${key}`, before[key], now[key], changes);
    }
  } else if (canonicalJson(before) !== canonicalJson(now)) {
    changes.push({ operator, path, before, now });
  }
}

/** JSON with the keys of every object in order, so that equal data is equal text. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'undefined';
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`;
  }
  return Array.isArray(value) ? `[${value.map(canonicalJson).join(',')}]` : JSON.stringify(value);
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where the definition of an operator has that of the one that it reads. */
const INPUT = /^((of|on|window|feature)\.)+/;

/** 300000 is 5m, as it was configured. */
function spanShown(value: Json | undefined): string {
  if (typeof value !== 'number') return shown(value);
  const unit = UNITS.find(([, ms]) => value >= ms && value % ms === 0);
  return unit === undefined ? `${value}ms` : `${value / unit[1]}${unit[0]}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

function shown(value: Json | undefined): string {
  return value === undefined ? 'not set' : JSON.stringify(value);
}
