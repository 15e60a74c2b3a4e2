import { canonicalAvroText } from './avroCanonical.ts';
import { findIncompatibilities } from './avroCompatibility.ts';
import type { AvroNode } from './avroNode.ts';
import { parseAvroSchema } from './avroSchema.ts';
import type { Incompatibility, SideNames } from './incompatibility.ts';
import { findJsonIncompatibilities } from './jsonCompatibility.ts';
import type { ParsedJsonSchema } from './jsonSchema.ts';
import { findProtobufIncompatibilities } from './protobufCompatibility.ts';
import type { ProtobufFile } from './protobufModel.ts';

/** In the order in which Redpanda lists them. */
export const SCHEMA_TYPES = ['JSON', 'PROTOBUF', 'AVRO'] as const;

export type SchemaType = (typeof SCHEMA_TYPES)[number];

/** A schema of another subject, by the name under which it is referred to: a named type, or an import's path. */
export interface ReferencedSchema {
  readonly name: string;
  readonly text: string;
}

interface SchemaTexts {
  /** As a registry keeps it: what says nothing (white space, for Avro the order of attributes) is taken away. */
  readonly text: string;
  /** For `normalize=true`: also without what only the order of members, or comments (Protobuf), tell apart. */
  readonly normalText: string;
}

export type ParsedSchema = SchemaTexts &
  (
    | { readonly type: 'AVRO'; readonly root: AvroNode }
    | { readonly type: 'JSON'; readonly root: ParsedJsonSchema }
    | { readonly type: 'PROTOBUF'; readonly root: ProtobufFile }
  );

/**
 * Reads and checks a schema text; `referenced` holds all that it needs, directly or not, each before those that need it.
 * @throws AnomalyError ANM_SCHEMA_INVALID with the place in the schema
 */
export type SchemaParser = (text: string, referenced: readonly ReferencedSchema[]) => ParsedSchema;

export function isSchemaType(value: unknown): value is SchemaType {
  return (SCHEMA_TYPES as readonly unknown[]).includes(value);
}

const loading = new Map<SchemaType, Promise<SchemaParser>>();

/** Loads what the language needs, which for JSON Schema is a library; once. */
export function loadSchemaParser(type: SchemaType): Promise<SchemaParser> {
  const parser = loading.get(type) ?? load(type);
  loading.set(type, parser);
  return parser;
}

async function load(type: SchemaType): Promise<SchemaParser> {
  switch (type) {
    case 'AVRO':
      return parseAvro;
    case 'JSON': {
      const { loadJsonSchemaParser } = await import('./jsonSchema.ts');
      return await loadJsonSchemaParser();
    }
    case 'PROTOBUF': {
      const { parseProtobufSchema } = await import('./protobufSchema.ts');
      return parseProtobufSchema;
    }
  }
}

function parseAvro(text: string, referenced: readonly ReferencedSchema[]): ParsedSchema {
  // One text may come under two names.
  const root = parseAvroSchema(text, [...new Set(referenced.map((each) => each.text))]);
  return { type: 'AVRO', root, text: canonicalAvroText(text), normalText: canonicalAvroText(text, true) };
}

/**
 * Every reason why data written with `writer` cannot be read with `reader`.
 * @throws AnomalyError ANM_SCHEMA_UNSUPPORTED where that cannot be told, with the place: never a guess
 */
export function findSchemaIncompatibilities(
  reader: ParsedSchema,
  writer: ParsedSchema,
  names: SideNames,
): Incompatibility[] {
  if (reader.type === 'AVRO' && writer.type === 'AVRO') return findIncompatibilities(reader.root, writer.root, names);
  if (reader.type === 'JSON' && writer.type === 'JSON') {
    return findJsonIncompatibilities(reader.root, writer.root, names);
  }
  if (reader.type === 'PROTOBUF' && writer.type === 'PROTOBUF') {
    return findProtobufIncompatibilities(reader.root, writer.root, names);
  }
  const message = `${names.reader} is ${reader.type}, ${names.writer} is ${writer.type}`;
  return [{ rule: 'SCHEMA_TYPE_CHANGED', field: '', path: '/', message }];
}
