import type { Publisher } from '../../alerts/sinks/lineSinks.ts';
import type { KafkaClient } from '../../clients/client.ts';
import type { Producer } from '../../clients/producer.ts';
import { partitionForKey } from '../../wire/murmur2.ts';
import { newTopic } from '../topics/topicTable.ts';

/** Of a topic sink that names none. */
export function notificationsTopic(pipeline: string): string {
  return `${pipeline.replace(/[^A-Za-z0-9._-]+/g, '_')}.notifications`;
}

/**
 * Records of notifications on a topic, placed by the incident's id. The topic is created, with one partition, where it is
 * missing. Topic and producer are looked after at the first record, and again after a failure.
 *
 * @param client opened at the first record, and closed by whoever gave it
 */
export class TopicPublisher implements Publisher {
  readonly #client: () => Promise<KafkaClient>;
  readonly #topic: string;
  #open: Promise<{ readonly producer: Producer; readonly partitions: number }> | null = null;

  constructor(client: () => Promise<KafkaClient>, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  async publish(key: string, value: string, atMs: number): Promise<void> {
    this.#open ??= this.#start();
    const open = this.#open;
    try {
      const { producer, partitions } = await open;
      const [keyBytes, valueBytes] = [new TextEncoder().encode(key), new TextEncoder().encode(value)];
      const partition = partitionForKey(keyBytes, 0, keyBytes.length, partitions);
      const { length } = valueBytes;
      producer.append(this.#topic, partition, atMs, keyBytes, 0, keyBytes.length, valueBytes, 0, length);
      await producer.flush();
    } catch (error) {
      // One that failed stays so.
      if (this.#open === open) this.#open = null;
      void open.then(({ producer }) => producer.close()).catch(() => {});
      throw error;
    }
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.then(({ producer }) => producer.close());
  }

  async #start(): Promise<{ producer: Producer; partitions: number }> {
    const client = await this.#client();
    const name = this.#topic;
    let [info] = await client.admin.topics([name]);
    if (info === undefined) {
      await client.admin.createTopics([newTopic({ kind: 'notifications', name }, { partitions: 1 })]);
      [info] = await client.admin.topics([name]);
    }
    const producer = await client.createProducer({ idempotent: true, lingerMs: 0 });
    return { producer, partitions: Math.max(1, info?.partitions.length ?? 1) };
  }
}
