import type { Logger } from '../output/logger.ts';

/** A group that is at rest assigns at once; only one that has to wait for somebody takes longer. */
const PATIENCE_MS = 2000;

/** Says once why nothing happens: a group that waits for a member, or has more members than partitions. */
export class AssignmentNotice {
  readonly #logger: Logger;
  readonly #now: () => number;
  #waitingSince: number;
  #isSaid = false;

  /** @param now milliseconds, best of a clock that only goes forward */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
    this.#waitingSince = now();
  }

  /** The group answered: with no partitions where it has more members than partitions. */
  assigned(count: number): void {
    this.#isSaid = true;
    if (count === 0) {
      this.#logger.warn('assigned no partition, as the group has more members than partitions: standing by');
    }
  }

  /** The partitions were given up: the group assigns anew. */
  waits(): void {
    this.#isSaid = false;
    this.#waitingSince = this.#now();
  }

  check(): void {
    if (this.#isSaid || this.#now() - this.#waitingSince < PATIENCE_MS) return;
    this.#isSaid = true;
    this.#logger.info(
      'waiting for the group to assign partitions: a member that was killed keeps its own until its session timeout',
    );
  }
}
