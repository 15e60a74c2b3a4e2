import type { TestContext } from 'node:test';
import type { KafkaClient } from '../../src/clients/client.ts';
import { append, startWorld, type World } from './world.ts';

/** Topic `readings` of two partitions, 15 records in partition 0; group `pumps` has committed offset 4 of partition 0. */
export async function lagWorld(t: TestContext, port = 0): Promise<World> {
  const world = await startWorld({ autoCreate: false, port });
  t.after(() => world.close());
  await world.client.admin.createTopics([{ name: 'readings', partitions: 2 }]);
  await produce(world.client, 'readings', 0, 15);
  await commit(world.client, 'pumps', 'readings', [4]);
  return world;
}

export async function produce(
  client: KafkaClient,
  topic: string,
  partition: number,
  count: number,
  timestamp = 1_700_000_000_000,
) {
  const producer = await client.createProducer();
  for (let i = 0; i < count; i++)
    append(producer, topic, { partition, key: null, value: i, timestamp: timestamp + 1000 * i });
  await producer.flush();
  await producer.close();
}

/** Offsets by partition. */
export async function commit(client: KafkaClient, groupId: string, topic: string, offsets: readonly number[]) {
  const consumer = await client.createConsumer({ groupId });
  await consumer.commit(offsets.map((offset, partition) => ({ topic, partition, offset })));
  await consumer.close();
}

/** For tests that need no rates. */
export const ONE_LOOK = ['--looks', '1'];
