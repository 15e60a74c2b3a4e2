import { join } from 'node:path';
import type { KafkaClient, TopicPartition, TopicPartitionOffset } from '../clients/client.ts';
import type { SchemaRegistry } from '../clients/registry.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { FileStore } from '../stores/fileStore.ts';
import { definePipeline, definitionHash } from './definition.ts';
import { ObjectDecoder } from './objectDecoder.ts';
import { registerOutputs } from './outputSchemas.ts';
import { RecordTask } from './recordTask.ts';
import { Runner } from './runner.ts';
import type { RunTotals } from './runnerOptions.ts';
import { SourceSchemas } from './sourceSchemas.ts';
import type { Task } from './task.ts';
import { TopicSink } from './topicSink.ts';
import { ensureSinks, sourceShape, sourceTopics } from './topics.ts';
import { WindowRowTask } from './windowRowTask.ts';
import { WindowWatch } from './windowWatch.ts';

/** Which operators run: all, up to the windows, or only the scoring of windows that an earlier stage closed. */
export type Stage = 'run' | 'window' | 'score records' | 'score windows';

export interface JobOptions {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry | undefined;
  readonly config: PipelineConfig;
  readonly stage: Stage;
  readonly groupId: string;
  /** Directory of the snapshots; each cluster has a folder of its own in it. */
  readonly stateDir: string;
  readonly startEmpty: boolean;
  readonly untilEnd: boolean;
  /** In place of `untilEnd`: the offsets to stop at, undefined while they are not known yet. */
  readonly until?: () => readonly TopicPartitionOffset[] | undefined;
  readonly leaveOpen: boolean;
  readonly maxBadRate: number;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only go forward, for the pace of commits; default: `now`. */
  readonly ticks?: () => number;
  readonly signal: AbortSignal;
  readonly onProgress?: (totals: RunTotals) => void;
}

export interface JobResult {
  readonly ended: 'end' | 'stopped';
  /** False when a rebalance refused the last commit; the snapshots are stored, and the next owner goes on from them. */
  readonly isCommitted: boolean;
  readonly totals: RunTotals;
  readonly series: number;
  readonly openWindows: number;
}

/** Reads topics, runs a stage, writes topics, until the end or the signal. */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { client, config, stage } = options;
  const topics = await sourceTopics(client.admin, config.source.topics);
  const shape = await sourceShape(client.admin, topics);
  const { partitions } = shape;
  const definition = definePipeline(stage === 'window' ? withoutScore(config) : config);
  if (stage === 'run' || stage.startsWith('score')) requireOutput(config, stage);
  const sinks = sinkTopics(config, stage);
  const made = await ensureSinks(client.admin, sinks, shape);
  if (made.length > 0) options.logger.info(`created ${made.join(', ')} with ${partitions} partitions`);
  const outputs = await registerOutputs(options.registry, config.sinks, sinks);
  const ends = options.untilEnd ? await client.admin.listOffsets(topics.flatMap(partitionsOf), 'latest') : undefined;
  const until = options.until ?? (ends === undefined ? undefined : () => ends);
  const emit = { windows: !stage.startsWith('score'), alerts: stage !== 'window' };
  const { clusterId } = await client.admin.cluster();
  const producer = await client.createProducer({ idempotent: true, lingerMs: 0 });
  const consumer = await client.createConsumer({ groupId: options.groupId, fieldCount: definition.fields.length });
  const schemas = new SourceSchemas(config, options.registry, options.logger);
  const objects = new ObjectDecoder(options.registry);
  const watch = new WindowWatch(options.logger);
  const createTask = ({ topic, partition }: TopicPartition): Task =>
    stage === 'score windows'
      ? new WindowRowTask(topic, partition, definition, objects, watch)
      : new RecordTask(topic, partition, definition, config, schemas);
  const { logger, now, signal, startEmpty, leaveOpen, maxBadRate, onProgress } = options;
  const runner = new Runner({
    consumer,
    producer,
    sink: new TopicSink(producer, config, outputs, emit, now),
    // Two clusters may have a pipeline of one name; each finds its own state again.
    store: new FileStore(join(options.stateDir, clusterId)),
    createTask,
    topics: config.source.topics,
    fields: stage === 'score windows' ? {} : config.source.fields,
    cluster: clusterId,
    start: config.source.start,
    definition: definitionHash(config, stage),
    commitEveryMs: config.checkpoint.everyMs,
    logger,
    now: options.ticks ?? now,
    signal,
    startEmpty,
    leaveOpen,
    maxBadRate,
    partitionCounts: new Map(topics.map((topic) => [topic.name, topic.partitions.length])),
    onGrown: async (partition) => {
      await ensureSinks(client.admin, sinks, { ...shape, partitions: partition + 1 });
    },
    ...(until !== undefined && { until }),
    ...(onProgress !== undefined && { onProgress }),
  });
  try {
    const ended = await runner.run();
    watch.warn(config.score?.on);
    const tasks = [...runner.tasks];
    return {
      ended,
      isCommitted: runner.isCommitted,
      totals: runner.totals,
      series: tasks.reduce((sum, task) => sum + task.pipeline.keys.size, 0),
      openWindows: tasks.reduce((sum, task) => sum + task.pipeline.openWindows, 0),
    };
  } finally {
    await Promise.allSettled([consumer.close(), producer.close()]);
  }
}

function requireOutput(config: PipelineConfig, stage: Stage): void {
  if (config.score !== undefined || (stage === 'run' && config.windows.length > 0)) return;
  throw new AnomalyError(
    'ANM_CONFIG',
    'cannot run as neither windows nor score is configured, so nothing would come out',
    {
      hint: 'add score.detector (--detector kpi) or windows to anomaly.yaml; anomaly config init writes a commented one',
    },
  );
}

function withoutScore(config: PipelineConfig): PipelineConfig {
  const { score: _, ...rest } = config;
  return rest;
}

function sinkTopics({ sinks, windows, score }: PipelineConfig, stage: Stage): string[] {
  const names = [sinks.deadLetters];
  if (windows.length > 0 && stage !== 'score windows') names.push(sinks.windows, sinks.late);
  if (score !== undefined && stage !== 'window') names.push(sinks.anomalies);
  return names;
}

function partitionsOf(topic: { name: string; partitions: readonly { partition: number }[] }): TopicPartition[] {
  return topic.partitions.map(({ partition }) => ({ topic: topic.name, partition }));
}
