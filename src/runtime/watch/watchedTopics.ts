import { outboxTopic } from '../../alerts/stage/outbox.ts';
import type { TopicInfo } from '../../clients/client.ts';
import type { MemberStatus } from '../../observe/status.ts';
import { controlTopic, statusTopic } from '../topics/operationTopics.ts';

/** A topic that the watch reads, and for which pipeline. */
export interface WatchedTopic {
  readonly kind: 'status' | 'anomalies' | 'outbox';
  readonly pipeline: string;
  readonly topic: string;
  readonly partitions: number;
}

const SUFFIX = statusTopic('');

/**
 * The status topics of a cluster. A topic of somebody else may have such a name: ours have one partition, and the control
 * topic beside them.
 */
export function statusTopics(topics: readonly TopicInfo[], only: string | null): WatchedTopic[] {
  const names = new Set(topics.map(({ name }) => name));
  return topics.flatMap(({ name: topic, partitions }) => {
    if (!topic.endsWith(SUFFIX) || topic.length === SUFFIX.length || partitions.length !== 1) return [];
    const pipeline = topic.slice(0, -SUFFIX.length);
    if (!names.has(controlTopic(pipeline)) || (only !== null && pipeline !== only)) return [];
    return [{ kind: 'status', pipeline, topic, partitions: 1 }];
  });
}

/** What the pipelines put out: the anomalies topics that their members name, and the outboxes of their alerts. */
export function outputTopics(topics: readonly TopicInfo[], statuses: readonly MemberStatus[]): WatchedTopic[] {
  const found = new Map<string, WatchedTopic>();
  const byName = new Map(topics.map((each) => [each.name, each]));
  const add = (kind: WatchedTopic['kind'], pipeline: string, topic: string | null): void => {
    const info = topic === null ? undefined : byName.get(topic);
    if (info === undefined || found.has(info.name)) return;
    found.set(info.name, { kind, pipeline, topic: info.name, partitions: info.partitions.length });
  };
  for (const { pipeline, topics: own } of statuses) {
    // A member of a version that did not tell: the name that the configuration has by itself.
    add('anomalies', pipeline, own === undefined ? `${pipeline}.anomalies` : own.anomalies);
    add('outbox', pipeline, outboxTopic(pipeline));
  }
  return [...found.values()];
}
