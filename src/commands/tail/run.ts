import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { styled } from '../../output/color.ts';
import { formatTime } from '../../output/format.ts';
import { toJson, verbatim } from '../../output/json.ts';
import { topicMissing } from '../../runtime/topics/topics.ts';
import { readHeaders } from '../../wire/headers.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { headerMap } from '../headerMap.ts';
import { type OffsetRange, parseOffsets, type ResolvedRange, resolveOffsets } from '../options/offsetGrammar.ts';
import { choosePartitions } from '../options/partitionChoice.ts';
import { type ReadValue, ValueReader } from '../valueReader.ts';

const POLL_MS = 200;

/** `tail`: prints records until the end of the range, --num, or the signal. */
export async function runTail(context: CommandContext): Promise<number> {
  const topic = context.args[0]!;
  const num = context.flags['num'] as number | undefined;
  if (num !== undefined && num < 1) {
    throw new AnomalyError('ANM_USAGE', `--num wants a number of records from 1 on, got ${num}`);
  }
  const { flags, now } = context;
  const isLast = num !== undefined && flags['offset'] === undefined && flags['follow'] !== true;
  const client = await connectClient(context);
  try {
    const consumer = await client.createConsumer({ isolation: 'read_committed' });
    try {
      if (isLast) await printLast(context, client, consumer, topic, num);
      else {
        const text = (flags['offset'] as string | undefined) ?? (flags['follow'] === true ? 'end' : '-10');
        const range = await rangeOf(context, client, topic, parseOffsets(text, now()));
        await readRange(context, consumer, range, num ?? Infinity, async (print) => await print());
      }
    } finally {
      await consumer.close();
    }
    return 0;
  } finally {
    await client.close();
  }
}

async function rangeOf(
  { flags }: CommandContext,
  client: KafkaClient,
  topic: string,
  range: OffsetRange,
): Promise<ResolvedRange> {
  const [info] = await client.admin.topics([topic]);
  if (info === undefined) {
    const message = `cannot read topic ${topic} as it does not exist`;
    throw await topicMissing(client.admin, topic, message, 'rpk topic list shows the topics there are');
  }
  const partitions = choosePartitions(info, flags['partition'] as number[] | undefined);
  return await resolveOffsets(client.admin, partitions, range, flags['follow'] === true);
}

/**
 * Prints the last `num` records of all partitions, which are known once the last ones of each are read. Markers of
 * transactions and what was compacted take offsets as well: where too few are found it begins further back.
 */
async function printLast(
  context: CommandContext,
  client: KafkaClient,
  consumer: Consumer,
  topic: string,
  num: number,
): Promise<void> {
  let last: { timeMs: number; print: () => Promise<void> }[];
  let reached = Number.NaN;
  for (let back = num; ; back *= 8) {
    const range = await rangeOf(context, client, topic, { from: { kind: 'end', minus: back }, to: undefined });
    last = [];
    await readRange(context, consumer, range, Infinity, async (print, timeMs) => void last.push({ timeMs, print }));
    const from = range.from.reduce((sum, { offset }) => sum + offset, 0);
    if (last.length >= num || from === reached || context.signal.aborted) break;
    reached = from;
  }
  last.sort((a, b) => a.timeMs - b.timeMs);
  for (const { print } of last.slice(-num)) await print();
}

/** Hands over up to `limit` records of a range, until the signal. */
async function readRange(
  context: CommandContext,
  consumer: Consumer,
  range: ResolvedRange,
  limit: number,
  take: (print: () => Promise<void>, timeMs: number) => Promise<void>,
): Promise<void> {
  const { signal, flags } = context;
  const reader = new ValueReader(connectRegistry(context));
  const ends = new Map((range.to ?? []).map(({ partition, offset }) => [partition, offset]));
  const open = range.from.filter(({ partition, offset }) => offset < (ends.get(partition) ?? Infinity));
  if (open.length === 0) return;
  await consumer.assign(open);
  const unfinished = ({ topic, partition }: TopicPartitionOffset): boolean =>
    consumer.position(topic, partition) < (ends.get(partition) ?? Infinity);
  let taken = 0;
  while (!signal.aborted && taken < limit && open.some(unfinished)) {
    const batch = await next(consumer, open, flags['follow'] === true);
    for (const corrupt of consumer.takeCorrupt()) {
      context.logger.error(
        `left out offsets ${corrupt.firstOffset} to ${corrupt.nextOffset - 1} of ${corrupt.topic}/${corrupt.partition}: ${corrupt.reason}`,
      );
    }
    if (batch === null) continue;
    const end = ends.get(batch.partition) ?? Infinity;
    for (let i = 0; i < batch.count && taken < limit && batch.offsets[i]! < end; i++) {
      await take(await describeRecord(context, batch, i, reader), batch.recordTimes[i]!);
      taken++;
    }
  }
}

/** Null where nothing came. Who follows a topic waits for as long as the cluster is away, which the connection tells. */
async function next(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  follows: boolean,
): Promise<ColumnBatch | null> {
  try {
    return await consumer.poll(POLL_MS);
  } catch (error) {
    if (!follows || !isAnomalyError(error) || !error.retryable) throw error;
    for (const { topic, partition } of partitions) {
      consumer.seek({ topic, partition, offset: consumer.position(topic, partition) });
    }
    return null;
  }
}

/** What prints the record, which does not need the batch any more. */
async function describeRecord(
  context: CommandContext,
  batch: ColumnBatch,
  i: number,
  reader: ValueReader,
): Promise<() => Promise<void>> {
  const { output } = context;
  const key = await reader.read(batch.bytes, batch.keyStart[i]!, batch.keyEnd[i]!);
  const value = await reader.read(batch.bytes, batch.valueStart[i]!, batch.valueEnd[i]!);
  const headers = headerMap(readHeaders(batch, i));
  const row = {
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[i]!,
    timestamp: formatTime(batch.recordTimes[i]!),
    key: verbatim(key.value),
    keyEncoding: key.encoding === 'text' || key.encoding === 'null' ? undefined : key.encoding,
    keyProblem: key.problem,
    value: verbatim(value.value),
    headers: headers === undefined ? undefined : verbatim(headers),
    encoding: value.encoding,
    schemaId: value.schemaId,
    problem: value.problem,
  };
  const render = () => {
    const place = styled(output.color, 'dim', `${row.partition}/${row.offset} ${row.timestamp}`);
    const problem = value.problem === undefined ? '' : `  (${value.problem})`;
    const extra =
      headers === undefined ? '' : styled(output.color, 'dim', `  ${JSON.stringify(toJson(verbatim(headers)))}`);
    return `${place}  ${shown(key)}  ${shown(value)}${extra}${problem}`;
  };
  return () => output.line(row, render);
}

function shown({ value, encoding }: ReadValue): string {
  if (encoding === 'null') return '-';
  return typeof value === 'string' ? value : JSON.stringify(toJson(verbatim(value)));
}
