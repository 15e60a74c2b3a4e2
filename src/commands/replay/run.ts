import { addAbortSignal } from 'node:stream';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { Recording } from '../../inputs/recording/recording.ts';
import { fileLines } from '../../runtime/input/fileSource.ts';
import { ensureSinks } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { stoppedCode } from '../lifecycle.ts';
import { settingName } from '../options/settingName.ts';
import { inputPlace, openOutput, outputPlace, type Place } from '../places.ts';
import { parseSpeed } from '../produce/options.ts';
import { ReplayPace } from './pace.ts';
import { type OpenRecording, openRecording, recordJournal } from './recordTopic.ts';
import { LineSink, lineOutput, TopicCopy } from './sinks.ts';
import { type ReplaySink, type ReplaySource, readSource, recordingSource, topicSource } from './source.ts';

/** `replay`: a topic, a recording or files once more, to a topic, as NDJSON, or into a recording. */
export async function runReplay(context: CommandContext): Promise<number> {
  const { args, flags, cwd, signal, now } = context;
  const record = flags['record'] as string | undefined;
  const target = (flags['to'] as string | undefined) ?? (record === undefined ? '-' : undefined);
  const to = target === undefined ? undefined : outputPlace(target, cwd);
  const input = inputPlace(args[0]!, cwd);
  const pace = new ReplayPace(parseSpeed(flags['speed'] as string | undefined), now, signal);
  if (input.kind === 'topic') await replayTopic(context, input.name, to, pace);
  else {
    if (record !== undefined) throw new AnomalyError('ANM_USAGE', `--record is for topics, and ${args[0]} is a file`);
    const recording = input.kind === 'file' && args.length === 1 ? await Recording.open(input.path) : null;
    if (recording === null) await replayFiles(context, to!, pace);
    else await replayRecording(context, recording, to!, pace);
  }
  return signal.aborted ? stoppedCode(signal) : 0;
}

async function replayFiles(context: CommandContext, to: Place, pace: ReplayPace): Promise<void> {
  const { settings, cwd, stdin, logger, args, flags, signal } = context;
  if (to.kind === 'topic') {
    throw new AnomalyError('ANM_USAGE', `cannot replay files to topic ${to.name}`, {
      hint: `anomaly produce ${args.join(' ')} --topic ${to.name} loads files, with a schema`,
    });
  }
  for (const name of ['offset', 'partition', 'follow']) {
    if (flags[name] === undefined) continue;
    throw new AnomalyError('ANM_USAGE', `--${name} is for topics, and ${args[0]} is a file`, {
      hint: 'a file is replayed as a whole; load it with anomaly produce first',
    });
  }
  // An idle stdin must not hold the process after the signal.
  if (args.includes('-')) addAbortSignal(signal, stdin);
  const lines = fileLines({
    inputs: args,
    cwd,
    stdin,
    timeColumn: settings.optionalString('source.time'),
    keyColumn: settings.optionalString('source.key'),
    timeName: settingName(settings, 'source.time'),
    keyName: settingName(settings, 'source.key'),
    onBadRow: ({ file, line, reason }) => logger.warn(`left out ${file}:${line}: ${reason}`),
    onNote: (text) => logger.warn(text),
  });
  const output = await openOutput(context, to);
  const write = lineOutput(output, settings.durationMs('time.out_of_orderness'));
  try {
    for await (const chunk of lines) {
      if (signal.aborted) break;
      if (pace.unlimited) await write(chunk);
      else for (const line of chunk) if (await pace.due(Number(line['record_time'] ?? -1))) await write([line]);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await output.close();
  }
}

async function replayTopic(
  context: CommandContext,
  name: string,
  to: Place | undefined,
  pace: ReplayPace,
): Promise<void> {
  if (to?.kind === 'topic' && to.name === name)
    throw new AnomalyError('ANM_USAGE', `cannot replay ${name} into itself`);
  const client = await connectClient(context);
  let recording: OpenRecording | undefined;
  try {
    const source = await topicSource(context, client, name);
    recording = await openRecording(context, client, source);
    const journal = recording;
    const finish = journal && (() => recordJournal(context, client, source, journal));
    await replaySource(context, client, source, to, pace, recording?.sink, finish);
    if (recording === undefined) return;
    await recording.writer.close(!context.signal.aborted);
    const { records, bytes, path } = recording.writer;
    recording = undefined;
    if (to?.kind === 'pipe') return;
    await context.output.document(
      { from: name, file: path, records, bytes },
      () => `recorded ${records.toLocaleString('en-US')} records from ${name} in ${path}`,
    );
  } finally {
    await recording?.writer.abandon();
    await client.close();
  }
}

async function replayRecording(
  context: CommandContext,
  recording: Recording,
  to: Place,
  pace: ReplayPace,
): Promise<void> {
  const { flags, args } = context;
  if (flags['follow'] !== undefined) {
    throw new AnomalyError('ANM_USAGE', `--follow is for topics, and ${args[0]} is a recording`);
  }
  const source = await recordingSource(context, recording);
  if (to.kind !== 'topic') return await replaySource(context, undefined, source, to, pace);
  const client = await connectClient(context);
  try {
    await warnOfSchemas(context, recording);
    await replaySource(context, client, source, to, pace);
  } finally {
    await client.close();
  }
}

/** Reads a source once, into all that it is to go to. */
async function replaySource(
  context: CommandContext,
  client: KafkaClient | undefined,
  source: ReplaySource,
  to: Place | undefined,
  pace: ReplayPace,
  recording?: ReplaySink,
  finish?: () => Promise<void>,
): Promise<void> {
  const read = async (sink: ReplaySink | undefined) => {
    const sinks = [recording, sink].filter((each) => each !== undefined);
    await readSource(source, pace, {
      write: async (batch, first, end) => {
        for (const each of sinks) await each.write(batch, first, end);
      },
    });
    await finish?.();
  };
  if (to === undefined) return await read(undefined);
  if (to.kind === 'topic') {
    await ensureSinks(client!.admin, [{ kind: 'replayed', name: to.name }], await source.shape());
    const copy = await TopicCopy.open(client!, to.name);
    try {
      await read(copy);
      await copy.finish();
    } finally {
      await copy.close();
    }
    const { records } = copy;
    await context.output.document(
      { from: source.topic, to: to.name, records },
      () => `replayed ${records.toLocaleString('en-US')} records from ${source.topic} to ${to.name}`,
    );
    return;
  }
  const output = await openOutput(context, to);
  try {
    await read(await LineSink.open(output, source, context.settings.durationMs('time.out_of_orderness')));
  } finally {
    await output.close();
  }
}

/** Values name schemas by the ids of the registry that they were recorded with, and another one may have others there. */
async function warnOfSchemas(context: CommandContext, { schemas }: Recording): Promise<void> {
  const registry = connectRegistry(context);
  for (const { id, text } of schemas.values()) {
    let found: string | undefined;
    try {
      found = (await registry.schemaById(id)).schema;
    } catch (error) {
      if (!isAnomalyError(error)) throw error;
      if (error.code !== 'ANM_SCHEMA_UNKNOWN') {
        context.logger.warn(`whether the registry has the schemas that the values name is not known: ${error.message}`);
        return;
      }
    }
    if (found !== undefined && sameJson(found, text)) continue;
    const what = found === undefined ? 'has none by that id' : 'has another one by that id';
    context.logger.warn(`values name schema ${id} of the registry that they were recorded with, and this one ${what}`);
  }
}

function sameJson(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
