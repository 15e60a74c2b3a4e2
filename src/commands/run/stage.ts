import { join } from 'node:path';
import type { KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { splitAggregate } from '../../engine/windows/aggregates.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { ColdStores } from '../../runtime/coldStores.ts';
import { definePipeline } from '../../runtime/definition/definition.ts';
import { fieldNames } from '../../runtime/definition/fieldNames.ts';
import { WindowWatch } from '../../runtime/definition/windowWatch.ts';
import { LineSchemas } from '../../runtime/input/lineSchemas.ts';
import type { Line } from '../../runtime/input/lines.ts';
import { ObjectDecoder } from '../../runtime/input/objectDecoder.ts';
import { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import { modelOptions } from '../../runtime/model/modelOptions.ts';
import { registerOutputs } from '../../runtime/output/outputSchemas.ts';
import { type Emit, NdjsonSink, type RowSink } from '../../runtime/output/rowSink.ts';
import { TopicSink } from '../../runtime/output/topicSink.ts';
import { Pipe, type PipeTotals } from '../../runtime/pipes.ts';
import { RecordTask } from '../../runtime/recordTask.ts';
import { ensureSinks } from '../../runtime/topics/topics.ts';
import type { NamedTopic } from '../../runtime/topics/topicTable.ts';
import { WindowRowTask } from '../../runtime/windowRowTask.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { stoppedCode } from '../lifecycle.ts';
import { inputPlace, openOutput, outputPlace, type Place } from '../places.ts';
import { type OpenedScorers, openScorers, withModelReads } from '../scoreModel.ts';
import { openStageInput, type StageHead, type StageInput, topicHead } from '../stageInput.ts';
import { badRate } from './jobPlan.ts';
import { runPipeline } from './pipeline.ts';

type StageName = 'window' | 'score';

/** `window` and `score`: one stage from any place to any place. */
export async function runStage(context: CommandContext, stage: StageName): Promise<number> {
  const { settings, flags, args, cwd } = context;
  // The command says that there is scoring; the key only says by what.
  const base = settings.pipeline(stage === 'score' ? { 'score.detector': settings.get('score.detector') } : {});
  const input = args[0] === undefined ? configured(base.source.topics[0]) : inputPlace(args[0], cwd);
  const to = flags['to'] === undefined ? defaultTarget(base, input, stage) : outputPlace(flags['to'] as string, cwd);
  const config = placed(base, input, to, stage);
  if (stage === 'window' && config.windows.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'cannot close windows as none is configured', {
      hint: 'give --size 5m, or windows in anomaly.yaml',
    });
  }
  if (input.kind === 'topic' && to.kind === 'topic') return await onTopics(context, config, stage);
  return await throughPipes(context, config, stage, input, to);
}

/** A topic goes to the sink of anomaly.yaml; a pipe or a file goes on to stdout. */
function defaultTarget({ sinks }: PipelineConfig, input: Place, stage: StageName): Place {
  if (input.kind !== 'topic') return { kind: 'pipe' };
  return configured(stage === 'window' ? sinks.windows : sinks.anomalies);
}

/** A name from the configuration is a topic, whatever files there are. */
function configured(topic: string | undefined): Place {
  return topic === undefined ? { kind: 'pipe' } : { kind: 'topic', name: topic };
}

async function onTopics(context: CommandContext, config: PipelineConfig, stage: StageName): Promise<number> {
  const topic = config.source.topics[0]!;
  const wait = stage === 'score' && context.flags['until'] !== 'end';
  const head = await topicHead(context, topic, wait);
  if (stage === 'window') {
    refuseWindows(topic, head);
    return await runPipeline(context, 'window', config);
  }
  if (head.kind === undefined) {
    // Which state it would have is not known yet, so none is made.
    const nothing = { pipeline: config.pipeline, ended: wait ? 'stopped' : 'end', records: 0, alerts: 0 };
    await context.output.document(nothing, () => `${config.pipeline}: ${topic} is empty, so there is nothing to score`);
    return 0;
  }
  const { kind, scoring } = scoringOf(context, config, head);
  return await runPipeline(context, kind === 'window' ? 'score windows' : 'score records', scoring);
}

/** Reads the input once, from its beginning to its end, or to the signal when the input has no end. */
async function throughPipes(
  context: CommandContext,
  base: PipelineConfig,
  stage: StageName,
  source: Place,
  to: Place,
): Promise<number> {
  const { flags, logger, signal, settings } = context;
  if (to.kind === 'topic' && base.guarantee === 'exactly-once') {
    throw new AnomalyError(
      'ANM_UNSUPPORTED',
      `cannot write to topic ${to.name} exactly once from a pipe or a file, as a restart has no offset to go on from`,
      { hint: 'read a topic, or give --guarantee at-least-once' },
    );
  }
  let cold: ColdStores | undefined;
  let scorers: OpenedScorers | undefined;
  const needsKafka = source.kind === 'topic' || to.kind === 'topic';
  const client = needsKafka ? await connectClient(context) : undefined;
  try {
    const fieldCount = fieldNames(base).length;
    const input = await openStageInput(context, client, source, fieldCount);
    if (stage === 'window') refuseWindows(input.name, input.head);
    const { kind, scoring } =
      stage === 'score' ? scoringOf(context, base, input.head) : { kind: 'record' as const, scoring: base };
    const { score: _, ...unscored } = scoring;
    const config: PipelineConfig = stage === 'score' ? await withModelReads(context, scoring) : unscored;
    const emit: Emit = { windows: stage === 'window', alerts: stage === 'score' };
    const sink = await openSink(context, client, config, to, emit, input);
    try {
      const registry = connectRegistry(context);
      const schemas = new LineSchemas(registry);
      const watch = new WindowWatch(logger);
      scorers = stage === 'score' ? await openScorers(context, config, logger) : undefined;
      cold = await ColdStores.of(config, join(settings.string('state_dir'), 'pipes', 'lmdb'));
      const pipe = new Pipe({
        input: input.chunks,
        inputName: input.name,
        kind,
        sink: sink.rows,
        config,
        schemas,
        maxBadRate: badRate(flags['maxBadRate'] as number | undefined),
        deadLetters: to.kind === 'topic' ? config.sinks.deadLetters : undefined,
        leaveOpen: flags['leaveOpen'] === true,
        model: modelOptions(config, scorers, logger, {
          ...{ now: context.now, ticks: () => performance.now(), untilEnd: true },
        }),
        logger,
        signal,
        createTask: taskFactory(
          config,
          kind,
          source.kind === 'topic' ? registry : schemas,
          watch,
          logger,
          sink.partitions,
          cold,
        ),
      });
      report(context, stage, await pipe.run());
      if (kind === 'window' && !signal.aborted) watch.end(config.score!.on);
    } finally {
      await cold?.close();
      await scorers?.close();
      await sink.close();
    }
    return signal.aborted ? stoppedCode(signal) : 0;
  } finally {
    await client?.close();
  }
}

function taskFactory(
  config: PipelineConfig,
  kind: 'record' | 'window',
  registry: Pick<SchemaRegistry, 'schemaById'>,
  watch: WindowWatch,
  logger: Logger,
  sinkPartitions: number,
  cold: ColdStores,
) {
  const definition = definePipeline(config);
  const objects = new ObjectDecoder(registry);
  const schemas = new SourceSchemas(config, registry, logger);
  return (topic: string, partition: number) => {
    if (partition >= sinkPartitions) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `cannot write partition ${partition} of ${topic} as the target has ${sinkPartitions} partitions`,
        { hint: 'pass the lines of type source on, too, or create the target with enough partitions first' },
      );
    }
    return kind === 'window'
      ? new WindowRowTask(topic, partition, definition, objects, watch, cold.open(topic, partition))
      : new RecordTask(topic, partition, definition, config, schemas, cold.open(topic, partition));
  };
}

async function openSink(
  context: CommandContext,
  client: KafkaClient | undefined,
  config: PipelineConfig,
  to: Place,
  emit: Emit,
  input: StageInput,
): Promise<{ rows: RowSink; partitions: number; close: () => Promise<void> }> {
  if (to.kind !== 'topic') {
    const output = await openOutput(context, to);
    return { rows: new NdjsonSink(output, config, emit), partitions: Infinity, close: async () => {} };
  }
  const topics: NamedTopic[] = [
    { kind: emit.windows ? 'windows' : 'anomalies', name: to.name },
    { kind: 'late', name: config.sinks.late },
    { kind: 'dead_letters', name: config.sinks.deadLetters },
  ];
  const names = topics.map(({ name }) => name);
  const { admin } = client!;
  await ensureSinks(admin, topics, { partitions: input.partitions });
  const partitions = Math.min(...(await admin.topics(names)).map((topic) => topic.partitions.length));
  const schemas = await registerOutputs(connectRegistry(context), config.sinks, names);
  const producer = await client!.createProducer();
  const rows = new TopicSink(producer, config, schemas, emit, context.now);
  return { rows, partitions, close: () => producer.close() };
}

/** The configuration with its source and sink replaced by what the command line names. */
function placed(config: PipelineConfig, input: Place, to: Place, stage: StageName): PipelineConfig {
  const source = input.kind === 'topic' ? { ...config.source, topics: [input.name] } : config.source;
  const sink = to.kind !== 'topic' ? {} : stage === 'window' ? { windows: to.name } : { anomalies: to.name };
  return { ...config, source, sinks: { ...config.sinks, ...sink } };
}

function refuseWindows(name: string, head: StageHead): void {
  if (head.kind !== 'window') return;
  throw new AnomalyError('ANM_CONFIG', `cannot close windows over ${name} as it has windows already`, {
    hint: 'anomaly score scores them; anomaly window takes the records that they were made of',
  });
}

/** How the input is scored: by the shape of its first values; where there are none, by what score.on asks for. */
function scoringOf(
  context: CommandContext,
  config: PipelineConfig,
  head: StageHead,
): { kind: 'record' | 'window'; scoring: PipelineConfig } {
  if (head.kind === 'record') return { kind: 'record', scoring: config };
  if (head.kind === undefined && (config.score!.on === 'record' || isKnown(config))) {
    return { kind: 'record', scoring: config };
  }
  return { kind: 'window', scoring: scoringWindows(context, config, head.windows) };
}

function isKnown(config: PipelineConfig): boolean {
  return config.windows.some(({ name }) => name === windowOf(config, config.score!.on));
}

/** The window of an aggregate as w5m.mean, or of the aggregate that a feature is of. */
function windowOf(config: PipelineConfig, on: string): string {
  const of = config.features.find(({ name }) => name === on)?.of ?? on;
  return splitAggregate(of)?.window ?? '';
}

/** Scores the windows of the first row's name where the configuration does not say which. */
function scoringWindows(context: CommandContext, config: PipelineConfig, rows: readonly Line[]): PipelineConfig {
  refuseSelecting(context);
  // The records were filtered and the fields derived where the windows were made: only the names are left.
  const { where: _, ...unfiltered } = config.source;
  const derived = Object.fromEntries(Object.keys(config.derive).map((name) => [name, name]));
  let source = { ...unfiltered, fields: { ...unfiltered.fields, ...derived } };
  if (rows.length > 0 && context.settings.origin('source.fields').origin === 'default') {
    // Nobody said which: all that the first rows have.
    const names = new Set(rows.map((row) => String(row['field'])));
    source = { ...source, fields: Object.fromEntries([...names].map((name) => [name, name])) };
  }
  const score = config.score!;
  const { origin } = context.settings.origin('score.on');
  if (score.on === 'record' && origin !== 'default') {
    throw new AnomalyError('ANM_CONFIG', 'score.on cannot be record as the input is windows', {
      hint: `give an aggregate of one, as --on ${String(rows[0]?.['window'] ?? 'w5m')}.mean`,
      details: { key: 'score.on', value: 'record' },
    });
  }
  const on = score.on === 'record' ? `${String(rows[0]!['window'])}.mean` : score.on;
  const name = windowOf(config, on);
  if (name === '') {
    throw new AnomalyError('ANM_CONFIG', `score.on cannot be ${on} as the input is windows`, {
      hint: `give an aggregate of one, as --on ${String(rows[0]?.['window'] ?? 'w5m')}.mean`,
      details: { key: 'score.on', value: on },
    });
  }
  // Only its name matters here: the windows are closed already, and the state must not depend on which came first.
  const stand = { name, type: 'tumbling' as const, sizeMs: 1, aggregates: [] };
  const windows = isKnown({ ...config, score: { ...score, on } }) ? config.windows : [...config.windows, stand];
  return { ...config, source, derive: {}, windows, score: { ...score, on } };
}

/** A flag is meant for this very input; what anomaly.yaml says is for the stage that reads the records. */
function refuseSelecting({ settings }: CommandContext): void {
  for (const key of ['source.where', 'derive']) {
    const { origin, place } = settings.origin(key);
    if (origin !== 'flag') continue;
    throw new AnomalyError('ANM_CONFIG', `${place}: ${key} cannot be used on windows as it is for records`, {
      hint: 'give it to anomaly window, which reads the records',
      details: { key },
    });
  }
}

function report(context: CommandContext, stage: string, totals: PipeTotals): void {
  const out = stage === 'window' ? `${totals.windows} windows` : `${totals.alerts} alerts`;
  const filtered = totals.filtered === 0 ? '' : `, ${totals.filtered} filtered`;
  const { records, late, rejected } = totals;
  context.logger.info(`${stage}: ${records} in, ${out} out, ${late} late${filtered}, ${rejected} left out`);
}
