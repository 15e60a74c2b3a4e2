import type { TopicPartition } from '../../clients/topicPartition.ts';
import { partitionName } from '../topics/partitionName.ts';
import type { TopicFollower } from './topicFollower.ts';

/** Records of a kind that are decoded a second at most; what a list of a few hundred lines can show. */
const MOST_A_SECOND = 1000;
/** After a pause this many of a partition's newest records are read. */
const KEPT_RECORDS = 50;
const SECOND_MS = 1000;

/**
 * Bounds what a flood of records costs: once a second's share is used up, their partitions rest until the second is over,
 * and go on near their ends. What is stepped over is counted.
 */
export class FloodGate {
  readonly #follower: Pick<TopicFollower, 'pause' | 'resume' | 'skip'>;
  readonly #now: () => number;
  readonly #resting = new Map<string, TopicPartition>();
  #beganMs = Number.NEGATIVE_INFINITY;
  #taken = 0;

  constructor(follower: Pick<TopicFollower, 'pause' | 'resume' | 'skip'>, now: () => number) {
    this.#follower = follower;
    this.#now = now;
  }

  /** Before each poll. */
  turn(): void {
    const nowMs = this.#now();
    if (nowMs - this.#beganMs < SECOND_MS && nowMs >= this.#beganMs) return;
    this.#beganMs = nowMs;
    this.#taken = 0;
    if (this.#resting.size === 0) return;
    const partitions = [...this.#resting.values()];
    this.#resting.clear();
    for (const each of partitions) this.#follower.skip(each, KEPT_RECORDS);
    this.#follower.resume(partitions);
  }

  /** How many of the last records of a batch are to be taken. */
  share({ topic, partition }: TopicPartition, count: number): number {
    const share = Math.min(count, Math.max(0, MOST_A_SECOND - this.#taken));
    this.#taken += share;
    if (this.#taken >= MOST_A_SECOND) {
      this.#resting.set(partitionName({ topic, partition }), { topic, partition });
      this.#follower.pause([{ topic, partition }]);
    }
    return share;
  }
}
