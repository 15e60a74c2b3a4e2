import type { KafkaClient } from '../../clients/client.ts';
import type { RegisteredSchema, SchemaRegistry } from '../../clients/registry.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import type { Recording } from '../../inputs/recording/recording.ts';
import { type TopicRange, topicBatches } from '../../runtime/input/topicSource.ts';
import { sourceShape, sourceTopics } from '../../runtime/topics/topics.ts';
import type { SourceShape } from '../../runtime/topics/topicTable.ts';
import type { CommandContext } from '../command.ts';
import { connectRegistry } from '../connections.ts';
import { parseOffsets, resolveOffsets } from '../options/offsetGrammar.ts';
import { choosePartitions } from '../options/partitionChoice.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import { type ReplayPace, StartLine } from './pace.ts';

/** Takes records from <= i < to of a batch; back-pressure is its promise. */
export interface ReplaySink {
  write(batch: ColumnBatch, from: number, to: number): Promise<void>;
}

/** Partitions of a topic, in a broker or in a recording. */
export interface ReplaySource {
  readonly topic: string;
  /** Partitions of the topic, those that are left out included. */
  readonly partitions: number;
  readonly range: TopicRange;
  /** Ends of the partitions of `range` as they are now. */
  ends(): Promise<readonly { readonly offset: number }[]>;
  /** @param fieldCount field columns that the batches get room for */
  read(range: TopicRange, fieldCount?: number): AsyncIterable<ColumnBatch>;
  readonly schemas: Pick<SchemaRegistry, 'schemaById'>;
  /** What a topic with the same records takes over. */
  shape(): Promise<SourceShape>;
}

type Offsets = Parameters<typeof resolveOffsets>[0];

export async function topicSource(context: CommandContext, client: KafkaClient, name: string): Promise<ReplaySource> {
  const [topic] = await sourceTopics(client.admin, [name]);
  const partitions = choosePartitions(topic!, context.flags['partition'] as number[] | undefined);
  const range = await rangeOf(context, client.admin, partitions);
  return {
    topic: name,
    partitions: topic!.partitions.length,
    range,
    ends: () => client.admin.listOffsets(range.from, 'latest'),
    read: (part, fieldCount) => topicBatches(client, part, context.signal, warnOfCorrupt(context), fieldCount),
    schemas: connectRegistry(context),
    shape: () => sourceShape(client.admin, [topic!]),
  };
}

/** The topic that was recorded; the journal beside it is no part of what is sent. */
export async function recordingSource(context: CommandContext, recording: Recording): Promise<ReplaySource> {
  const { topics, journal } = recording.meta;
  const { name, partitions: count, retentionMs } = topics.find((each) => each.name !== journal)!;
  const all = recording.partitions(name);
  const info = {
    name,
    internal: false,
    partitions: all.map(({ partition }) => ({ partition, leader: 0, replicas: [] })),
  };
  const partitions = choosePartitions(info, context.flags['partition'] as number[] | undefined);
  const range = await rangeOf(context, recording, partitions);
  return {
    topic: name,
    partitions: count,
    range,
    ends: () => recording.listOffsets(range.from, 'latest'),
    read: async function* ({ from, to }, fieldCount) {
      for (const [i, { topic, partition, offset }] of from.entries()) {
        for await (const batch of recording.batches(topic, partition, offset, to?.[i]?.offset, fieldCount)) {
          if (context.signal.aborted) return;
          yield batch;
        }
      }
    },
    schemas: new RecordedSchemas(recording),
    shape: async () => ({ partitions: count, retentionMs: retentionMs ?? undefined }),
  };
}

async function rangeOf(
  { flags, now }: CommandContext,
  offsets: Offsets,
  partitions: readonly TopicPartition[],
): Promise<TopicRange> {
  const range = parseOffsets((flags['offset'] as string | undefined) ?? 'start', now());
  return await resolveOffsets(offsets, partitions, range, flags['follow'] === true);
}

/** The schemas that were in the registry when the recording was made. */
class RecordedSchemas implements Pick<SchemaRegistry, 'schemaById'> {
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  async schemaById(id: number): Promise<RegisteredSchema> {
    const found = this.#recording.schemas.get(id);
    if (found !== undefined) {
      return { id, schema: found.text, type: found.type as RegisteredSchema['type'], references: [] };
    }
    throw new AnomalyError('ANM_SCHEMA_UNKNOWN', `${this.#recording.path} has no schema ${id}: the registry had none`);
  }
}

/**
 * Reads a source into a sink. With a pace each partition has a reader of its own, as one that is ahead must not hold up
 * the others: what is due goes, whichever partition it is of.
 */
export async function readSource(source: ReplaySource, pace: ReplayPace, sink: ReplaySink): Promise<void> {
  const { range } = source;
  if (pace.unlimited) {
    for await (const batch of source.read(range)) await sink.write(batch, 0, batch.count);
    return;
  }
  const ends = await source.ends();
  const parts = range.from.map((start, i) => {
    return { from: [start], to: range.to && [range.to[i]!], end: [{ ...start, offset: ends[i]!.offset }] };
  });
  const firsts = await Promise.all(parts.map(({ from, end }) => firstTime(source.read({ from, to: end }))));
  const known = firsts.filter((timeMs) => timeMs >= 0);
  // The clock starts when all of them have something in hand, so that none begins late.
  const start = new StartLine(known.length, () => pace.start(Math.min(...known)));
  await Promise.all(
    parts.map(async ({ from, to }, i) => {
      const here = firsts[i]! < 0 ? () => {} : start.comer();
      try {
        for await (const batch of source.read({ from, to })) {
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
