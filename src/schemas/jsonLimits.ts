import type { JsonComparison } from './jsonComparison.ts';

type Keywords = Readonly<Record<string, unknown>>;

/** Upper limits may rise and lower limits may fall: [keyword, rule, direction of narrowing]. */
const LIMITS: readonly (readonly [string, string, 'DECREASED' | 'INCREASED'])[] = [
  ['maximum', 'MAXIMUM', 'DECREASED'],
  ['minimum', 'MINIMUM', 'INCREASED'],
  ['exclusiveMaximum', 'EXCLUSIVE_MAXIMUM', 'DECREASED'],
  ['exclusiveMinimum', 'EXCLUSIVE_MINIMUM', 'INCREASED'],
  ['maxLength', 'MAX_LENGTH', 'DECREASED'],
  ['minLength', 'MIN_LENGTH', 'INCREASED'],
  ['maxItems', 'MAX_ITEMS', 'DECREASED'],
  ['minItems', 'MIN_ITEMS', 'INCREASED'],
  ['maxProperties', 'MAX_PROPERTIES', 'DECREASED'],
  ['minProperties', 'MIN_PROPERTIES', 'INCREASED'],
];

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

/** Types, enumerations and limits of single values. */
export function compareLimits(comparison: JsonComparison, reader: Keywords, writer: Keywords, path: string): void {
  compareTypes(comparison, reader, writer, path);
  compareValues(comparison, reader, writer, path);
  const { names } = comparison;
  for (const [key, rule, narrowing] of LIMITS) {
    const limit = reader[key];
    if (limit === undefined) continue;
    const old = writer[key];
    const at = `${path}/${key}`;
    // Draft 4 has a boolean here, beside maximum and minimum.
    if (typeof limit !== 'number' || (old !== undefined && typeof old !== 'number')) {
      if (limit !== false && limit !== old) comparison.giveUp(path, key);
    } else if (old === undefined) {
      comparison.add(`${rule}_ADDED`, at, `${names.reader} limits it to ${limit}, ${names.writer} has no such limit`);
    } else if (narrowing === 'DECREASED' ? limit < old : limit > old) {
      comparison.add(`${rule}_${narrowing}`, at, `it is ${limit} in ${names.reader}, ${old} in ${names.writer}`);
    }
  }
  const { multipleOf: step, pattern, uniqueItems } = reader;
  const oldStep = writer['multipleOf'];
  if (typeof step === 'number' && step !== oldStep) {
    if (oldStep === undefined)
      comparison.add('MULTIPLE_OF_ADDED', `${path}/multipleOf`, `only multiples of ${step} fit`);
    else if (!Number.isInteger((oldStep as number) / step)) {
      comparison.add('MULTIPLE_OF_CHANGED', `${path}/multipleOf`, `${String(oldStep)} is no multiple of ${step}`);
    }
  }
  if (pattern !== undefined && pattern !== writer['pattern']) {
    const rule = writer['pattern'] === undefined ? 'PATTERN_ADDED' : 'PATTERN_CHANGED';
    comparison.add(rule, `${path}/pattern`, `${names.reader} wants text of another pattern than ${names.writer}`);
  }
  if (uniqueItems === true && writer['uniqueItems'] !== true) {
    comparison.add('UNIQUE_ITEMS_ADDED', `${path}/uniqueItems`, `${names.reader} takes no item twice`);
  }
}

function compareTypes(comparison: JsonComparison, reader: Keywords, writer: Keywords, path: string): void {
  if (reader['type'] === undefined) return;
  const takes = typesOf(reader);
  // A number of the reader takes the integers of the writer.
  const missing = typesOf(writer).filter(
    (type) => !takes.includes(type) && !(type === 'integer' && takes.includes('number')),
  );
  if (missing.length === 0) return;
  const isNarrowed =
    missing.length < typesOf(writer).length || (missing.includes('number') && takes.includes('integer'));
  const { names } = comparison;
  const message = `${names.reader} takes no ${missing.join(', no ')}, which ${names.writer} has`;
  comparison.add(isNarrowed ? 'TYPE_NARROWED' : 'TYPE_CHANGED', `${path}/type`, message);
}

/** Of the writer: what its type or its list of values leaves possible. */
function typesOf(schema: Keywords): readonly string[] {
  const type = schema['type'];
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.map(String);
  const values = valuesOf(schema);
  return values === null ? TYPES : [...new Set(values.map(typeOf))];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function compareValues(comparison: JsonComparison, reader: Keywords, writer: Keywords, path: string): void {
  const values = valuesOf(reader);
  if (values === null) return;
  const key = reader['enum'] === undefined ? 'const' : 'enum';
  const old = valuesOf(writer);
  const { names } = comparison;
  if (old === null) {
    comparison.add(
      'ENUM_ARRAY_CHANGED',
      `${path}/${key}`,
      `${names.reader} lists its values, ${names.writer} does not`,
    );
    return;
  }
  const known = new Set(values.map((value) => JSON.stringify(value)));
  const missing = old.map((value) => JSON.stringify(value)).filter((value) => !known.has(value));
  if (missing.length === 0) return;
  comparison.add('ENUM_ARRAY_NARROWED', `${path}/${key}`, `${names.reader} lacks ${missing.slice(0, 10).join(', ')}`);
}

function valuesOf(schema: Keywords): readonly unknown[] | null {
  if (Array.isArray(schema['enum'])) return schema['enum'];
  return Object.hasOwn(schema, 'const') ? [schema['const']] : null;
}
