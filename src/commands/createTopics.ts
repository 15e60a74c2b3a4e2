import { defineJob } from '../runtime/job.ts';
import { ensureJournal } from '../runtime/journal/journalTopic.ts';
import { pipelineTopics } from '../runtime/topics/runTopics.ts';
import { checkSinks, sourceShape, sourceTopics } from '../runtime/topics/topics.ts';
import { makeMissing, newTopic } from '../runtime/topics/topicTable.ts';
import type { CommandContext } from './command.ts';
import { connectClient } from './connections.ts';

/** `run --create-topics-only`: what a run would make by itself, and what the commands about it would. */
export async function createTopics(context: CommandContext): Promise<number> {
  const { settings, flags, output, logger } = context;
  const config = settings.pipeline();
  defineJob(config, 'run');
  const client = await connectClient(context);
  try {
    const { admin } = client;
    const shape = await sourceShape(admin, await sourceTopics(admin, config.source.topics));
    const topics = pipelineTopics(config, { repartition: flags['repartition'] === true });
    const wanted = topics.map((topic) => ({ ...newTopic(topic, shape), kind: topic.kind }));
    // What is there and would refuse a run is told before any is made.
    const asSource = wanted.filter(({ kind, partitions }) => kind !== 'journal' && partitions === shape.partitions);
    await checkSinks(
      admin,
      asSource.map(({ name }) => name),
      shape,
    );
    const journal = topics.find(({ kind }) => kind === 'journal')!;
    const made = new Set(await makeMissing(admin, topics, shape));
    const risk = await ensureJournal(admin, journal.name, shape.partitions);
    if (risk !== undefined) logger.warn(risk);
    const rows = wanted.map(({ name, kind, partitions, configs = {} }) => ({
      ...{ topic: name, kind, made: made.has(name), partitions },
      cleanup_policy: configs['cleanup.policy'] ?? null,
      retention_ms: configs['retention.ms'] ?? null,
    }));
    await output.table('topics', rows, [
      { header: 'topic', value: (row) => row.topic },
      { header: 'made', value: (row) => (row.made ? 'yes' : 'was there') },
      { header: 'partitions', value: (row) => String(row.partitions) },
      { header: 'cleanup.policy', value: (row) => row.cleanup_policy },
      { header: 'retention.ms', value: (row) => row.retention_ms ?? 'the default' },
    ]);
    return 0;
  } finally {
    await client.close();
  }
}
