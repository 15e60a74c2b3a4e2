import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAdmin } from '../../src/broker/admin.ts';
import type { AdminGroup, AdminSource, AdminTransaction } from '../../src/broker/adminSource.ts';
import { ClusterConfig } from '../../src/broker/clusterConfig.ts';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { BrokerMetrics } from '../../src/broker/metrics.ts';

const groups: AdminGroup[] = [];
const transactions: AdminTransaction[] = [];
const config = new ClusterConfig({ initial: { default_topic_partitions: 3 } });
const source: AdminSource = {
  nodeId: 1,
  clusterId: 'c-1',
  version: 'v26.2',
  port: 9092,
  topics: () => [
    {
      name: 'pumps',
      partitions: [
        {
          partition: 0,
          highWatermark: 41,
          recordsProduced: 20,
          bytesProduced: 900,
          recordsFetched: 5,
          bytesFetched: 50,
        },
        { partition: 1, highWatermark: 7, recordsProduced: 7, bytesProduced: 100, recordsFetched: 1, bytesFetched: 10 },
      ],
    },
  ],
  groups: () => groups,
  transactions: () => transactions,
  clusterConfig: () => config.all(),
  changeConfig: (upsert, remove) => config.change(upsert, remove),
  configVersion: () => config.version,
  metrics: new BrokerMetrics(),
  disk: () => ({ path: '/data', freeBytes: 4, totalBytes: 100 }),
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
    assert.equal((await fetch(`${server.url}/v1/cluster_config`, { method: 'DELETE' })).status, 404);
    assert.equal((await fetch(`${server.url}/v1/brokers/2`)).status, 404);
  });

  it('shows partitions and one broker', async () => {
    const [first, second] = await get('/v1/cluster/partitions');
    assert.deepEqual(first, {
      ns: 'kafka',
      topic: 'pumps',
      partition_id: 0,
      leader_id: 1,
      replicas: [{ node_id: 1, core: 0 }],
      disabled: false,
    });
    assert.equal(second.partition_id, 1);
    assert.equal((await get('/v1/cluster/partitions/kafka/pumps')).length, 2);
    assert.equal((await get('/v1/cluster/partitions/kafka/absent')).code, 404);
    assert.deepEqual((await get('/v1/brokers/1')).disk_space, [{ path: '/data', free: 4, total: 100 }]);
    assert.deepEqual((await get('/v1/cluster/health_overview')).high_disk_usage_nodes, [1], 'below 5 % free');
  });

  it('sets cluster properties, all or none, and says what is wrong with each', async () => {
    const put = async (body: string) => {
      const response = await fetch(`${server.url}/v1/cluster_config`, { method: 'PUT', body });
      return [response.status, await response.json()];
    };
    const before = config.version;
    assert.deepEqual(await put('{"upsert":{"default_topic_partitions":5},"remove":[]}'), [
      200,
      { config_version: before + 1 },
    ]);
    assert.equal((await get('/v1/cluster_config')).default_topic_partitions, 5);
    assert.deepEqual(
      await put('{"upsert":{"default_topic_partitions":0,"group_min_session_timeout_ms":1,"no_such":1}}'),
      [400, { default_topic_partitions: 'expected a whole number from 1 to 100000', no_such: 'Unknown property' }],
    );
    assert.equal((await get('/v1/cluster_config')).group_min_session_timeout_ms, 6000);
    assert.equal((await put('{"upsert":{"enable_transactions":false}}'))[0], 400);
    assert.equal((await put('{"upsert":[]}'))[0], 400);
    assert.equal((await put('{'))[0], 400);
    assert.deepEqual(await put('{"remove":["default_topic_partitions"]}'), [200, { config_version: before + 2 }]);
    assert.equal((await get('/v1/cluster_config')).default_topic_partitions, 3);
    const { properties } = await get('/v1/cluster_config/schema');
    assert.deepEqual(properties.enable_consumer_group_metrics.items, { type: 'string' });
    assert.equal((await get('/v1/cluster_config/status'))[0].config_version, before + 2);
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

  it('every family has HELP and TYPE once, before its samples, and histograms add up', async () => {
    source.metrics.kafkaRequest('Produce', 0.001);
    source.metrics.kafkaRequest('Fetch', 100);
    source.metrics.registryRequest(404, 0.01);
    const seen = new Map<string, string>();
    let last = '';
    for (const line of (await metrics()).trim().split('\n')) {
      const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
      if (kind === 'HELP') assert.ok(!seen.has(name!), `${name} comes twice`);
      if (kind === 'TYPE') seen.set(name!, rest!);
      if (name !== undefined) {
        last = name;
        continue;
      }
      const [, sample, value] = /^(redpanda_[a-z_]+)(?:\{(?:[a-z_]+="[^"]*",?)+\})? (\S+)$/.exec(line) ?? [];
      assert.ok(Number.isFinite(Number(value)), line);
      assert.equal(seen.get(last) === 'histogram' ? sample!.replace(/_(bucket|sum|count)$/, '') : sample, last, line);
    }
    const text = await metrics();
    assert.match(
      text,
      /^redpanda_kafka_request_latency_seconds_bucket\{redpanda_request="produce",le="0\.001023"\} 1$/m,
    );
    assert.match(
      text,
      /^redpanda_kafka_request_latency_seconds_bucket\{redpanda_request="consume",le="33\.554431"\} 0$/m,
    );
    assert.match(text, /^redpanda_kafka_request_latency_seconds_bucket\{redpanda_request="consume",le="\+Inf"\} 1$/m);
    assert.match(text, /^redpanda_kafka_request_latency_seconds_count\{redpanda_request="consume"\} 1$/m);
    assert.match(text, /^redpanda_kafka_request_latency_seconds_sum\{redpanda_request="consume"\} 100$/m);
    assert.match(text, /^redpanda_schema_registry_request_errors_total\{redpanda_status="4xx"\} 1$/m);
    assert.match(
      text,
      /^redpanda_kafka_request_bytes_total\{.*redpanda_topic="pumps",redpanda_request="produce"\} 1000$/m,
    );
    assert.match(text, /^redpanda_kafka_records_fetched_total\{.*redpanda_topic="pumps"\} 6$/m);
    assert.match(text, /^redpanda_storage_disk_free_bytes 4$/m);
    assert.match(text, /^redpanda_storage_disk_free_space_alert 1$/m);
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
    assert.doesNotMatch(text, /consumer_group_lag/);
    config.change({ enable_consumer_group_metrics: ['consumer_lag'] }, []);
    const lag = await metrics();
    assert.match(lag, /^redpanda_kafka_consumer_group_lag_sum\{redpanda_group="a \\"b\\"".*\} 1$/m);
    assert.match(lag, /^redpanda_kafka_consumer_group_lag_max\{.*\} 1$/m);
    assert.doesNotMatch(lag, /consumer_group_(committed_offset|consumers)/);
  });
});
