import type { CompatibilityLevel } from '../schemas/compatibilityLevel.ts';
import type { SchemaType } from '../schemas/schemaParser.ts';

export { readSchemaId, WIRE_HEADER_BYTES, writeWireHeader } from './wireFormat.ts';

/** A version of another subject that a schema builds on, under the name that the schema calls it by. */
export interface SchemaReference {
  /** Avro: full name of the type; Protobuf: path of the import. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

export interface RegisteredSchema {
  readonly id: number;
  /** The text as the registry keeps it. */
  readonly schema: string;
  readonly type: SchemaType;
  readonly references: readonly SchemaReference[];
}

export interface RegisteredVersion extends RegisteredSchema {
  readonly version: number;
}

export interface CompatibilityResult {
  readonly compatible: boolean;
  /** One per clash, with path, rule, level and version; empty when compatible, or when nothing is known about why. */
  readonly messages: string[];
}

/** What comes with a schema text; the default is Avro without references. */
export interface SchemaOptions {
  readonly type?: SchemaType;
  readonly references?: readonly SchemaReference[];
}

export interface DeletedOption {
  /** Also what is deleted softly. */
  readonly deleted?: boolean;
}

/**
 * A Schema Registry (Redpanda's, Confluent's, Apicurio's by its Confluent API, or the embedded one). Every call may
 * throw ANM_REGISTRY_UNREACHABLE, ANM_TIMEOUT or ANM_AUTHENTICATION.
 */
export interface SchemaRegistry {
  /** Registers a schema; the same one gives the same id. @throws ANM_SCHEMA_INCOMPATIBLE, ANM_SCHEMA_INVALID */
  register(subject: string, schema: string, options?: SchemaOptions): Promise<{ id: number }>;
  /**
   * Kept after the first call: an id never changes its schema. An Avro schema comes whole, the types that it refers to
   * in other subjects written into it, so that any Avro library reads it. @throws ANM_SCHEMA_UNKNOWN
   */
  schemaById(id: number): Promise<RegisteredSchema>;
  /** As the registry keeps it. @throws ANM_SCHEMA_UNKNOWN */
  definitionById(id: number): Promise<RegisteredSchema>;
  /** Null when the subject does not exist. */
  latest(subject: string, options?: DeletedOption): Promise<RegisteredVersion | null>;
  /** @throws ANM_SCHEMA_UNKNOWN */
  version(subject: string, version: number, options?: DeletedOption): Promise<RegisteredVersion>;
  subjects(options?: DeletedOption): Promise<string[]>;
  /** Ascending. @throws ANM_SCHEMA_UNKNOWN */
  versions(subject: string, options?: DeletedOption): Promise<number[]>;
  /**
   * A subject that does not exist yet takes any schema.
   * @throws ANM_SCHEMA_INVALID, ANM_SCHEMA_UNKNOWN (version), ANM_SCHEMA_UNSUPPORTED when the registry cannot compare
   */
  check(
    subject: string,
    schema: string,
    version?: number | 'latest',
    options?: SchemaOptions,
  ): Promise<CompatibilityResult>;
  /**
   * Reads the schema with all that it refers to, which a registry does only where it has something to compare with.
   * @throws ANM_SCHEMA_INVALID, ANM_SCHEMA_UNKNOWN (a reference)
   */
  validate(schema: string, options?: SchemaOptions): Promise<void>;
  /** The version under which the subject has this very schema, or null. */
  lookup(subject: string, schema: string, options?: SchemaOptions): Promise<RegisteredVersion | null>;
  /** The level that holds for the subject: its own, else the global one. */
  compatibility(subject: string): Promise<CompatibilityLevel>;
  /** The address that answered. */
  ready(): Promise<string>;
}
