import type { BrokerContext, Handlers } from '../context.ts';
import type { Request, Response } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { CONFIG_SOURCE, configProblem, TOPIC_CONFIGS, TopicConfigs } from '../topicConfigs.ts';
import { isValidTopicName } from '../topics.ts';

/** Of all topics together: a typing error of one digit should not eat the machine's memory. */
export const MAX_PARTITIONS = 100_000;

type NewTopic = Request<'CreateTopics'>['topics'][number];
type CreatedTopic = NonNullable<Response<'CreateTopics'>['topics']>[number];

interface Problem {
  readonly errorCode: number;
  readonly errorMessage: string;
}

/** Topics made, deleted and grown. */
export function topicHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'CreateTopics' | 'DeleteTopics' | 'CreatePartitions'> {
  return {
    CreateTopics: (request) => ({
      topics: request.topics.map((wanted) => createTopic(broker, wanted, request)),
    }),

    DeleteTopics: (request, call) => {
      const wanted =
        call.version >= 6
          ? request.topics
          : request.topicNames.map((name) => ({ name: name as string | null, topicId: '' }));
      return {
        responses: wanted.map(({ name, topicId }) => {
          const topic = name === null ? broker.topics.getById(topicId) : broker.topics.get(name);
          if (topic === undefined) {
            if (name === null) return { name, topicId, errorCode: KafkaError.UNKNOWN_TOPIC_ID };
            return { name, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
          }
          broker.topics.delete(topic);
          broker.groups.forgetTopic(topic.name);
          return { name: topic.name, topicId: topic.id, errorCode: KafkaError.NONE };
        }),
      };
    },

    CreatePartitions: (request) => ({
      results: request.topics.map(({ name, count, assignments }) => {
        const topic = broker.topics.get(name);
        if (topic === undefined) {
          return { name, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic ${name}` };
        }
        const existing = topic.partitions.length;
        const most = existing + MAX_PARTITIONS - broker.topics.partitionCount;
        if (count <= existing || count > most) {
          const errorMessage = `the topic has ${existing} partitions, and can get up to ${most}, not ${count}`;
          return { name, errorCode: KafkaError.INVALID_PARTITIONS, errorMessage };
        }
        if (assignments !== null && !assignments.every(({ brokerIds }) => isHere(broker, brokerIds))) {
          return { name, ...notHere(broker) };
        }
        if (!request.validateOnly) broker.topics.grow(topic, count);
        return { name, errorCode: KafkaError.NONE };
      }),
    }),
  };
}

function createTopic(broker: BrokerContext, wanted: NewTopic, request: Request<'CreateTopics'>): CreatedTopic {
  const { name } = wanted;
  const isRepeated = request.topics.filter((other) => other.name === name).length > 1;
  const problem = isRepeated
    ? { errorCode: KafkaError.INVALID_REQUEST, errorMessage: `the request names ${name} more than once` }
    : creationProblem(broker, wanted);
  if (problem !== null) return { name, ...problem };
  const configs = wanted.configs.map(({ name: key, value }) => [key, value] as const);
  const partitionCount = partitionsOf(broker, wanted);
  const created = request.validateOnly ? null : broker.topics.create(name, partitionCount, configs);
  return {
    name,
    ...(created === null ? {} : { topicId: created.id }),
    errorCode: KafkaError.NONE,
    numPartitions: partitionCount,
    replicationFactor: 1,
    configs: describedConfigs(created?.configs ?? new TopicConfigs(configs)),
  };
}

/** -1 asks for the default; an explicit assignment counts by its rows. */
function partitionsOf(broker: BrokerContext, { numPartitions, assignments }: NewTopic): number {
  if (assignments.length > 0) return assignments.length;
  return numPartitions === -1 ? broker.settings.defaultPartitions : numPartitions;
}

function creationProblem(broker: BrokerContext, wanted: NewTopic): Problem | null {
  const { name, replicationFactor, assignments } = wanted;
  if (!isValidTopicName(name)) {
    return { errorCode: KafkaError.INVALID_TOPIC_EXCEPTION, errorMessage: `${name} cannot be the name of a topic` };
  }
  if (broker.topics.get(name) !== undefined) {
    return { errorCode: KafkaError.TOPIC_ALREADY_EXISTS, errorMessage: `topic ${name} exists` };
  }
  const count = partitionsOf(broker, wanted);
  const most = MAX_PARTITIONS - broker.topics.partitionCount;
  if (count < 1 || count > most) {
    return { errorCode: KafkaError.INVALID_PARTITIONS, errorMessage: `${count} is not from 1 to ${most}` };
  }
  if (assignments.length > 0) {
    const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex));
    const isWhole = indexes.size === count && [...indexes].every((index) => index >= 0 && index < count);
    if (!isWhole || !assignments.every(({ brokerIds }) => isHere(broker, brokerIds))) return notHere(broker);
  } else if (replicationFactor !== -1 && replicationFactor !== 1) {
    const errorMessage = `there is 1 broker, so the replication factor is 1, not ${replicationFactor}`;
    return { errorCode: KafkaError.INVALID_REPLICATION_FACTOR, errorMessage };
  }
  for (const { name: key, value } of wanted.configs) {
    const errorMessage = configProblem(key, value);
    if (errorMessage !== null) return { errorCode: KafkaError.INVALID_CONFIG, errorMessage };
  }
  return null;
}

function isHere(broker: BrokerContext, brokerIds: readonly number[]): boolean {
  return brokerIds.length === 1 && brokerIds[0] === broker.nodeId;
}

function notHere(broker: BrokerContext): Problem {
  const errorMessage = `each partition from 0 on is assigned once, to broker ${broker.nodeId}, the only one`;
  return { errorCode: KafkaError.INVALID_REPLICA_ASSIGNMENT, errorMessage };
}

function describedConfigs(configs: TopicConfigs) {
  return TOPIC_CONFIGS.map(({ name }) => ({
    name,
    value: configs.get(name),
    configSource: configs.set.has(name) ? CONFIG_SOURCE.topic : CONFIG_SOURCE.default,
  }));
}
