import type { Admin } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import { partitionName } from '../topics/partitionName.ts';

/**
 * Ends of partitions asked for aside. Fetches tell them, too, but not while none is answered or the member is paused, and
 * lag would stand still just then. Asked when somebody looks, at most every two seconds; an answer shows at the next look.
 */
export class EndSampler {
  readonly #admin: Pick<Admin, 'listOffsets'>;
  readonly #ticks: () => number;
  #ends = new Map<string, number>();
  #isAsking = false;
  #nextMs = 0;

  /** @param ticks milliseconds of a clock that only goes forward */
  constructor(admin: Pick<Admin, 'listOffsets'>, ticks: () => number) {
    this.#admin = admin;
    this.#ticks = ticks;
  }

  /** As of the last answer; -1 where there was none. */
  endOf(place: TopicPartition): number {
    return this.#ends.get(partitionName(place)) ?? -1;
  }

  look(partitions: readonly TopicPartition[]): void {
    const time = this.#ticks();
    if (this.#isAsking || time < this.#nextMs || partitions.length === 0) return;
    this.#isAsking = true;
    this.#nextMs = time + EVERY_MS;
    const asked = partitions.map(({ topic, partition }) => ({ topic, partition }));
    this.#admin
      .listOffsets(asked, 'latest')
      .then((answers) => {
        this.#ends = new Map(answers.map((each) => [partitionName(each), each.offset]));
      })
      // Who reads the partition tells what is wrong with the broker.
      .catch(() => {})
      .finally(() => {
        this.#isAsking = false;
      });
  }
}

const EVERY_MS = 2000;
