import type { KafkaClient } from '../../clients/client.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { ndjsonSource } from '../../runtime/input/ndjson.ts';
import { ObjectDecoder } from '../../runtime/input/objectDecoder.ts';
import { stableEnds, topicBatches } from '../../runtime/input/topicSource.ts';
import { type Feedback, feedbackOf, feedbackTopic } from '../../runtime/output/feedbackTopic.ts';
import { type AnomalyObject, isAlert } from '../../runtime/output/rowObjects.ts';
import { topicMissing } from '../../runtime/topics/topics.ts';
import type { CommandContext } from '../command.ts';
import { connectRegistry } from '../connections.ts';
import { warnOfCorrupt } from '../stageInput.ts';

/** The alerts of a topic whose record times are at or after `sinceMs`, by partition in the order of their offsets. */
export async function* topicAlerts(
  context: CommandContext,
  client: KafkaClient,
  topic: string,
  sinceMs: number,
): AsyncGenerator<AnomalyObject> {
  const decoder = new ObjectDecoder(connectRegistry(context));
  for await (const batch of committed(context, client, topic, sinceMs)) {
    for (let i = 0; i < batch.count; i++) {
      const value = await decoder.value(batch, i);
      if (isAlert(value)) yield value;
      else if (value instanceof Error) {
        context.logger.warn(`left out ${topic}/${batch.partition} offset ${batch.offsets[i]}: ${value.message}`);
      }
    }
  }
}

/** What operators said, by the id of the alert: the last verdict of each. */
export async function readFeedback(
  context: CommandContext,
  client: KafkaClient,
  pipeline: string,
): Promise<Map<string, Feedback>> {
  const said = new Map<string, Feedback>();
  const topic = feedbackTopic(pipeline);
  if ((await client.admin.topics([topic])).length === 0) return said;
  const decoder = new ObjectDecoder(undefined);
  for await (const batch of committed(context, client, topic, -Infinity)) {
    for (let i = 0; i < batch.count; i++) {
      const feedback = feedbackOf(await decoder.value(batch, i));
      if (feedback !== null) said.set(feedback.alert, feedback);
    }
  }
  return said;
}

/** @throws ANM_ALERT_UNKNOWN, ANM_TOPIC_MISSING */
export async function findAlert(
  context: CommandContext,
  client: KafkaClient,
  topic: string,
  id: string,
): Promise<AnomalyObject> {
  // Times in an id are event times; records are rarely older than those. All of the topic is the second try.
  const times = [...id.matchAll(/\/(\d+)/g)].map(([, digits]) => Number(digits)).slice(-2);
  const guess = times.find((each) => each > EARLIEST_GUESS_MS && each < context.now() + DAY_MS);
  for (const sinceMs of guess === undefined ? [-Infinity] : [guess - DAY_MS, -Infinity]) {
    let found: AnomalyObject | undefined;
    // The last one: an alert may have been put out twice.
    for await (const alert of topicAlerts(context, client, topic, sinceMs)) if (alert.id === id) found = alert;
    if (found !== undefined) return found;
  }
  throw new AnomalyError('ANM_ALERT_UNKNOWN', `there is no alert ${id} in topic ${topic}`, { details: { id, topic } });
}

/** The alert of this id in a file of JSON lines, or the first one without an id. @throws ANM_ALERT_UNKNOWN, ANM_FILE */
export async function alertOfLines(
  context: CommandContext,
  input: NodeJS.ReadableStream,
  name: string,
  id: string | undefined,
): Promise<AnomalyObject> {
  let found: AnomalyObject | undefined;
  for await (const lines of ndjsonSource(input as never, name, context.signal)) {
    for (const { value } of lines) {
      // tail -o json prints the value inside of the record.
      const alert = [value, value?.['value']].find(isAlert);
      if (alert !== undefined && (id === undefined || alert.id === id)) found ??= alert;
    }
  }
  if (found !== undefined) return found;
  const which = id === undefined ? 'an alert' : `the alert ${id}`;
  throw new AnomalyError('ANM_ALERT_UNKNOWN', `${name} has no line that is ${which}`, {
    hint: 'lines are those of anomaly score --to, or of anomaly tail -o json',
  });
}

async function* committed(
  context: CommandContext,
  client: KafkaClient,
  topic: string,
  sinceMs: number,
): AsyncGenerator<ColumnBatch> {
  const [info] = await client.admin.topics([topic]);
  if (info === undefined) {
    const hint = 'a pipeline makes it when it starts; its name is sinks.anomalies, by default <pipeline>.anomalies';
    throw await topicMissing(client.admin, topic, `cannot read alerts as there is no topic ${topic}`, hint);
  }
  const partitions = info.partitions.map(({ partition }) => ({ topic, partition }));
  const to = await stableEnds(client, partitions);
  const first = await client.admin.listOffsets(partitions, sinceMs > 0 ? sinceMs : 'earliest');
  // -1: nothing is as late.
  const from = first.filter(({ offset, partition }) => offset >= 0 && offset < endOf(to, partition));
  if (from.length === 0) return;
  const ends = to.filter(({ partition }) => from.some((each) => each.partition === partition));
  yield* topicBatches(client, { from, to: ends }, context.signal, warnOfCorrupt(context));
}

function endOf(ends: readonly TopicPartitionOffset[], partition: number): number {
  return ends.find((each) => each.partition === partition)?.offset ?? 0;
}

const DAY_MS = 86_400_000;
/** 2000: a smaller number in an id is an offset. */
const EARLIEST_GUESS_MS = 946_684_800_000;
