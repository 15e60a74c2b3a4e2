import type { Consumer } from '../../../src/clients/client.ts';
import type { World } from '../../helpers/world.ts';

/** Follows a topic from its start, and keeps every value as its bytes (latin1), by partition in order. */
export class TopicReader {
  readonly values: string[][];
  /** Values that are not a copy of an earlier one of their partition. */
  readonly distinct: Set<string>[];
  readonly #consumer: Consumer;
  readonly #topic: string;

  private constructor(consumer: Consumer, topic: string, partitions: number) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.values = Array.from({ length: partitions }, () => []);
    this.distinct = Array.from({ length: partitions }, () => new Set());
  }

  /** The topic is there already. */
  static async open(world: Pick<World, 'client'>, topic: string, partitions: number): Promise<TopicReader> {
    const consumer = await world.client.createConsumer({ maxWaitMs: 50 });
    await consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
    return new TopicReader(consumer, topic, partitions);
  }

  get distinctCount(): number {
    return this.distinct.reduce((sum, set) => sum + set.size, 0);
  }

  get count(): number {
    return this.values.reduce((sum, list) => sum + list.length, 0);
  }

  /** Takes what is there; returns after at most `waitMs` without records. */
  async poll(waitMs: number): Promise<void> {
    const batch = await this.#consumer.poll(waitMs);
    if (batch === null) return;
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const value = bytes.toString('latin1', batch.valueStart[i], batch.valueEnd[i]);
      this.values[batch.partition]!.push(value);
      this.distinct[batch.partition]!.add(value);
    }
  }

  async toEnd(world: Pick<World, 'client'>): Promise<this> {
    const partitions = this.values.map((_, partition) => ({ topic: this.#topic, partition }));
    const ends = await world.client.admin.listOffsets(partitions, 'latest');
    const isBehind = () =>
      ends.some(({ partition, offset }) => this.#consumer.position(this.#topic, partition) < offset);
    while (isBehind()) await this.poll(100);
    return this;
  }

  async close(): Promise<void> {
    await this.#consumer.close();
  }
}
