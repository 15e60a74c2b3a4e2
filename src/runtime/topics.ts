import type { Admin, TopicInfo } from '../clients/client.ts';
import { AnomalyError } from '../errors.ts';

/** The source topics, or ANM_TOPIC_MISSING: a source is never created by its reader. */
export async function sourceTopics(admin: Admin, names: readonly string[]): Promise<TopicInfo[]> {
  if (names.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'source.topics is not set', {
      hint: 'name one with --topic, or in anomaly.yaml',
    });
  }
  const found = await admin.topics(names);
  return names.map((name) => {
    const topic = found.find((each) => each.name === name);
    if (topic === undefined) {
      throw new AnomalyError('ANM_TOPIC_MISSING', `cannot read topic ${name} as it does not exist`, {
        hint: `create it with rpk topic create ${name} -p 4, or load data with anomaly produce FILE --topic ${name}`,
        details: { topic: name },
      });
    }
    return topic;
  });
}

/**
 * Creates the topics that a pipeline writes, with as many partitions as its source, since a record keeps its
 * partition from stage to stage. One that exists is kept if it has enough partitions.
 */
export async function ensureSinks(admin: Admin, names: readonly string[], partitions: number): Promise<string[]> {
  const wanted = [...new Set(names)];
  const existing = await admin.topics(wanted);
  for (const topic of existing) {
    if (topic.partitions.length < partitions) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `cannot write to topic ${topic.name} as it has ${topic.partitions.length} partitions and the source has ${partitions}`,
        {
          hint: `rpk topic add-partitions ${topic.name} -n ${partitions - topic.partitions.length}, or name another sink`,
        },
      );
    }
  }
  const missing = wanted.filter((name) => !existing.some((topic) => topic.name === name));
  if (missing.length === 0) return [];
  const made = await admin.createTopics(missing.map((name) => ({ name, partitions, replicationFactor: -1 })));
  return missing.filter((name) => made.get(name) === true);
}
