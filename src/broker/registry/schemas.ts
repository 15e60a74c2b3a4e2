import { isAnomalyError } from '../../errors.ts';
import type { ParsedSchema, ReferencedSchema, SchemaParser } from '../../schemas/parsedSchema.ts';
import { loadSchemaParser, type SchemaType } from '../../schemas/schemaParser.ts';
import type { SchemaDefinition, SchemaReference } from './changes.ts';
import { REGISTRY_ERRORS as CODES, failures, RegistryError } from './errors.ts';
import type { RegistryState } from './state.ts';

/** Twice what Redpanda advises as the most. */
const MAX_SCHEMA_CHARS = 256 * 1024;
/** Schemas that one schema may build on, directly or not. */
const MAX_REFERENCED = 100;
/** Parsed schemas that are kept for the next comparison; texts are kept all. */
const CACHED = 64;

/** Reads definitions together with what they refer to. */
export class RegistrySchemas {
  private readonly state: RegistryState;
  private readonly parsers = new Map<SchemaType, SchemaParser>();
  private readonly parsedById = new Map<number, ParsedSchema>();

  constructor(state: RegistryState) {
    this.state = state;
  }

  isLoaded(type: SchemaType): boolean {
    return this.parsers.has(type);
  }

  /** Must have been called once before a definition of the type is parsed. */
  async load(type: SchemaType): Promise<void> {
    this.parsers.set(type, await loadSchemaParser(type));
  }

  /** @throws RegistryError 42201 for an empty text or a reference that leads nowhere, 422 for an invalid schema */
  parse(definition: SchemaDefinition): ParsedSchema {
    const { type, schema, references } = definition;
    if (schema.trim() === '') throw failures.emptySchema();
    if (schema.length > MAX_SCHEMA_CHARS) {
      throw new RegistryError(
        CODES.tooLarge,
        `the schema has ${schema.length} characters, more than the ${MAX_SCHEMA_CHARS} allowed`,
      );
    }
    try {
      return this.parsers.get(type)!(schema, this.collect(references));
    } catch (error) {
      if (isAnomalyError(error)) throw new RegistryError(CODES.invalidSchema, error.message);
      throw error;
    }
  }

  parsed(id: number): ParsedSchema {
    const known = this.parsedById.get(id);
    if (known !== undefined) return known;
    const parsed = this.parse(this.state.definition(id)!);
    this.parsedById.set(id, parsed);
    if (this.parsedById.size > CACHED) this.parsedById.delete(this.parsedById.keys().next().value!);
    return parsed;
  }

  /** Another schema, or none, may stand behind an id now. */
  forget(id: number): void {
    // What refers to it was read with the old one.
    if (this.parsedById.has(id)) this.parsedById.clear();
  }

  /** What a definition needs, each after what it needs itself. */
  private collect(references: readonly SchemaReference[]): ReferencedSchema[] {
    const out = new Map<string, ReferencedSchema>();
    const open = new Set<string>();
    const visit = ({ name, subject, version }: SchemaReference): void => {
      const key = JSON.stringify([name, subject, version]);
      if (out.has(key)) return;
      const entry = this.state.version(subject, version);
      const definition = entry === undefined || entry.deleted ? undefined : this.state.definition(entry.id);
      if (definition === undefined) {
        throw new RegistryError(
          CODES.emptySchema,
          `Invalid schema, details: No schema reference found for subject "${subject}" and version ${version}`,
        );
      }
      if (open.has(key) || out.size + open.size >= MAX_REFERENCED) {
        const reason = open.has(key) ? 'refers to itself' : `builds on more than ${MAX_REFERENCED} others`;
        throw new RegistryError(
          CODES.invalidSchema,
          `the schema of subject '${subject}', version ${version}, ${reason}`,
        );
      }
      open.add(key);
      for (const reference of definition.references) visit(reference);
      open.delete(key);
      out.set(key, { name, text: definition.schema });
    };
    for (const reference of references) visit(reference);
    return [...out.values()];
  }
}
