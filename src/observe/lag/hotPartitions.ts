import type { PartitionSample } from './sample.ts';

/** Times what is usual, records a second, and partitions of the topic, from which on one is hot. */
const HOT_FACTOR = 2;
const HOT_RATE = 1;
const HOT_PARTITIONS = 3;

/** Before anybody else has it. */
export type FreshSample = Omit<PartitionSample, 'isHot'> & { isHot: boolean | null };

/** Marks the partitions of one group that get far more records than the median of their topic; in place, as they are many. */
export function markHot(rows: readonly FreshSample[]): readonly PartitionSample[] {
  const rates = new Map<string, number[]>();
  for (const { topic, inRate } of rows) {
    if (inRate === null) continue;
    const list = rates.get(topic);
    if (list === undefined) rates.set(topic, [inRate]);
    else list.push(inRate);
  }
  const limits = new Map([...rates].map(([topic, list]) => [topic, hotFrom(list)]));
  for (const row of rows) if (row.inRate !== null) row.isHot = row.inRate >= limits.get(row.topic)!;
  return rows;
}

function hotFrom(rates: number[]): number {
  if (rates.length < HOT_PARTITIONS) return Number.POSITIVE_INFINITY;
  const median = rates.sort((a, b) => a - b)[(rates.length - 1) >> 1]!;
  return Math.max(HOT_RATE, HOT_FACTOR * median);
}
