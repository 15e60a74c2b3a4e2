import type { World } from '../../helpers/world.ts';
import { TopicReader } from './topicReader.ts';

/** What outputs can have against them, held against those of an undisturbed run. */
export type Broken = 'nothing lost' | 'nothing doubled' | 'nothing else' | 'in order';

/**
 * Which promises the outputs of `pipeline` break, those of `whole` being right: by partition, record for record.
 *
 * @param alike takes what may differ out of a row
 */
export async function brokenPromises(
  world: Pick<World, 'client'>,
  partitions: number,
  sinks: readonly string[],
  pipeline: string,
  whole: string,
  alike: (row: string) => string = (row) => row,
): Promise<Broken[]> {
  const broken = new Set<Broken>();
  for (const sink of sinks) {
    const [right, given] = [
      await valuesOf(world, `${whole}.${sink}`, partitions),
      await valuesOf(world, `${pipeline}.${sink}`, partitions),
    ];
    for (let p = 0; p < partitions; p++) compare(given[p]!.map(alike), right[p]!.map(alike), broken);
  }
  return [...broken].sort();
}

function compare(given: readonly string[], right: readonly string[], broken: Set<Broken>): void {
  const [had, due] = [counts(given), counts(right)];
  for (const [row, times] of due) if ((had.get(row) ?? 0) < times) broken.add('nothing lost');
  for (const [row, times] of had) {
    const wanted = due.get(row) ?? 0;
    if (wanted === 0) broken.add('nothing else');
    else if (times > wanted) broken.add('nothing doubled');
  }
  if (given.length === right.length && given.some((row, i) => row !== right[i])) broken.add('in order');
}

function counts(rows: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const row of rows) found.set(row, (found.get(row) ?? 0) + 1);
  return found;
}

async function valuesOf(world: Pick<World, 'client'>, topic: string, partitions: number): Promise<string[][]> {
  const reader = await (await TopicReader.open(world, topic, partitions)).toEnd(world);
  await reader.close();
  return reader.values;
}
