import type { KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import type { CheckpointStore } from '../../stores/checkpointStore.ts';
import { definePipeline, stateHash } from '../definition/definition.ts';
import { SourceSchemas } from '../input/sourceSchemas.ts';
import { stableEnds, topicBatches } from '../input/topicSource.ts';
import type { JournalEntry } from '../journal/journalRecord.ts';
import { registerOutputs } from '../output/outputSchemas.ts';
import { TopicSink } from '../output/topicSink.ts';
import { RecordTask } from '../recordTask.ts';
import { sinkTopics } from '../topics/runTopics.ts';
import { knownConfigs } from '../topics/topics.ts';
import { OutputComparison } from './outputComparison.ts';
import { CapturedRows, type OutputRow, rowAt } from './outputRow.ts';
import { RowFields } from './rowFields.ts';
import { type VerifiedPartition, type VerifiedRange, type VerifyOptions, verifyPartition } from './verifyPartition.ts';

/** A source partition to be run again. */
export interface VerifiedSource {
  readonly place: TopicPartition;
  readonly read: VerifyOptions['read'];
  readonly logStart: number;
  readonly from: number | undefined;
  readonly to: number;
  readonly journal: readonly JournalEntry[];
  /** Whether nothing was committed since the journal was read, and `to` is the commit: so all rows are known. */
  readonly isWhole: () => Promise<boolean>;
}

export interface VerificationOptions {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry;
  /** Schemas of the source's values, where they are not the registry's. */
  readonly sourceSchemas: Pick<SchemaRegistry, 'schemaById'>;
  readonly config: PipelineConfig;
  /** Whether nothing else writes to the outputs: no other source of the pipeline, no copy by key. */
  readonly isOnlySource: boolean;
  readonly store: CheckpointStore;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

type Base = Pick<VerifyOptions, 'store' | 'createTask' | 'definition' | 'fieldCount' | 'sink' | 'captured' | 'logger'>;

/** Runs partitions of a pipeline again, and holds the rows against its output topics. */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #names: readonly string[];
  readonly #partitions: ReadonlyMap<string, number>;
  readonly #setsTime: ReadonlySet<string>;
  readonly #base: Base;

  private constructor(
    options: VerificationOptions,
    names: readonly string[],
    partitions: ReadonlyMap<string, number>,
    setsTime: ReadonlySet<string>,
    base: Base,
  ) {
    this.#options = options;
    this.#names = names;
    this.#partitions = partitions;
    this.#setsTime = setsTime;
    this.#base = base;
  }

  /** @throws ANM_TOPIC_MISSING for an output that is not there */
  static async open(options: VerificationOptions): Promise<Verification> {
    const { client, registry, config, store, logger } = options;
    const names = [...new Set(sinkTopics(config, 'run').map(({ name }) => name))];
    const partitions = new Map<string, number>();
    const setsTime = new Set<string>();
    const found = await client.admin.topics(names);
    for (const name of names) {
      const info = found.find((each) => each.name === name);
      if (info === undefined) {
        throw new AnomalyError('ANM_TOPIC_MISSING', `cannot verify the output ${name} as there is no such topic`, {
          hint: 'has the pipeline of this configuration run here? its outputs are sinks.*',
        });
      }
      partitions.set(name, info.partitions.length);
      const configs = await knownConfigs(client.admin, name);
      if (configs?.get('message.timestamp.type') === 'LogAppendTime') setsTime.add(name);
    }
    const definition = definePipeline(config);
    const captured = new CapturedRows();
    const schemas = new SourceSchemas(config, options.sourceSchemas, logger);
    const outputs = await registerOutputs(registry, config.sinks, names);
    // No time is ahead of it: each row is computed with the time of its evidence.
    const sink = new TopicSink(captured, config, outputs, { windows: true, alerts: true }, () => Infinity);
    const base = {
      ...{ store, sink, captured, logger },
      definition: stateHash(definition),
      fieldCount: definition.fields.length,
      createTask: ({ topic, partition }: TopicPartition) =>
        new RecordTask(topic, partition, definition, config, schemas),
    };
    return new Verification(options, names, partitions, setsTime, base);
  }

  /** @throws ANM_CHECK_FAILED naming the first difference */
  async partition(source: VerifiedSource): Promise<VerifiedPartition> {
    const readers: AsyncGenerator<OutputRow>[] = [];
    try {
      return await verifyPartition(source.place, {
        ...this.#base,
        ...source,
        openOutputs: async (range) => {
          const opened = await this.#open(source, range);
          readers.push(...opened.readers);
          return opened.comparisons;
        },
      });
    } finally {
      for (const reader of readers) await reader.return(undefined);
    }
  }

  async #open(source: VerifiedSource, range: VerifiedRange) {
    const { client, registry, config, isOnlySource } = this.#options;
    const { topic, partition } = source.place;
    const fields = new RowFields(registry);
    const readers: AsyncGenerator<OutputRow>[] = [];
    const comparisons = new Map<string, OutputComparison>();
    const places = this.#names
      .filter((name) => partition < this.#partitions.get(name)!)
      .map((name) => ({ topic: name, partition }));
    const [starts, ends] = [await client.admin.listOffsets(places, 'earliest'), await stableEnds(client, places)];
    const isExact = config.guarantee === 'exactly-once';
    const isClosed = isExact && (await source.isWhole());
    for (const [i, place] of places.entries()) {
      const rows = this.#rows(place, starts[i]!.offset, ends[i]!.offset);
      readers.push(rows);
      const comparison = new OutputComparison({
        ...{ ...place, found: rows, fields, isClosed, isOnlySource },
        source: { topic, from: range.from, to: range.to },
        isTrimmed: starts[i]!.offset > 0,
        mayRepeat: !isExact || range.mayRepeat,
        comparesTime: !this.#setsTime.has(place.topic),
        ...(place.topic === config.sinks.deadLetters && { isForeign: isNoReject }),
      });
      comparisons.set(place.topic, comparison);
    }
    return { comparisons, readers };
  }

  async *#rows(place: TopicPartition, from: number, to: number): AsyncGenerator<OutputRow> {
    if (from >= to) return;
    const { client, signal, logger } = this.#options;
    const range = { from: [{ ...place, offset: from }], to: [{ ...place, offset: to }] };
    const batches = topicBatches(client, range, signal, ({ firstOffset, nextOffset, reason }) =>
      logger.error(
        `left out offsets ${firstOffset} to ${nextOffset - 1} of ${place.topic}/${place.partition}: ${reason}`,
      ),
    );
    for await (const batch of batches) for (let i = 0; i < batch.count; i++) yield rowAt(batch, i);
  }
}

/** Dead letters that no decoder made: of batches that could not be read, of poison, of redrives. */
function isNoReject({ headers }: OutputRow): boolean {
  const exception = headers.findLast(({ key }) => key === '__streams.errors.exception')?.value;
  return exception == null || Buffer.from(exception).toString() !== 'ANM_BAD_DATA';
}
