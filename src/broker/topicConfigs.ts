/** Topic and broker properties with Redpanda's names and defaults (v26.2). Source: Redpanda's property reference. */
export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double';

export interface ConfigProperty {
  readonly name: string;
  readonly type: ConfigType;
  readonly fallback: string | null;
  readonly choices?: readonly string[];
}

/** Numbers of DescribeConfigs' config_type. */
export const CONFIG_TYPE_CODE: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
};

/** Numbers of DescribeConfigs' config_source. */
export const CONFIG_SOURCE = { topic: 1, staticBroker: 4, default: 5 } as const;

export const MAX_MESSAGE_BYTES = 'max.message.bytes';
export const TIMESTAMP_TYPE = 'message.timestamp.type';
export const TIMESTAMP_AFTER_MAX = 'message.timestamp.after.max.ms';

const SUBJECT_STRATEGIES = ['TopicNameStrategy', 'RecordNameStrategy', 'TopicRecordNameStrategy'];

export const TOPIC_CONFIGS: readonly ConfigProperty[] = [
  {
    name: 'compression.type',
    type: 'string',
    fallback: 'producer',
    choices: ['none', 'producer', 'gzip', 'snappy', 'lz4', 'zstd'],
  },
  {
    name: 'cleanup.policy',
    type: 'string',
    fallback: 'delete',
    choices: ['delete', 'compact', 'compact,delete', 'delete,compact'],
  },
  { name: 'segment.bytes', type: 'long', fallback: '134217728' },
  { name: 'segment.ms', type: 'long', fallback: '1209600000' },
  { name: 'retention.ms', type: 'long', fallback: '604800000' },
  { name: 'retention.bytes', type: 'long', fallback: '-1' },
  { name: TIMESTAMP_TYPE, type: 'string', fallback: 'CreateTime', choices: ['CreateTime', 'LogAppendTime'] },
  { name: 'message.timestamp.before.max.ms', type: 'long', fallback: '9223372036854' },
  { name: TIMESTAMP_AFTER_MAX, type: 'long', fallback: '3600000' },
  { name: MAX_MESSAGE_BYTES, type: 'int', fallback: '1048576' },
  { name: 'delete.retention.ms', type: 'long', fallback: '-1' },
  { name: 'min.cleanable.dirty.ratio', type: 'double', fallback: '0.2' },
  { name: 'min.compaction.lag.ms', type: 'long', fallback: '0' },
  { name: 'max.compaction.lag.ms', type: 'long', fallback: '9223372036854' },
  { name: 'write.caching', type: 'string', fallback: 'true', choices: ['true', 'false'] },
  { name: 'flush.ms', type: 'long', fallback: '100' },
  { name: 'flush.bytes', type: 'long', fallback: '262144' },
  { name: 'redpanda.remote.delete', type: 'boolean', fallback: 'true' },
  { name: 'redpanda.remote.read', type: 'boolean', fallback: 'false' },
  { name: 'redpanda.remote.write', type: 'boolean', fallback: 'false' },
  { name: 'redpanda.remote.readreplica', type: 'boolean', fallback: 'false' },
  { name: 'retention.local.target.bytes', type: 'long', fallback: '-1' },
  { name: 'retention.local.target.ms', type: 'long', fallback: '86400000' },
  { name: 'initial.retention.local.target.bytes', type: 'long', fallback: '-1' },
  { name: 'initial.retention.local.target.ms', type: 'long', fallback: '-1' },
  { name: 'redpanda.iceberg.mode', type: 'string', fallback: 'disabled' },
  { name: 'redpanda.leaders.preference', type: 'string', fallback: 'none' },
  { name: 'redpanda.key.schema.id.validation', type: 'boolean', fallback: 'false' },
  { name: 'redpanda.value.schema.id.validation', type: 'boolean', fallback: 'false' },
  {
    name: 'redpanda.key.subject.name.strategy',
    type: 'string',
    fallback: 'TopicNameStrategy',
    choices: SUBJECT_STRATEGIES,
  },
  {
    name: 'redpanda.value.subject.name.strategy',
    type: 'string',
    fallback: 'TopicNameStrategy',
    choices: SUBJECT_STRATEGIES,
  },
];

const BY_NAME = new Map(TOPIC_CONFIGS.map((property) => [property.name, property]));

/** Why a topic may not be configured so, or null when it may. A null value goes back to the default. */
export function configProblem(name: string, value: string | null): string | null {
  const property = BY_NAME.get(name);
  if (property === undefined) return `unknown topic config ${name}`;
  if (value === null) return null;
  if (property.choices !== undefined && !property.choices.includes(value)) {
    return `${name} is one of ${property.choices.join(', ')}, not ${value}`;
  }
  if (property.type === 'boolean' && value !== 'true' && value !== 'false') return `${name} is true or false`;
  if ((property.type === 'int' || property.type === 'long') && !/^-?\d{1,19}$/.test(value)) {
    return `${name} is an integer, not ${value}`;
  }
  if (property.type === 'double' && !Number.isFinite(Number(value))) return `${name} is a number, not ${value}`;
  return null;
}

/** The set properties of one topic over the defaults, with those read per request kept as numbers. */
export class TopicConfigs {
  readonly set = new Map<string, string>();
  maxMessageBytes = 0;
  timestampAfterMaxMs = 0;
  isLogAppendTime = false;

  constructor(initial: Iterable<readonly [string, string | null]> = []) {
    for (const [name, value] of initial) if (value !== null) this.set.set(name, value);
    this.refresh();
  }

  get(name: string): string | null {
    return this.set.get(name) ?? BY_NAME.get(name)?.fallback ?? null;
  }

  /** Null goes back to the default. */
  put(name: string, value: string | null): void {
    if (value === null) this.set.delete(name);
    else this.set.set(name, value);
    this.refresh();
  }

  replace(values: Iterable<readonly [string, string | null]>): void {
    this.set.clear();
    for (const [name, value] of values) if (value !== null) this.set.set(name, value);
    this.refresh();
  }

  private refresh(): void {
    this.maxMessageBytes = Number(this.get(MAX_MESSAGE_BYTES));
    this.timestampAfterMaxMs = Number(this.get(TIMESTAMP_AFTER_MAX));
    this.isLogAppendTime = this.get(TIMESTAMP_TYPE) === 'LogAppendTime';
  }
}
