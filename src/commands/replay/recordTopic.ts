import { resolve } from 'node:path';
import type { KafkaClient } from '../../clients/client.ts';
import type { RecordingMeta } from '../../inputs/recording/recordingFormat.ts';
import { RecordingWriter } from '../../inputs/recording/recordingWriter.ts';
import { topicBatches } from '../../runtime/input/topicSource.ts';
import { journalTopic } from '../../runtime/journal/journalRecord.ts';
import { byKeyTopic } from '../../runtime/repartition.ts';
import type { CommandContext } from '../command.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import { RecordingSink } from './sinks.ts';
import type { ReplaySink, ReplaySource } from './source.ts';

export interface OpenRecording {
  readonly writer: RecordingWriter;
  readonly sink: ReplaySink;
  /** The journal of the pipeline that reads the topic, where there is one. */
  readonly journal: string | undefined;
}

/** The file of --record, or undefined without it. */
export async function openRecording(
  context: CommandContext,
  client: KafkaClient,
  source: ReplaySource,
): Promise<OpenRecording | undefined> {
  const file = context.flags['record'] as string | undefined;
  if (file === undefined) return undefined;
  const journal = await journalOf(context, client, source.topic);
  const { range } = source;
  const topics = [
    { name: source.topic, partitions: source.partitions, retentionMs: (await source.shape()).retentionMs ?? null },
  ];
  if (journal !== undefined) topics.push({ name: journal, partitions: source.partitions, retentionMs: null });
  const meta: RecordingMeta = { version: 1, topics, from: range.from, to: range.to ?? null, journal: journal ?? null };
  const writer = await RecordingWriter.create(resolve(context.cwd, file), meta);
  return { writer, sink: new RecordingSink(writer, source.schemas), journal };
}

/** The journal as a whole, of the partitions that were recorded: read last, so that it tells of all of them. */
export async function recordJournal(
  context: CommandContext,
  client: KafkaClient,
  source: ReplaySource,
  { writer, journal }: OpenRecording,
): Promise<void> {
  if (journal === undefined) return;
  const partitions = source.range.from.map(({ partition }) => ({ topic: journal, partition }));
  const [from, to] = await Promise.all([
    client.admin.listOffsets(partitions, 'earliest'),
    client.admin.listOffsets(partitions, 'latest'),
  ]);
  // Also after the signal: what was recorded until then is to be whole.
  const signal = new AbortController().signal;
  for await (const batch of topicBatches(client, { from, to }, signal, warnOfCorrupt(context))) {
    await writer.add(batch, 0, batch.count, () => null);
  }
}

/** The journal of the pipeline that is named or configured, if it reads this topic and has one. */
async function journalOf(
  { settings, logger }: CommandContext,
  client: KafkaClient,
  topic: string,
): Promise<string | undefined> {
  const named = settings.optionalString('pipeline');
  if (named === undefined && settings.optionalString('source.topics') === undefined) return undefined;
  const config = settings.pipeline();
  const { pipeline, group, source } = config;
  const read = [...source.topics, byKeyTopic(config)];
  if (source.topics.length > 0 && !read.includes(topic)) return undefined;
  const journal = journalTopic(group);
  if ((await client.admin.topics([journal])).length > 0) return journal;
  if (named !== undefined) logger.warn(`pipeline ${pipeline} has no journal ${journal}: only ${topic} is recorded`);
  return undefined;
}
