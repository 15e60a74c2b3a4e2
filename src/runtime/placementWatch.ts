import { Placement } from '../engine/placement.ts';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { partitionForKey } from '../wire/murmur2.ts';
import { partitionName } from './partitionName.ts';
import type { Task } from './task.ts';

/**
 * Holds that each series stays in one partition. What this process sees in two partitions ends the run. What another
 * member of the group sees it cannot know; there it can only tell that the keys are not placed by their bytes alone as
 * Java's clients do, which would rule a split out.
 */
export class PlacementWatch {
  readonly #placement = new Placement();
  readonly #homes: string[] = [];
  readonly #counts: ReadonlyMap<string, number>;
  readonly #logger: Logger;
  #isWarned = false;

  /** @param counts partitions of each source topic */
  constructor(counts: ReadonlyMap<string, number>, logger: Logger) {
    this.#counts = counts;
    this.#logger = logger;
  }

  /**
   * Looks at the series of a task from id `from` on.
   *
   * @param owned how many partitions of the task's topic this member has
   * @throws ANM_SERIES_SPLIT when one of them lives in another partition too
   */
  note(task: Task, from: number, owned: number): void {
    const name = partitionName(task);
    if (!this.#homes.includes(name)) this.#homes.push(name);
    const split = this.#placement.note(task.pipeline.keys, from, this.#homes.indexOf(name));
    if (split !== undefined) {
      const other = this.#homes[split.home]!;
      throw new AnomalyError(
        'ANM_SERIES_SPLIT',
        `cannot go on as series ${split.series} is in partition ${name} and in ${other}, so its windows would be split`,
        { details: { series: split.series, partitions: [other, name] } },
      );
    }
    this.#checkRule(task, from, owned);
  }

  #checkRule(task: Task, from: number, owned: number): void {
    const count = this.#counts.get(task.topic);
    if (this.#isWarned || count === undefined || owned >= count) return;
    const { keys } = task.pipeline;
    for (let id = from; id < keys.size; id++) {
      const expected = partitionForKey(keys.arena, keys.startOf(id), keys.endOf(id), count);
      if (expected === task.partition) continue;
      this.#isWarned = true;
      this.#logger.warn(
        `series ${keys.text(id)} is in ${partitionName(task)}, where Java's clients would put it into partition ${expected}: ` +
          'should it also be in a partition of another member, its windows are split unnoticed; ' +
          'a single member notices, and --repartition mends it',
      );
      return;
    }
  }
}
