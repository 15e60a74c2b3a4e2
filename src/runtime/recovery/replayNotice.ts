import type { Logger } from '../../output/logger.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';

/** Between two words on how far it is. */
const EVERY_MS = 5000;

interface Replay {
  readonly from: number;
  readonly startedMs: number;
  nextMs: number;
}

/** Says how far the partitions are that run records again, and when each is back. */
export class ReplayNotice {
  readonly #logger: Logger;
  readonly #ticks: () => number;
  readonly #replays = new Map<PartitionAtWork, Replay>();

  /** @param ticks milliseconds of a clock that only goes forward */
  constructor(logger: Logger, ticks: () => number) {
    this.#logger = logger;
    this.#ticks = ticks;
  }

  /** The state of a partition is back, as it was at its position. */
  begins(partition: PartitionAtWork): void {
    if (!partition.isReplaying) return;
    const { name, position, suppressBelow } = partition;
    const startedMs = this.#ticks();
    this.#replays.set(partition, { from: position, startedMs, nextMs: startedMs + EVERY_MS });
    this.#logger.info(`restoring ${name}: offsets ${position} to ${suppressBelow - 1} are run again`);
  }

  /** To be called now and then. */
  check(): void {
    if (this.#replays.size === 0) return;
    const time = this.#ticks();
    for (const [partition, replay] of this.#replays) {
      const { name, position, suppressBelow, isGone, isReplaying, replayed } = partition;
      if (isGone || !isReplaying) {
        this.#replays.delete(partition);
        const seconds = ((time - replay.startedMs) / 1000).toFixed(1);
        const records = replayed === 1 ? '1 record was' : `${replayed} records were`;
        if (!isGone) this.#logger.info(`restored ${name} in ${seconds} s: ${records} run again`);
      } else if (time >= replay.nextMs) {
        replay.nextMs = time + EVERY_MS;
        const percent = Math.floor((100 * (position - replay.from)) / (suppressBelow - replay.from));
        this.#logger.info(`restoring ${name}: ${percent} %, at offset ${position} of ${suppressBelow}`);
      }
    }
  }
}
