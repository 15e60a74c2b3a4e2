import type { Consumer, ConsumerOptions, KafkaClient } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { partitionName } from '../topics/partitionName.ts';

export interface GrowingReaderOptions {
  /** Those that are not there are passed over until they are. */
  readonly topics: readonly string[];
  readonly consumer: ConsumerOptions;
  /** Where to begin with partitions, in their order: those of the start, and each one that is added later. */
  readonly startsOf: (places: readonly TopicPartition[], nowMs: number) => Promise<readonly TopicPartitionOffset[]>;
}

/** As often as the leader of a group looks for them: the pipeline writes to one that was added no sooner. */
const LOOK_EVERY_MS = 30_000;

/** Reads all partitions of some topics without a group, those that are added while it does included. */
export class GrowingReader {
  readonly consumer: Consumer;
  readonly #client: KafkaClient;
  readonly #options: GrowingReaderOptions;
  #places: readonly TopicPartition[] = [];
  #lookMs = -Infinity;

  private constructor(client: KafkaClient, options: GrowingReaderOptions, consumer: Consumer) {
    this.#client = client;
    this.#options = options;
    this.consumer = consumer;
  }

  static async open(client: KafkaClient, options: GrowingReaderOptions, nowMs: number): Promise<GrowingReader> {
    const reader = new GrowingReader(client, options, await client.createConsumer(options.consumer));
    try {
      await reader.look(nowMs);
      return reader;
    } catch (error) {
      await reader.close().catch(() => {});
      throw error;
    }
  }

  get places(): readonly TopicPartition[] {
    return this.#places;
  }

  /** How far each partition has been read: what may be committed once all before is done. */
  positions(): TopicPartitionOffset[] {
    return this.#places.map(({ topic, partition }) => ({
      ...{ topic, partition },
      offset: this.consumer.position(topic, partition),
    }));
  }

  /** Where it is time, looks for partitions that were added, and reads them, too. @returns those */
  async look(nowMs: number): Promise<readonly TopicPartition[]> {
    if (nowMs - this.#lookMs < LOOK_EVERY_MS) return [];
    const infos = await this.#client.admin.topics([...new Set(this.#options.topics)]);
    const known = new Set(this.#places.map(partitionName));
    const added = infos
      .flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })))
      .filter((place) => !known.has(partitionName(place)));
    if (added.length > 0) {
      const starts = await this.#options.startsOf(added, nowMs);
      // An assignment replaces the one before: the others go on where they are.
      await this.consumer.assign([...this.positions(), ...starts]);
      this.#places = [...this.#places, ...added];
    }
    this.#lookMs = nowMs;
    return added;
  }

  async close(): Promise<void> {
    await this.consumer.close();
  }
}
