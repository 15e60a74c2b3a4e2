import type { Producer } from '../../../src/clients/producer.ts';

/** Numbers in [0, 1) that are the same at every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    // xorshift32 (Marsaglia, 2003).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export const START_MS = Date.UTC(2026, 0, 1);

/**
 * Readings of sensors as JSON, ten seconds apart in event time: a ripple, a spike now and then, a few that come late,
 * a few that are no JSON at all. Partition p holds the series p-0, p-1, ...
 */
export class Readings {
  /** Records appended so far. */
  count = 0;
  readonly #random: () => number;
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #partitions: number;
  readonly #seriesEach: number;

  constructor(producer: Producer, topic: string, partitions: number, seriesEach: number, seed: number) {
    this.#random = seeded(seed);
    this.#producer = producer;
    this.#topic = topic;
    this.#partitions = partitions;
    this.#seriesEach = seriesEach;
  }

  append(records: number): void {
    for (let n = 0; n < records; n++) {
      const i = this.count++;
      const partition = i % this.#partitions;
      const series = Math.floor(i / this.#partitions) % this.#seriesEach;
      const step = Math.floor(i / this.#partitions / this.#seriesEach);
      this.#put(partition, `${partition}-${series}`, this.#value(i, START_MS + step * 10_000, series));
    }
  }

  /** Resolves when all of them are in the log. */
  async flush(): Promise<void> {
    await this.#producer.flush();
  }

  #value(i: number, timeMs: number, series: number): string {
    const chance = this.#random();
    if (chance < 0.0005) return `no JSON ${i}`;
    const lateMs = chance < 0.002 ? 600_000 : Math.floor(this.#random() * 4000);
    const value = series + this.#random() + (chance > 0.9985 ? 50 : 0);
    return JSON.stringify({ ts: timeMs - lateMs, value, i });
  }

  #put(partition: number, key: string, text: string): void {
    const keyBytes = Buffer.from(key);
    const value = Buffer.from(text);
    const { length } = value;
    this.#producer.append(this.#topic, partition, START_MS, keyBytes, 0, keyBytes.length, value, 0, length);
  }
}
