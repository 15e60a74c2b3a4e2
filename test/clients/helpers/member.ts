import type { Consumer, KafkaClient } from '../../../src/clients/client.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../../src/clients/topicPartition.ts';
import { ownTime } from './ownTime.ts';
import { plainRecords } from './records.ts';

/** A member that reads, and commits what it has read of the partitions that it gives back. */
export class ReadingMember {
  readonly name: string;
  readonly consumer: Consumer;
  readonly events: string[] = [];
  readonly values: string[] = [];
  /** What it holds, by what it was told. */
  readonly held = new Set<number>();
  /** Longest time without a record, by partition, while it was held. */
  readonly gapMs = new Map<number, number>();
  readonly #lastMs = new Map<number, number>();
  #isRunning = true;
  #loop: Promise<void> = Promise.resolve();
  failure: Error | null = null;

  constructor(name: string, consumer: Consumer) {
    this.name = name;
    this.consumer = consumer;
  }

  static async join(
    client: KafkaClient,
    name: string,
    topic: string,
    options: Parameters<KafkaClient['createConsumer']>[0],
  ): Promise<ReadingMember> {
    const member = new ReadingMember(name, await client.createConsumer({ maxWaitMs: 20, ...options }));
    await member.consumer.subscribe([topic], 'earliest', {
      onRevoked: (partitions) => member.#revoked(partitions),
      onLost: async (partitions) => {
        for (const { partition } of partitions) member.held.delete(partition);
        member.events.push(`lost ${listOf(partitions)}`);
      },
      onAssigned: async (partitions) => {
        for (const { partition } of partitions) {
          member.held.add(partition);
          member.#lastMs.set(partition, ownTime.now());
        }
        member.events.push(`assigned ${listOf(partitions)}`);
        return undefined;
      },
    });
    member.#loop = member.#run();
    return member;
  }

  /** Of no group, with all partitions of the topic from its start: what befalls it is no rebalance's doing. */
  static async alone(client: KafkaClient, topic: string, partitions: number): Promise<ReadingMember> {
    const member = new ReadingMember('alone', await client.createConsumer({ maxWaitMs: 20 }));
    for (let partition = 0; partition < partitions; partition++) member.held.add(partition);
    await member.consumer.assign(member.list.map((partition) => ({ topic, partition, offset: 0 })));
    member.#loop = member.#run();
    return member;
  }

  /** Stops polling, and leaves. */
  async leave(): Promise<void> {
    this.#isRunning = false;
    await this.#loop;
    await this.consumer.close();
  }

  get list(): number[] {
    return [...this.held].sort((a, b) => a - b);
  }

  /** Where it stands in what it holds and already reads. */
  offsets(topic: string): TopicPartitionOffset[] {
    return this.list.flatMap((partition) => {
      try {
        return [{ topic, partition, offset: this.consumer.position(topic, partition) }];
      } catch {
        return [];
      }
    });
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const offsets = partitions.map((each) => ({
      ...each,
      offset: this.consumer.position(each.topic, each.partition),
    }));
    await this.consumer.commit(offsets);
    for (const { partition } of partitions) this.held.delete(partition);
    this.events.push(`revoked ${listOf(partitions)}`);
  }

  async #run(): Promise<void> {
    try {
      while (this.#isRunning) {
        const batch = await this.consumer.poll(5);
        if (batch === null) continue;
        const nowMs = ownTime.now();
        const gap = nowMs - (this.#lastMs.get(batch.partition) ?? nowMs);
        this.gapMs.set(batch.partition, Math.max(gap, this.gapMs.get(batch.partition) ?? 0));
        this.#lastMs.set(batch.partition, nowMs);
        for (const { value } of plainRecords(batch)) this.values.push(value!);
      }
    } catch (error) {
      this.failure = error as Error;
    }
  }
}

function listOf(partitions: readonly TopicPartition[]): string {
  return partitions
    .map(({ partition }) => partition)
    .sort((a, b) => a - b)
    .join();
}

export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = ownTime.now() + 60_000;
  while (!isTrue()) {
    if (ownTime.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
