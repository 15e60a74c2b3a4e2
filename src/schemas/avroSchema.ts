import { AnomalyError } from '../errors.ts';
import { defaultMismatch } from './avroDefault.ts';
import {
  type AvroEnum,
  type AvroFixed,
  type AvroNode,
  type AvroPrimitive,
  type AvroRecord,
  type AvroUnion,
  type PrimitiveKind,
  typeLabel,
} from './avroNode.ts';
import { parseSchemaJson } from './jsonText.ts';

type Json = Readonly<Record<string, unknown>>;

const PRIMITIVES: Readonly<Record<PrimitiveKind, AvroPrimitive>> = {
  null: { kind: 'null' },
  boolean: { kind: 'boolean' },
  int: { kind: 'int' },
  long: { kind: 'long' },
  float: { kind: 'float' },
  double: { kind: 'double' },
  bytes: { kind: 'bytes' },
  string: { kind: 'string' },
};

const SIMPLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Nesting above this is refused, so that a hostile schema cannot exhaust the stack. */
const MAX_DEPTH = 200;

/**
 * Parses and checks a schema. `referenced` are the texts of schemas whose named types it may use, each before those
 * that need it. @throws AnomalyError ANM_SCHEMA_INVALID with the place in the schema
 */
export function parseAvroSchema(text: string, referenced: readonly string[] = []): AvroNode {
  const parser = new SchemaParser();
  for (const earlier of referenced) parser.parse(parseSchemaJson(earlier), '', '', 0);
  return parser.parse(parseSchemaJson(text), '', '', 0);
}

export function isPrimitive(name: string): name is PrimitiveKind {
  return Object.hasOwn(PRIMITIVES, name);
}

/** Full name of `name` seen from `namespace`: a dotted name is full already. */
export function fullName(name: string, namespace: string): string {
  if (name.startsWith('.')) return name.slice(1);
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

class SchemaParser {
  private readonly named = new Map<string, AvroRecord | AvroEnum | AvroFixed>();

  parse(schema: unknown, namespace: string, path: string, depth: number): AvroNode {
    if (depth > MAX_DEPTH) throw invalid(path, `types are nested more than ${MAX_DEPTH} deep`);
    if (typeof schema === 'string') return this.reference(schema, namespace, path);
    if (Array.isArray(schema)) return this.union(schema, namespace, path, depth);
    if (typeof schema !== 'object' || schema === null) {
      throw invalid(path, `${JSON.stringify(schema)} is neither a name, nor an object, nor a union`);
    }
    const json = schema as Json;
    switch (json['type']) {
      case 'record':
        return this.record(json, namespace, path, depth);
      case 'enum':
        return this.enumeration(json, namespace, path);
      case 'fixed':
        return this.fixed(json, namespace, path);
      case 'array':
        return { kind: 'array', items: this.parse(member(json, 'items', path), namespace, `${path}/items`, depth + 1) };
      case 'map':
        return {
          kind: 'map',
          values: this.parse(member(json, 'values', path), namespace, `${path}/values`, depth + 1),
        };
      default:
        return this.parse(member(json, 'type', path), namespace, `${path}/type`, depth + 1);
    }
  }

  private reference(name: string, namespace: string, path: string): AvroNode {
    if (isPrimitive(name)) return PRIMITIVES[name];
    const node = this.named.get(fullName(name, namespace));
    if (node === undefined) throw invalid(path, `the type '${name}' is not defined before this place`);
    return node;
  }

  private union(branches: readonly unknown[], namespace: string, path: string, depth: number): AvroUnion {
    if (branches.length === 0) throw invalid(path, 'a union needs at least one branch');
    const seen = new Set<string>();
    const nodes = branches.map((branch, index) => {
      const node = this.parse(branch, namespace, `${path}/${index}`, depth + 1);
      const key = 'name' in node ? node.name : node.kind;
      if (node.kind === 'union') throw invalid(`${path}/${index}`, 'a union may not hold a union');
      if (seen.has(key)) throw invalid(`${path}/${index}`, `the union has two branches of ${typeLabel(node)}`);
      seen.add(key);
      return node;
    });
    return { kind: 'union', branches: nodes };
  }

  private record(json: Json, outer: string, path: string, depth: number): AvroRecord {
    const { name, namespace, aliases } = this.header(json, outer, path);
    const declared = member(json, 'fields', path);
    if (!Array.isArray(declared)) throw invalid(`${path}/fields`, `the fields of record ${name} are not an array`);
    const record: AvroRecord = { kind: 'record', name, aliases, fields: [] };
    this.named.set(name, record);
    const pendingDefaults: { value: unknown; type: AvroNode; path: string; field: string }[] = [];
    const seen = new Set<string>();
    declared.forEach((entry: unknown, index) => {
      const at = `${path}/fields/${index}`;
      if (typeof entry !== 'object' || entry === null) throw invalid(at, 'a field is an object with name and type');
      const field = entry as Json;
      const fieldName = field['name'];
      if (typeof fieldName !== 'string' || !SIMPLE_NAME.test(fieldName)) {
        throw invalid(`${at}/name`, `${JSON.stringify(fieldName)} is no valid field name`);
      }
      if (seen.has(fieldName)) throw invalid(`${at}/name`, `record ${name} has two fields '${fieldName}'`);
      seen.add(fieldName);
      const type = this.parse(member(field, 'type', at), namespace, `${at}/type`, depth + 1);
      const hasDefault = field['default'] !== undefined;
      record.fields.push({ name: fieldName, aliases: strings(field['aliases'], `${at}/aliases`), type, hasDefault });
      if (hasDefault) pendingDefaults.push({ value: field['default'], type, path: at, field: fieldName });
    });
    // Only now: the default of a recursive type is checked against the whole record.
    for (const pending of pendingDefaults) {
      const mismatch = defaultMismatch(pending.value, pending.type);
      if (mismatch !== null) {
        throw invalid(`${pending.path}/default`, `the default of field '${pending.field}' is wrong: ${mismatch}`);
      }
    }
    return record;
  }

  private enumeration(json: Json, outer: string, path: string): AvroEnum {
    const { name, aliases } = this.header(json, outer, path);
    const symbols = strings(member(json, 'symbols', path), `${path}/symbols`);
    const seen = new Set<string>();
    for (const symbol of symbols) {
      if (!SIMPLE_NAME.test(symbol)) throw invalid(`${path}/symbols`, `'${symbol}' is no valid symbol`);
      if (seen.has(symbol)) throw invalid(`${path}/symbols`, `enum ${name} has the symbol '${symbol}' twice`);
      seen.add(symbol);
    }
    const fallback = json['default'];
    if (fallback !== undefined && (typeof fallback !== 'string' || !seen.has(fallback))) {
      throw invalid(`${path}/default`, `${JSON.stringify(fallback)} is not a symbol of enum ${name}`);
    }
    const node: AvroEnum = { kind: 'enum', name, aliases, symbols, hasDefault: fallback !== undefined };
    this.named.set(name, node);
    return node;
  }

  private fixed(json: Json, outer: string, path: string): AvroFixed {
    const { name, aliases } = this.header(json, outer, path);
    const size = member(json, 'size', path);
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 1) {
      throw invalid(`${path}/size`, `${JSON.stringify(size)} is no size in bytes of fixed ${name}`);
    }
    const node: AvroFixed = { kind: 'fixed', name, aliases, sizeBytes: size };
    this.named.set(name, node);
    return node;
  }

  private header(json: Json, outer: string, path: string) {
    const given = json['name'];
    if (typeof given !== 'string' || given === '') throw invalid(`${path}/name`, 'a named type needs a name');
    const own = json['namespace'];
    if (own !== undefined && typeof own !== 'string') throw invalid(`${path}/namespace`, 'a namespace is a string');
    const name = fullName(given, own ?? outer);
    if (!name.split('.').every((part) => SIMPLE_NAME.test(part)) || isPrimitive(name)) {
      throw invalid(`${path}/name`, `'${name}' is no valid name`);
    }
    if (this.named.has(name)) throw invalid(`${path}/name`, `the type '${name}' is defined twice`);
    const namespace = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
    const aliases = strings(json['aliases'] ?? [], `${path}/aliases`).map((alias) => fullName(alias, namespace));
    return { name, namespace, aliases };
  }
}

function member(json: Json, key: string, path: string): unknown {
  const value = json[key];
  if (value === undefined) throw invalid(path, `'${key}' is missing`);
  return value;
}

function strings(value: unknown, path: string): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((entry): entry is string => typeof entry === 'string')) {
    throw invalid(path, 'an array of strings is needed');
  }
  return value;
}

function invalid(path: string, reason: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_INVALID', `invalid Avro schema at ${path === '' ? '/' : path}: ${reason}`);
}
