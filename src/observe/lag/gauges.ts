/** Redpanda's own lag of a group, from /public_metrics. */
export interface GroupGauge {
  readonly sum: number | null;
  readonly max: number | null;
}

export interface LagGauges {
  /** By group; empty where the gauges are off. */
  readonly groups: ReadonlyMap<string, GroupGauge>;
  /** There are gauges of groups, or no groups at all. */
  readonly isOn: boolean;
}

/** What turns the gauges on: they are not among the defaults of enable_consumer_group_metrics. */
export const GAUGES_ON = `rpk cluster config set enable_consumer_group_metrics '["group","partition","consumer_lag"]'`;

/** Default of consumer_group_lag_collection_interval_sec: a gauge may be that old. */
export const GAUGE_INTERVAL_MS = 60_000;

const SAMPLE = /^redpanda_kafka_consumer_group_lag_(sum|max)\{([^}]*)\}\s+(\S+)/;
const GROUP_LABEL = /redpanda_group="((?:[^"\\]|\\.)*)"/;

/** The texts of all brokers: a group's gauges are at its coordinator. Prometheus text format 0.0.4. */
export function readGauges(texts: readonly string[]): LagGauges {
  const groups = new Map<string, { sum: number | null; max: number | null }>();
  for (const text of texts) {
    for (const line of text.split('\n')) {
      if (!line.startsWith('redpanda_kafka_consumer_group_lag_')) continue;
      const [, kind, labels, value] = SAMPLE.exec(line) ?? [];
      const label = labels === undefined ? undefined : GROUP_LABEL.exec(labels)?.[1];
      if (label === undefined || !Number.isFinite(Number(value))) continue;
      const name = label.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
      const found = groups.get(name) ?? { sum: null, max: null };
      found[kind as 'sum' | 'max'] = Math.max(found[kind as 'sum' | 'max'] ?? 0, Number(value));
      groups.set(name, found);
    }
  }
  return { groups, isOn: groups.size > 0 };
}
