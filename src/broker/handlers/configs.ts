import type { BrokerContext, Handlers } from '../context.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { CONFIG_SOURCE, CONFIG_TYPE_CODE, type ConfigType, configProblem, TOPIC_CONFIGS } from '../topicConfigs.ts';
import type { Topic } from '../topics.ts';

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;

/** Operations of IncrementalAlterConfigs. */
const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

interface ConfigRow {
  readonly name: string;
  readonly value: string | null;
  readonly fallback: string | null;
  readonly type: ConfigType;
  readonly isSet: boolean;
  readonly setSource: number;
}

/** Configuration of topics, and that of the broker to read. */
export function configHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'DescribeConfigs' | 'AlterConfigs' | 'IncrementalAlterConfigs'> {
  return {
    DescribeConfigs: (request, call) => ({
      results: request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
        const rows = rowsOf(broker, { resourceType, resourceName }, call);
        if (!Array.isArray(rows)) return { resourceType, resourceName, ...rows };
        const wanted = rows.filter(({ name }) => configurationKeys === null || configurationKeys.includes(name));
        return {
          resourceType,
          resourceName,
          errorCode: KafkaError.NONE,
          configs: wanted.map((row) => describedRow(row, request.includeSynonyms)),
        };
      }),
    }),

    AlterConfigs: (request) => ({
      responses: request.resources.map(({ resourceType, resourceName, configs }) => {
        const answer = { resourceType, resourceName };
        const topic = alterable(broker, answer);
        if ('errorCode' in topic) return { ...answer, ...topic };
        const problem = firstProblem(configs);
        if (problem !== null) return { ...answer, ...problem };
        if (!request.validateOnly) {
          broker.topics.configure(topic, (set) => set.replace(configs.map(({ name, value }) => [name, value])));
        }
        return { ...answer, errorCode: KafkaError.NONE };
      }),
    }),

    IncrementalAlterConfigs: (request) => ({
      responses: request.resources.map(({ resourceType, resourceName, configs }) => {
        const answer = { resourceType, resourceName };
        const topic = alterable(broker, answer);
        if ('errorCode' in topic) return { ...answer, ...topic };
        const changes = configs.map(({ name, configOperation, value }) => ({
          name,
          value: changed(topic, name, configOperation, value),
        }));
        const problem = firstProblem(changes);
        if (problem !== null) return { ...answer, ...problem };
        if (!request.validateOnly) {
          broker.topics.configure(topic, (set) => {
            for (const { name, value } of changes) set.put(name, value);
          });
        }
        return { ...answer, errorCode: KafkaError.NONE };
      }),
    }),
  };
}

function rowsOf(broker: BrokerContext, { resourceType, resourceName }: Resource, call: { host: string; port: number }) {
  if (resourceType === TOPIC_RESOURCE) {
    const topic = broker.topics.get(resourceName);
    if (topic === undefined) return missingTopic(resourceName);
    return TOPIC_CONFIGS.map(({ name, type, fallback }): ConfigRow => {
      const isSet = topic.configs.set.has(name);
      return { name, type, fallback, value: topic.configs.get(name), isSet, setSource: CONFIG_SOURCE.topic };
    });
  }
  if (resourceType === BROKER_RESOURCE && (resourceName === '' || resourceName === String(broker.nodeId))) {
    return brokerRows(broker, call);
  }
  return {
    errorCode: KafkaError.INVALID_REQUEST,
    errorMessage: `no configuration of resource type ${resourceType} named ${resourceName}`,
  };
}

function brokerRows(broker: BrokerContext, { host, port }: { host: string; port: number }): ConfigRow[] {
  const { autoCreate, defaultPartitions } = broker.settings;
  const row = (name: string, type: ConfigType, fallback: string, value = fallback): ConfigRow => ({
    name,
    type,
    fallback,
    value,
    isSet: value !== fallback,
    setSource: CONFIG_SOURCE.staticBroker,
  });
  return [
    row('listeners', 'string', '', `internal://${host}:${port}`),
    row('advertised.listeners', 'string', '', `internal://${host}:${port}`),
    row('log.segment.bytes', 'long', '134217728'),
    row('log.retention.bytes', 'long', '-1'),
    row('log.retention.ms', 'long', '604800000'),
    row('num.partitions', 'int', '1', String(defaultPartitions)),
    row('default.replication.factor', 'int', '1'),
    row('log.dirs', 'string', '/var/lib/redpanda/data', broker.data?.path ?? 'memory'),
    row('auto.create.topics.enable', 'boolean', 'false', String(autoCreate)),
  ];
}

function describedRow(row: ConfigRow, includeSynonyms: boolean) {
  const { name, value, fallback, isSet } = row;
  const source = isSet ? row.setSource : CONFIG_SOURCE.default;
  const byDefault = { name, value: fallback, source: CONFIG_SOURCE.default };
  return {
    name,
    value,
    isDefault: !isSet,
    configSource: source,
    configType: CONFIG_TYPE_CODE[row.type],
    synonyms: !includeSynonyms ? [] : isSet ? [{ name, value, source }, byDefault] : [byDefault],
  };
}

function alterable(broker: BrokerContext, { resourceType, resourceName }: Resource) {
  if (resourceType !== TOPIC_RESOURCE) {
    const errorMessage = 'only topics can be configured: the broker is, at its start';
    return { errorCode: KafkaError.INVALID_REQUEST, errorMessage };
  }
  return broker.topics.get(resourceName) ?? missingTopic(resourceName);
}

function missingTopic(name: string) {
  return { errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: `there is no topic ${name}` };
}

function firstProblem(configs: readonly { readonly name: string; readonly value: string | null }[]) {
  for (const { name, value } of configs) {
    const errorMessage = configProblem(name, value);
    if (errorMessage !== null) return { errorCode: KafkaError.INVALID_CONFIG, errorMessage };
  }
  return null;
}

/** The new value, null for the default. Append and subtract work on comma-separated lists. */
function changed(topic: Topic, name: string, operation: number, value: string | null): string | null {
  if (operation === SET) return value;
  if (operation === DELETE) return null;
  const items = (topic.configs.get(name) ?? '').split(',').filter((item) => item !== '');
  const named = (value ?? '').split(',').filter((item) => item !== '');
  if (operation === APPEND) return [...new Set([...items, ...named])].join(',');
  if (operation === SUBTRACT) return items.filter((item) => !named.includes(item)).join(',');
  return `operation ${operation}`;
}
