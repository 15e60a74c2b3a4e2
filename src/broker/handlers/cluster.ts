import type { BrokerContext, Call, Handlers } from '../context.ts';
import { LEADER_EPOCH } from '../log/partitionLog.ts';
import { APIS, type ApiName, type Request, type Response } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { ZERO_UUID } from '../protocol/schema.ts';
import { isValidTopicName, type Topic } from '../topics.ts';
import { MAX_PARTITIONS } from './topics.ts';

type MetadataTopic = NonNullable<Response<'Metadata'>['topics']>[number];

/** What a client asks first: versions, brokers, topics, log directories. */
export function clusterHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'ApiVersions' | 'Metadata' | 'DescribeCluster' | 'DescribeLogDirs'> {
  return {
    ApiVersions: () => apiVersions(broker, KafkaError.NONE),

    Metadata: (request, call) => ({
      brokers: [{ nodeId: broker.nodeId, host: call.host, port: call.port }],
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      topics: metadataTopics(broker, request, call),
    }),

    DescribeCluster: (_request, call) => ({
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      brokers: [{ brokerId: broker.nodeId, host: call.host, port: call.port }],
    }),

    DescribeLogDirs: (request) => {
      const wanted = request.topics?.map(({ topic, partitions }) => ({ topic: broker.topics.get(topic), partitions }));
      const all = [...broker.topics.all()].map((topic) => ({ topic, partitions: topic.partitions.map((_, i) => i) }));
      const topics = (wanted ?? all).flatMap(({ topic, partitions }) =>
        topic === undefined
          ? []
          : [{ name: topic.name, partitions: partitions.flatMap((index) => sizeOf(topic, index)) }],
      );
      return { results: [{ errorCode: KafkaError.NONE, logDir: broker.data?.path ?? 'memory', topics }] };
    },
  };
}

/** The profile's ranges, exactly. */
export function apiVersions(broker: BrokerContext, errorCode: number): Response<'ApiVersions'> {
  const apiKeys = Object.entries(broker.profile.apis).map(([name, [minVersion, maxVersion]]) => ({
    apiKey: APIS[name as ApiName].key,
    minVersion,
    maxVersion,
  }));
  return { errorCode, apiKeys: apiKeys.sort((a, b) => a.apiKey - b.apiKey) };
}

function metadataTopics(broker: BrokerContext, request: Request<'Metadata'>, call: Call): MetadataTopic[] {
  // All topics: null from version 1 on, an empty list in version 0.
  if (request.topics === null || (call.version === 0 && request.topics.length === 0)) {
    return [...broker.topics.all()].map((topic) => described(broker, topic));
  }
  return request.topics.map(({ name, topicId }) => {
    if (name === null || topicId !== ZERO_UUID) {
      const topic = broker.topics.getById(topicId);
      if (topic !== undefined) return described(broker, topic);
      return { name: call.version >= 12 ? null : '', topicId, errorCode: KafkaError.UNKNOWN_TOPIC_ID };
    }
    const topic = broker.topics.get(name);
    if (topic !== undefined) return described(broker, topic);
    if (!isValidTopicName(name)) return { name, errorCode: KafkaError.INVALID_TOPIC_EXCEPTION };
    if (request.allowAutoTopicCreation && broker.settings.autoCreate) {
      if (broker.topics.partitionCount + broker.settings.defaultPartitions > MAX_PARTITIONS) {
        return { name, errorCode: KafkaError.INVALID_PARTITIONS };
      }
      return described(broker, broker.topics.create(name, broker.settings.defaultPartitions));
    }
    return { name, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
  });
}

function described(broker: BrokerContext, topic: Topic): MetadataTopic {
  const nodes = [broker.nodeId];
  return {
    errorCode: KafkaError.NONE,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map((_, partitionIndex) => ({
      errorCode: KafkaError.NONE,
      partitionIndex,
      leaderId: broker.nodeId,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: nodes,
      isrNodes: nodes,
    })),
  };
}

function sizeOf(topic: Topic, partitionIndex: number) {
  const log = topic.partitions[partitionIndex];
  return log === undefined ? [] : [{ partitionIndex, partitionSize: log.sizeBytes }];
}
