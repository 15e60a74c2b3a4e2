import { AnomalyError } from '../../errors.ts';

/** A writer schema as a graph: names are resolved, so a recursive type contains itself. */
export type AvroType =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double'; readonly logical?: string }
  | { readonly kind: 'bytes' | 'string'; readonly logical?: string; readonly scale?: number }
  | { readonly kind: 'fixed'; readonly size: number; readonly logical?: string; readonly scale?: number }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'record'; readonly name: string; readonly fields: AvroField[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] };

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
}

export type AvroRecord = Extract<AvroType, { kind: 'record' }>;

const SCALARS = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

/** Resolves a schema, given as parsed JSON. What is no schema is ANM_SCHEMA_INVALID with the place. */
export function resolveAvro(schema: unknown): AvroType {
  return resolve(schema, { names: new Map(), namespace: '', place: '$' });
}

interface Scope {
  readonly names: Map<string, AvroType>;
  readonly namespace: string;
  readonly place: string;
}

function resolve(schema: unknown, scope: Scope): AvroType {
  if (typeof schema === 'string') return resolveName(schema, scope);
  if (Array.isArray(schema)) {
    const branches = schema.map((branch, b) => resolve(branch, { ...scope, place: `${scope.place}[${b}]` }));
    return { kind: 'union', branches };
  }
  if (typeof schema !== 'object' || schema === null) throw invalid(scope, `${JSON.stringify(schema)} is no schema`);
  const attributes = schema as Record<string, unknown>;
  const { type } = attributes;
  if (typeof type !== 'string') return resolve(type, scope);
  switch (type) {
    case 'record':
    case 'error':
      return resolveRecord(attributes, scope);
    case 'enum': {
      const { symbols } = attributes;
      if (!isTexts(symbols)) throw invalid(scope, 'an enum has no list of symbols');
      return named(attributes, scope, { kind: 'enum', symbols });
    }
    case 'fixed': {
      const { size } = attributes;
      if (!isCount(size)) throw invalid(scope, 'a fixed has no size');
      return named(attributes, scope, { kind: 'fixed', size, ...logicalOf(attributes) });
    }
    case 'array':
      return { kind: 'array', items: resolve(attributes['items'], inside(scope, 'items')) };
    case 'map':
      return { kind: 'map', values: resolve(attributes['values'], inside(scope, 'values')) };
    default:
      if (!SCALARS.has(type)) return resolveName(type, scope);
      return { kind: type, ...logicalOf(attributes) } as AvroType;
  }
}

function resolveRecord(attributes: Record<string, unknown>, scope: Scope): AvroType {
  const { fields } = attributes;
  if (!Array.isArray(fields)) throw invalid(scope, 'a record has no list of fields');
  const record: AvroRecord = { kind: 'record', name: fullName(attributes, scope), fields: [] };
  named(attributes, scope, record);
  const dot = record.name.lastIndexOf('.');
  const namespace = dot < 0 ? '' : record.name.slice(0, dot);
  for (const field of fields as unknown[]) {
    const { name, type } = (field ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string') throw invalid(scope, 'a field has no name');
    record.fields.push({ name, type: resolve(type, { ...inside(scope, name), namespace }) });
  }
  return record;
}

function resolveName(name: string, scope: Scope): AvroType {
  if (SCALARS.has(name)) return { kind: name } as AvroType;
  const inNamespace = name.includes('.') || scope.namespace === '' ? name : `${scope.namespace}.${name}`;
  const found = scope.names.get(inNamespace) ?? scope.names.get(name);
  if (found === undefined) throw invalid(scope, `no type is named ${name}`);
  return found;
}

function named(attributes: Record<string, unknown>, scope: Scope, type: AvroType): AvroType {
  scope.names.set(fullName(attributes, scope), type);
  return type;
}

function fullName(attributes: Record<string, unknown>, scope: Scope): string {
  const { name, namespace } = attributes;
  if (typeof name !== 'string') throw invalid(scope, 'a record, enum or fixed has no name');
  if (name.includes('.')) return name;
  const space = typeof namespace === 'string' ? namespace : scope.namespace;
  return space === '' ? name : `${space}.${name}`;
}

function logicalOf(attributes: Record<string, unknown>): { logical?: string; scale?: number } {
  const { logicalType, scale } = attributes;
  if (typeof logicalType !== 'string') return {};
  return { logical: logicalType, scale: isCount(scale) ? scale : 0 };
}

function inside(scope: Scope, name: string): Scope {
  return { ...scope, place: `${scope.place}.${name}` };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function invalid(scope: Scope, reason: string): AnomalyError {
  return new AnomalyError('ANM_SCHEMA_INVALID', `cannot read the Avro schema as ${reason}, at ${scope.place}`);
}
