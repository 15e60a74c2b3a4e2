import { addAbortSignal } from 'node:stream';
import type { KafkaClient, Producer, TopicInfo } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError } from '../errors.ts';
import type { TextOutput } from '../output/textOutput.ts';
import { fileLines } from '../runtime/fileSource.ts';
import type { Line } from '../runtime/lines.ts';
import { LineWriter } from '../runtime/lineWriter.ts';
import { type TopicRange, topicBatches } from '../runtime/topicSource.ts';
import { ensureSinks, sourceShape, sourceTopics } from '../runtime/topics.ts';
import { readHeaders } from '../wire/headers.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import { stoppedCode } from './lifecycle.ts';
import { parseOffsets, resolveOffsets } from './offsetGrammar.ts';
import { choosePartitions } from './partitionChoice.ts';
import { inputPlace, openOutput, outputPlace, type Place } from './places.ts';
import { parseSpeed } from './produceOptions.ts';
import { ReplayPace, StartLine } from './replayPace.ts';
import { warnOfCorrupt } from './stageInput.ts';

/** Takes records from <= i < to of a batch; back-pressure is its promise. */
interface ReplaySink {
  write(batch: ColumnBatch, from: number, to: number): Promise<void>;
}

/** `replay`: a topic or files once more, to a topic or as NDJSON. */
export async function runReplay(context: CommandContext): Promise<number> {
  const { args, flags, cwd, signal, now } = context;
  const to = outputPlace((flags['to'] as string | undefined) ?? '-', cwd);
  const input = inputPlace(args[0]!, cwd);
  const pace = new ReplayPace(parseSpeed(flags['speed'] as string | undefined), now, signal);
  if (input.kind === 'topic') await replayTopic(context, input.name, to, pace);
  else await replayFiles(context, to, pace);
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

async function replayTopic(context: CommandContext, name: string, to: Place, pace: ReplayPace): Promise<void> {
  if (to.kind === 'topic' && to.name === name) throw new AnomalyError('ANM_USAGE', `cannot replay ${name} into itself`);
  const { settings, flags, now } = context;
  const client = await connectClient(context);
  try {
    const [topic] = await sourceTopics(client.admin, [name]);
    const partitions = choosePartitions(topic!, flags['partition'] as number[] | undefined);
    const offsets = parseOffsets((flags['offset'] as string | undefined) ?? 'start', now());
    const range = await resolveOffsets(client.admin, partitions, offsets, flags['follow'] === true);
    if (to.kind === 'topic') {
      await copyTopic(context, client, topic!, range, to.name, pace);
      return;
    }
    const output = await openOutput(context, to);
    const write = lineOutput(output, settings.durationMs('time.out_of_orderness'));
    const writer = new LineWriter(connectRegistry(context));
    try {
      await write([{ type: 'source', topic: name, partitions: topic!.partitions.length }]);
      const sink: ReplaySink = {
        write: async (batch, first, end) => await write(await writer.lines(batch, first, end)),
      };
      await readRange(context, client, range, pace, sink);
    } finally {
      await output.close();
    }
  } finally {
    await client.close();
  }
}

/** Records as they are, each into its own partition. */
async function copyTopic(
  context: CommandContext,
  client: KafkaClient,
  from: TopicInfo,
  range: TopicRange,
  to: string,
  pace: ReplayPace,
): Promise<void> {
  await ensureSinks(client.admin, [to], await sourceShape(client.admin, [from]));
  const producer = await client.createProducer();
  let records = 0;
  await readRange(context, client, range, pace, {
    write: async (batch, first, end) => {
      for (let i = first; i < end; i++) copyRecord(producer, to, batch, i);
      records += end - first;
      await producer.ready();
    },
  });
  await producer.flush();
  await producer.close();
  await context.output.document(
    { from: from.name, to, records },
    () => `replayed ${records.toLocaleString('en-US')} records from ${from.name} to ${to}`,
  );
}

function copyRecord(producer: Producer, to: string, batch: ColumnBatch, i: number): void {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd, partition, recordTimes } = batch;
  const key = keyStart[i]! < 0 ? null : bytes;
  const value = valueStart[i]! < 0 ? null : bytes;
  const [from, end] = [valueStart[i]!, valueEnd[i]!];
  const headers = readHeaders(batch, i);
  producer.append(to, partition, recordTimes[i]!, key, keyStart[i]!, keyEnd[i]!, value, from, end, headers);
}

/**
 * Reads a range into a sink. With a pace each partition has a reader of its own, as one that is ahead must not hold up
 * the others: what is due goes, whichever partition it is of.
 */
async function readRange(
  context: CommandContext,
  client: KafkaClient,
  range: TopicRange,
  pace: ReplayPace,
  sink: ReplaySink,
): Promise<void> {
  const read = (part: TopicRange) => topicBatches(client, part, context.signal, warnOfCorrupt(context));
  if (pace.unlimited) {
    for await (const batch of read(range)) await sink.write(batch, 0, batch.count);
    return;
  }
  const ends = await client.admin.listOffsets(range.from, 'latest');
  const parts = range.from.map((start, i) => ({ from: [start], to: range.to && [range.to[i]!], end: [ends[i]!] }));
  const firsts = await Promise.all(parts.map(({ from, end }) => firstTime(read({ from, to: end }))));
  const known = firsts.filter((timeMs) => timeMs >= 0);
  // The clock starts when all of them have something in hand, so that none begins late.
  const start = new StartLine(known.length, () => pace.start(Math.min(...known)));
  await Promise.all(
    parts.map(async ({ from, to }, i) => {
      const here = firsts[i]! < 0 ? () => {} : start.comer();
      try {
        for await (const batch of read({ from, to })) {
          here();
          await start.crossed;
          for (let first = 0; first < batch.count; ) {
            if (!(await pace.due(batch.recordTimes[first]!))) return;
            const end = pace.dueEnd(batch, first);
            await sink.write(batch, first, end);
            first = end;
          }
        }
      } finally {
        here();
      }
    }),
  );
}

/** Record time of the first record, -1 where there is none. */
async function firstTime(batches: AsyncIterable<ColumnBatch>): Promise<number> {
  for await (const batch of batches) return batch.recordTimes[0]!;
  return -1;
}

/** Record lines get the watermark after them, so that the next stage may see how far event time has come. */
function lineOutput(output: TextOutput, slackMs: number): (lines: readonly Line[]) => Promise<void> {
  const watermarks = new Map<string, number>();
  return async (lines) => {
    let text = '';
    for (const line of lines) {
      if (line['type'] === 'record') {
        const partition = `${line['topic']}/${line['partition']}`;
        const watermark = Math.max(watermarks.get(partition) ?? -Infinity, (line['record_time'] as number) - slackMs);
        watermarks.set(partition, watermark);
        line['watermark'] = watermark;
      }
      text += `${JSON.stringify(line)}\n`;
    }
    output.write(text);
    await output.ready();
  };
}
