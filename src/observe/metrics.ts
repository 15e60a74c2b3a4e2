import { ALERT_METRICS } from './metrics/alerts.ts';
import { FLOW_METRICS } from './metrics/flow.ts';
import { LATENCY_METRICS } from './metrics/latency.ts';
import { MEMBER_METRICS } from './metrics/member.ts';
import { MODEL_METRICS } from './metrics/models.ts';
import type { MetricRow, MetricValue } from './metrics/row.ts';
import type { MemberStatus } from './status.ts';

export { LATENCY_BOUNDS_MS } from './metrics/latency.ts';
export type { MetricRow, MetricValue } from './metrics/row.ts';

/** A family as prom-client's registries exchange it. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricRow['type'];
  readonly aggregator: 'sum';
  readonly values: readonly MetricValue[];
}

/** Every family of /metrics, from the status that a member publishes; docs/metrics.md is made from it. */
export const METRICS: readonly MetricRow[] = [
  ...FLOW_METRICS,
  ...LATENCY_METRICS,
  ...ALERT_METRICS,
  ...MEMBER_METRICS,
  ...MODEL_METRICS,
];

/** Families of the process itself, under Prometheus' own names. */
export const PROCESS_METRICS = {
  process_cpu_seconds_total: 'User and system CPU time spent.',
  process_resident_memory_bytes: 'Resident memory size.',
} as const;

/** All families with the values of these members. */
export function metricFamilies(statuses: readonly MemberStatus[]): MetricFamily[] {
  return METRICS.map(({ name, help, type, read }) => ({
    name,
    help,
    type,
    aggregator: 'sum',
    values: statuses.flatMap((status) => {
      const { pipeline, group, member } = status;
      return read(status).map((value) => ({ ...value, labels: { pipeline, group, member, ...value.labels } }));
    }),
  }));
}

/** Ready where every member works, reading or told to pause, and the cluster answers it. */
export function isReady(statuses: readonly MemberStatus[]): boolean {
  return (
    statuses.length > 0 && statuses.every(({ state, outage }) => !outage && (state === 'running' || state === 'paused'))
  );
}

/**
 * Live while a member may still work. A broker or a model that is gone makes no process dead: another start would not
 * bring it back, and would lose what is in memory.
 */
export function isAlive(statuses: readonly MemberStatus[]): boolean {
  return statuses.length === 0 || statuses.some(({ state }) => state !== 'failed');
}
