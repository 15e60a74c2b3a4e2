import type { Admin } from '../../clients/client.ts';

/**
 * How many of the topics have this partition, as it is now: a topic may have grown, and another member have begun there.
 * Infinity where the answer lacks one of them, or its partitions, as a broker's may that has just started: to take such a
 * topic for one without the partition would trim for good what another member needs.
 */
export async function sourcesWith(
  admin: Pick<Admin, 'topics'>,
  topics: readonly string[],
  partition: number,
): Promise<number> {
  if (topics.length === 1) return 1;
  const found = await admin.topics(topics);
  const isWhole = found.length === topics.length && found.every((each) => each.partitions.length > 0);
  return isWhole ? found.filter((each) => each.partitions.length > partition).length : Number.POSITIVE_INFINITY;
}
