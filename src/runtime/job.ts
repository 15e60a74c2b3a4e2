import { randomUUID } from 'node:crypto';
import type { KafkaClient, TopicInfo } from '../clients/client.ts';
import type { SchemaRegistry } from '../clients/registry.ts';
import type { TopicPartition, TopicPartitionOffset } from '../clients/topicPartition.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import type { CheckpointStore } from '../stores/checkpointStore.ts';
import { ColdStores } from './coldStores.ts';
import { type GroupMember, openGroup } from './commit/openGroup.ts';
import { definePipeline, stateHash } from './definition/definition.ts';
import { unmatchedOverrides } from './definition/unmatchedOverrides.ts';
import { WindowWatch } from './definition/windowWatch.ts';
import { ObjectDecoder } from './input/objectDecoder.ts';
import { checkLatestSchemas, SourceSchemas } from './input/sourceSchemas.ts';
import type { JobHooks } from './jobHooks.ts';
import { journalTopic } from './journal/journalRecord.ts';
import { ensureJournal } from './journal/journalTopic.ts';
import { modelOptions, type Scorers } from './model/modelOptions.ts';
import { type OutputSchemas, registerOutputs } from './output/outputSchemas.ts';
import { TopicSink } from './output/topicSink.ts';
import { RecordTask } from './recordTask.ts';
import { type WarmChoice, warmOf } from './recovery/warm.ts';
import { Runner } from './runner.ts';
import type { RunTotals, StateOptions } from './runnerOptions.ts';
import type { Stage } from './stage.ts';
import type { Task } from './task.ts';
import { sinkTopics } from './topics/runTopics.ts';
import { checkSinks, ensureSinks, sourceShape, sourceTopics } from './topics/topics.ts';
import type { NamedTopic, SourceShape } from './topics/topicTable.ts';
import { WindowRowTask } from './windowRowTask.ts';

export interface JobOptions {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry | undefined;
  readonly config: PipelineConfig;
  readonly stage: Stage;
  readonly groupId: string;
  /** Of the member among those of the group: see GroupOptions. */
  readonly memberName?: string;
  /** Of this tool, for journal and checkpoints. */
  readonly toolVersion: string;
  /** Opens the store of the group's checkpoints on a cluster: two clusters may have a pipeline of one name. */
  readonly openCheckpoints: (group: string, cluster: string) => Promise<CheckpointStore>;
  /** What a start may do where the state cannot simply go on. */
  readonly recovery: RecoveryChoice;
  /** Directory on this machine for state that is not in memory. */
  readonly localDir: string;
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
  /** The models of `config.score.model`. */
  readonly scorers?: Scorers;
  /** Status, control and crashes of the member that runs it; absent where nobody operates it. */
  readonly hooks?: JobHooks;
  /** Put around each new task: how tests let the processing of a record throw. */
  readonly wrapTask?: (task: Task) => Task;
}

export interface RecoveryChoice {
  /** Begin with empty windows where no checkpoint can be used. */
  readonly fresh: boolean;
  /** Go on where records that are needed are gone from the source. */
  readonly acceptGap: boolean;
  /** Ids of operators whose state may be dropped where it is of another definition. */
  readonly allow: readonly string[];
  /** What a partition without a commit learns from before it goes live. */
  readonly warm?: WarmChoice;
}

export interface JobResult {
  readonly ended: 'end' | 'stopped';
  /** False when a rebalance refused the last commit; the next owner goes on from the one before. */
  readonly isCommitted: boolean;
  readonly totals: RunTotals;
  readonly series: number;
  readonly openWindows: number;
  /** What the member had at its end, each with its part of `series` and `openWindows`. */
  readonly partitions: readonly (TopicPartition & { readonly series: number; readonly openWindows: number })[];
}

/**
 * Reads topics, runs a stage, writes topics, until the end or the signal. Whatever may refuse the run is asked before the
 * first topic is made: a start that fails leaves nothing behind.
 */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { client, config, stage, groupId, logger, now, memberName } = options;
  const topics = await sourceTopics(client.admin, config.source.topics);
  const shape = await sourceShape(client.admin, topics);
  const definition = defineJob(config, stage);
  const cold = await ColdStores.of(config, options.localDir);
  const { clusterId } = await client.admin.cluster();
  const journal = journalTopic(groupId);
  const schemas = new SourceSchemas(config, options.registry, logger);
  const state = await openState(options, clusterId, journal, stateHash(definition), schemas, topics);
  let group: GroupMember | undefined;
  try {
    group = await openGroup({
      ...{ client, config, groupId, now, fieldCount: definition.fields.length, journalTopic: journal },
      ...(memberName !== undefined && { memberName }),
      rebalance: 'cooperative',
    });
    return await runMember(options, { topics, shape, definition, cold, journal, schemas, state, group });
  } finally {
    // The consumer gives its partitions back, which may take a last commit.
    await group?.consumer.close().catch(() => {});
    await Promise.allSettled([group?.producer.close(), state.store.close(), cold.close()]);
  }
}

/** What a run has before the first topic is made for it. */
interface JobParts {
  readonly topics: readonly TopicInfo[];
  readonly shape: SourceShape;
  readonly definition: ReturnType<typeof definePipeline>;
  readonly cold: ColdStores;
  readonly journal: string;
  readonly schemas: SourceSchemas;
  readonly state: StateOptions;
  readonly group: GroupMember;
}

async function runMember(options: JobOptions, parts: JobParts): Promise<JobResult> {
  const { client, config, stage, now, logger, signal, leaveOpen, maxBadRate, onProgress, wrapTask } = options;
  const { topics, shape, definition, cold, journal, schemas, state, group } = parts;
  const { consumer, producer, committer, member } = group;
  const sinks = sinkTopics(config, stage);
  const outputs = await makeOutputs(options, sinks, journal, shape);
  const ends = options.untilEnd ? await client.admin.listOffsets(topics.flatMap(partitionsOf), 'latest') : undefined;
  const until = options.until ?? (ends === undefined ? undefined : () => ends);
  const emit = { windows: !stage.startsWith('score'), alerts: stage !== 'window' };
  const objects = new ObjectDecoder(options.registry);
  const watch = new WindowWatch(logger);
  const plainTask = ({ topic, partition }: TopicPartition): Task =>
    stage === 'score windows'
      ? new WindowRowTask(topic, partition, definition, objects, watch, cold.open(topic, partition))
      : new RecordTask(topic, partition, definition, config, schemas, cold.open(topic, partition));
  const createTask = wrapTask === undefined ? plainTask : (place: TopicPartition) => wrapTask(plainTask(place));
  const ticks = options.ticks ?? now;
  const runner = new Runner({
    ...{ consumer, producer, committer, state, createTask, logger, signal, leaveOpen, maxBadRate, member },
    // What cannot be closed is of no use to anybody, and its files have no names.
    dropTask: (place, unused) => void cold.drop(place, unused).catch(() => {}),
    sink: new TopicSink(producer, config, outputs, emit, now),
    topics: config.source.topics,
    fields: stage === 'score windows' ? {} : config.source.fields,
    start: config.source.start,
    commitEveryMs: config.commitEveryMs,
    idleAfterMs: config.time.idleAfterMs,
    ...{ now, ticks },
    partitionCounts: new Map(topics.map((topic) => [topic.name, topic.partitions.length])),
    onGrown: async (partition) => {
      await ensureSinks(client.admin, sinks, { ...shape, partitions: partition + 1 });
      await ensureJournal(client.admin, journal, partition + 1);
    },
    ...(until !== undefined && { until }),
    ...(onProgress !== undefined && { onProgress }),
    ...(options.hooks !== undefined && { hooks: options.hooks }),
    model: modelOptions(config, options.scorers, logger, { now, ticks, untilEnd: until !== undefined }),
  });
  const ended = await runner.run();
  watch.warn(config.score?.on);
  if (ended === 'end') warnOfOverrides([...runner.settledTasks], config, topics.flatMap(partitionsOf).length, logger);
  return resultOf(runner, ended);
}

/** Only who has read all partitions to their end knows that no series is of that name. */
function warnOfOverrides(
  tasks: readonly Task[],
  { overrides }: PipelineConfig,
  partitions: number,
  logger: Logger,
): void {
  if (tasks.length < partitions) return;
  const keys = tasks.map(({ pipeline }) => pipeline.keys);
  const series = keys.reduce((sum, { count }) => sum + count, 0);
  for (const pattern of unmatchedOverrides(overrides, keys)) {
    logger.warn(`overrides: none of ${series} series matches ${pattern}`);
  }
}

function resultOf(runner: Runner, ended: JobResult['ended']): JobResult {
  const had = [...runner.settledTasks].map(({ topic, partition, pipeline }) => {
    return { topic, partition, series: pipeline.keys.count, openWindows: pipeline.openWindows };
  });
  return {
    ended,
    isCommitted: runner.isCommitted,
    totals: runner.totals,
    series: had.reduce((sum, { series }) => sum + series, 0),
    openWindows: had.reduce((sum, { openWindows }) => sum + openWindows, 0),
    partitions: had,
  };
}

/** The schemas and topics of the outputs, and the journal. The topics that are there are looked at before any is made. */
async function makeOutputs(
  { client, config, stage, registry, logger }: JobOptions,
  sinks: readonly NamedTopic[],
  journal: string,
  shape: SourceShape,
): Promise<OutputSchemas> {
  const names = sinks.map(({ name }) => name);
  await checkSinks(client.admin, names, shape);
  // Where values and outputs are JSON, a run needs no registry.
  if (config.sinks.format === 'avro' && stage !== 'score windows') await checkLatestSchemas(config, registry);
  const outputs = await registerOutputs(registry, config.sinks, names);
  const risk = await ensureJournal(client.admin, journal, shape.partitions);
  if (risk !== undefined) logger.warn(risk);
  const made = await ensureSinks(client.admin, sinks, shape);
  if (made.length > 0)
    logger.info(`created ${made.join(', ')} with ${shape.partitions} partition${shape.partitions === 1 ? '' : 's'}`);
  return outputs;
}

/** The store of the checkpoints, tried by a write, and what the configuration says of state. */
async function openState(
  options: JobOptions,
  cluster: string,
  journal: string,
  definition: string,
  schemas: SourceSchemas,
  topics: readonly TopicInfo[],
): Promise<StateOptions> {
  const { client, config, groupId, now, toolVersion, recovery } = options;
  const store = await options.openCheckpoints(groupId, cluster);
  await store.probe();
  const head = { pipeline: config.pipeline, group: groupId, cluster, toolVersion, definition };
  const partitionsOf = (topic: string) => topics.find(({ name }) => name === topic)!.partitions.length;
  return {
    ...{ client, store, now, journalTopic: journal, newId: randomUUID, head },
    ...(recovery.warm !== undefined && {
      warm: warmOf(recovery.warm, {
        ...{ admin: client.admin, config, partitionsOf, store, head, newId: randomUUID, now, logger: options.logger },
      }),
    }),
    schemaIds: () => [...schemas.ids],
    everyMs: config.checkpoint.everyMs,
    retain: config.checkpoint.retain,
    maxFailures: config.checkpoint.maxFailures,
    transactionTimeoutMs: config.transactionTimeoutMs,
    fresh: recovery.fresh,
    acceptGap: recovery.acceptGap,
    allow: new Set(recovery.allow),
  };
}

/** What a configuration computes. @throws ANM_CONFIG for one that cannot run */
export function defineJob(config: PipelineConfig, stage: Stage): ReturnType<typeof definePipeline> {
  const definition = definePipeline(stage === 'window' ? withoutScore(config) : config);
  if (stage === 'run' || stage.startsWith('score')) requireOutput(config, stage);
  requireOtherSinks(config, stage);
  return definition;
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

/** A stage that read what it writes would never come to an end. */
function requireOtherSinks(config: PipelineConfig, stage: Stage): void {
  const own = sinkTopics(config, stage).find(({ name }) => config.source.topics.includes(name))?.name;
  if (own === undefined) return;
  throw new AnomalyError('ANM_CONFIG', `cannot write to ${own} as it is a source topic of the same pipeline`, {
    hint: 'name other topics by sinks.*, or the pipeline otherwise: its name is that of the sinks without one',
  });
}

function withoutScore(config: PipelineConfig): PipelineConfig {
  const { score: _, ...rest } = config;
  return rest;
}

function partitionsOf(topic: { name: string; partitions: readonly { partition: number }[] }): TopicPartition[] {
  return topic.partitions.map(({ partition }) => ({ topic: topic.name, partition }));
}
