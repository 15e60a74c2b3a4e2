import type { KafkaClient } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { stableEnds, type TopicRange, topicBatches } from '../../runtime/input/topicSource.ts';
import { type DeadLetter, readDeadLetter } from '../../runtime/output/deadLetter.ts';
import { topicMissing } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { warnOfCorrupt } from '../stageInput.ts';
import type { LetterFilter } from './options.ts';

/** The topic that a dlq command is about: the one that is named, else the pipeline's. @throws ANM_USAGE */
export function deadLetterTopic({ args, settings }: CommandContext): string {
  if (args[0] !== undefined) return args[0];
  const named = settings.optionalString('sinks.dead_letters');
  if (named !== undefined) return named;
  const { source, sinks } = settings.pipeline();
  if (source.topics.length > 0 || settings.optionalString('pipeline') !== undefined) return sinks.deadLetters;
  throw new AnomalyError('ANM_USAGE', 'no dead-letter topic is named, and there is no pipeline to take one from', {
    hint: 'name it, as sensors.dlq, or give the anomaly.yaml of the pipeline by -f',
  });
}

/** All that is committed now. @throws ANM_TOPIC_MISSING */
export async function letterRange(client: KafkaClient, topic: string): Promise<TopicRange> {
  const [info] = await client.admin.topics([topic]);
  if (info === undefined) {
    const hint = 'a pipeline makes it when it starts; its name is sinks.dead_letters, by default <pipeline>.dlq';
    throw await topicMissing(client.admin, topic, `cannot read dead letters as there is no topic ${topic}`, hint);
  }
  const partitions = info.partitions.map(({ partition }) => ({ topic, partition }));
  const [from, to] = await Promise.all([
    client.admin.listOffsets(partitions, 'earliest'),
    stableEnds(client, partitions),
  ]);
  return { from, to };
}

/** A dead letter with the record that it is read from, which is valid until the next one. */
export interface FoundLetter {
  readonly letter: DeadLetter;
  readonly batch: ColumnBatch;
  readonly index: number;
}

/** The letters of a range that a filter takes, by partition in the order of their offsets. */
export async function* letters(
  context: CommandContext,
  client: KafkaClient,
  range: TopicRange,
  takes: LetterFilter,
): AsyncGenerator<FoundLetter> {
  for await (const batch of topicBatches(client, range, context.signal, warnOfCorrupt(context))) {
    for (let index = 0; index < batch.count; index++) {
      const letter = readDeadLetter(batch, index);
      if (takes(letter)) yield { letter, batch, index };
    }
  }
}
