import type { AvroNode } from './avroNode.ts';
import type { ParsedJsonSchema } from './jsonModel.ts';
import type { ProtobufFile } from './protobufModel.ts';

/** A schema of another subject, by the name under which it is referred to: a named type, or an import's path. */
export interface ReferencedSchema {
  readonly name: string;
  readonly text: string;
}

export interface SchemaTexts {
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
