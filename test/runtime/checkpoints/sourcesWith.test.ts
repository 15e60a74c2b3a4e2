import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicInfo } from '../../../src/clients/client.ts';
import { sourcesWith } from '../../../src/runtime/checkpoints/sourcesWith.ts';

/** An answer of a broker by numbers of partitions. */
function answering(counts: Readonly<Record<string, number>>) {
  const topics = Object.entries(counts).map(([name, count]): TopicInfo => {
    const partitions = Array.from({ length: count }, (_, partition) => ({ partition, leader: 0, replicas: [0] }));
    return { name, internal: false, partitions };
  });
  return { topics: async (names?: readonly string[]) => topics.filter(({ name }) => names!.includes(name)) };
}

test('topics that have the partition count, and no other', async () => {
  const admin = answering({ t: 4, u: 2, other: 9 });
  const counts = [0, 1, 2, 3].map((partition) => sourcesWith(admin, ['t', 'u'], partition));
  assert.deepEqual(await Promise.all(counts), [2, 2, 1, 1]);
});

test('an answer without a topic, or without its partitions, says nothing of who needs the journal', async () => {
  assert.equal(await sourcesWith(answering({ t: 4 }), ['t', 'u'], 0), Infinity);
  assert.equal(await sourcesWith(answering({ t: 4, u: 0 }), ['t', 'u'], 0), Infinity);
});

test('one topic has its journal to itself, and no broker is asked', async () => {
  const admin = { topics: () => assert.fail('asked') };
  assert.equal(await sourcesWith(admin, ['t'], 3), 1);
});
