import type { KafkaClient } from '../clients/client.ts';
import type { SchemaRegistry } from '../clients/registry.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { definePipeline } from '../runtime/definition.ts';
import { LineSchemas } from '../runtime/lineSchemas.ts';
import type { Line } from '../runtime/lines.ts';
import { ObjectDecoder } from '../runtime/objectDecoder.ts';
import { registerOutputs } from '../runtime/outputSchemas.ts';
import { Pipe, type PipeTotals } from '../runtime/pipes.ts';
import { RecordTask } from '../runtime/recordTask.ts';
import { type Emit, NdjsonSink, type RowSink } from '../runtime/rowSink.ts';
import { SourceSchemas } from '../runtime/sourceSchemas.ts';
import { TopicSink } from '../runtime/topicSink.ts';
import { ensureSinks } from '../runtime/topics.ts';
import { WindowRowTask } from '../runtime/windowRowTask.ts';
import { WindowWatch } from '../runtime/windowWatch.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import { stoppedCode } from './lifecycle.ts';
import { inputPlace, openOutput, outputPlace, type Place } from './places.ts';
import { runPipeline } from './runPipeline.ts';
import { openStageInput, type StageHead, type StageInput, topicHead } from './stageInput.ts';

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
  const { flags, logger, signal } = context;
  const needsKafka = source.kind === 'topic' || to.kind === 'topic';
  const client = needsKafka ? await connectClient(context) : undefined;
  try {
    const fieldCount = Object.keys(base.source.fields).length;
    const input = await openStageInput(context, client, source, fieldCount);
    if (stage === 'window') refuseWindows(input.name, input.head);
    const { kind, scoring } =
      stage === 'score' ? scoringOf(context, base, input.head) : { kind: 'record' as const, scoring: base };
    const { score: _, ...unscored } = scoring;
    const config: PipelineConfig = stage === 'score' ? scoring : unscored;
    const emit: Emit = { windows: stage === 'window', alerts: stage === 'score' };
    const sink = await openSink(context, client, config, to, emit, input);
    try {
      const registry = connectRegistry(context);
      const schemas = new LineSchemas(registry);
      const watch = new WindowWatch(logger);
      const pipe = new Pipe({
        input: input.chunks,
        inputName: input.name,
        kind,
        sink: sink.rows,
        config,
        schemas,
        maxBadRate: (flags['maxBadRate'] as number | undefined) ?? 0.1,
        deadLetters: to.kind === 'topic' ? config.sinks.deadLetters : undefined,
        leaveOpen: flags['leaveOpen'] === true,
        logger,
        signal,
        createTask: taskFactory(
          config,
          kind,
          source.kind === 'topic' ? registry : schemas,
          watch,
          logger,
          sink.partitions,
        ),
      });
      report(context, stage, await pipe.run());
      if (kind === 'window' && !signal.aborted) watch.end(config.score!.on);
    } finally {
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
      ? new WindowRowTask(topic, partition, definition, objects, watch)
      : new RecordTask(topic, partition, definition, config, schemas);
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
  const names = [to.name, config.sinks.late, config.sinks.deadLetters];
  const { admin } = client!;
  await ensureSinks(admin, names, { partitions: input.partitions });
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
  return of.slice(0, Math.max(0, of.lastIndexOf('.')));
}

/** Scores the windows of the first row's name where the configuration does not say which. */
function scoringWindows(context: CommandContext, config: PipelineConfig, rows: readonly Line[]): PipelineConfig {
  let { source } = config;
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
  return { ...config, source, windows, score: { ...score, on } };
}

function report(context: CommandContext, stage: string, totals: PipeTotals): void {
  const out = stage === 'window' ? `${totals.windows} windows` : `${totals.alerts} alerts`;
  context.logger.info(`${stage}: ${totals.records} in, ${out} out, ${totals.late} late, ${totals.rejected} left out`);
}
