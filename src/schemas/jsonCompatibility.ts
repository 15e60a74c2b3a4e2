import { AnomalyError } from '../errors.ts';
import { type Incompatibility, PLAIN_SIDES, type SideNames } from './incompatibility.ts';
import type { JsonComparison } from './jsonComparison.ts';
import { ANNOTATIONS, isObject, isSchema } from './jsonKeywords.ts';
import { compareLimits } from './jsonLimits.ts';
import type { JsonSchema, ParsedJsonSchema } from './jsonModel.ts';
import { resolvePointer } from './jsonSchema.ts';
import { compareArrays, compareObjects } from './jsonStructures.ts';

type Keywords = Readonly<Record<string, unknown>>;

/** Compared by their own rules; anything else must be the same on both sides, or the comparison gives up. */
const COMPARED = new Set([
  'type',
  'enum',
  'const',
  'maximum',
  'minimum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'multipleOf',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'maxProperties',
  'minProperties',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'prefixItems',
  'additionalItems',
  'anyOf',
  'oneOf',
  'allOf',
]);

/** Pairs of subschemas that are looked at in one comparison. */
const MAX_STEPS = 50_000;
const MAX_DEPTH = 300;

/**
 * Why not each document that is valid under `writer` is valid under `reader`, keyword by keyword; rules are named as
 * Redpanda names them. A subset of JSON Schema is compared: types, enumerations, limits, properties, items, anyOf, oneOf
 * with branches of different types, allOf, `$ref` within the schema. Any other keyword must be the same on both sides.
 *
 * @throws AnomalyError ANM_SCHEMA_UNSUPPORTED with the keyword and its place, where that subset is left
 */
export function findJsonIncompatibilities(
  reader: ParsedJsonSchema,
  writer: ParsedJsonSchema,
  names: SideNames = PLAIN_SIDES,
): Incompatibility[] {
  const comparison = new Comparison(reader, writer, names);
  comparison.compare(reader.schema, writer.schema, '#');
  const [unknown] = comparison.unknown;
  if (comparison.found.length === 0 && unknown !== undefined) {
    throw new AnomalyError(
      'ANM_SCHEMA_UNSUPPORTED',
      `cannot compare ${names.reader} with ${names.writer} at ${unknown}`,
      {
        hint: 'compatibility of JSON Schema is checked for a subset of its keywords; NONE turns the check off',
        details: { places: comparison.unknown },
      },
    );
  }
  return comparison.found;
}

class Comparison implements JsonComparison {
  readonly names: SideNames;
  found: Incompatibility[] = [];
  unknown: string[] = [];
  private readonly reader: ParsedJsonSchema;
  private readonly writer: ParsedJsonSchema;
  /** Pairs under way: recursion counts as good, as what is bad is found on the way round. */
  private readonly open = new Map<JsonSchema, Set<JsonSchema>>();
  private steps = 0;
  private depth = 0;

  constructor(reader: ParsedJsonSchema, writer: ParsedJsonSchema, names: SideNames) {
    this.reader = reader;
    this.writer = writer;
    this.names = names;
  }

  add(rule: string, path: string, message: string): void {
    const field = [...path.matchAll(/\/properties\/([^/]+)/g)].map((match) => match[1]!).join('.');
    this.found.push({ rule, field, path, message });
  }

  giveUp(path: string, keyword: string): void {
    this.unknown.push(`${path}/${keyword}`);
  }

  compare(reader: JsonSchema, writer: JsonSchema, path: string): void {
    if (++this.steps > MAX_STEPS || this.depth > MAX_DEPTH) {
      this.giveUp(path, '(too large)');
      return;
    }
    this.depth += 1;
    const own = this.deref(reader, this.reader, path);
    const old = this.deref(writer, this.writer, path);
    const writers = this.open.get(own ?? false) ?? new Set();
    if (own !== null && old !== null && !writers.has(old)) {
      this.open.set(own, writers.add(old));
      this.compareKeywords(own, old, path);
      writers.delete(old);
    }
    this.depth -= 1;
  }

  private compareKeywords(reader: JsonSchema, writer: JsonSchema, path: string): void {
    if (reader === true || writer === false) return;
    if (reader === false) {
      this.add('TYPE_NARROWED', path, `${this.names.reader} takes nothing here, ${this.names.writer} does`);
      return;
    }
    const old = writer === true ? {} : writer;
    if (isSame(reader, old)) return;
    if (this.isSplit(reader, old, path)) return;
    compareLimits(this, reader, old, path);
    compareObjects(this, reader, old, path);
    compareArrays(this, reader, old, path);
    this.compareCombined(reader, old, path);
    for (const key of Object.keys(reader)) {
      if (COMPARED.has(key) || ANNOTATIONS.has(key) || !changesWhatIsValid(key, reader)) continue;
      if (key.endsWith('Ref') || !isSame(reader[key], old[key])) this.giveUp(path, key);
    }
  }

  /** A writer that is nothing but a choice: each of its branches has to fit. */
  private isSplit(reader: Keywords, writer: Keywords, path: string): boolean {
    const assertions = Object.keys(writer).filter((key) => !ANNOTATIONS.has(key));
    const [key] = assertions;
    if (assertions.length !== 1 || (key !== 'anyOf' && key !== 'oneOf')) return false;
    for (const [index, branch] of schemaList(writer[key]).entries())
      this.compare(reader, branch, `${path}/${key}/${index}`);
    return true;
  }

  private compareCombined(reader: Keywords, writer: Keywords, path: string): void {
    for (const key of ['anyOf', 'oneOf']) {
      const branches = schemaList(reader[key]);
      if (branches.length === 0) continue;
      if (key === 'oneOf' && !areDisjoint(branches)) {
        // Widening one branch may let a document fit two of them, which oneOf forbids.
        if (!isSame(branches, writer[key])) this.giveUp(path, key);
        continue;
      }
      const trials = branches.map((branch, index) => this.attempt(branch, writer, `${path}/${key}/${index}`));
      if (trials.some((trial) => trial.found.length === 0 && trial.unknown.length === 0)) continue;
      const unknown = trials.flatMap((trial) => trial.unknown);
      if (unknown.length > 0) this.unknown.push(...unknown);
      else this.add('SUM_TYPE_NARROWED', `${path}/${key}`, `no branch of ${this.names.reader} takes ${label(writer)}`);
    }
    this.compareAllOf(reader, writer, path);
  }

  /** All of the reader's branches have to take what the writer gives: what it says itself, or in a branch of its own. */
  private compareAllOf(reader: Keywords, writer: Keywords, path: string): void {
    const writers = schemaList(writer['allOf']);
    // On top of what was compared, the writer's branches narrow what it gives; whether enough, cannot be told here.
    if (writers.length > 0 && this.found.some((each) => each.path.startsWith(path))) {
      this.found = this.found.filter((each) => !each.path.startsWith(path));
      this.giveUp(path, 'allOf');
    }
    for (const [index, branch] of schemaList(reader['allOf']).entries()) {
      const at = `${path}/allOf/${index}`;
      const trials = [writer, ...writers].map((each) => this.attempt(branch, each, at));
      if (trials.some((trial) => trial.found.length === 0 && trial.unknown.length === 0)) continue;
      if (writers.length > 0) this.giveUp(at, 'allOf');
      else {
        this.found.push(...trials[0]!.found);
        this.unknown.push(...trials[0]!.unknown);
      }
    }
  }

  private attempt(
    reader: JsonSchema,
    writer: JsonSchema,
    path: string,
  ): { found: Incompatibility[]; unknown: string[] } {
    const { found, unknown } = this;
    this.found = [];
    this.unknown = [];
    this.compare(reader, writer, path);
    const trial = { found: this.found, unknown: this.unknown };
    this.found = found;
    this.unknown = unknown;
    return trial;
  }

  /** Follows `$ref`; null where it cannot be compared. */
  private deref(schema: JsonSchema, side: ParsedJsonSchema, path: string): JsonSchema | null {
    let at = schema;
    for (let hops = 0; hops < 50; hops++) {
      if (typeof at === 'boolean' || typeof at['$ref'] !== 'string') return at;
      const siblings = Object.keys(at).filter((key) => key !== '$ref' && !ANNOTATIONS.has(key));
      const target = resolvePointer(side.schema, at['$ref']);
      if (target === undefined || (siblings.length > 0 && !side.refHidesSiblings)) break;
      at = target;
    }
    this.giveUp(path, '$ref');
    return null;
  }
}

/** `then` and `else` say nothing without `if`. */
function changesWhatIsValid(key: string, schema: Keywords): boolean {
  return (key !== 'then' && key !== 'else') || schema['if'] !== undefined;
}

/** The same text can mean something else where it refers to a definition that changed. */
function isSame(reader: unknown, writer: unknown): boolean {
  const text = JSON.stringify(reader);
  return text === JSON.stringify(writer) && !/Ref"|"\$ref"/.test(text);
}

function schemaList(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}

function areDisjoint(branches: readonly JsonSchema[]): boolean {
  const seen = new Set<unknown>();
  for (const branch of branches) {
    const types = isObject(branch) ? [branch['type']].flat() : [undefined];
    for (const type of types.map((each) => (each === 'integer' ? 'number' : each))) {
      if (typeof type !== 'string' || seen.has(type)) return false;
      seen.add(type);
    }
  }
  return true;
}

function label(schema: Keywords): string {
  const text = JSON.stringify(schema['type'] ?? schema);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
