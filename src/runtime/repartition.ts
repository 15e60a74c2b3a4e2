import type { KafkaClient, TopicPartition } from '../clients/client.ts';
import type { PipelineConfig } from '../config/pipelineConfig.ts';
import { partitionForKey } from '../wire/murmur2.ts';
import { definePipeline } from './definition.ts';
import { RecordTask } from './recordTask.ts';
import type { SourceSchemas } from './sourceSchemas.ts';
import { headersOf, TopicSink } from './topicSink.ts';
import { ensureSinks, sourceTopics } from './topics.ts';

export interface RepartitionOptions {
  readonly client: KafkaClient;
  readonly schemas: SourceSchemas;
  readonly config: PipelineConfig;
  readonly untilEnd: boolean;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/**
 * Brings each series into one partition: copies the source records into the topic <pipeline>.by-key, keyed by series
 * and placed as Java's clients place keys, with their values and timestamps as they are. A group of its own,
 * <pipeline>.by-key, keeps its place; it commits after the copies are acknowledged, so a crash may copy some twice.
 *
 * @returns the configuration that reads the copy, and the copying, which ends with the source's end or the signal
 */
export async function repartition(
  options: RepartitionOptions,
): Promise<{ config: PipelineConfig; running: Promise<void> }> {
  const { client, config } = options;
  const topics = await sourceTopics(client.admin, config.source.topics);
  const partitions = Math.max(...topics.map((topic) => topic.partitions.length));
  const target = `${config.pipeline}.by-key`;
  await ensureSinks(client.admin, [target, config.sinks.deadLetters], partitions);
  const all = topics.flatMap((topic) => topic.partitions.map(({ partition }) => ({ topic: topic.name, partition })));
  const running = copy(options, all, target, partitions);
  // Whoever awaits it later sees the failure; until then it must not count as unhandled.
  running.catch(() => {});
  // The copy is keyed by series, so the record key names it even where a field did before.
  const { key: _, ...source } = config.source;
  return { config: { ...config, source: { ...source, topics: [target] } }, running };
}

async function copy(
  options: RepartitionOptions,
  sources: readonly TopicPartition[],
  target: string,
  partitions: number,
): Promise<void> {
  const { client, schemas: sourceSchemas, config, untilEnd, now, signal } = options;
  const ends = untilEnd ? await client.admin.listOffsets(sources, 'latest') : undefined;
  const producer = await client.createProducer();
  const consumer = await client.createConsumer({
    groupId: target,
    fieldCount: Object.keys(config.source.fields).length,
  });
  const { score: _, ...plain } = config;
  const definition = definePipeline({ ...plain, windows: [], features: [] });
  const schemas = { windowId: 0, anomalyId: 0 };
  const deadLetters = new TopicSink(producer, config, schemas, { windows: false, alerts: false }, now);
  const tasks = new Map<string, RecordTask>();
  const assigned = new Map<string, TopicPartition>();
  const commit = async () => {
    const offsets = [...assigned.values()].map((each) => ({
      ...each,
      offset: consumer.position(each.topic, each.partition),
    }));
    await producer.flush();
    await consumer.commit(offsets.filter(({ offset }) => offset >= 0));
  };
  await consumer.subscribe(config.source.topics, config.source.start, {
    onAssigned: async (partitionsNow) => {
      for (const each of partitionsNow) assigned.set(`${each.topic}/${each.partition}`, each);
      return undefined;
    },
    onRevoked: async (gone) => {
      await commit();
      for (const each of gone) assigned.delete(`${each.topic}/${each.partition}`);
    },
  });
  const atEnd = () => {
    if (ends === undefined || assigned.size === 0) return false;
    return ends.every(
      ({ topic, partition, offset }) =>
        !assigned.has(`${topic}/${partition}`) || consumer.position(topic, partition) >= offset,
    );
  };
  let nextCommitMs = now() + config.checkpoint.everyMs;
  while (!signal.aborted && !atEnd()) {
    const batch = await consumer.poll(100);
    if (batch !== null) {
      const name = `${batch.topic}/${batch.partition}`;
      let task = tasks.get(name);
      if (task === undefined) {
        task = new RecordTask(batch.topic, batch.partition, definition, config, sourceSchemas);
        tasks.set(name, task);
      }
      await task.process(batch);
      const { keys } = task.pipeline;
      for (let i = 0; i < batch.count; i++) {
        const series = batch.series[i]!;
        if (series < 0) continue;
        const [start, end] = [keys.startOf(series), keys.endOf(series)];
        const partition = partitionForKey(keys.arena, start, end, partitions);
        producer.append(
          target,
          partition,
          batch.recordTimes[i]!,
          keys.arena,
          start,
          end,
          batch.bytes,
          batch.valueStart[i]!,
          batch.valueEnd[i]!,
          headersOf(batch, i),
        );
      }
      deadLetters.write(task, batch);
      task.pipeline.clearOutput();
      await producer.ready();
    }
    for (const corrupt of consumer.takeCorrupt()) deadLetters.corrupt(corrupt);
    if (now() < nextCommitMs) continue;
    await commit();
    nextCommitMs = now() + config.checkpoint.everyMs;
  }
  await commit();
  await Promise.all([consumer.close(), producer.close()]);
}
