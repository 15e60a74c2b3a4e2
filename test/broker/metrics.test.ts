import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startAdmin } from '../../src/broker/admin.ts';
import { startBroker } from '../../src/broker/broker.ts';
import { scratch } from './helpers/diskLog.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

const dir = scratch();
after(() => dir.remove());

test('/public_metrics counts what went in and out, and cluster properties take effect and last', async () => {
  let broker = await startBroker({ data: dir.path });
  let admin = await startAdmin({ port: 0, broker });
  let client = await RawClient.to(broker);
  await client.createTopic('t');
  const batches = [batchOf(['a', 'b', 'c'], Date.now()), batchOf(['d', 'e'], Date.now())];
  for (const batch of batches) await client.produce('t', 0, batch);
  const bytes = batches[0]!.length + batches[1]!.length;
  await client.fetch('t', 0, 0);
  await client.fetch('t', 0, 3, { minBytes: 1 << 20, maxWaitMs: 1 });
  await client.send('OffsetCommit', 7, {
    groupId: 'g',
    generationId: -1,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 2 }] }],
  });
  const value = async (sample: string) => {
    const text = await (await fetch(`${admin.url}/public_metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`redpanda_${sample} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const topic = 'redpanda_namespace="kafka",redpanda_topic="t"';
  assert.equal(await value(`kafka_records_produced_total{${topic}}`), 5);
  assert.equal(await value(`kafka_records_fetched_total{${topic}}`), 7, 'a fetch that waited in vain counts once');
  assert.equal(await value(`kafka_request_bytes_total{${topic},redpanda_request="produce"}`), bytes);
  assert.equal(
    await value(`kafka_request_bytes_total{${topic},redpanda_request="consume"}`),
    bytes + batches[1]!.length,
  );
  assert.equal(await value(`kafka_max_offset{${topic},redpanda_partition="0"}`), 5);
  assert.equal(await value('kafka_request_latency_seconds_count{redpanda_request="produce"}'), 2);
  assert.equal(await value('kafka_request_latency_seconds_count{redpanda_request="consume"}'), 2);
  assert.equal(await value('rpc_active_connections{redpanda_server="kafka"}'), 1);
  assert.ok((await value('storage_disk_free_bytes'))! > 0);
  assert.ok((await value('cpu_busy_seconds_total{shard="0"}'))! > 0);
  assert.equal(await value('kafka_consumer_group_lag_sum{redpanda_group="g",shard="0"}'), undefined);

  const upsert = {
    enable_consumer_group_metrics: ['group', 'partition', 'consumer_lag'],
    auto_create_topics_enabled: false,
    default_topic_partitions: 4,
  };
  const put = await fetch(`${admin.url}/v1/cluster_config`, { method: 'PUT', body: JSON.stringify({ upsert }) });
  assert.equal(put.status, 200);
  for (const restarted of [false, true]) {
    if (restarted) {
      client.close();
      await admin.close();
      await broker.close();
      broker = await startBroker({ data: dir.path });
      admin = await startAdmin({ port: 0, broker });
      client = await RawClient.to(broker);
    }
    assert.equal(await value('kafka_consumer_group_lag_sum{redpanda_group="g",shard="0"}'), 3);
    const { topics } = await client.send('Metadata', 9, { topics: [{ name: 'absent' }], allowAutoTopicCreation: true });
    assert.equal(topics![0]!.errorCode, 3);
  }
  client.close();
  await admin.close();
  await broker.close();
});
