import type { SchemaRegistry } from '../../clients/registry.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { SchemaReaders } from '../../engine/decode/decoder.ts';
import type { SourceNeeds, ValueDecoder } from '../../engine/decode/reader.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { avscType } from '../../schemas/avscType.ts';

/** The writer schemas of a source: fetched once each, compiled for the fields that the pipeline needs. */
export class SourceSchemas {
  readonly readers: SchemaReaders;
  /** Ids of the schemas that records were read with, in the order of their first use. */
  readonly ids: number[] = [];
  readonly #config: PipelineConfig;
  readonly #registry: SourceRegistry | undefined;
  readonly #logger: Logger;

  constructor(config: PipelineConfig, registry: SourceRegistry | undefined, logger: Logger) {
    this.#config = config;
    this.readers = new SchemaReaders(needsOf(config.source));
    this.#registry = registry;
    this.#logger = logger;
  }

  /**
   * Makes the reader of a schema known. An id that the registry does not have is refused, so that its records become
   * dead letters; a registry that does not answer is an error, since it may have it. A schema without the key, the time or
   * any of the fields is refused where another one of the source has them, as event types may share a topic.
   *
   * @throws ANM_SCHEMA_UNSUPPORTED, ANM_SCHEMA_INVALID where none is known to have them: the pipeline asks for something else
   */
  async load(schemaId: number): Promise<void> {
    if (this.readers.get(schemaId) !== undefined) return;
    if (this.#registry === undefined) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `cannot read values with schema ${schemaId} as no Schema Registry is configured`,
        {
          hint: 'give --registry URL',
        },
      );
    }
    const text = await knownSchema(this.#registry, schemaId);
    if (text === undefined) {
      this.#logger.warn(`the registry has no Avro schema ${schemaId}: its records go to dead letters`);
      this.readers.refuse(schemaId);
      return;
    }
    const added = await this.#compile(schemaId, text).catch(async (error: unknown) => {
      if (!isUnfit(error) || !(await this.#isKnownToFit())) throw error;
      this.#logger.warn(`${error.message}: its records go to dead letters`);
      this.readers.refuse(schemaId, true);
      return null;
    });
    if (added === null) return;
    const { missing, unsupported } = added;
    this.ids.push(schemaId);
    for (const field of missing) this.#logger.warn(`schema ${schemaId} has no field ${field}: it is read as null`);
    if (unsupported !== undefined) {
      this.#logger.info(`values with schema ${schemaId} are decoded one at a time, which is slower: ${unsupported}`);
    }
  }

  /** A restart may meet an odd schema first: then the newest ones tell. */
  async #isKnownToFit(): Promise<boolean> {
    if (this.ids.length > 0) return true;
    if (this.#registry?.latest === undefined) return false;
    try {
      return (await checkLatestSchemas(this.#config, { latest: this.#registry.latest.bind(this.#registry) })) > 0;
    } catch (error) {
      if (isUnfit(error)) return false;
      throw error;
    }
  }

  /** By the compiled reader; only a shape that it does not cover pays for loading avsc. */
  async #compile(schemaId: number, text: string): Promise<{ missing: readonly string[]; unsupported?: string }> {
    const schema = JSON.parse(text);
    try {
      return this.readers.add(schemaId, schema);
    } catch (error) {
      if (!isAnomalyError(error) || error.code !== 'ANM_SCHEMA_UNSUPPORTED') throw error;
      const type = await avscType(text);
      const decode: ValueDecoder = (bytes, start, end) =>
        type.fromBuffer(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
      return this.readers.add(schemaId, schema, () => decode);
    }
  }
}

/** `latest` tells what a source has where its records do not. */
export type SourceRegistry = Pick<SchemaRegistry, 'schemaById'> & Partial<Pick<SchemaRegistry, 'latest'>>;

function isUnfit(error: unknown): error is AnomalyError {
  return isAnomalyError(error) && (error.code === 'ANM_SCHEMA_UNSUPPORTED' || error.code === 'ANM_SCHEMA_INVALID');
}

/**
 * Refuses a key, a time or fields that the latest Avro schema of a source topic does not have, before anything is made for
 * the run. Without a subject there is nothing to ask: values may be JSON.
 *
 * @returns how many topics have such a schema
 * @throws AnomalyError ANM_SCHEMA_UNSUPPORTED
 */
export async function checkLatestSchemas(
  { source }: PipelineConfig,
  registry: Pick<SchemaRegistry, 'latest'> | undefined,
): Promise<number> {
  const needs = needsOf(source);
  let checked = 0;
  for (const topic of source.topics) {
    const latest = await registry?.latest(`${topic}-value`);
    // Only what it lacks is asked here, not whether it is read at full speed.
    if (latest?.type !== 'AVRO') continue;
    new SchemaReaders(needs).add(latest.id, JSON.parse(latest.schema), () => () => null);
    checked++;
  }
  return checked;
}

function needsOf({ key, time, fields }: PipelineConfig['source']): SourceNeeds {
  return {
    fields: Object.values(fields),
    ...(key !== undefined && { key }),
    ...(time !== undefined && { time }),
  };
}

/**
 * The text of an Avro schema, undefined for an id that the registry does not have, or has as a schema of another kind: a
 * record of it is a bad one and not the end. A registry that does not answer is an error, since it may have it.
 */
export async function knownSchema(
  registry: Pick<SchemaRegistry, 'schemaById'>,
  id: number,
): Promise<string | undefined> {
  try {
    const { schema, type } = await registry.schemaById(id);
    return type === 'AVRO' ? schema : undefined;
  } catch (error) {
    if (!isAnomalyError(error) || error.code !== 'ANM_SCHEMA_UNKNOWN') throw error;
    return undefined;
  }
}
