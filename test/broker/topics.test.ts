import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { BrokerOptions } from '../../src/broker/brokerOptions.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

async function withBroker(options: BrokerOptions, body: (client: RawClient, broker: Broker) => Promise<void>) {
  const broker = await startBroker(options);
  const client = await RawClient.to(broker);
  try {
    await body(client, broker);
  } finally {
    client.close();
    await broker.close();
  }
}

const metadataOf = async (client: RawClient, name: string, allowAutoTopicCreation: boolean) => {
  const { topics } = await client.send('Metadata', 12, { topics: [{ name }], allowAutoTopicCreation });
  return topics[0]!;
};

test('a topic is made on first use only where both the client and the broker want it', async () => {
  await withBroker({ defaultPartitions: 3 }, async (client) => {
    assert.equal((await metadataOf(client, 't', false)).errorCode, 3);
    const made = await metadataOf(client, 't', true);
    assert.deepEqual([made.errorCode, made.partitions.length, made.partitions[0]!.leaderId], [0, 3, 0]);
    assert.equal((await metadataOf(client, 't', false)).topicId, made.topicId);
    assert.equal((await metadataOf(client, 'no/slash', true)).errorCode, 17);
  });
  await withBroker({ autoCreate: false }, async (client, broker) => {
    assert.equal((await metadataOf(client, 't', true)).errorCode, 3);
    assert.equal((await client.produce('t', 0, batchOf(['a'], Date.now()))).errorCode, 3);
    assert.equal(broker.topics().length, 0);
  });
});

test('Metadata finds by name, by id, and all', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('a', 2);
    await client.createTopic('b');
    const { topicId } = await metadataOf(client, 'b', false);
    const byId = await client.send('Metadata', 12, { topics: [{ topicId, name: null }] });
    assert.equal(byId.topics[0]!.name, 'b');
    const unknown = await client.send('Metadata', 12, { topics: [{ topicId: 'f'.repeat(32), name: null }] });
    assert.equal(unknown.topics[0]!.errorCode, 100);
    for (const [version, topics] of [
      [0, []],
      [1, null],
      [9, null],
    ] as const) {
      const all = await client.send('Metadata', version, { topics });
      assert.deepEqual(
        all.topics.map(({ name, partitions }) => [name, partitions.length]),
        [
          ['a', 2],
          ['b', 1],
        ],
      );
    }
    assert.equal((await client.send('Metadata', 1, { topics: [] })).topics.length, 0);
  });
});

test('CreateTopics says what is wrong with a topic, and makes the others', async () => {
  await withBroker({ defaultPartitions: 2 }, async (client, broker) => {
    const topic = (name: string, more: object = {}) => ({ name, numPartitions: 1, replicationFactor: 1, ...more });
    const { topics } = await client.send('CreateTopics', 7, {
      topics: [
        topic('good', { configs: [{ name: 'retention.ms', value: '1000' }] }),
        topic('by-default', { numPartitions: -1, replicationFactor: -1 }),
        topic('assigned', { numPartitions: -1, assignments: [{ partitionIndex: 0, brokerIds: [0] }] }),
        topic('..'),
        topic('none', { numPartitions: 0 }),
        topic('three', { replicationFactor: 3 }),
        topic('elsewhere', { assignments: [{ partitionIndex: 0, brokerIds: [5] }] }),
        topic('unknown', { configs: [{ name: 'no.such', value: '1' }] }),
        topic('wrong', { configs: [{ name: 'cleanup.policy', value: 'burn' }] }),
        topic('twice'),
        topic('twice'),
      ],
    });
    const codes = [0, 0, 0, 17, 37, 38, 39, 40, 40, 42, 42];
    assert.deepEqual(
      topics.map(({ errorCode }) => errorCode),
      codes,
    );
    for (const { errorCode, errorMessage } of topics) assert.equal(errorMessage === null, errorCode === 0);
    assert.equal(topics[0]!.configs!.find(({ name }) => name === 'retention.ms')!.value, '1000');
    assert.deepEqual(
      topics.slice(0, 3).map(({ numPartitions }) => numPartitions),
      [1, 2, 1],
    );
    const again = await client.send('CreateTopics', 1, { topics: [topic('good')] });
    assert.equal(again.topics[0]!.errorCode, 36);
    const tried = await client.send('CreateTopics', 5, { topics: [topic('dry')], validateOnly: true });
    assert.equal(tried.topics[0]!.errorCode, 0);
    assert.deepEqual(
      broker.topics().map(({ name }) => name),
      ['good', 'by-default', 'assigned'],
    );
  });
});

test('a deleted topic is gone with its offsets, and a new one of its name is another', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('t');
    const { topicId } = await metadataOf(client, 't', false);
    await client.send('OffsetCommit', 8, {
      groupId: 'g',
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }] }],
    });
    const { responses } = await client.send('DeleteTopics', 6, { topics: [{ topicId }, { name: 'absent' }] });
    assert.deepEqual(
      responses.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['t', 0],
        ['absent', 3],
      ],
    );
    await client.createTopic('t');
    assert.notEqual((await metadataOf(client, 't', false)).topicId, topicId);
    const { groups } = await client.send('OffsetFetch', 8, { groups: [{ groupId: 'g', topics: null }] });
    assert.deepEqual(groups[0]!.topics, []);
  });
});

test('partitions can be added, never taken away', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('t', 2);
    const grow = async (name: string, count: number) =>
      (await client.send('CreatePartitions', 3, { topics: [{ name, count, assignments: null }] })).results[0]!
        .errorCode;
    assert.equal(await grow('t', 2), 37);
    assert.equal(await grow('t', 4), 0);
    assert.equal(await grow('absent', 4), 3);
    assert.equal((await metadataOf(client, 't', false)).partitions.length, 4);
    assert.equal((await client.produce('t', 3, batchOf(['a'], Date.now()))).errorCode, 0);
  });
});

test('topic configs: defaults are those of Redpanda, set ones say so, and go back', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('t', 1, { 'retention.ms': '-1' });
    const configs = async (...configurationKeys: string[]) => {
      const { results } = await client.send('DescribeConfigs', 4, {
        resources: [{ resourceType: 2, resourceName: 't', configurationKeys }],
        includeSynonyms: true,
      });
      return results[0]!.configs.map(({ name, value, configSource }) => [name, value, configSource]);
    };
    assert.deepEqual(await configs('retention.ms', 'cleanup.policy'), [
      ['cleanup.policy', 'delete', 5],
      ['retention.ms', '-1', 1],
    ]);
    const change = async (name: string, configOperation: number, value: string | null) => {
      const resources = [{ resourceType: 2, resourceName: 't', configs: [{ name, configOperation, value }] }];
      return (await client.send('IncrementalAlterConfigs', 1, { resources })).responses[0]!.errorCode;
    };
    assert.equal(await change('cleanup.policy', 2, 'compact'), 0);
    assert.deepEqual(await configs('cleanup.policy'), [['cleanup.policy', 'delete,compact', 1]]);
    assert.equal(await change('cleanup.policy', 3, 'delete'), 0);
    assert.deepEqual(await configs('cleanup.policy'), [['cleanup.policy', 'compact', 1]]);
    assert.equal(await change('retention.ms', 1, null), 0);
    assert.deepEqual(await configs('retention.ms'), [['retention.ms', '604800000', 5]]);
    assert.equal(await change('retention.ms', 0, 'soon'), 40);
    assert.equal(await change('retention.ms', 9, '5'), 40);
    const resources = [{ resourceType: 2, resourceName: 't', configs: [{ name: 'max.message.bytes', value: '100' }] }];
    assert.equal((await client.send('AlterConfigs', 1, { resources })).responses[0]!.errorCode, 0);
    assert.deepEqual(await configs('cleanup.policy', 'max.message.bytes'), [
      ['cleanup.policy', 'delete', 5],
      ['max.message.bytes', '100', 1],
    ]);
    assert.equal((await client.produce('t', 0, batchOf(['x'.repeat(100)], Date.now()))).errorCode, 10);
  });
});

test('topic configs are held to their type and range, and unknown ones refused by name', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('t');
    const set = async (name: string, value: string) => {
      const resources = [{ resourceType: 2, resourceName: 't', configs: [{ name, configOperation: 0, value }] }];
      const { errorCode, errorMessage } = (await client.send('IncrementalAlterConfigs', 1, { resources }))
        .responses[0]!;
      return errorCode === 0 ? null : [errorCode, errorMessage];
    };
    assert.deepEqual(await set('retention.ms', '-2'), [40, 'retention.ms is from -1 to 2^63-1, not -2']);
    assert.deepEqual(await set('segment.bytes', '13'), [40, 'segment.bytes is from 14 to 2147483647, not 13']);
    assert.deepEqual(await set('max.message.bytes', '0'), [40, 'max.message.bytes is from 1 to 2147483647, not 0']);
    assert.deepEqual(await set('min.cleanable.dirty.ratio', '1.5'), [
      40,
      'min.cleanable.dirty.ratio is from 0 to 1, not 1.5',
    ]);
    assert.deepEqual(await set('min.cleanable.dirty.ratio', ''), [40, 'min.cleanable.dirty.ratio is a number, not ']);
    assert.deepEqual(await set('redpanda.remote.read', 'yes'), [40, 'redpanda.remote.read is true or false, not yes']);
    assert.deepEqual(await set('cleanup.policy', 'compress'), [
      40,
      'cleanup.policy is one of delete, compact, compact,delete, delete,compact, not compress',
    ]);
    assert.deepEqual(await set('retention.hours', '1'), [40, 'unknown topic config retention.hours']);
    for (const [name, value] of [
      ['retention.ms', '9223372036854775807'],
      ['segment.ms', '-1'],
      // Kafka's, which Redpanda takes and does not have.
      ['min.insync.replicas', '1'],
    ] as const) {
      assert.equal(await set(name, value), null, name);
    }
    const { results } = await client.send('DescribeConfigs', 4, {
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }],
    });
    assert.ok(!results[0]!.configs.some(({ name }) => name === 'min.insync.replicas'));
  });
});

test('the configuration of the broker can be read', async () => {
  await withBroker({ autoCreate: false, defaultPartitions: 7 }, async (client) => {
    const read = async (resourceType: number, resourceName: string) =>
      (
        await client.send('DescribeConfigs', 1, {
          resources: [{ resourceType, resourceName, configurationKeys: null }],
        })
      ).results[0]!;
    const { configs } = await read(4, '0');
    const values = new Map(configs.map(({ name, value }) => [name, value]));
    assert.equal(values.get('auto.create.topics.enable'), 'false');
    assert.equal(values.get('num.partitions'), '7');
    assert.equal((await read(4, '9')).errorCode, 42);
    assert.equal((await read(2, 'absent')).errorCode, 3);
  });
});

test('offsets are kept per group, with their text, and can be deleted', async () => {
  await withBroker({}, async (client) => {
    await client.createTopic('t', 2);
    const commit = (groupId: string, generationId = -1, topic = 't', metadata = 'note') =>
      client.send('OffsetCommit', 6, {
        groupId,
        generationId,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 1, committedOffset: 42, committedLeaderEpoch: 1, committedMetadata: metadata },
            ],
          },
        ],
      });
    const codeOf = async (...args: Parameters<typeof commit>) =>
      (await commit(...args)).topics[0]!.partitions[0]!.errorCode;
    assert.equal(await codeOf('g'), 0);
    assert.equal(await codeOf('g', -1, 'absent'), 3);
    assert.equal(await codeOf('g', -1, 't', 'x'.repeat(5000)), 12);
    assert.equal(await codeOf('another', 5), 22);
    assert.equal(await codeOf(''), 24);
    const all = await client.send('OffsetFetch', 5, { groupId: 'g', topics: null });
    assert.deepEqual(all.topics, [
      {
        name: 't',
        partitions: [
          { partitionIndex: 1, committedOffset: 42, committedLeaderEpoch: 1, metadata: 'note', errorCode: 0 },
        ],
      },
    ]);
    const none = await client.send('OffsetFetch', 1, { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] });
    assert.equal(none.topics[0]!.partitions[0]!.committedOffset, -1);
    const removed = await client.send('OffsetDelete', 0, {
      groupId: 'g',
      topics: [{ name: 't', partitions: [{ partitionIndex: 1 }] }],
    });
    assert.equal(removed.topics[0]!.partitions[0]!.errorCode, 0);
    assert.deepEqual((await client.send('OffsetFetch', 5, { groupId: 'g', topics: null })).topics, []);
    assert.equal((await client.send('DeleteGroups', 2, { groupsNames: ['g'] })).results[0]!.errorCode, 0);
    assert.equal((await client.send('DeleteGroups', 2, { groupsNames: ['g'] })).results[0]!.errorCode, 69);
  });
});

test('a port that is taken, a wrong port, an unknown release', async () => {
  await withBroker({}, async (_client, broker) => {
    const code = (options: BrokerOptions) =>
      startBroker(options).then(
        () => 'started',
        (error) => (isAnomalyError(error) ? error.code : String(error)),
      );
    assert.equal(await code({ port: broker.port }), 'ANM_PORT_IN_USE');
    assert.equal(await code({ port: 70000 }), 'ANM_USAGE');
    assert.equal(await code({ profile: 'v1' }), 'ANM_USAGE');
    assert.equal(await code({ defaultPartitions: 0 }), 'ANM_USAGE');
  });
});
