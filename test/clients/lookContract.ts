import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientName } from '../../src/clients/connect.ts';
import { BrokerTap } from '../invariants/helpers/brokerTap.ts';
import { type ContractContext, withClient } from './helpers/context.ts';
import { appendText } from './helpers/records.ts';

/** Looking at many groups and topics at once, as both clients do it. */
export function runLookContract(name: ClientName): void {
  describe(`many at once by the client ${name}`, { timeout: 600_000 }, () =>
    withClient(name, (context) => {
      defineLookContract(context);

      test('a partition without a leader has its reason, and hides no other', async () => {
        const [one, two] = [await context.topic(2), await context.topic(1)];
        const tap = new BrokerTap(context.broker());
        const restore = tap.answer('Metadata', (answer) => ({
          ...answer,
          topics: answer.topics?.map((topic) =>
            topic.name === one
              ? {
                  ...topic,
                  partitions: topic.partitions?.map((each) =>
                    each.partitionIndex === 1 ? { ...each, leaderId: -1, errorCode: 5 } : each,
                  ),
                }
              : topic,
          ),
        }));
        const client = await context.open();
        try {
          const [first, second] = await client.admin.lookAtTopics([one, two]);
          assert.deepEqual(first!.partitions, [
            { partition: 0, start: 0, end: 0, problem: null },
            { partition: 1, start: null, end: null, problem: 'the partition has no leader' },
          ]);
          assert.deepEqual(second!.partitions, [{ partition: 0, start: 0, end: 0, problem: null }]);
        } finally {
          restore();
        }
      });

      if (name === 'platformatic') {
        test('a broker that is away hides its own groups only, and is told of', async () => {
          const tap = new BrokerTap(context.broker());
          const restore = tap.answer('Metadata', (answer) => ({
            ...answer,
            brokers: [...(answer.brokers ?? []), { nodeId: 99, host: '127.0.0.1', port: 1, rack: null }],
          }));
          const warnings: string[] = [];
          const client = await context.open({
            dialTimeoutMs: 500,
            logger: (level, message) => {
              if (level === 'warn') warnings.push(message);
            },
          });
          try {
            const groupId = context.named('beside');
            const consumer = await client.createConsumer({ groupId });
            await consumer.commit([{ topic: await context.topic(1), partition: 0, offset: 0 }]);
            await consumer.close();
            const groups = await client.admin.groups();
            assert.ok(
              groups.some((each) => each.groupId === groupId),
              'the group is missing',
            );
            assert.match(warnings.join('\n'), /groups of one broker are left out: .*broker 99/);
          } finally {
            restore();
          }
        });
      }
    }),
  );
}

/** The tests that hold on any broker. */
export function defineLookContract({ client, topic, named }: ContractContext): void {
  test('many groups: members, commits, and those that are not there', async () => {
    const source = await topic(3);
    const names = [0, 1, 2].map((i) => named(`look-${i}`));
    // The last has a member, which begins where it has committed.
    const offsets = [10, 20, 0];
    for (const [i, groupId] of names.entries()) {
      const consumer = await client().createConsumer({ groupId });
      await consumer.commit([{ topic: source, partition: i, offset: offsets[i]! }]);
      await consumer.close();
    }
    const member = await client().createConsumer({ groupId: names[2]! });
    let held = 0;
    await member.subscribe([source], 'earliest', {
      onAssigned: async (partitions) => {
        held = partitions.length;
        return undefined;
      },
      onRevoked: async () => {},
    });
    while (held < 3) await member.poll(20);
    try {
      const looks = await client().admin.lookAtGroups([...names, named('look-none')]);
      assert.deepEqual(
        looks.map(({ info }) => info.groupId),
        [...names, named('look-none')],
      );
      assert.deepEqual(
        looks.map(({ problem }) => problem),
        [null, null, null, null],
      );
      for (const [i, look] of looks.slice(0, 3).entries()) {
        assert.deepEqual(look.offsets, [{ topic: source, partition: i, offset: offsets[i] }]);
      }
      assert.deepEqual(
        looks.map(({ info }) => info.state),
        ['Empty', 'Empty', 'Stable', 'Dead'],
      );
      assert.equal(looks[2]!.info.members[0]!.partitions.length, 3);
      assert.deepEqual(looks[3]!.offsets, []);
    } finally {
      await member.close();
    }
  });

  test('many topics: start and end of each log, and those that are not there', async () => {
    const [one, two] = [await topic(2), await topic(1)];
    const producer = await client().createProducer();
    for (let i = 0; i < 7; i++) appendText(producer, one, 1, String(i));
    appendText(producer, two, 0, 'x');
    await producer.flush();
    await producer.close();
    await client().admin.deleteRecords([{ topic: one, partition: 1, offset: 3 }]);
    const looks = await client().admin.lookAtTopics([one, named('no-topic'), two]);
    assert.deepEqual(looks, [
      {
        topic: one,
        problem: null,
        partitions: [
          { partition: 0, start: 0, end: 0, problem: null },
          { partition: 1, start: 3, end: 7, problem: null },
        ],
      },
      { topic: named('no-topic'), problem: 'the topic does not exist any more', partitions: [] },
      { topic: two, problem: null, partitions: [{ partition: 0, start: 0, end: 1, problem: null }] },
    ]);
    assert.deepEqual(await client().admin.lookAtTopics([]), []);
    assert.deepEqual(await client().admin.lookAtGroups([]), []);
  });
}
