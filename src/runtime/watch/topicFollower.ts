import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import { partitionName } from '../topics/partitionName.ts';
import type { WatchedTopic } from './watchedTopics.ts';

/** Where a topic is begun that was not read yet: so many records back over all its partitions, or at a time. */
export type FollowFrom = { readonly records: number } | { readonly sinceMs: number; readonly records: number };

export interface FollowerOptions {
  readonly client: KafkaClient;
  readonly isolation: 'read_committed' | 'read_uncommitted';
  readonly from: (topic: WatchedTopic) => FollowFrom;
  /** Next offset by partition. Outlives the follower, so that a new connection goes on where the last one was. */
  readonly positions: Map<string, number>;
  /** Called before a topic's first record, and again where it was made anew. */
  readonly onBegin?: (topic: WatchedTopic) => void;
  readonly onBatch: (topic: WatchedTopic, batch: ColumnBatch) => Promise<void> | void;
}

/** A response holds at most this: somebody who looks should not load the broker, or this process. */
const PARTITION_BYTES = 256 * 1024;
const RESPONSE_BYTES = 2 * 1024 * 1024;
/** Where nobody waits the topics are looked at again after this. */
const WAIT_MS = 500;

/** Follows topics that come and go, without a group. */
export class TopicFollower {
  readonly #options: FollowerOptions;
  readonly #consumer: Consumer;
  #topics = new Map<string, WatchedTopic>();
  /** What is to be followed from the next poll on. */
  #wanted: readonly WatchedTopic[] | undefined;

  private constructor(options: FollowerOptions, consumer: Consumer) {
    this.#options = options;
    this.#consumer = consumer;
  }

  static async open(options: FollowerOptions): Promise<TopicFollower> {
    const { client, isolation } = options;
    const limits = { maxPartitionBytes: PARTITION_BYTES, maxBytes: RESPONSE_BYTES, maxWaitMs: WAIT_MS };
    return new TopicFollower(options, await client.createConsumer({ isolation, ...limits }));
  }

  /** Whether there is nothing to poll for. */
  get isIdle(): boolean {
    return (this.#wanted ?? [...this.#topics]).length === 0;
  }

  /** Follows these, and no others, from the next poll on. */
  follow(topics: readonly WatchedTopic[]): void {
    const isSame = ({ topic, partitions }: WatchedTopic) => this.#topics.get(topic)?.partitions === partitions;
    const isAll = topics.length === this.#topics.size && topics.every(isSame);
    this.#wanted = isAll ? undefined : topics;
  }

  /** Takes a batch that comes within the time; false where none came. */
  async poll(timeoutMs: number): Promise<boolean> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    let batch: ColumnBatch | null;
    try {
      if (wanted !== undefined) await this.#assign(wanted);
      batch = await this.#consumer.poll(timeoutMs);
    } catch (error) {
      if (!(await this.#isOver(error))) throw error;
      return false;
    }
    this.#consumer.takeCorrupt();
    const topic = batch === null ? undefined : this.#topics.get(batch.topic);
    if (batch === null || topic === undefined) return false;
    const { partition, nextOffset } = batch;
    try {
      await this.#options.onBatch(topic, batch);
    } catch (error) {
      // It is read again by the next poll.
      this.#wanted ??= [...this.#topics.values()];
      throw error;
    }
    this.#options.positions.set(partitionName({ topic: topic.topic, partition }), nextOffset);
    return true;
  }

  /** Steps over what lies between here and so many records before the end as the broker told it last. */
  skip({ topic, partition }: TopicPartition, records: number): void {
    const end = this.#consumer.endOffset(topic, partition);
    const position = this.#consumer.position(topic, partition);
    const offset = end - records;
    if (offset <= position) return;
    this.#consumer.seek({ topic, partition, offset });
    this.#options.positions.set(partitionName({ topic, partition }), offset);
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#consumer.pause(partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#consumer.resume(partitions);
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }

  async #assign(topics: readonly WatchedTopic[]): Promise<void> {
    const offsets: TopicPartitionOffset[] = [];
    for (const topic of topics) offsets.push(...(await this.#starts(topic)));
    await this.#consumer.assign(offsets);
    this.#topics = new Map(topics.map((each) => [each.topic, each]));
  }

  async #starts(watched: WatchedTopic): Promise<TopicPartitionOffset[]> {
    const { positions, client, from, onBegin } = this.#options;
    const { topic, partitions: count } = watched;
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
    const known = partitions.flatMap((each) => {
      const offset = positions.get(partitionName(each));
      return offset === undefined ? [] : [{ ...each, offset }];
    });
    const fresh = partitions.filter((each) => !positions.has(partitionName(each)));
    if (fresh.length === 0) return known;
    onBegin?.(watched);
    const rule = from(watched);
    const { admin } = client;
    const [starts, ends, times] = await Promise.all([
      admin.listOffsets(fresh, 'earliest'),
      admin.listOffsets(fresh, 'latest'),
      'sinceMs' in rule ? admin.listOffsets(fresh, rule.sinceMs) : [],
    ]);
    const back = Math.ceil(rule.records / count);
    const begins = fresh.map((each) => {
      const of = (list: readonly TopicPartitionOffset[]) =>
        list.find(({ partition }) => partition === each.partition)?.offset ?? -1;
      const end = Math.max(0, of(ends));
      const byTime = 'sinceMs' in rule ? (of(times) < 0 ? end : of(times)) : 0;
      return { ...each, offset: Math.max(0, of(starts), end - back, byTime) };
    });
    for (const each of begins) positions.set(partitionName(each), each.offset);
    return [...known, ...begins];
  }

  /** A topic that is gone, or was made anew since: what is left is followed on. */
  async #isOver(error: unknown): Promise<boolean> {
    if (!isAnomalyError(error) || !/^ANM_(OFFSET_OUT_OF_RANGE|TOPIC_MISSING)$/.test(error.code)) return false;
    const { positions } = this.#options;
    const { topic: gone } = error.details;
    for (const key of positions.keys()) if (key.startsWith(`${gone}/`)) positions.delete(key);
    const topics = [...this.#topics.values()];
    this.#topics.clear();
    // It comes back with the next look at the topics, if it is there.
    this.follow(topics.filter(({ topic }) => topic !== gone));
    return true;
  }
}
