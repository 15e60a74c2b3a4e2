import type { Ajv, ValidateFunction } from 'ajv';
import { AnomalyError } from '../errors.ts';
import { subschemas } from './jsonKeywords.ts';
import type { JsonSchema } from './jsonModel.ts';
import { ExactJson, sortMembers } from './jsonText.ts';
import type { ParsedSchema, SchemaParser } from './parsedSchema.ts';

interface Dialect {
  readonly name: string;
  /** `$schema` without scheme and trailing '#'. */
  readonly uri: string;
  readonly refHidesSiblings: boolean;
  readonly validate: ValidateFunction;
}

/** Subschemas inside subschemas; above it, what walks them could exhaust the stack. */
const MAX_DEPTH = 200;

/**
 * Checks schemas of drafts 4, 6, 7, 2019-09 and 2020-12 against their meta-schema (by ajv), their patterns, and that
 * each `$ref` leads somewhere within the schema. As in Redpanda, `$ref` does not reach into other subjects.
 */
export async function loadJsonSchemaParser(): Promise<SchemaParser> {
  const dialects = await loadDialects();
  return (text, referenced): ParsedSchema => {
    const json = new ExactJson(text);
    const schema = JSON.parse(text) as unknown;
    if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema))) {
      throw invalid('', 'a schema is an object or a boolean');
    }
    if (referenced.length > 0) {
      throw invalid('', `references to other subjects ('${referenced[0]!.name}') are not supported for JSON Schema`);
    }
    // First of all, as what validates would exhaust the stack where subschemas are nested too deep.
    checkSubschemas(schema as JsonSchema);
    const { refHidesSiblings } = dialectOf(schema as JsonSchema, dialects);
    return {
      type: 'JSON',
      root: { schema: schema as JsonSchema, refHidesSiblings },
      text: json.write(json.value),
      normalText: json.write(sortMembers(json.value)),
    };
  };
}

async function loadDialects(): Promise<readonly Dialect[]> {
  const [latest, ajv2019, ajv2020, draft4] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2019.js'),
    import('ajv/dist/2020.js'),
    import('ajv-draft-04'),
  ]);
  const metaSchema = (library: { readonly default: unknown }, id: string): ValidateFunction => {
    // Patterns are checked apart, formats are notes.
    const ajv = new (classOf(library))({ strict: false, validateFormats: false, logger: false });
    // Compares each with each: minutes for a long list. Done below, and so ignored here.
    ajv.removeKeyword('uniqueItems');
    return ajv.getSchema(id)!;
  };
  const old = (name: string, number: string, validate: ValidateFunction): Dialect => {
    return { name, uri: `json-schema.org/draft-0${number}/schema`, refHidesSiblings: true, validate };
  };
  const recent = (name: string, validate: ValidateFunction): Dialect => {
    return { name, uri: `json-schema.org/draft/${name}/schema`, refHidesSiblings: false, validate };
  };
  const draft7 = metaSchema(latest, 'http://json-schema.org/draft-07/schema');
  return [
    old('draft 7', '7', draft7),
    recent('2020-12', metaSchema(ajv2020, 'https://json-schema.org/draft/2020-12/schema')),
    recent('2019-09', metaSchema(ajv2019, 'https://json-schema.org/draft/2019-09/schema')),
    // Draft 7 only added keywords to draft 6.
    old('draft 6', '6', draft7),
    old('draft 4', '4', metaSchema(draft4, 'http://json-schema.org/draft-04/schema')),
  ];
}

/** The packages are CommonJS: how deep their default export lies depends on the runtime, and on bundling. */
function classOf({ default: exported }: { readonly default: unknown }): typeof Ajv {
  return (exported as { default?: typeof Ajv }).default ?? (exported as typeof Ajv);
}

/** The dialect that `$schema` names, else the first whose meta-schema holds. */
function dialectOf(schema: JsonSchema, dialects: readonly Dialect[]): Dialect {
  const named = typeof schema === 'boolean' ? undefined : schema['$schema'];
  let candidates = dialects;
  if (named !== undefined) {
    const uri = String(named)
      .replace(/^https?:\/\//, '')
      .replace(/#$/, '');
    candidates = dialects.filter((dialect) => dialect.uri === uri);
    if (candidates.length === 0) {
      const known = dialects.map(({ name }) => name).join(', ');
      throw invalid('/$schema', `${JSON.stringify(named)} is none of the dialects ${known}`);
    }
  }
  const fitting = candidates.find(({ validate }) => validate(schema));
  if (fitting !== undefined) return fitting;
  const { validate, name } = candidates[0]!;
  validate(schema);
  const [error] = validate.errors ?? [];
  throw invalid(error?.instancePath ?? '', `it breaks the meta-schema of ${name}: it ${error?.message ?? 'is wrong'}`);
}

function checkSubschemas(root: JsonSchema): void {
  const refs: { readonly path: string; readonly ref: string; readonly base: string }[] = [];
  const ids = new Set<string>();
  walk(root, '', 0, '');
  for (const { path, ref, base } of refs) {
    const isLocal = ref.startsWith('#') ? resolvePointer(root, ref) !== undefined || ids.has(ref) : false;
    if (!isLocal && !ids.has(resolveUri(ref, base))) {
      throw invalid(`${path}/$ref`, `'${ref}' leads to nothing within the schema`);
    }
  }

  function walk(schema: JsonSchema, path: string, depth: number, outerBase: string): void {
    if (depth > MAX_DEPTH) throw invalid(path, `subschemas are nested more than ${MAX_DEPTH} deep`);
    if (typeof schema === 'boolean') return;
    const id = schema['$id'] ?? schema['id'];
    let base = outerBase;
    if (typeof id === 'string') {
      base = resolveUri(id, outerBase);
      ids.add(base);
    }
    for (const anchor of [schema['$anchor'], schema['$dynamicAnchor']]) {
      if (typeof anchor === 'string') ids.add(`#${anchor}`);
    }
    const { $ref: ref, pattern } = schema;
    if (typeof ref === 'string') refs.push({ path, ref, base });
    if (typeof pattern === 'string') checkPattern(pattern, `${path}/pattern`);
    for (const list of ['enum', 'required', 'type']) checkUnique(schema[list], `${path}/${list}`);
    for (const [place, child] of subschemas(schema)) walk(child, `${path}/${place}`, depth + 1, base);
  }
}

function checkUnique(list: unknown, path: string): void {
  if (!Array.isArray(list)) return;
  const seen = new Set<string>();
  for (const value of list) {
    const text = JSON.stringify(value);
    if (seen.has(text)) throw invalid(path, `it lists ${text.slice(0, 100)} twice`);
    seen.add(text);
  }
}

function checkPattern(pattern: string, path: string): void {
  try {
    new RegExp(pattern, 'u');
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
}

/** Without a fragment; a base or reference that is no URI stands for itself. */
function resolveUri(ref: string, base: string): string {
  const [resource = ''] = ref.split('#', 1);
  try {
    return new URL(resource, base === '' ? undefined : base).href;
  } catch {
    return resource;
  }
}

/** The subschema at a JSON pointer in a URI fragment (`#/definitions/a`); undefined where there is none. */
export function resolvePointer(root: JsonSchema, fragment: string): JsonSchema | undefined {
  if (fragment !== '#' && !fragment.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of fragment.split('/').slice(1)) {
    const key = decode(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  const isSchema = typeof at === 'boolean' || (typeof at === 'object' && at !== null && !Array.isArray(at));
  return isSchema ? (at as JsonSchema) : undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function invalid(path: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_INVALID', `invalid JSON Schema at ${path === '' ? '/' : path}: ${reason}`);
}
