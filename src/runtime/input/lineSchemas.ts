import type { RegisteredSchema, SchemaRegistry } from '../../clients/registry.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';

/** The schemas that lines of a pipe name: from its lines of type schema, else, where these were left out, the registry. */
export class LineSchemas implements Pick<SchemaRegistry, 'schemaById'> {
  readonly #registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
  readonly #known = new Map<number, string | null>();

  constructor(registry: Pick<SchemaRegistry, 'schemaById'> | undefined) {
    this.#registry = registry;
  }

  /** @throws ANM_BAD_DATA for an id that has another schema already: pipes of two registries were joined */
  add(id: number, schema: string | null): void {
    const known = this.#known.get(id);
    if (known !== undefined && known !== schema) {
      throw new AnomalyError('ANM_BAD_DATA', `cannot read lines that name two schemas by the id ${id}`, {
        hint: 'give each registry a pipe of its own',
      });
    }
    this.#known.set(id, schema);
  }

  async schemaById(id: number): Promise<RegisteredSchema> {
    const schema = this.#known.get(id);
    if (typeof schema === 'string') return { id, schema, type: 'AVRO', references: [] };
    if (schema === null || this.#registry === undefined) {
      throw new AnomalyError('ANM_SCHEMA_UNKNOWN', `the pipe has no schema ${id}`, {
        hint: 'pass the lines of type schema on, too',
      });
    }
    try {
      return await this.#registry.schemaById(id);
    } catch (cause) {
      if (!isAnomalyError(cause)) throw cause;
      throw new AnomalyError(cause.code, `the pipe has no line of schema ${id}, and ${cause.message}`, {
        cause,
        hint: 'pass the lines of type schema on, too, or give --registry URL',
      });
    }
  }
}
