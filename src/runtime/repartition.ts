import type { Consumer, CorruptBatch, KafkaClient } from '../clients/client.ts';
import type { Producer } from '../clients/producer.ts';
import type { TopicPartition } from '../clients/topicPartition.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import type { Logger } from '../output/logger.ts';
import { partitionForKey } from '../wire/murmur2.ts';
import { openGroup } from './commit/openGroup.ts';
import { definePipeline } from './definition/definition.ts';
import type { SourceSchemas } from './input/sourceSchemas.ts';
import { TimeMerge } from './input/timeMerge.ts';
import type { RunnerSink } from './output/rowSink.ts';
import { headersOf, TopicSink } from './output/topicSink.ts';
import { RecordTask } from './recordTask.ts';
import { Runner } from './runner.ts';
import type { Task } from './task.ts';
import { ensureSinks, sourceShape, sourceTopics } from './topics/topics.ts';
import type { NamedTopic } from './topics/topicTable.ts';

export interface RepartitionOptions {
  readonly client: KafkaClient;
  readonly schemas: SourceSchemas;
  readonly config: PipelineConfig;
  readonly untilEnd: boolean;
  /** Of the member among those of the group: see GroupOptions. */
  readonly memberName?: string;
  /** Share of undecodable records above which the copying stops. */
  readonly maxBadRate: number;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only go forward, for the pace of commits; default: `now`. */
  readonly ticks?: () => number;
  readonly signal: AbortSignal;
}

/**
 * Brings each series into one partition: copies the source records into the topic <pipeline>.by-key, keyed by series
 * and placed as Java's clients place keys, with their values and timestamps as they are, merged by event time. A group
 * of its own, <pipeline>.by-key, keeps its place, with the pipeline's guarantee.
 *
 * @returns the configuration that reads the copy, and the copying, which ends with the source's end or the signal
 */
export async function repartition(
  options: RepartitionOptions,
): Promise<{ config: PipelineConfig; running: Promise<void> }> {
  const { client, config } = options;
  const topics = await sourceTopics(client.admin, config.source.topics);
  const shape = await sourceShape(client.admin, topics);
  const { partitions } = shape;
  const target = byKeyTopic(config);
  const written: NamedTopic[] = [
    { kind: 'by_key', name: target },
    { kind: 'dead_letters', name: config.sinks.deadLetters },
  ];
  await ensureSinks(client.admin, written, shape);
  const all = topics.flatMap((topic) => topic.partitions.map(({ partition }) => ({ topic: topic.name, partition })));
  const running = copy(options, all, target, partitions);
  // Whoever awaits it later sees the failure; until then it must not count as unhandled.
  running.catch(() => {});
  return { config: repartitioned(config), running };
}

/** The topic that --repartition puts between the source and the pipeline. */
export function byKeyTopic({ pipeline }: Pick<PipelineConfig, 'pipeline'>): string {
  return `${pipeline}.by-key`;
}

/** What reads the copy: it is keyed by series, so the record key names the series even where a field did before. */
export function repartitioned(config: PipelineConfig): PipelineConfig {
  const { key: _, ...source } = config.source;
  return { ...config, source: { ...source, topics: [byKeyTopic(config)] } };
}

/** Runs the copying as any pipeline runs, with a sink that copies and nothing to remember. */
async function copy(
  options: RepartitionOptions,
  sources: readonly TopicPartition[],
  target: string,
  partitions: number,
): Promise<void> {
  const { client, schemas, config, untilEnd, maxBadRate, logger, now, signal, memberName } = options;
  const ends = untilEnd ? await client.admin.listOffsets(sources, 'latest') : undefined;
  const fieldCount = Object.keys(config.source.fields).length;
  const { consumer, producer, committer, member } = await openGroup({
    ...{ client, config, groupId: target, now, fieldCount, rebalance: 'eager' },
    ...(memberName !== undefined && { memberName }),
  });
  const { score: _, ...plain } = config;
  // All records are copied, whatever source.where says: what it leaves out today may be wanted tomorrow.
  const { where: __, ...source } = config.source;
  // The copy keeps no state, so nothing bounds it.
  const { limits: _limits, ...definition } = definePipeline({
    ...plain,
    source,
    derive: {},
    windows: [],
    features: [],
  });
  const runner = new Runner({
    ...{ consumer, producer, committer, maxBadRate, logger, signal, member },
    sink: new CopySink(consumer, producer, config, target, partitions, now),
    createTask: ({ topic, partition }) => new RecordTask(topic, partition, definition, config, schemas),
    topics: config.source.topics,
    fields: config.source.fields,
    start: config.source.start,
    commitEveryMs: config.commitEveryMs,
    leaveOpen: true,
    ...{ now, ticks: options.ticks ?? now },
    ...(ends !== undefined && { until: () => ends }),
  });
  try {
    await runner.run();
  } finally {
    await consumer.close().catch(() => {});
    await producer.close();
  }
}

/** Copies records to the partition of their series, in the order of event time; what cannot be decoded goes to dead letters. */
class CopySink implements RunnerSink {
  readonly names: RunnerSink['names'];
  readonly takesEveryBatch = true;
  readonly holding: TimeMerge;
  readonly #producer: Producer;
  readonly #target: string;
  readonly #partitions: number;
  readonly #deadLetters: TopicSink;

  constructor(
    consumer: Consumer,
    producer: Producer,
    config: PipelineConfig,
    target: string,
    partitions: number,
    now: () => number,
  ) {
    this.names = config.sinks;
    this.holding = new TimeMerge(consumer, (task, batch, i) => this.#copy(task, batch, i));
    this.#producer = producer;
    this.#target = target;
    this.#partitions = partitions;
    const nothing = { windows: false, alerts: false };
    this.#deadLetters = new TopicSink(producer, config, { windowId: 0, anomalyId: 0 }, nothing, now);
  }

  write(task: Task, batch: ColumnBatch | undefined): void {
    if (batch === undefined) return;
    this.#deadLetters.write(task, batch);
    this.holding.add(task, batch);
  }

  #copy(task: Task, batch: ColumnBatch, i: number): void {
    const { keys } = task.pipeline;
    const id = batch.series[i]!;
    const [start, end] = [keys.startOf(id), keys.endOf(id)];
    this.#producer.append(
      this.#target,
      partitionForKey(keys.arena, start, end, this.#partitions),
      batch.recordTimes[i]!,
      keys.arena,
      start,
      end,
      batch.bytes,
      batch.valueStart[i]!,
      batch.valueEnd[i]!,
      headersOf(batch, i),
    );
  }

  corrupt(batch: CorruptBatch): void {
    this.#deadLetters.corrupt(batch);
  }
}
