import type { BrokerSettings } from './brokerSettings.ts';
import type { Json } from './storage/journal.ts';

export type ClusterValue = boolean | number | string | readonly string[];

interface Property {
  readonly type: 'boolean' | 'integer' | 'array' | 'string';
  readonly description: string;
  readonly fallback: ClusterValue;
  /** Why a value cannot be, or null. Absent: the property cannot be changed here. */
  readonly problem?: (value: unknown) => string | null;
}

const isBoolean = (value: unknown) => (typeof value === 'boolean' ? null : 'expected a boolean');
const isWhole = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    ? null
    : `expected a whole number from ${least} to ${most}`;
const isListOf = (allowed: readonly string[]) => (value: unknown) =>
  Array.isArray(value) && value.every((one) => allowed.includes(one as string))
    ? null
    : `expected a list of ${allowed.join(', ')}`;

const MAX_MS = 2_147_483_647;

/** Values of enable_consumer_group_metrics. */
const GROUP_METRICS = ['group', 'partition', 'consumer_lag'] as const;

/** The cluster properties that this broker acts on, under Redpanda's names. */
export const CLUSTER_PROPERTIES = {
  auto_create_topics_enabled: {
    type: 'boolean',
    description: 'Whether a topic is made on first use',
    fallback: true,
    problem: isBoolean,
  },
  default_topic_partitions: {
    type: 'integer',
    description: 'Partitions of a topic that does not say how many',
    fallback: 1,
    problem: isWhole(1, 100_000),
  },
  group_initial_rebalance_delay: {
    type: 'integer',
    description: 'How long an empty group waits for more members, in ms',
    fallback: 0,
    problem: isWhole(0, MAX_MS),
  },
  group_min_session_timeout_ms: {
    type: 'integer',
    description: 'Shortest session that a member may ask for',
    fallback: 6000,
    problem: isWhole(1, MAX_MS),
  },
  group_max_session_timeout_ms: {
    type: 'integer',
    description: 'Longest session that a member may ask for',
    fallback: 300_000,
    problem: isWhole(1, MAX_MS),
  },
  enable_consumer_group_metrics: {
    type: 'array',
    description: 'What /public_metrics tells of groups: group, partition, consumer_lag',
    fallback: ['group', 'partition'],
    problem: isListOf(GROUP_METRICS),
  },
  consumer_group_lag_collection_interval_sec: {
    type: 'integer',
    description: 'Age that lag metrics may have; here they are always fresh',
    fallback: 60,
    problem: isWhole(1, MAX_MS),
  },
  transaction_max_timeout_ms: { type: 'integer', description: 'Longest transaction', fallback: 900_000 },
  transactional_id_expiration_ms: { type: 'integer', description: 'Age of forgotten producers', fallback: 604_800_000 },
  transaction_coordinator_partitions: { type: 'integer', description: 'Transaction coordinators', fallback: 1 },
  enable_idempotence: { type: 'boolean', description: 'Idempotent producers', fallback: true },
  enable_transactions: { type: 'boolean', description: 'Transactions', fallback: true },
  kafka_batch_max_bytes: { type: 'integer', description: 'Default of max.message.bytes', fallback: 1_048_576 },
  write_caching_default: { type: 'string', description: 'Default of write.caching', fallback: 'true' },
} as const satisfies Readonly<Record<string, Property>>;

type PropertyName = keyof typeof CLUSTER_PROPERTIES;

export interface ClusterConfigOptions {
  /** What the broker was started with. */
  readonly initial: Partial<Record<PropertyName, ClusterValue>>;
  /** What was set in an earlier life. */
  readonly kept?: Iterable<readonly [string, Json]>;
  /** Told of each property that is set, or goes back (undefined). @throws StorageError */
  readonly changed?: (name: string, value: Json | undefined) => void;
}

/** The cluster configuration: what the broker was started with, under what was set since. */
export class ClusterConfig {
  version = 1;
  private readonly initial: Readonly<Record<string, ClusterValue>>;
  private readonly set = new Map<string, ClusterValue>();
  private readonly changed: (name: string, value: Json | undefined) => void;

  constructor({ initial, kept = [], changed = () => {} }: ClusterConfigOptions) {
    this.changed = changed;
    const fallbacks = Object.entries(CLUSTER_PROPERTIES).map(([name, { fallback }]) => [name, fallback] as const);
    this.initial = { ...Object.fromEntries(fallbacks), ...initial } as Readonly<Record<string, ClusterValue>>;
    for (const [name, value] of kept) {
      if (name in CLUSTER_PROPERTIES) this.set.set(name, value as ClusterValue);
    }
  }

  get(name: PropertyName): ClusterValue {
    return this.set.get(name) ?? this.initial[name]!;
  }

  all(): Record<string, ClusterValue> {
    return { ...this.initial, ...Object.fromEntries(this.set) };
  }

  /** As PUT /v1/cluster_config: all of it or, with what is wrong by property, nothing. @throws StorageError */
  change(upsert: Readonly<Record<string, unknown>>, remove: readonly string[]): Record<string, string> | null {
    const problems: Record<string, string> = {};
    for (const [name, value] of Object.entries(upsert)) {
      const problem = problemOf(name, (check) => check(value));
      if (problem !== null) problems[name] = problem;
    }
    for (const name of remove) {
      const problem = problemOf(name, () => null);
      if (problem !== null) problems[name] = problem;
    }
    if (Object.keys(problems).length > 0) return problems;
    for (const [name, value] of Object.entries(upsert)) {
      this.changed(name, value as Json);
      this.set.set(name, value as ClusterValue);
    }
    for (const name of remove) {
      this.changed(name, undefined);
      this.set.delete(name);
    }
    this.version++;
    return null;
  }

  /** What the handlers ask for, always as it is now. */
  settings(): BrokerSettings {
    const config = this;
    return {
      get autoCreate() {
        return config.get('auto_create_topics_enabled') as boolean;
      },
      get defaultPartitions() {
        return config.get('default_topic_partitions') as number;
      },
      get rebalanceDelayMs() {
        return config.get('group_initial_rebalance_delay') as number;
      },
      get minSessionTimeoutMs() {
        return config.get('group_min_session_timeout_ms') as number;
      },
      get maxSessionTimeoutMs() {
        return config.get('group_max_session_timeout_ms') as number;
      },
      get maxTransactionTimeoutMs() {
        return config.get('transaction_max_timeout_ms') as number;
      },
      get transactionalIdExpirationMs() {
        return config.get('transactional_id_expiration_ms') as number;
      },
    };
  }
}

function problemOf(name: string, check: (problem: NonNullable<Property['problem']>) => string | null): string | null {
  const property: Property | undefined = (CLUSTER_PROPERTIES as Readonly<Record<string, Property>>)[name];
  if (property === undefined) return 'Unknown property';
  return property.problem === undefined ? 'the embedded broker cannot change it' : check(property.problem);
}
