import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { CorruptBatch, KafkaClient } from '../clients/client.ts';
import type { ColumnBatch } from '../engine/batch.ts';
import { isWindow, type Line, type NumberedLine } from '../runtime/input/lines.ts';
import { ndjsonSource } from '../runtime/input/ndjson.ts';
import { ObjectDecoder } from '../runtime/input/objectDecoder.ts';
import { topicBatches } from '../runtime/input/topicSource.ts';
import type { PipeChunk } from '../runtime/pipes.ts';
import { sourceTopics } from '../runtime/topics/topics.ts';
import type { CommandContext } from './command.ts';
import { connectClient, connectRegistry } from './connections.ts';
import type { Place } from './places.ts';

/** What a stage reads, after a look at its beginning. */
export interface StageInput {
  /** For messages. */
  readonly name: string;
  /** All of it, what was looked at included. */
  readonly chunks: AsyncIterable<PipeChunk>;
  /** Partitions of the source as far as the input says. */
  readonly partitions: number;
  readonly head: StageHead;
}

export interface StageHead {
  /** Undefined where the input has nothing to tell it by. */
  readonly kind: 'record' | 'window' | undefined;
  /** The first windows, where it is windows. */
  readonly windows: readonly Line[];
}

/** Lines without a record or window after which the input is taken to have none. */
const HEAD_LINES = 1000;

export async function openStageInput(
  context: CommandContext,
  client: KafkaClient | undefined,
  input: Place,
  fieldCount: number,
): Promise<StageInput> {
  if (input.kind === 'topic') return await openTopic(context, client!, input.name, fieldCount);
  const name = input.kind === 'pipe' ? 'stdin' : input.path;
  const stream = input.kind === 'pipe' ? context.stdin : openFile(input.path);
  const { seen, chunks } = await lookAhead(ndjsonSource(stream, name, context.signal), (chunk, before) => {
    const count = before.reduce((sum, each) => sum + each.length, chunk.length);
    return count >= HEAD_LINES || chunk.some(isData);
  });
  const lines = seen.flat();
  const counts = lines.map(({ value }) => (value?.['type'] === 'source' ? Number(value['partitions']) : 1));
  const data = lines.filter(isData).map(({ value }) => value!);
  return { name, chunks, partitions: Math.max(1, ...counts.filter(Number.isInteger)), head: headOf(data) };
}

/** What the first values of a topic are. Without any it waits for them, unless `wait` is false or the signal comes. */
export async function topicHead(context: CommandContext, topic: string, wait: boolean): Promise<StageHead> {
  const client = await connectClient(context);
  try {
    const { from, to, isEmpty } = await topicRange(client, topic);
    if (isEmpty && wait) context.logger.info(`waiting for the first record of ${topic}`);
    const range = { from, to: wait ? undefined : to };
    for await (const batch of topicBatches(client, range, context.signal, warnOfCorrupt(context))) {
      return headOf(await valuesOf(context, batch));
    }
    return { kind: undefined, windows: [] };
  } finally {
    await client.close();
  }
}

/** What cannot be read at all is said, with where it was: a pipe has no dead letters. */
export function warnOfCorrupt({ logger }: CommandContext): (batch: CorruptBatch) => void {
  return ({ topic, partition, firstOffset, nextOffset, reason }) =>
    logger.error(`left out offsets ${firstOffset} to ${nextOffset - 1} of ${topic}/${partition}: ${reason}`);
}

async function openTopic(
  context: CommandContext,
  client: KafkaClient,
  name: string,
  fieldCount: number,
): Promise<StageInput> {
  const { from, to } = await topicRange(client, name);
  const range = { from, to: context.flags['until'] === 'end' ? to : undefined };
  const batches = topicBatches(client, range, context.signal, warnOfCorrupt(context), fieldCount);
  const { seen, chunks } = await lookAhead(batches, () => true);
  const head = headOf(seen[0] === undefined ? [] : await valuesOf(context, seen[0]));
  return { name, chunks, partitions: from.length, head };
}

async function topicRange(client: KafkaClient, topic: string) {
  const [info] = await sourceTopics(client.admin, [topic]);
  const partitions = info!.partitions.map(({ partition }) => ({ topic, partition }));
  const [from, to] = await Promise.all([
    client.admin.listOffsets(partitions, 'earliest'),
    client.admin.listOffsets(partitions, 'latest'),
  ]);
  return { from, to, isEmpty: from.every(({ offset }, i) => offset >= to[i]!.offset) };
}

async function valuesOf(context: CommandContext, batch: ColumnBatch): Promise<unknown[]> {
  const decoder = new ObjectDecoder(connectRegistry(context));
  const values: unknown[] = [];
  for (let i = 0; i < batch.count; i++) values.push(await decoder.value(batch, i));
  return values.filter((value) => value !== null);
}

function headOf(values: readonly unknown[]): StageHead {
  if (values.length === 0) return { kind: undefined, windows: [] };
  return isWindow(values[0]) ? { kind: 'window', windows: values.filter(isWindow) } : { kind: 'record', windows: [] };
}

function isData({ value }: NumberedLine): boolean {
  return value?.['type'] === 'record' || (value?.['type'] === 'window' && isWindow(value));
}

function openFile(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) return file;
  const inflated = createGunzip();
  file.on('error', (error) => inflated.destroy(error));
  inflated.on('close', () => file.destroy());
  return file.pipe(inflated);
}

/** Reads until a chunk is enough to tell what the source is; `chunks` gives everything, in order. */
async function lookAhead<T>(
  source: AsyncGenerator<T>,
  isEnough: (chunk: T, before: readonly T[]) => boolean,
): Promise<{ seen: readonly T[]; chunks: AsyncIterable<T> }> {
  const seen: T[] = [];
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    const enough = isEnough(next.value, seen);
    seen.push(next.value);
    if (enough) break;
  }
  async function* chunks(): AsyncGenerator<T> {
    try {
      yield* seen;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  }
  return { seen, chunks: chunks() };
}
