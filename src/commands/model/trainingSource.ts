import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { parseDuration } from '../../config/duration.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { Recording } from '../../inputs/recording/recording.ts';
import { fieldNames } from '../../runtime/definition/fieldNames.ts';
import { fileLines } from '../../runtime/input/fileSource.ts';
import { LineBatch } from '../../runtime/input/lineBatch.ts';
import { LineSchemas } from '../../runtime/input/lineSchemas.ts';
import type { RecordLine } from '../../runtime/input/lines.ts';
import { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { settingName } from '../options/settingName.ts';
import { inputPlace } from '../places.ts';
import { recordingSource, topicSource } from '../replay/source.ts';
import { seriesReader, type TrainingSource } from './trainingSeries.ts';

/** Reads series of the fields of `config`, as a pipeline would read them. @throws ANM_USAGE, ANM_FILE, ANM_TOPIC_MISSING */
export async function readTrainingSource(
  context: CommandContext,
  sources: readonly string[],
  config: PipelineConfig,
): Promise<TrainingSource> {
  const places = sources.map((text) => inputPlace(text, context.cwd));
  const topics = places.filter((place) => place.kind === 'topic').map(({ name }) => name);
  const isFolder = await foldersAmong(context, topics);
  const named = topics.filter((name) => !isFolder.has(name));
  const [first] = places;
  const recording = places.length === 1 && first!.kind === 'file' ? await Recording.open(first!.path) : null;
  if (recording !== null) return await readRecording(context, recording, config);
  if (named.length === 0) return await readFiles(context, sources, config);
  if (named.length === sources.length) return await readTopics(context, named, config);
  throw new AnomalyError('ANM_USAGE', `cannot train on topic ${named[0]} and files at once`, {
    hint: 'give only files, or only topics; a path with a slash is a file',
  });
}

async function foldersAmong({ cwd }: CommandContext, names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const name of names) {
    const info = await stat(resolve(cwd, name)).catch(() => undefined);
    if (info?.isDirectory() === true) found.add(name);
  }
  return found;
}

async function readTopics(
  context: CommandContext,
  topics: readonly string[],
  config: PipelineConfig,
): Promise<TrainingSource> {
  const client = await connectClient(context);
  try {
    const reader = seriesReader(context, config, new SourceSchemas(config, connectRegistry(context), context.logger));
    for (const name of topics) {
      const { read, range } = await topicSource(ranged(context), client, name);
      for await (const batch of read(range, fieldNames(config).length)) await reader.take(batch);
    }
    return reader.result();
  } finally {
    await client.close();
  }
}

async function readRecording(
  context: CommandContext,
  recording: Recording,
  config: PipelineConfig,
): Promise<TrainingSource> {
  const { read, range, schemas } = await recordingSource(ranged(context), recording);
  const reader = seriesReader(context, config, new SourceSchemas(config, schemas, context.logger));
  for await (const batch of read(range, fieldNames(config).length)) await reader.take(batch);
  return reader.result();
}

/** --since as the --offset that it stands for: 4w back from now, or a time. */
function ranged(context: CommandContext): CommandContext {
  const { since, offset } = context.flags as { since?: string; offset?: string };
  const time = since?.replace(/^@?-?/, '');
  const text = time === undefined ? (offset ?? 'start') : `@${parseDuration(time) === null ? '' : '-'}${time}`;
  return { ...context, flags: { ...context.flags, offset: text } };
}

async function readFiles(
  context: CommandContext,
  inputs: readonly string[],
  config: PipelineConfig,
): Promise<TrainingSource> {
  const { cwd, stdin, logger, flags, signal } = context;
  for (const name of ['offset', 'since']) {
    if (flags[name] === undefined) continue;
    throw new AnomalyError('ANM_USAGE', `--${name} is for topics, and ${inputs[0]} is a file`, {
      hint: 'a file is read as a whole; --where takes a part of it',
    });
  }
  if (inputs.includes('-')) addAbortSignal(signal, stdin);
  let badRows = 0;
  const lines = fileLines({
    ...{ inputs, cwd, stdin, timeColumn: config.source.time, keyColumn: config.source.key },
    timeName: settingName(context.settings, 'source.time'),
    keyName: settingName(context.settings, 'source.key'),
    onBadRow: ({ file, line, reason }) => {
      if (badRows++ === 0) logger.warn(`left out ${file}:${line}: ${reason}`);
    },
    onNote: (text) => logger.warn(text),
  });
  // Key and time are those of the lines: the columns were found with the files.
  const { key: _, time: __, ...source } = config.source;
  const placed: PipelineConfig = { ...config, source: { ...source, format: 'json', columns: [] } };
  const reader = seriesReader(context, placed, new SourceSchemas(placed, undefined, logger));
  const batch = new LineBatch(new LineSchemas(undefined), fieldNames(placed).length);
  for await (const chunk of lines) {
    if (signal.aborted) break;
    for (const line of chunk) {
      if (line['type'] !== 'record') continue;
      const record = line as unknown as RecordLine;
      if (!batch.fits(record.topic, record.partition)) await reader.take(batch.take()!);
      await batch.add(record);
    }
  }
  const rest = batch.take();
  if (rest !== undefined) await reader.take(rest);
  if (badRows > 1) logger.warn(`${badRows} rows were left out`);
  return reader.result();
}
