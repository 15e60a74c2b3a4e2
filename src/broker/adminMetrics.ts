import type { AdminSource } from './admin.ts';

type Labels = Readonly<Record<string, string | number>>;

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

/**
 * /public_metrics in Prometheus text format 0.0.4, under Redpanda's names and labels. As there, a family appears only
 * when there is something to say: no groups, no group metrics.
 */
export function clusterMetrics(broker: AdminSource): string {
  const families = [...clusterFamilies(broker), ...topicFamilies(broker), ...groupFamilies(broker)];
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(render)
    .join('');
}

function clusterFamilies(broker: AdminSource): Family[] {
  const one = (value: number, labels: Labels = {}) => [{ labels, value }];
  const gauge = (name: string, help: string, value: number): Family => ({
    name: `redpanda_${name}`,
    type: 'gauge',
    help,
    samples: one(value),
  });
  const topics = broker.topics();
  return [
    {
      name: 'redpanda_application_build',
      type: 'gauge',
      help: 'Release whose behaviour is shown',
      samples: one(1, { redpanda_version: broker.version, redpanda_revision: 'embedded' }),
    },
    gauge('uptime_seconds_total', 'Seconds since the start', broker.uptimeSeconds()),
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
  ];
}

function topicFamilies(broker: AdminSource): Family[] {
  const topics = broker.topics();
  const namespace = { redpanda_namespace: 'kafka' };
  return [
    {
      name: 'redpanda_kafka_max_offset',
      type: 'gauge',
      help: 'High watermark of a partition',
      samples: topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partition, highWatermark }) => ({
          labels: { ...namespace, redpanda_topic: name, redpanda_partition: partition },
          value: highWatermark,
        })),
      ),
    },
    {
      name: 'redpanda_kafka_records_produced_total',
      type: 'counter',
      help: 'Records taken since the start',
      samples: topics
        .filter(({ partitions }) => partitions.some(({ recordsProduced }) => recordsProduced !== undefined))
        .map(({ name, partitions }) => ({
          labels: { ...namespace, redpanda_topic: name },
          value: partitions.reduce((sum, { recordsProduced = 0 }) => sum + recordsProduced, 0),
        })),
    },
  ];
}

function groupFamilies(broker: AdminSource): Family[] {
  const groups = broker.groups();
  const labels = (groupId: string): Labels => ({ redpanda_group: groupId, shard: 0 });
  return [
    {
      name: 'redpanda_kafka_consumer_group_consumers',
      type: 'gauge',
      help: 'Members of a group',
      samples: groups.map(({ groupId, memberCount }) => ({ labels: labels(groupId), value: memberCount })),
    },
    {
      name: 'redpanda_kafka_consumer_group_topics',
      type: 'gauge',
      help: 'Topics with committed offsets of a group',
      samples: groups.map(({ groupId, offsets }) => ({
        labels: labels(groupId),
        value: new Set(offsets.map(({ topic }) => topic)).size,
      })),
    },
    {
      name: 'redpanda_kafka_consumer_group_committed_offset',
      type: 'gauge',
      help: 'Committed offset of a group',
      samples: groups.flatMap(({ groupId, offsets }) =>
        offsets.map(({ topic, partition, offset }) => ({
          labels: { ...labels(groupId), redpanda_topic: topic, redpanda_partition: partition },
          value: offset,
        })),
      ),
    },
  ];
}

function render({ name, type, help, samples }: Family): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(String(text))}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
