import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import { digestOf, MARK_HEADER, parseMark, type ResumeMark, ResumeMarks } from '../../inputs/resumeMarks.ts';
import { readHeaders } from '../../wire/headers.ts';
import type { CommandContext } from '../command.ts';
import type { ProducePlan } from './plan.ts';
import type { TopicConfigs } from './target.ts';

/** Records looked at first from the end of a partition; each further look takes this many times as many. */
const TAIL_RECORDS = 1000;
const TAIL_GROWTH = 8;
const POLL_MS = 200;

/** What was found in the topic, and what follows from it. */
export interface Resumption {
  /** To be followed through the source: new ones for each pass over it. */
  marks(): ResumeMarks;
  /** Ends of the partitions when the marks were read. */
  readonly ends: readonly TopicPartitionOffset[];
}

/**
 * Reads how far the load has come: the last of its marks in each partition. Records of others in between are passed
 * over. @throws ANM_RESUME where that cannot be told, or the load was another one
 */
export async function findResumption(
  context: CommandContext,
  client: KafkaClient,
  plan: ProducePlan,
  schemaId: number | null,
  partitions: number,
  configs: TopicConfigs | null,
): Promise<Resumption> {
  const { options, input } = plan;
  const load = digestOf(JSON.stringify(input.samples.map(({ file }) => [file.series, file.container])));
  const settings = digestOf(settingsText(plan, schemaId, partitions));
  const refs = Array.from({ length: partitions }, (_, partition) => ({ topic: options.topic, partition }));
  if (!options.resume) {
    const ends = await client.admin.listOffsets(refs, 'latest');
    const none = refs.map(() => null);
    return { marks: () => new ResumeMarks(load, settings, none), ends };
  }
  if ((configs?.get('cleanup.policy') ?? '').includes('compact')) {
    throw refusal(`${options.topic} is compacted, which may remove the records that tell how far the load has come`);
  }
  if (configs === null) {
    context.logger.warn(`the ${client.kind} client cannot tell whether ${options.topic} is compacted: it must not be`);
  }
  const starts = await client.admin.listOffsets(refs, 'earliest');
  const { ends, marks: found } = await settledMarks(context, client, starts, load);
  checkFound(options.topic, found, starts, ends);
  const other = found.find((mark) => mark !== null && mark.settings !== settings);
  if (other !== undefined) {
    throw new AnomalyError('ANM_RESUME', 'cannot resume as the rows in the topic were sent with other settings', {
      hint: 'give the same --key, --time, --order, --format, --schema, --input-format and --record-time as before',
    });
  }
  return { marks: () => new ResumeMarks(load, settings, found), ends };
}

/**
 * After the last row: each row of the load has to be there once. What the dead process had under way may have come
 * in after the marks were read. Only where more records came than were sent are they looked at. @throws ANM_RESUME
 */
export async function checkOnce(
  context: CommandContext,
  client: KafkaClient,
  { ends, marks }: Resumption,
  sent: Float64Array,
): Promise<void> {
  const now = await client.admin.listOffsets(ends, 'latest');
  const doubted = ends.filter(({ offset }, i) => now[i]!.offset - offset !== sent[i]!);
  if (doubted.length === 0) return;
  const before = marks();
  const last = ends.map(({ partition }) => before.foundIn(partition));
  let twice = 0;
  await eachMark(context, client, doubted, now, (mark, partition) => {
    if (mark.load !== before.load) return;
    if (mark.row <= last[partition]!) twice++;
    else last[partition] = mark.row;
  });
  if (twice === 0) return;
  throw new AnomalyError('ANM_RESUME', `${twice} rows are in the topic twice: another process sent them meanwhile`, {
    hint: 'end the other process, and load into another topic',
    details: { twice },
  });
}

/** The last marks, read until no more records come in between: the broker may still take in what a dead process sent. */
async function settledMarks(
  context: CommandContext,
  client: KafkaClient,
  starts: readonly TopicPartitionOffset[],
  load: string,
): Promise<{ ends: readonly TopicPartitionOffset[]; marks: readonly (ResumeMark | null)[] }> {
  for (;;) {
    const ends = await client.admin.listOffsets(starts, 'latest');
    const marks = await lastMarks(context, client, starts, ends, load);
    const after = await client.admin.listOffsets(starts, 'latest');
    if (after.every(({ offset }, i) => offset === ends[i]!.offset)) return { ends, marks };
    if (context.signal.aborted) throw refusal('it was stopped while the topic was read');
  }
}

async function lastMarks(
  context: CommandContext,
  client: KafkaClient,
  starts: readonly TopicPartitionOffset[],
  ends: readonly TopicPartitionOffset[],
  load: string,
): Promise<(ResumeMark | null)[]> {
  const marks: (ResumeMark | null)[] = ends.map(() => null);
  const searched = ends.map(({ offset }) => offset);
  for (let records = TAIL_RECORDS; ; records *= TAIL_GROWTH) {
    const open = ends.filter((_, i) => marks[i] === null && searched[i]! > starts[i]!.offset);
    if (open.length === 0) return marks;
    const until = ends.map((end, i) => ({ ...end, offset: searched[i]! }));
    const from = open.map((end) => {
      const offset = Math.max(starts[end.partition]!.offset, searched[end.partition]! - records);
      searched[end.partition] = offset;
      return { ...end, offset };
    });
    await eachMark(context, client, from, until, (mark, partition) => {
      if (mark.load === load) marks[partition] = mark;
    });
  }
}

/** Reads from the offsets `from` to those of `until` (by partition), and visits what marks are there. */
async function eachMark(
  { signal }: CommandContext,
  client: KafkaClient,
  from: readonly TopicPartitionOffset[],
  until: readonly TopicPartitionOffset[],
  visit: (mark: ResumeMark, partition: number) => void,
): Promise<void> {
  const consumer = await client.createConsumer({ isolation: 'read_uncommitted' });
  try {
    await consumer.assign(from);
    while (!signal.aborted && from.some((each) => isBehind(consumer, each, until))) {
      const batch = await consumer.poll(POLL_MS);
      if (batch === null) continue;
      const { partition } = batch;
      for (let i = 0; i < batch.count; i++) {
        if (batch.offsets[i]! >= until[partition]!.offset) break;
        const header = readHeaders(batch, i).find(({ key }) => key === MARK_HEADER);
        const mark = header?.value == null ? null : parseMark(Buffer.from(header.value).toString('latin1'));
        if (mark !== null) visit(mark, partition);
      }
    }
  } finally {
    await consumer.close();
  }
}

function isBehind(
  consumer: Consumer,
  { topic, partition }: TopicPartitionOffset,
  until: readonly TopicPartitionOffset[],
): boolean {
  return consumer.position(topic, partition) < until[partition]!.offset;
}

/** Whether what was found tells how far the load has come. */
function checkFound(
  topic: string,
  found: readonly (ResumeMark | null)[],
  starts: readonly TopicPartitionOffset[],
  ends: readonly TopicPartitionOffset[],
): void {
  const isNew = ends.every(({ offset }) => offset === 0);
  if (isNew) return;
  if (found.every((mark) => mark === null)) {
    throw new AnomalyError('ANM_RESUME', `cannot resume as no record in ${topic} is marked as one of these inputs`, {
      hint: 'rows sent without --resumable or --resume are not marked; begin with --resumable, or in an empty topic',
    });
  }
  const deleted = starts.find(({ partition, offset }) => found[partition] === null && offset > 0);
  if (deleted === undefined) return;
  throw refusal(
    `the records before offset ${deleted.offset} of ${topic}/${deleted.partition} are deleted, and with them how far the load has come`,
  );
}

/** All that decides what a record is, beside the rows themselves. */
function settingsText({ options, input, key, avro }: ProducePlan, schemaId: number | null, partitions: number): string {
  const keyText = key.by === 'column' ? input.columns[key.column]!.name : `by ${key.by}`;
  const times = input.samples.map(({ columns, timeColumn }) => [
    columns[timeColumn]?.name,
    columns[timeColumn]?.format,
  ]);
  const columns = input.columns.map(({ name, type, nullable }) => [name, type, nullable]);
  return JSON.stringify([
    ...[partitions, keyText, input.order, options.format, options.recordTime],
    ...[schemaId, avro?.schema, times, options.format === 'json' ? columns : null],
  ]);
}

function refusal(reason: string): AnomalyError {
  return new AnomalyError('ANM_RESUME', `cannot resume as ${reason}`);
}
