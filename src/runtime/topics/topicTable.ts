import type { Admin, NewTopic } from '../../clients/client.ts';

/** Operations of Kafka's access control, by rpk's names. Each of them but `create` also allows `describe`. */
export type TopicOperation = 'read' | 'write' | 'delete' | 'describe_configs';

/** A topic that the tool makes: what it is made with, what for, and who may do what with it. */
export interface TopicRow {
  /** Its name by default, for people. */
  readonly name: string;
  /** The key or the option that names it otherwise. */
  readonly namedBy: string | null;
  /** What its records are. */
  readonly holds: string;
  /** `source`: as many as the topics that are read. `given`: as the command line says. */
  readonly partitions: 'source' | 'given' | 1;
  readonly policy: 'delete' | 'compact';
  /** Milliseconds; `source`: that of the topics that are read; `broker`: what the broker has as its default. */
  readonly retention: 'source' | 'forever' | 'broker' | number;
  /** The broker stamps the records, which tells its clock. Absent: stamps are the producer's, unless the broker has it otherwise. */
  readonly hasAppendTime?: true;
  /** Which command makes it, and when. */
  readonly madeBy: string;
  readonly writers: string;
  readonly readers: string;
  /** What the user of `anomaly run` needs to do with it. */
  readonly run: readonly TopicOperation[];
  /** What a user needs who looks at the pipeline and commands it. */
  readonly operate: readonly TopicOperation[];
}

const DAY_MS = 24 * 3_600_000;

/**
 * Every topic that the tool makes. Whoever creates one takes its partitions and its configuration from here by `newTopic`,
 * and docs/topics.md, `run --create-topics-only` and `doctor --acl` are made from it: a new topic is a new row.
 */
export const TOPIC_TABLE = {
  windows: {
    name: '<pipeline>.windows',
    namedBy: 'sinks.windows',
    holds: 'closed windows',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`run`, `window`: at the start, where windows are configured',
    writers: '`run`, `window`',
    readers: '`score`, yours',
    run: ['write'],
    operate: ['read'],
  },
  late: {
    name: '<pipeline>.late',
    namedBy: 'sinks.late',
    holds: 'records that came after their window was closed for good',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`run`, `window`: at the start, where windows are configured',
    writers: '`run`, `window`',
    readers: 'yours',
    run: ['write'],
    operate: ['read'],
  },
  anomalies: {
    name: '<pipeline>.anomalies',
    namedBy: 'sinks.anomalies',
    holds: 'alerts',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`run`, `score`: at the start, where a score is configured',
    writers: '`run`, `score`',
    readers: '`alerts`, `explain`, yours',
    run: ['write'],
    operate: ['read'],
  },
  dead_letters: {
    name: '<pipeline>.dlq',
    namedBy: 'sinks.dead_letters',
    holds: 'records that cannot be read, with the reason in their headers',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`run`, `window`, `score`: at the start',
    writers: '`run`, `window`, `score`',
    readers: '`dlq`',
    run: ['write'],
    operate: ['read'],
  },
  journal: {
    name: '<group>.journal',
    namedBy: null,
    holds: 'what the records do not say: owners, snapshots, silence, commands, scores of models',
    partitions: 'source',
    policy: 'delete',
    retention: 'forever',
    madeBy: '`run`, `window`, `score`: at the start; `checkpoint restore`',
    writers: '`run`, `window`, `score`, which also trim it',
    readers: '`run` when it recovers, `checkpoint`, `state`, `replay --verify`',
    run: ['read', 'write', 'delete', 'describe_configs'],
    operate: ['read'],
  },
  status: {
    name: '<pipeline>.status',
    namedBy: null,
    holds: 'how each member is: rates, watermarks, checkpoints',
    partitions: 1,
    policy: 'compact',
    retention: 'broker',
    hasAppendTime: true,
    madeBy: '`run`, `window`, `score`: at the start, unless status.every is off',
    writers: '`run`, `window`, `score`',
    readers: '`run` at its start, `control`, `lag`',
    run: ['read', 'write'],
    operate: ['read'],
  },
  probe: {
    name: 'anomaly.probe',
    namedBy: '--topic',
    holds: 'numbered probes of the brokers, a partition a broker',
    partitions: 'given',
    policy: 'delete',
    retention: 10 * 60_000,
    hasAppendTime: true,
    madeBy: '`probe`',
    writers: '`probe`',
    readers: '`probe`',
    run: [],
    operate: ['read', 'write', 'describe_configs'],
  },
  control: {
    name: '<pipeline>.control',
    namedBy: null,
    holds: 'commands to the members',
    partitions: 1,
    policy: 'delete',
    retention: 7 * DAY_MS,
    madeBy: '`run`, `window`, `score`: at the start, unless status.every is off',
    writers: '`control`, `checkpoint create`, `model promote`, `alerts feedback`',
    readers: '`run`, `window`, `score`',
    run: ['read'],
    operate: ['write'],
  },
  feedback: {
    name: '<pipeline>.feedback',
    namedBy: null,
    holds: 'verdicts on alerts',
    partitions: 1,
    policy: 'compact',
    retention: 'broker',
    madeBy: '`alerts feedback`: with the first verdict',
    writers: '`alerts feedback`',
    readers: '`alerts`, `explain`',
    run: [],
    operate: ['read', 'write'],
  },
  outbox: {
    name: '<pipeline>.outbox',
    namedBy: null,
    holds: 'incidents, what became of them at each sink, and the state of the alert stage',
    partitions: 1,
    policy: 'compact',
    retention: 'broker',
    madeBy: '`run`, `alerts run`: at the start, where alerts are on',
    writers: '`run`, `alerts run`: the one that has the alert stage',
    readers: '`run`, `alerts`, yours',
    run: ['read', 'write'],
    operate: ['read'],
  },
  alert_orders: {
    name: '<pipeline>.alert-orders',
    namedBy: null,
    holds: 'silences, and what people decided of incidents and alerts',
    partitions: 1,
    policy: 'compact',
    retention: 'broker',
    madeBy: '`run`, `alerts run`: at the start, where alerts are on; `alerts silence`, `alerts review`',
    writers: '`alerts silence`, `alerts review`, `alerts feedback`',
    readers: '`run`, `alerts`',
    run: ['read'],
    operate: ['read', 'write'],
  },
  notifications: {
    name: '<pipeline>.notifications',
    namedBy: 'topic of a topic sink of alerts.sinks',
    holds: 'what people are told, a record a change of an incident',
    partitions: 1,
    policy: 'delete',
    retention: 'broker',
    madeBy: '`run`, `alerts run`: with the first one, where a topic sink is configured; `alerts test`',
    writers: '`run`, `alerts run`: the one that has the alert stage; `alerts test`',
    readers: 'yours',
    run: ['write'],
    operate: ['read', 'write'],
  },
  by_key: {
    name: '<pipeline>.by-key',
    namedBy: null,
    holds: 'the source records, each series in one partition',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`run --repartition`: at the start',
    writers: '`run --repartition`',
    readers: '`run --repartition`',
    run: ['read', 'write', 'describe_configs'],
    operate: [],
  },
  redriven: {
    name: '<dead letters>.redriven',
    namedBy: null,
    holds: 'which dead letters were sent back',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`dlq redrive`: with the first one',
    writers: '`dlq redrive`',
    readers: '`dlq`',
    run: [],
    operate: ['read', 'write'],
  },
  replayed: {
    name: 'TOPIC of `replay --to`',
    namedBy: '--to',
    holds: 'a copy of the records',
    partitions: 'source',
    policy: 'delete',
    retention: 'source',
    madeBy: '`replay --to`: where it is missing',
    writers: '`replay`',
    readers: 'yours',
    run: [],
    operate: [],
  },
  produced: {
    name: 'TOPIC of `produce`',
    namedBy: '--topic',
    holds: 'the rows of files',
    partitions: 'given',
    policy: 'delete',
    retention: 'broker',
    madeBy: '`produce`: where it is missing, with --partitions (1) and --topic-config',
    writers: '`produce`',
    readers: '`run`, yours',
    run: [],
    operate: [],
  },
} as const satisfies Record<string, TopicRow>;

export type TopicKind = keyof typeof TOPIC_TABLE;

/** A topic of the table by the name that it has here. */
export interface NamedTopic {
  readonly kind: TopicKind;
  readonly name: string;
}

/** What the topics that a pipeline writes take over from those that it reads. */
export interface SourceShape {
  readonly partitions: number;
  /** retention.ms, the longest of the sources; undefined where the broker does not tell. */
  readonly retentionMs?: string | undefined;
  /** Configurations that limit record times, and that are not as brokers have them by default on one of the sources. */
  readonly timeLimits?: readonly string[];
}

/** How far from its clock a broker takes record times by default, in ms; what lies before it without a limit. */
export const TIME_LIMITS: Readonly<Record<string, string>> = {
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': '9223372036854775807',
};

/** A topic as its row has it. */
export function newTopic(
  { kind, name }: NamedTopic,
  { partitions, retentionMs, timeLimits = [] }: SourceShape,
): NewTopic {
  const row: TopicRow = TOPIC_TABLE[kind];
  const retention = retentionOf(row, retentionMs);
  return {
    name,
    partitions: row.partitions === 1 ? 1 : partitions,
    replicationFactor: -1,
    configs: {
      'cleanup.policy': row.policy,
      ...(retention !== undefined && { 'retention.ms': retention }),
      ...(row.hasAppendTime && { 'message.timestamp.type': 'LogAppendTime' }),
      // Outputs have the times of their evidence, which may be older by now than when the source took it.
      ...(row.retention === 'source' && Object.fromEntries(timeLimits.map((name) => [name, NO_LIMIT]))),
      // By size, too.
      ...(row.retention === 'forever' && { 'retention.bytes': '-1' }),
    },
  };
}

const NO_LIMIT = '9223372036854775807';

function retentionOf({ retention }: TopicRow, ofSource: string | undefined): string | undefined {
  if (retention === 'source') return ofSource;
  if (retention === 'broker') return undefined;
  return retention === 'forever' ? '-1' : String(retention);
}

/** Creates those that are missing; what is there stays as it is. @returns the names of those it made */
export async function makeMissing(
  admin: Pick<Admin, 'topics' | 'createTopics'>,
  topics: readonly NamedTopic[],
  shape: SourceShape,
): Promise<string[]> {
  const wanted = [...new Map(topics.map((topic) => [topic.name, topic])).values()];
  const existing = new Set((await admin.topics(wanted.map(({ name }) => name))).map(({ name }) => name));
  const missing = wanted.filter(({ name }) => !existing.has(name));
  if (missing.length === 0) return [];
  const made = await admin.createTopics(missing.map((topic) => newTopic(topic, shape)));
  return missing.map(({ name }) => name).filter((name) => made.get(name) === true);
}
