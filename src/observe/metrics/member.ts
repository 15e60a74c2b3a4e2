import { MEMBER_STATES } from '../status.ts';
import { counter, gauge, labelled, type MetricRow, seconds } from './row.ts';

/** The cluster, checkpoints, restarts, and what the member is. */
export const MEMBER_METRICS: readonly MetricRow[] = [
  gauge('cluster_away_seconds', 'For how long no request to the cluster has succeeded; 0 while it answers.', (s) =>
    s.outage === undefined ? null : s.outage === null ? 0 : Math.max(0, s.atMs - s.outage.sinceMs) / 1000,
  ),
  gauge('checkpoint_age_seconds', 'Time since the last completed checkpoint.', (s) =>
    s.checkpoint.lastMs === null ? null : (s.atMs - s.checkpoint.lastMs) / 1000,
  ),
  gauge('checkpoint_duration_seconds', 'Duration of the last completed checkpoint.', (s) =>
    seconds(s.checkpoint.durationMs),
  ),
  gauge('checkpoint_size_bytes', 'Size of the last completed checkpoint.', (s) => s.checkpoint.bytes),
  counter('checkpoints_total', 'Completed checkpoints.', (s) => s.checkpoint.completed),
  counter('checkpoint_failures_total', 'Checkpoints that could not be stored.', (s) => s.checkpoint.failures),
  counter('restarts_total', 'Restarts by the restart policy.', (s) => s.restarts),
  gauge(
    'restoring_ratio',
    'Share of the records to be read again after a restart that is done; absent when not restoring.',
    (s) => (s.restoring === null ? null : s.restoring.total === 0 ? 0 : s.restoring.done / s.restoring.total),
  ),
  gauge('start_time_seconds', 'When the member began, seconds since 1970.', (s) => s.startedMs / 1000),
  labelled(
    'gauge',
    'member_state',
    `1 for the state that the member is in: ${MEMBER_STATES.join(', ')}.`,
    ['state'],
    ({ state }) => MEMBER_STATES.map((each) => ({ labels: { state: each }, value: each === state ? 1 : 0 })),
  ),
  labelled(
    'gauge',
    'member_info',
    'Always 1: definition hash, version, guarantee, host and process of the member.',
    ['definition', 'version', 'guarantee', 'host', 'pid'],
    ({ definition, toolVersion, guarantee, host, pid }) => [
      { labels: { definition, version: toolVersion, guarantee, host, pid: String(pid) }, value: 1 },
    ],
  ),
];
