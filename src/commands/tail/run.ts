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
import { parseOffsets, type ResolvedRange, resolveOffsets } from '../options/offsetGrammar.ts';
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
  const client = await connectClient(context);
  try {
    const range = await rangeOf(context, client, topic);
    const consumer = await client.createConsumer({ isolation: 'read_committed' });
    try {
      await printRange(context, consumer, range);
    } finally {
      await consumer.close();
    }
    return 0;
  } finally {
    await client.close();
  }
}

async function rangeOf({ flags, now }: CommandContext, client: KafkaClient, topic: string): Promise<ResolvedRange> {
  const num = flags['num'] as number | undefined;
  const follow = flags['follow'] === true;
  const text = (flags['offset'] as string | undefined) ?? (follow ? 'end' : `-${num ?? 10}`);
  const range = parseOffsets(text, now());
  const [info] = await client.admin.topics([topic]);
  if (info === undefined) {
    const message = `cannot read topic ${topic} as it does not exist`;
    throw await topicMissing(client.admin, topic, message, 'rpk topic list shows the topics there are');
  }
  const partitions = choosePartitions(info, flags['partition'] as number[] | undefined);
  return await resolveOffsets(client.admin, partitions, range, follow);
}

async function printRange(context: CommandContext, consumer: Consumer, range: ResolvedRange): Promise<void> {
  const { signal, flags } = context;
  const num = flags['num'] as number | undefined;
  // The last ones of all partitions are known once the last ones of each are read.
  const isLast = num !== undefined && flags['offset'] === undefined && flags['follow'] !== true;
  const limit = isLast ? Infinity : (num ?? Infinity);
  const last: { timeMs: number; print: () => Promise<void> }[] = [];
  const reader = new ValueReader(connectRegistry(context));
  const ends = new Map((range.to ?? []).map(({ partition, offset }) => [partition, offset]));
  const open = range.from.filter(({ partition, offset }) => offset < (ends.get(partition) ?? Infinity));
  if (open.length === 0 || limit <= 0) return;
  await consumer.assign(open);
  const unfinished = ({ topic, partition }: TopicPartitionOffset): boolean =>
    consumer.position(topic, partition) < (ends.get(partition) ?? Infinity);
  let printed = 0;
  while (!signal.aborted && printed < limit && open.some(unfinished)) {
    const batch = await next(consumer, open, flags['follow'] === true);
    for (const corrupt of consumer.takeCorrupt()) {
      context.logger.error(
        `left out offsets ${corrupt.firstOffset} to ${corrupt.nextOffset - 1} of ${corrupt.topic}/${corrupt.partition}: ${corrupt.reason}`,
      );
    }
    if (batch === null) continue;
    const end = ends.get(batch.partition) ?? Infinity;
    for (let i = 0; i < batch.count && printed < limit && batch.offsets[i]! < end; i++) {
      const print = await describeRecord(context, batch, i, reader);
      if (isLast) last.push({ timeMs: batch.recordTimes[i]!, print });
      else await print();
      printed++;
    }
  }
  last.sort((a, b) => a.timeMs - b.timeMs);
  if (isLast) for (const { print } of last.slice(-num)) await print();
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
