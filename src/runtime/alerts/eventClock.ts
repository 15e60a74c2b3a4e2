import type { MemberStatus } from '../../observe/status.ts';

interface Look {
  readonly atMs: number;
  readonly watermarkMs: number;
}

/** What a partition without new records says of time, it says for so long. */
const QUIET_MS = 30_000;

/**
 * Event time as the alert stage may use it: the least watermark of the partitions, taken up only when the alerts of before
 * are sure to have been read. A watermark is told at once, the alerts below it with the next commit.
 */
export class EventClock {
  readonly #settleMs: number;
  readonly #looks: Look[] = [];
  readonly #moved = new Map<string, { watermark: number; atMs: number }>();

  /** @param settleMs from a watermark being told to the alerts below it being readable */
  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** Takes what live members tell. */
  look(members: readonly MemberStatus[], nowMs: number): void {
    let least = Infinity;
    for (const { partitions } of members) {
      for (const { topic, partition, watermark, lag } of partitions) {
        if (watermark === null) continue;
        const key = `${topic}/${partition}`;
        const before = this.#moved.get(key);
        if (before === undefined || before.watermark !== watermark) this.#moved.set(key, { watermark, atMs: nowMs });
        else if (lag === 0 && nowMs - before.atMs > QUIET_MS) continue;
        least = Math.min(least, watermark);
      }
    }
    if (Number.isFinite(least)) this.#looks.push({ atMs: nowMs, watermarkMs: least });
    if (this.#looks.length > MOST_LOOKS) this.#looks.shift();
  }

  /** The clock where everything up to now has been read at `readMs`; undefined where nothing new is sure. */
  at(readMs: number): number | undefined {
    let sure: number | undefined;
    while (this.#looks.length > 0 && this.#looks[0]!.atMs + this.#settleMs <= readMs) {
      sure = this.#looks.shift()!.watermarkMs;
    }
    return sure;
  }
}

const MOST_LOOKS = 1000;
