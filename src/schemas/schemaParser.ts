import { canonicalAvroText } from './avroCanonical.ts';
import { findIncompatibilities } from './avroCompatibility.ts';
import { parseAvroSchema } from './avroSchema.ts';
import type { Incompatibility, SideNames } from './incompatibility.ts';
import { findJsonIncompatibilities } from './jsonCompatibility.ts';
import type { ParsedSchema, ReferencedSchema, SchemaParser } from './parsedSchema.ts';
import { findProtobufIncompatibilities } from './protobufCompatibility.ts';

/** In the order in which Redpanda lists them. */
export const SCHEMA_TYPES = ['JSON', 'PROTOBUF', 'AVRO'] as const;

export type SchemaType = (typeof SCHEMA_TYPES)[number];

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
