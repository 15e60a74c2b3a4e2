import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaClient } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { AnomalyError } from '../errors.ts';
import { fileLines } from '../runtime/fileSource.ts';
import { ObjectDecoder } from '../runtime/objectDecoder.ts';
import { topicBatches, topicLines } from '../runtime/topicSource.ts';
import { ensureSinks, sourceTopics } from '../runtime/topics.ts';
import { readHeaders } from '../wire/headers.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import { stoppedCode } from './lifecycle.ts';
import { parseOffsets, resolveOffsets } from './offsetGrammar.ts';
import { placeOf, warnOfCorrupt } from './runStage.ts';

/** `replay`: a topic or files once more, to a topic or as NDJSON. */
export async function runReplay(context: CommandContext): Promise<number> {
  const { args, flags } = context;
  const to = placeOf((flags['to'] as string | undefined) ?? '-');
  const input = placeOf(args[0]!);
  if (input.kind !== 'topic') {
    if (to.kind === 'topic') {
      throw new AnomalyError('ANM_USAGE', `cannot replay files to topic ${to.name}`, {
        hint: `anomaly produce ${args.join(' ')} --topic ${to.name} loads files, with a schema`,
      });
    }
    const { settings, cwd, stdin, logger } = context;
    const lines = fileLines({
      inputs: args,
      cwd,
      stdin,
      timeColumn: settings.optionalString('source.time'),
      keyColumn: settings.optionalString('source.key'),
      onBadRow: ({ file, line, reason }) => logger.warn(`left out ${file}:${line}: ${reason}`),
      onNote: (text) => logger.warn(text),
    });
    return await writeLines(context, lines, to);
  }
  const client = await connectClient(context);
  try {
    const batches = paced(
      context,
      topicBatches(client, await rangeOf(context, client, input.name), context.signal, warnOfCorrupt(context)),
    );
    if (to.kind === 'topic') return await copyTopic(context, client, batches, input.name, to.name);
    const decoder = new ObjectDecoder(connectRegistry(context));
    const lines = topicLines(batches, decoder, (batch, i, reason) =>
      context.logger.warn(`left out ${batch.topic}/${batch.partition} offset ${batch.offsets[i]}: ${reason}`),
    );
    return await writeLines(context, lines, to);
  } finally {
    await client.close();
  }
}

async function rangeOf(context: CommandContext, client: KafkaClient, topic: string) {
  const { flags, now } = context;
  const [info] = await sourceTopics(client.admin, [topic]);
  const wanted = flags['partition'] as number[] | undefined;
  const partitions = info!.partitions
    .filter(({ partition }) => wanted === undefined || wanted.includes(partition))
    .map(({ partition }) => ({ topic, partition }));
  const range = parseOffsets((flags['offset'] as string | undefined) ?? 'start', now());
  return await resolveOffsets(client.admin, partitions, range, flags['follow'] === true);
}

/** Holds batches back so that record times pass at the given multiple of real time; max does not wait. */
async function* paced(context: CommandContext, batches: AsyncIterable<ColumnBatch>): AsyncGenerator<ColumnBatch> {
  const text = (context.flags['speed'] as string | undefined) ?? 'max';
  const factor = text === 'max' ? Number.POSITIVE_INFINITY : Number(text.replace(/x$/, ''));
  if (!(factor > 0)) throw new AnomalyError('ANM_USAGE', `--speed wants a factor such as 60x, or max, got "${text}"`);
  const started = context.now();
  let first: number | undefined;
  for await (const batch of batches) {
    first ??= batch.recordTimes[0]!;
    const dueMs = started + (batch.recordTimes[0]! - first) / factor - context.now();
    if (dueMs > 0) await delay(dueMs, undefined, { signal: context.signal });
    yield batch;
  }
}

/** Records as they are, each into its own partition. */
async function copyTopic(
  context: CommandContext,
  client: KafkaClient,
  batches: AsyncIterable<ColumnBatch>,
  from: string,
  to: string,
) {
  if (from === to) throw new AnomalyError('ANM_USAGE', `cannot replay ${from} into itself`);
  const [info] = await sourceTopics(client.admin, [from]);
  await ensureSinks(client.admin, [to], info!.partitions.length);
  const producer = await client.createProducer();
  let records = 0;
  for await (const batch of batches) {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = batch;
    for (let i = 0; i < batch.count; i++) {
      const key = keyStart[i]! < 0 ? null : bytes;
      const value = valueStart[i]! < 0 ? null : bytes;
      const headers = readHeaders(batch, i);
      producer.append(
        to,
        batch.partition,
        batch.recordTimes[i]!,
        key,
        keyStart[i]!,
        keyEnd[i]!,
        value,
        valueStart[i]!,
        valueEnd[i]!,
        headers,
      );
    }
    records += batch.count;
    await producer.ready();
  }
  await producer.flush();
  await producer.close();
  await context.output.document(
    { from, to, records },
    () => `replayed ${records.toLocaleString('en-US')} records from ${from} to ${to}`,
  );
  return context.signal.aborted ? stoppedCode(context.signal) : 0;
}

/** Record lines get the watermark after them, so that the next stage may see how far event time has come. */
async function writeLines(
  context: CommandContext,
  chunks: AsyncIterable<Record<string, unknown>[]>,
  to: ReturnType<typeof placeOf>,
) {
  const output: Writable = to.kind === 'file' ? createWriteStream(to.path) : context.stdout;
  const slackMs = context.settings.durationMs('time.out_of_orderness');
  const watermarks = new Map<string, number>();
  for await (const lines of chunks) {
    if (context.signal.aborted) break;
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
    if (!output.write(text)) await new Promise((resolve) => output.once('drain', resolve));
  }
  if (to.kind === 'file') {
    output.end();
    await finished(output);
  }
  return context.signal.aborted ? stoppedCode(context.signal) : 0;
}
