import type { TopicPartition } from '../../clients/topicPartition.ts';
import { Placement } from '../../engine/placement.ts';
import { AnomalyError } from '../../errors.ts';
import type { Logger } from '../../output/logger.ts';
import { partitionForKey } from '../../wire/murmur2.ts';
import type { Task } from '../task.ts';
import { partitionName } from '../topics/partitionName.ts';

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
    const home = this.#homes.indexOf(name);
    const { keys } = task.pipeline;
    // What is forgotten here may turn up in another partition, and takes no memory here any more.
    keys.onFree ??= (id) => this.#placement.forget(keys, id, home);
    const split = this.#placement.note(keys, from, home) ?? this.#reused(task, from, home);
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

  /** The group gave these to others: their series may be sent elsewhere unseen, and are no longer watched. */
  drop(partitions: readonly TopicPartition[]): void {
    const homes = new Set(partitions.map((each) => this.#homes.indexOf(partitionName(each))));
    this.#placement.forgetHomes(homes);
  }

  /** Ids that were freed and given to another key lie below `from`. */
  #reused({ pipeline: { keys } }: Task, from: number, home: number) {
    for (const id of keys.takeReused()) {
      const split = id < from ? this.#placement.noteSeries(keys, id, home) : undefined;
      if (split !== undefined) return split;
    }
    return undefined;
  }

  #checkRule(task: Task, from: number, owned: number): void {
    const count = this.#counts.get(task.topic);
    if (this.#isWarned || count === undefined || owned >= count) return;
    const { keys } = task.pipeline;
    for (let id = from; id < keys.size; id++) {
      if (!keys.has(id)) continue;
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
