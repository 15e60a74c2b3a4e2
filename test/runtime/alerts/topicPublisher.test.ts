import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TopicPublisher } from '../../../src/runtime/alerts/topicPublisher.ts';
import { topicBatches } from '../../../src/runtime/input/topicSource.ts';
import { partitionForKey } from '../../../src/wire/murmur2.ts';
import { startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

async function keysOf(topic: string, partitions: number): Promise<string[][]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const from = await world.client.admin.listOffsets(all, 'earliest');
  const to = await world.client.admin.listOffsets(all, 'latest');
  const keys: string[][] = all.map(() => []);
  for await (const batch of topicBatches(world.client, { from, to }, new AbortController().signal, () => {})) {
    for (let i = 0; i < batch.count; i++) {
      const bytes = batch.bytes.subarray(batch.keyStart[i]!, batch.keyEnd[i]!);
      keys[batch.partition]!.push(new TextDecoder().decode(bytes));
    }
  }
  return keys;
}

test('the topic is made where it is missing, and records go where their key belongs', async () => {
  const made = new TopicPublisher(async () => world.client, 'made');
  await Promise.all(['a', 'b', 'c'].map((key) => made.publish(key, '{}', 1000)));
  await made.close();
  assert.deepEqual(await keysOf('made', 1), [['a', 'b', 'c']]);
  await world.client.admin.createTopics([{ name: 'wide', partitions: 4 }]);
  const wide = new TopicPublisher(async () => world.client, 'wide');
  const keys = Array.from({ length: 20 }, (_, i) => `incident-${i}`);
  for (const key of keys) await wide.publish(key, '{}', 1000);
  await wide.close();
  const found = await keysOf('wide', 4);
  for (const key of keys) {
    const bytes = new TextEncoder().encode(key);
    assert.ok(found[partitionForKey(bytes, 0, bytes.length, 4)]!.includes(key), key);
  }
});

test('after a failure it begins anew', async () => {
  let asked = 0;
  const publisher = new TopicPublisher(async () => {
    asked += 1;
    if (asked === 1) throw new Error('no broker');
    return world.client;
  }, 'again');
  await assert.rejects(publisher.publish('a', '{}', 1000), /no broker/);
  await publisher.publish('a', '{}', 1000);
  await publisher.publish('b', '{}', 1000);
  await publisher.close();
  assert.equal(asked, 2);
  assert.deepEqual(await keysOf('again', 1), [['a', 'b']]);
});
