import type { Admin, TopicInfo } from '../../clients/client.ts';
import { didYouMean } from '../../errors/nearest.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { makeMissing, type NamedTopic, type SourceShape, TIME_LIMITS } from './topicTable.ts';

/** The source topics, or ANM_TOPIC_MISSING: a source is never created by its reader. */
export async function sourceTopics(admin: Admin, names: readonly string[]): Promise<TopicInfo[]> {
  if (names.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'source.topics is not set', {
      hint: 'name one with --topic, or in anomaly.yaml',
    });
  }
  const found = await admin.topics(names);
  const missing = names.find((name) => !found.some((topic) => topic.name === name));
  if (missing !== undefined) {
    const hint = `create it with rpk topic create ${missing} -p 4, or load data with anomaly produce FILE --topic ${missing}`;
    throw await topicMissing(admin, missing, `cannot read topic ${missing} as it does not exist`, hint);
  }
  return names.map((name) => found.find((topic) => topic.name === name)!);
}

/** ANM_TOPIC_MISSING, with the topic that may be meant: one of the same ending, as .dlq, where there is any. */
export async function topicMissing(
  admin: Pick<Admin, 'topics'>,
  topic: string,
  message: string,
  hint: string,
): Promise<AnomalyError> {
  // What is not there is worth more than what is near.
  const names = await admin.topics().then(
    (all) => all.map(({ name }) => name),
    () => [],
  );
  const ending = /\.[^.]+$/.exec(topic)?.[0];
  const alike = ending === undefined ? [] : names.filter((name) => name.endsWith(ending));
  return new AnomalyError('ANM_TOPIC_MISSING', message, {
    hint: didYouMean(topic, alike.length > 0 ? alike : names, hint),
    details: { topic },
  });
}

/** The most partitions and the longest retention of the source topics, and whether they limit record times. */
export async function sourceShape(admin: Admin, topics: readonly TopicInfo[]): Promise<SourceShape> {
  const partitions = Math.max(...topics.map((topic) => topic.partitions.length));
  const known: string[] = [];
  const timeLimits = new Set<string>();
  for (const { name } of topics) {
    const configs = await knownConfigs(admin, name);
    const retention = configs?.get('retention.ms');
    if (retention !== undefined) known.push(retention);
    for (const [limit, byDefault] of Object.entries(TIME_LIMITS)) {
      if ((configs?.get(limit) ?? byDefault) !== byDefault) timeLimits.add(limit);
    }
  }
  const forever = known.find((retention) => Number(retention) < 0);
  const retentionMs = forever ?? known.sort((a, b) => Number(b) - Number(a))[0];
  return { partitions, retentionMs, ...(timeLimits.size > 0 && { timeLimits: [...timeLimits] }) };
}

/** The configuration of a topic, or null where the client has no call for it. */
export async function knownConfigs(
  admin: Pick<Admin, 'topicConfigs'>,
  topic: string,
): Promise<ReadonlyMap<string, string> | null> {
  try {
    return await admin.topicConfigs(topic);
  } catch (error) {
    if (isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED') return null;
    throw error;
  }
}

/**
 * Creates the topics that a pipeline writes, with as many partitions as its source, since a record keeps its
 * partition from stage to stage, and with its retention: outputs carry the record time of their evidence, so a history
 * that the source still keeps must not be deleted from them at once, or refused. One that exists is kept if it has enough partitions.
 */
export async function ensureSinks(
  admin: Pick<Admin, 'topics' | 'createTopics'>,
  topics: readonly NamedTopic[],
  shape: SourceShape,
): Promise<string[]> {
  await checkSinks(
    admin,
    topics.map(({ name }) => name),
    shape,
  );
  return await makeMissing(admin, topics, shape);
}

/** Those of the topics that are there. @throws ANM_CONFIG where one has too few partitions */
export async function checkSinks(
  admin: Pick<Admin, 'topics'>,
  names: readonly string[],
  { partitions }: Pick<SourceShape, 'partitions'>,
): Promise<TopicInfo[]> {
  const existing = await admin.topics([...new Set(names)]);
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
  return existing;
}
