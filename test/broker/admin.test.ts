import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AdminGroup, type AdminSource, type AdminTransaction, startAdmin } from '../../src/broker/admin.ts';
import type { HttpServer } from '../../src/broker/httpServer.ts';

const groups: AdminGroup[] = [];
const transactions: AdminTransaction[] = [];
const source: AdminSource = {
  nodeId: 1,
  clusterId: 'c-1',
  version: 'v26.2',
  port: 9092,
  topics: () => [
    {
      name: 'pumps',
      partitions: [
        { partition: 0, highWatermark: 41, recordsProduced: 20 },
        { partition: 1, highWatermark: 7, recordsProduced: 7 },
      ],
    },
  ],
  groups: () => groups,
  transactions: () => transactions,
  clusterConfig: () => ({ auto_create_topics_enabled: true, group_initial_rebalance_delay: 0 }),
  uptimeSeconds: () => 12.5,
};

describe('embedded Admin API', () => {
  let server: HttpServer;
  before(async () => {
    server = await startAdmin({ port: 0, broker: source });
  });
  after(() => server.close());
  // biome-ignore lint/suspicious/noExplicitAny: the assertions say what the shape is.
  const get = async (path: string) => (await fetch(server.url + path)).json() as Promise<any>;
  const metrics = async () => (await fetch(`${server.url}/public_metrics`)).text();

  it('shows readiness, health, brokers and cluster properties', async () => {
    assert.deepEqual(await get('/v1/status/ready'), { status: 'ready' });
    const health = await get('/v1/cluster/health_overview');
    assert.equal(health.is_healthy, true);
    assert.deepEqual(health.all_nodes, [1]);
    assert.equal(health.leaderless_count, 0);
    assert.equal((await get('/v1/brokers'))[0].version, 'v26.2');
    assert.equal((await get('/v1/cluster_config')).auto_create_topics_enabled, true);
    assert.deepEqual(await get('/v1/cluster/uuid'), { cluster_uuid: 'c-1' });
  });

  it('answers 404 to what it lacks', async () => {
    const response = await fetch(`${server.url}/v1/partitions`);
    assert.equal(response.status, 404);
    assert.equal(((await response.json()) as { code: number }).code, 404);
    assert.equal((await fetch(`${server.url}/v1/cluster_config`, { method: 'PUT', body: '{}' })).status, 404);
  });

  it('shows transactions and who coordinates them', async () => {
    assert.deepEqual(await get('/v1/transactions'), []);
    transactions.push({
      transactional_id: 'pump/1',
      pid: { id: 7, epoch: 2 },
      tx_seq: 3,
      etag: 1,
      status: 'ongoing',
      timeout_ms: 60000,
      staleness_ms: 1500,
      partitions: [{ ns: 'kafka', topic: 'pumps', partition_id: 0, etag: 1 }],
      groups: [{ group_id: 'g', etag: 1 }],
    });
    assert.deepEqual(await get('/v1/transactions'), transactions);
    assert.deepEqual(await get('/v1/transactions?coordinator_partition_id=0'), transactions);
    assert.deepEqual(await get('/v1/transactions?coordinator_partition_id=1'), []);
    assert.equal((await get('/v1/transactions?coordinator_partition_id=x')).code, 400);
    assert.deepEqual(await get(`/v1/transaction/${encodeURIComponent('pump/1')}/find_coordinator`), {
      coordinator: 1,
      ntp: { ns: 'kafka_internal', topic: 'tx', partition: 0 },
      ec: 0,
    });
    assert.equal((await get('/v1/transaction/pump/find_coordinator/more')).code, 404);
  });

  it('writes metrics under the names and labels of Redpanda', async () => {
    const text = await metrics();
    assert.match(text, /^# TYPE redpanda_kafka_max_offset gauge$/m);
    assert.match(
      text,
      /^redpanda_kafka_max_offset\{redpanda_namespace="kafka",redpanda_topic="pumps",redpanda_partition="1"\} 7$/m,
    );
    assert.match(text, /^redpanda_kafka_records_produced_total\{.*redpanda_topic="pumps"\} 27$/m);
    assert.match(text, /^redpanda_uptime_seconds_total 12\.5$/m);
    assert.match(text, /^redpanda_application_build\{redpanda_version="v26\.2",/m);
  });

  it('shows group metrics only when there are groups', async () => {
    assert.doesNotMatch(await metrics(), /consumer_group/);
    groups.push({
      groupId: 'a "b"',
      memberCount: 2,
      offsets: [{ topic: 'pumps', partition: 0, offset: 40 }],
    });
    const text = await metrics();
    assert.match(
      text,
      /^redpanda_kafka_consumer_group_committed_offset\{redpanda_group="a \\"b\\"",shard="0",.*redpanda_partition="0"\} 40$/m,
    );
    assert.match(text, /^redpanda_kafka_consumer_group_consumers\{.*\} 2$/m);
    assert.match(text, /^redpanda_kafka_consumer_group_topics\{.*\} 1$/m);
  });
});
