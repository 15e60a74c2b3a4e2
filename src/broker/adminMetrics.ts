import { freemem } from 'node:os';
import type { AdminGroup, AdminSource, AdminTopic } from './adminSource.ts';
import { type Family, histogramSamples, type Labels, renderFamilies, type Sample, single } from './prometheus.ts';

const NAMESPACE = { redpanda_namespace: 'kafka' };
const KAFKA_SERVER = { redpanda_server: 'kafka' };
const SHARD = { shard: 0 };

/**
 * /public_metrics in Prometheus text format 0.0.4, under Redpanda's names and labels. As there, a family appears only
 * when there is something to say: no groups, no group metrics.
 */
export function clusterMetrics(broker: AdminSource): string {
  const topics = broker.topics();
  const families = [
    ...nodeFamilies(broker),
    ...clusterFamilies(topics),
    ...topicFamilies(topics),
    ...requestFamilies(broker),
    ...groupFamilies(broker, topics),
  ];
  return renderFamilies(families, 'redpanda_');
}

function nodeFamilies(broker: AdminSource): Family[] {
  const build = { redpanda_version: broker.version, redpanda_revision: 'embedded' };
  const { user, system } = process.cpuUsage();
  const disk = broker.disk();
  return [
    single('gauge', 'application_build', 'Release whose behaviour is shown', 1, build),
    single('gauge', 'uptime_seconds_total', 'Seconds since the start', broker.uptimeSeconds()),
    single('gauge', 'memory_available_memory', 'Bytes of memory that are free', freemem(), SHARD),
    single('counter', 'cpu_busy_seconds_total', 'CPU time of the process', (user + system) / 1e6, SHARD),
    ...(disk === null
      ? []
      : [
          single('gauge', 'storage_disk_total_bytes', 'Size of the disk of the data directory', disk.totalBytes),
          single('gauge', 'storage_disk_free_bytes', 'Free bytes of that disk', disk.freeBytes),
          single('gauge', 'storage_disk_free_space_alert', '0 enough, 1 low', isLow(disk) ? 1 : 0),
        ]),
  ];
}

/** Redpanda's storage_space_alert_free_threshold_percent. */
const LOW_DISK_SHARE = 0.05;

export function isLow({ freeBytes, totalBytes }: { readonly freeBytes: number; readonly totalBytes: number }): boolean {
  return freeBytes < LOW_DISK_SHARE * totalBytes;
}

/** One broker that leads every partition: what concerns others is 0. */
function clusterFamilies(topics: readonly AdminTopic[]): Family[] {
  const gauge = (name: string, help: string, value: number) => single('gauge', name, help, value);
  return [
    gauge('cluster_brokers', 'Brokers in the cluster', 1),
    gauge('cluster_topics', 'Topics in the cluster', topics.length),
    gauge(
      'cluster_partitions',
      'Partitions in the cluster',
      topics.reduce((sum, { partitions }) => sum + partitions.length, 0),
    ),
    gauge('cluster_unavailable_partitions', 'Partitions without a leader', 0),
    gauge('cluster_health_nodes_down', 'Brokers that do not answer', 0),
    gauge('cluster_health_leaderless_partitions', 'Partitions without a leader', 0),
    gauge('cluster_health_under_replicated_partitions', 'Partitions short of replicas', 0),
    gauge('cluster_health_no_elected_controller', '1 when there is no controller', 0),
    gauge('cluster_health_unhealthy_reasons', 'Reasons why the cluster is unhealthy', 0),
    gauge('cluster_health_metadata_age_seconds', 'Age of the health report', 0),
    gauge('cluster_health_high_disk_usage_nodes', 'Brokers with little room on their disk', 0),
  ];
}

function topicFamilies(topics: readonly AdminTopic[]): Family[] {
  const perPartition = (value: (partition: AdminTopic['partitions'][number]) => number): Sample[] =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map((one) => ({
        labels: { ...NAMESPACE, redpanda_topic: name, redpanda_partition: one.partition },
        value: value(one),
      })),
    );
  const perTopic = (value: (partition: AdminTopic['partitions'][number]) => number, labels: Labels = {}): Sample[] =>
    topics.map(({ name, partitions }) => ({
      labels: { ...NAMESPACE, redpanda_topic: name, ...labels },
      value: partitions.reduce((sum, one) => sum + value(one), 0),
    }));
  return [
    {
      name: 'kafka_max_offset',
      type: 'gauge',
      help: 'High watermark of a partition',
      samples: perPartition(({ highWatermark }) => highWatermark),
    },
    {
      name: 'kafka_under_replicated_replicas',
      type: 'gauge',
      help: 'Replicas of a partition that lag behind',
      samples: perPartition(() => 0),
    },
    { name: 'kafka_partitions', type: 'gauge', help: 'Partitions of a topic', samples: perTopic(() => 1) },
    { name: 'raft_leadership_changes', type: 'counter', help: 'Changes of leader', samples: perTopic(() => 0) },
    {
      name: 'kafka_records_produced_total',
      type: 'counter',
      help: 'Records taken since the start',
      samples: perTopic(({ recordsProduced }) => recordsProduced),
    },
    {
      name: 'kafka_records_fetched_total',
      type: 'counter',
      help: 'Records sent since the start',
      samples: perTopic(({ recordsFetched }) => recordsFetched),
    },
    {
      name: 'kafka_request_bytes_total',
      type: 'counter',
      help: 'Bytes of record batches taken and sent since the start',
      samples: [
        ...perTopic(({ bytesProduced }) => bytesProduced, { redpanda_request: 'produce' }),
        ...perTopic(({ bytesFetched }) => bytesFetched, { redpanda_request: 'consume' }),
      ],
    },
  ];
}

function requestFamilies({ metrics }: AdminSource): Family[] {
  const histogram = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name,
    type: 'histogram',
    help,
    samples,
  });
  const errors = [...metrics.registryErrors].map(([status, value]) => ({ labels: { redpanda_status: status }, value }));
  return [
    histogram('kafka_request_latency_seconds', 'Time to the answer of produce and consume requests', [
      ...histogramSamples(metrics.produceLatency, { redpanda_request: 'produce' }),
      ...histogramSamples(metrics.consumeLatency, { redpanda_request: 'consume' }),
    ]),
    histogram(
      'kafka_handler_latency_seconds',
      'Time to the answer of requests',
      histogramSamples(metrics.kafkaLatency),
    ),
    histogram(
      'rpc_request_latency_seconds',
      'Time to the answer of requests',
      histogramSamples(metrics.kafkaLatency, KAFKA_SERVER),
    ),
    single('gauge', 'rpc_active_connections', 'Open connections', metrics.activeConnections, KAFKA_SERVER),
    single('counter', 'rpc_request_errors_total', 'Requests closed unanswered', metrics.kafkaErrors, KAFKA_SERVER),
    histogram(
      'schema_registry_request_latency_seconds',
      'Time to the answer of the Schema Registry',
      histogramSamples(metrics.registryLatency),
    ),
    {
      name: 'schema_registry_request_errors_total',
      type: 'counter',
      help: 'Requests that the Schema Registry refused, by class of status',
      samples: errors,
    },
  ];
}

function groupFamilies(broker: AdminSource, topics: readonly AdminTopic[]): Family[] {
  const wanted = broker.clusterConfig()['enable_consumer_group_metrics'] as readonly string[];
  const groups = broker.groups();
  const labels = (groupId: string): Labels => ({ redpanda_group: groupId, ...SHARD });
  const perGroup = (value: (group: AdminGroup) => number): Sample[] =>
    groups.map((group) => ({ labels: labels(group.groupId), value: value(group) }));
  const families: Family[] = [];
  if (wanted.includes('group')) {
    families.push(
      {
        name: 'kafka_consumer_group_consumers',
        type: 'gauge',
        help: 'Members of a group',
        samples: perGroup(({ memberCount }) => memberCount),
      },
      {
        name: 'kafka_consumer_group_topics',
        type: 'gauge',
        help: 'Topics with committed offsets of a group',
        samples: perGroup(({ offsets }) => new Set(offsets.map(({ topic }) => topic)).size),
      },
    );
  }
  if (wanted.includes('partition')) {
    const samples = groups.flatMap(({ groupId, offsets }) =>
      offsets.map(({ topic, partition, offset }) => ({
        labels: { ...labels(groupId), redpanda_topic: topic, redpanda_partition: partition },
        value: offset,
      })),
    );
    const help = 'Committed offset of a group';
    families.push({ name: 'kafka_consumer_group_committed_offset', type: 'gauge', help, samples });
  }
  return wanted.includes('consumer_lag') ? [...families, ...lagFamilies(groups, topics)] : families;
}

/** Redpanda looks every consumer_group_lag_collection_interval_sec; here each scrape does. */
function lagFamilies(groups: readonly AdminGroup[], topics: readonly AdminTopic[]): Family[] {
  const ends = new Map(topics.map(({ name, partitions }) => [name, partitions]));
  const family = (name: string, help: string, of: (lags: readonly number[]) => number): Family => ({
    name,
    type: 'gauge',
    help,
    samples: groups.map(({ groupId, offsets }) => ({
      labels: { redpanda_group: groupId, ...SHARD },
      value: of(
        offsets.map(({ topic, partition, offset }) =>
          Math.max(0, (ends.get(topic)?.[partition]?.highWatermark ?? offset) - offset),
        ),
      ),
    })),
  });
  return [
    family('kafka_consumer_group_lag_max', 'Largest lag among the partitions of a group', (lags) =>
      Math.max(0, ...lags),
    ),
    family('kafka_consumer_group_lag_sum', 'Lag of a group over all partitions', (lags) =>
      lags.reduce((sum, lag) => sum + lag, 0),
    ),
  ];
}
