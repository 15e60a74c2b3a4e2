import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { CorruptBatch } from '../clients/client.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import { definePipeline } from '../runtime/definition.ts';
import { ndjsonSource } from '../runtime/ndjson.ts';
import { ObjectDecoder } from '../runtime/objectDecoder.ts';
import { registerOutputs } from '../runtime/outputSchemas.ts';
import { Pipe, type PipeTotals } from '../runtime/pipes.ts';
import { RecordTask } from '../runtime/recordTask.ts';
import { type Emit, NdjsonSink, type RowSink } from '../runtime/rowSink.ts';
import { SourceSchemas } from '../runtime/sourceSchemas.ts';
import { TopicSink } from '../runtime/topicSink.ts';
import { isWindow, topicBatches, topicLines } from '../runtime/topicSource.ts';
import { ensureSinks, sourceTopics } from '../runtime/topics.ts';
import { WindowRowTask, warnOfPassedBy } from '../runtime/windowRowTask.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import { stoppedCode } from './lifecycle.ts';
import { runPipeline } from './runPipeline.ts';

export type Place =
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'pipe' };

/** What an INPUT or --to names: - is a pipe; a path with a slash or a known ending, or an existing file, is a file. */
export function placeOf(text: string): Place {
  if (text === '-') return { kind: 'pipe' };
  if (text.includes('/') || /\.(ndjson|jsonl|json|csv|tsv)(\.gz)?$/.test(text) || existsSync(text))
    return { kind: 'file', path: text };
  return { kind: 'topic', name: text };
}

/** `window` and `score`: one stage from any place to any place. */
export async function runStage(context: CommandContext, stage: 'window' | 'score'): Promise<number> {
  const { settings, flags, args } = context;
  const base = settings.pipeline();
  const input = placeOf(args[0] ?? base.source.topics[0] ?? '-');
  const to = placeOf((flags['to'] as string | undefined) ?? defaultTarget(base, input, stage));
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
function defaultTarget({ sinks }: PipelineConfig, input: Place, stage: 'window' | 'score'): string {
  if (input.kind !== 'topic') return '-';
  return stage === 'window' ? sinks.windows : sinks.anomalies;
}

async function onTopics(context: CommandContext, config: PipelineConfig, stage: 'window' | 'score'): Promise<number> {
  if (stage === 'window') return await runPipeline(context, 'window', config);
  const head = await firstValues(context, config.source.topics[0]!);
  return isWindow(head[0])
    ? await runPipeline(context, 'score windows', scoringWindows(context, config, head))
    : await runPipeline(context, 'score records', config);
}

/** Reads the input once, from its beginning to its end, or to the signal when the input has no end. */
async function throughPipes(
  context: CommandContext,
  base: PipelineConfig,
  stage: 'window' | 'score',
  input: Place,
  to: Place,
): Promise<number> {
  const { flags, logger, signal } = context;
  const needsKafka = input.kind === 'topic' || to.kind === 'topic';
  const client = needsKafka ? await connectClient(context) : undefined;
  try {
    const source = await openSource(context, client, input);
    let config = base;
    const { head, all } = await peek(source);
    if (stage === 'score' && isWindow(head[0])) config = scoringWindows(context, base, head);
    const emit: Emit = { windows: stage === 'window', alerts: stage === 'score' };
    const sink = await openSink(context, client, config, to, emit, input);
    const { score: _, ...withoutScore } = config;
    const definition = definePipeline(stage === 'window' ? withoutScore : config);
    const json = { ...config, source: { ...config.source, format: 'json' as const } };
    const schemas = new SourceSchemas(json, undefined, logger);
    const passedBy = warnOfPassedBy(logger);
    const pipe = new Pipe({
      input: all,
      inputName: args0(context),
      sink: sink.rows,
      config,
      leaveOpen: flags['leaveOpen'] === true,
      logger,
      signal,
      createTask: (topic, partition, kind) =>
        kind === 'window'
          ? new WindowRowTask(topic, partition, definition, undefined, passedBy)
          : new RecordTask(topic, partition, definition, json, schemas),
    });
    report(context, stage, await pipe.run());
    await sink.close();
    return signal.aborted ? stoppedCode(signal) : 0;
  } finally {
    await client?.close();
  }
}

function args0(context: CommandContext): string {
  return context.args[0] === undefined || context.args[0] === '-' ? 'stdin' : context.args[0];
}

async function openSource(
  context: CommandContext,
  client: Awaited<ReturnType<typeof connectClient>> | undefined,
  input: Place,
) {
  if (input.kind === 'pipe') return ndjsonSource(context.stdin, 'stdin');
  if (input.kind === 'file') {
    if (!existsSync(input.path))
      throw new AnomalyError('ANM_FILE', `cannot read ${input.path} as there is no such file`);
    return ndjsonSource(createReadStream(input.path), input.path);
  }
  const [topic] = await sourceTopics(client!.admin, [input.name]);
  const partitions = topic!.partitions.map(({ partition }) => ({ topic: input.name, partition }));
  const from = await client!.admin.listOffsets(partitions, 'earliest');
  const to = context.flags['until'] === 'end' ? await client!.admin.listOffsets(partitions, 'latest') : undefined;
  const decoder = new ObjectDecoder(connectRegistry(context));
  return topicLines(
    topicBatches(client!, { from, to }, context.signal, warnOfCorrupt(context)),
    decoder,
    (batch, i, reason) =>
      context.logger.warn(`left out ${batch.topic}/${batch.partition} offset ${batch.offsets[i]}: ${reason}`),
  );
}

async function openSink(
  context: CommandContext,
  client: Awaited<ReturnType<typeof connectClient>> | undefined,
  config: PipelineConfig,
  to: Place,
  emit: Emit,
  input: Place,
): Promise<{ rows: RowSink; close: () => Promise<void> }> {
  if (to.kind === 'topic') {
    const partitions =
      input.kind === 'topic' ? (await sourceTopics(client!.admin, [input.name]))[0]!.partitions.length : 1;
    const names = [to.name, config.sinks.late, config.sinks.deadLetters];
    await ensureSinks(client!.admin, names, { partitions });
    const schemas = await registerOutputs(connectRegistry(context), config.sinks, names);
    const producer = await client!.createProducer();
    return { rows: new TopicSink(producer, config, schemas, emit, context.now), close: () => producer.close() };
  }
  const output: Writable = to.kind === 'pipe' ? context.stdout : createWriteStream(to.path);
  const close = async () => {
    if (to.kind === 'pipe') return;
    output.end();
    await finished(output);
  };
  return { rows: new NdjsonSink(output, config, emit), close };
}

/** The configuration with its source and sink replaced by what the command line names. */
function placed(config: PipelineConfig, input: Place, to: Place, stage: 'window' | 'score'): PipelineConfig {
  const source = input.kind === 'topic' ? { ...config.source, topics: [input.name] } : config.source;
  const sink = to.kind !== 'topic' ? {} : stage === 'window' ? { windows: to.name } : { anomalies: to.name };
  return { ...config, source, sinks: { ...config.sinks, ...sink } };
}

/** Scores the windows of the given row's name where the configuration does not say which. */
function scoringWindows(context: CommandContext, given: PipelineConfig, head: readonly unknown[]): PipelineConfig {
  if (given.score === undefined) return given;
  const first = head[0] as Record<string, unknown>;
  const config = { ...given, score: given.score };
  if (context.settings.origin('source.fields').origin === 'default') {
    // Nobody said which: all that the first rows have.
    const names = new Set(head.filter(isWindow).map((row) => String(row['field'])));
    config.source = { ...given.source, fields: Object.fromEntries([...names].map((name) => [name, name])) };
  }
  const on = config.score.on === 'record' ? `${String(first['window'])}.mean` : config.score.on;
  const name = on.split('.')[0]!;
  const known = config.windows.some((each) => each.name === name);
  // Only its name matters here: the windows are closed already.
  const stand = {
    name,
    type: 'tumbling' as const,
    sizeMs: Number(first['end']) - Number(first['start']),
    aggregates: [],
  };
  return { ...config, windows: known ? config.windows : [...config.windows, stand], score: { ...config.score, on } };
}

/** What cannot be read at all is said, with where it was: a pipe has no dead letters. */
export function warnOfCorrupt({ logger }: CommandContext): (batch: CorruptBatch) => void {
  return ({ topic, partition, firstOffset, nextOffset, reason }) =>
    logger.error(`left out offsets ${firstOffset} to ${nextOffset - 1} of ${topic}/${partition}: ${reason}`);
}

async function peek<T>(
  source: AsyncIterable<readonly T[]>,
): Promise<{ head: readonly T[]; all: AsyncIterable<readonly T[]> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = await iterator.next();
  while (head.done !== true && head.value.length === 0) head = await iterator.next();
  async function* all(): AsyncGenerator<readonly T[]> {
    for (let item = head; item.done !== true; item = await iterator.next()) yield item.value;
  }
  return { head: head.done === true ? [] : head.value, all: all() };
}

/** The values of the topic's first batch. */
async function firstValues(context: CommandContext, topic: string): Promise<unknown[]> {
  const client = await connectClient(context);
  try {
    const [info] = await sourceTopics(client.admin, [topic]);
    const partitions = info!.partitions.map(({ partition }) => ({ topic, partition }));
    const from = await client.admin.listOffsets(partitions, 'earliest');
    const to = await client.admin.listOffsets(partitions, 'latest');
    const decoder = new ObjectDecoder(connectRegistry(context));
    for await (const batch of topicBatches(client, { from, to }, context.signal, warnOfCorrupt(context))) {
      const values: unknown[] = [];
      for (let i = 0; i < batch.count; i++) values.push(await decoder.value(batch, i));
      return values;
    }
    throw new AnomalyError('ANM_CONFIG', `cannot tell whether ${topic} has windows or records as it is empty`, {
      hint: 'start anomaly window first, or run both stages in one by anomaly run',
    });
  } finally {
    await client.close();
  }
}

function report(context: CommandContext, stage: string, totals: PipeTotals): void {
  const out = stage === 'window' ? `${totals.windows} windows` : `${totals.alerts} alerts`;
  context.logger.info(`${stage}: ${totals.records} in, ${out} out, ${totals.late} late, ${totals.rejected} left out`);
}
