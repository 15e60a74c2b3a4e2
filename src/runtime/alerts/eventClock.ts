import type { MemberStatus } from '../../observe/status.ts';

interface Look {
  readonly atMs: number;
  readonly watermarkMs: number;
}

/** What a partition without new records says of time, it says for so long. */
const QUIET_MS = 30_000;
const MOST_LOOKS = 1000;

/**
 * Event time as the alert stage may use it: what every partition has come to, so that no record or alert moves it alone.
 * That is the least watermark, taken up only when the alerts of before are sure to be there, as a watermark is told at once
 * and the alerts below it with the next commit; and of a partition with alerts yet to be read, the newest that was. Never
 * later than the time here: what is ahead of that is a clock that is wrong.
 */
export class EventClock {
  readonly #settleMs: number;
  readonly #behindMs: number;
  readonly #looks: Look[] = [];
  readonly #moved = new Map<string, { watermark: number; atMs: number }>();
  /** By partition, the event time of its newest alert, and when that was read. */
  readonly #newest = new Map<number, { timeMs: number; atMs: number }>();
  /** Whether live members tell watermarks. */
  #isTold = false;
  /** The least watermark of the newest look, and of the newest whose alerts are sure to be there. */
  #latestMs = -Infinity;
  #settledMs = -Infinity;

  /**
   * @param settleMs from a watermark being told to the alerts below it being readable
   * @param behindMs event time by which an alert may be behind those that its partition had before
   */
  constructor(settleMs: number, behindMs: number) {
    this.#settleMs = settleMs;
    this.#behindMs = behindMs;
  }

  /** Takes what live members tell. */
  look(members: readonly MemberStatus[], nowMs: number): void {
    let least = Infinity;
    this.#isTold = false;
    for (const { partitions } of members) {
      for (const { topic, partition, watermark, lag } of partitions) {
        if (watermark === null) continue;
        this.#isTold = true;
        const key = `${topic}/${partition}`;
        const before = this.#moved.get(key);
        if (before === undefined || before.watermark !== watermark) this.#moved.set(key, { watermark, atMs: nowMs });
        else if (lag === 0 && nowMs - before.atMs > QUIET_MS) continue;
        least = Math.min(least, watermark);
      }
    }
    if (!Number.isFinite(least)) return;
    this.#latestMs = least;
    this.#looks.push({ atMs: nowMs, watermarkMs: least });
    if (this.#looks.length > MOST_LOOKS) this.#looks.shift();
  }

  /** An alert of a partition is read. */
  take(partition: number, timeMs: number, nowMs: number): void {
    const newestMs = this.#newest.get(partition)?.timeMs ?? -Infinity;
    this.#newest.set(partition, { timeMs: Math.max(newestMs, timeMs), atMs: nowMs });
  }

  /**
   * The clock at this time; undefined where none is sure.
   *
   * @param unread partitions with alerts that are there and not taken yet
   * @param isAll whether these are all partitions
   */
  at(nowMs: number, unread: ReadonlySet<number>, isAll: boolean): number | undefined {
    while (this.#looks.length > 0 && this.#looks[0]!.atMs + this.#settleMs <= nowMs) {
      this.#settledMs = this.#looks.shift()!.watermarkMs;
    }
    // Where there are alerts of every partition to be read, these hold the clock, and none that is yet to come.
    const watermarkMs = isAll ? this.#latestMs : this.#settledMs;
    let clockMs = this.#isTold ? watermarkMs : this.#quietedMs(nowMs, unread);
    for (const partition of unread) clockMs = Math.min(clockMs, this.#readMs(partition));
    return Number.isFinite(clockMs) ? Math.min(clockMs, nowMs) : undefined;
  }

  /** Without watermarks only alerts tell how far partitions are that have been read: for as long as they come. */
  #quietedMs(nowMs: number, unread: ReadonlySet<number>): number {
    let least = Infinity;
    for (const [partition, { atMs }] of this.#newest) {
      if (!unread.has(partition) && nowMs - atMs <= QUIET_MS) least = Math.min(least, this.#readMs(partition));
    }
    return least;
  }

  #readMs(partition: number): number {
    return (this.#newest.get(partition)?.timeMs ?? -Infinity) - this.#behindMs;
  }
}
