/** Topic and broker properties with Redpanda's names and defaults (v26.2). Source: Redpanda's property reference. */
export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double';

export interface ConfigProperty {
  readonly name: string;
  readonly type: ConfigType;
  readonly fallback: string | null;
  readonly choices?: readonly string[];
  /** Least and greatest number that it takes. */
  readonly range?: readonly [number, number];
}

/** Where Redpanda has no limit: 2^63 - 1 ns in ms. */
const FOREVER_MS = 9_223_372_036_854;
const MAX_INT = 2_147_483_647;
const MAX_LONG = 2 ** 63;
const MILLISECONDS = [1, MAX_LONG] as const;
/** -1 switches off. */
const OR_OFF = [-1, MAX_LONG] as const;

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
const CLEANUP_POLICY = 'cleanup.policy';
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
    name: CLEANUP_POLICY,
    type: 'string',
    fallback: 'delete',
    choices: ['delete', 'compact', 'compact,delete', 'delete,compact'],
  },
  { name: 'segment.bytes', type: 'long', fallback: '134217728', range: [14, MAX_INT] },
  { name: 'segment.ms', type: 'long', fallback: '1209600000', range: OR_OFF },
  { name: 'retention.ms', type: 'long', fallback: '604800000', range: OR_OFF },
  { name: 'retention.bytes', type: 'long', fallback: '-1', range: OR_OFF },
  { name: TIMESTAMP_TYPE, type: 'string', fallback: 'CreateTime', choices: ['CreateTime', 'LogAppendTime'] },
  { name: 'message.timestamp.before.max.ms', type: 'long', fallback: String(FOREVER_MS), range: [0, MAX_LONG] },
  { name: TIMESTAMP_AFTER_MAX, type: 'long', fallback: '3600000', range: [0, MAX_LONG] },
  { name: MAX_MESSAGE_BYTES, type: 'int', fallback: '1048576', range: [1, MAX_INT] },
  { name: 'delete.retention.ms', type: 'long', fallback: '-1', range: OR_OFF },
  { name: 'min.cleanable.dirty.ratio', type: 'double', fallback: '0.2', range: [0, 1] },
  { name: 'min.compaction.lag.ms', type: 'long', fallback: '0', range: [0, MAX_LONG] },
  { name: 'max.compaction.lag.ms', type: 'long', fallback: String(FOREVER_MS), range: MILLISECONDS },
  { name: 'write.caching', type: 'string', fallback: 'true', choices: ['true', 'false'] },
  { name: 'flush.ms', type: 'long', fallback: '100', range: MILLISECONDS },
  { name: 'flush.bytes', type: 'long', fallback: '262144', range: MILLISECONDS },
  { name: 'redpanda.remote.delete', type: 'boolean', fallback: 'true' },
  { name: 'redpanda.remote.read', type: 'boolean', fallback: 'false' },
  { name: 'redpanda.remote.write', type: 'boolean', fallback: 'false' },
  { name: 'redpanda.remote.readreplica', type: 'boolean', fallback: 'false' },
  { name: 'retention.local.target.bytes', type: 'long', fallback: '-1', range: OR_OFF },
  { name: 'retention.local.target.ms', type: 'long', fallback: '86400000', range: OR_OFF },
  { name: 'initial.retention.local.target.bytes', type: 'long', fallback: '-1', range: OR_OFF },
  { name: 'initial.retention.local.target.ms', type: 'long', fallback: '-1', range: OR_OFF },
  { name: 'redpanda.iceberg.mode', type: 'string', fallback: 'disabled' },
  { name: 'redpanda.iceberg.delete', type: 'boolean', fallback: 'true' },
  { name: 'redpanda.iceberg.partition.spec', type: 'string', fallback: '(hour(redpanda.timestamp))' },
  {
    name: 'redpanda.iceberg.invalid.record.action',
    type: 'string',
    fallback: 'dlq_table',
    choices: ['drop', 'dlq_table'],
  },
  { name: 'redpanda.iceberg.target.lag.ms', type: 'long', fallback: '60000', range: MILLISECONDS },
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

/**
 * Properties of Kafka that Redpanda takes without doing anything, since tools set them by habit. Source: Redpanda,
 * "allowlist_topic_noop_confs".
 */
const IGNORED: ReadonlySet<string> = new Set([
  'unclean.leader.election.enable',
  'message.downconversion.enable',
  'segment.index.bytes',
  'segment.jitter.ms',
  'min.insync.replicas',
  'message.timestamp.difference.max.ms',
  'message.format.version',
  'leader.replication.throttled.replicas',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'flush.messages',
  'file.delete.delay.ms',
  'preallocate',
]);

const BY_NAME = new Map(TOPIC_CONFIGS.map((property) => [property.name, property]));

/** Why a topic may not be configured so, or null when it may. A null value goes back to the default. */
export function configProblem(name: string, value: string | null): string | null {
  const property = BY_NAME.get(name);
  if (property === undefined) return IGNORED.has(name) ? null : `unknown topic config ${name}`;
  if (value === null) return null;
  const { choices, type, range } = property;
  if (choices !== undefined && !choices.includes(value)) {
    return `${name} is one of ${choices.join(', ')}, not ${value}`;
  }
  if (type === 'boolean' && value !== 'true' && value !== 'false') return `${name} is true or false, not ${value}`;
  if ((type === 'int' || type === 'long') && !/^-?\d{1,19}$/.test(value)) {
    return `${name} is an integer, not ${value}`;
  }
  const number = Number(value);
  if (type === 'double' && (value.trim() === '' || !Number.isFinite(number))) {
    return `${name} is a number, not ${value}`;
  }
  if (range !== undefined && (number < range[0] || number > range[1])) {
    return `${name} is from ${range[0]} to ${range[1] === MAX_LONG ? '2^63-1' : range[1]}, not ${value}`;
  }
  return null;
}

/** The set properties of one topic over the defaults, with those that the broker acts on as numbers. -1 is Infinity. */
export class TopicConfigs {
  readonly set = new Map<string, string>();
  maxMessageBytes = 0;
  timestampAfterMaxMs = 0;
  timestampBeforeMaxMs = 0;
  isLogAppendTime = false;
  isCompacted = false;
  isDeleted = true;
  segmentBytes = 0;
  segmentMs = 0;
  retentionMs = 0;
  retentionBytes = 0;
  /** How long a tombstone stays after it was compacted first. */
  deleteRetentionMs = 0;
  minDirtyRatio = 0;
  minCompactionLagMs = 0;
  maxCompactionLagMs = 0;

  constructor(initial: Iterable<readonly [string, string | null]> = []) {
    this.replace(initial);
  }

  get(name: string): string | null {
    return this.set.get(name) ?? BY_NAME.get(name)?.fallback ?? null;
  }

  /** Null goes back to the default. */
  put(name: string, value: string | null): void {
    this.keep(name, value);
    this.refresh();
  }

  replace(values: Iterable<readonly [string, string | null]>): void {
    this.set.clear();
    for (const [name, value] of values) this.keep(name, value);
    this.refresh();
  }

  private keep(name: string, value: string | null): void {
    if (value === null || !BY_NAME.has(name)) this.set.delete(name);
    else this.set.set(name, value);
  }

  private refresh(): void {
    this.maxMessageBytes = this.number(MAX_MESSAGE_BYTES);
    this.timestampAfterMaxMs = this.number(TIMESTAMP_AFTER_MAX);
    this.timestampBeforeMaxMs = this.number('message.timestamp.before.max.ms');
    this.isLogAppendTime = this.get(TIMESTAMP_TYPE) === 'LogAppendTime';
    const policy = this.get(CLEANUP_POLICY) ?? '';
    this.isCompacted = policy.includes('compact');
    this.isDeleted = policy.includes('delete');
    this.segmentBytes = this.number('segment.bytes');
    this.segmentMs = this.number('segment.ms');
    this.retentionMs = this.number('retention.ms');
    this.retentionBytes = this.number('retention.bytes');
    this.deleteRetentionMs = this.number('delete.retention.ms');
    this.minDirtyRatio = this.number('min.cleanable.dirty.ratio');
    this.minCompactionLagMs = this.number('min.compaction.lag.ms');
    this.maxCompactionLagMs = this.number('max.compaction.lag.ms');
  }

  private number(name: string): number {
    const value = Number(this.get(name));
    return value < 0 ? Number.POSITIVE_INFINITY : value;
  }
}
