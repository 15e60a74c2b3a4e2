import { counter, gauge, histogram, type MetricRow, partition } from './row.ts';

/** Records, partitions, time, commits. */
export const FLOW_METRICS: readonly MetricRow[] = [
  counter(
    'records_in_total',
    'Records read from the source topics, without those read again after a restart.',
    (s) => s.totals.records,
  ),
  counter('records_restored_total', 'Records read again to bring the state back.', (s) => s.totals.restored),
  counter('bytes_in_total', 'Bytes of keys and values of these records.', (s) => s.totals.bytes),
  counter('windows_out_total', 'Rows of windows put out.', (s) => s.totals.windows),
  counter(
    'late_records_total',
    'Records that came too late for a window and went to the late topic.',
    (s) => s.totals.late,
  ),
  counter('filtered_records_total', 'Records that source.where left out.', (s) => s.totals.filtered),
  counter('dead_letters_total', 'Records that went to the dead letter topic.', (s) => s.totals.deadLetters),
  counter(
    'poison_records_total',
    'Records put aside since processing them crashed again and again.',
    (s) => s.totals.poison,
  ),
  partition(
    'lag_records',
    'Records between the position and the end of the partition, as of the last fetch or two seconds ago.',
    (p) => p.lag,
  ),
  partition(
    'lag_seconds',
    'Age of the newest record that was processed (by its record time), 0 where the partition has no more: the next one is that old at most.',
    ({ lag, recordMs }, { atMs }) => {
      if (lag === null || lag === 0) return lag;
      return recordMs === null || recordMs === undefined ? null : Math.max(0, atMs - recordMs) / 1000;
    },
  ),
  partition('position_offset', 'Next offset to read.', (p) => p.position),
  partition('committed_offset', 'Offset committed for the group.', (p) => p.committed),
  partition('series', 'Series with state: keys.', (p) => p.series),
  partition('learning_series', 'Series that cannot alert by their score yet.', (p) => p.learning ?? null),
  partition('open_windows', 'Windows that are open.', (p) => p.openWindows),
  partition('state_bytes', 'Size of the state in the last snapshot.', (p) => p.stateBytes),
  partition(
    'watermark_delay_seconds',
    'How far event time is behind the clock: now minus the watermark of the partition.',
    ({ watermark }, { atMs }) => (watermark === null ? null : (atMs - watermark) / 1000),
  ),
  gauge(
    'backpressure_ratio',
    'Share of the time in which the sink had no room: up to 0.1 is fine, above 0.5 is high.',
    (s) => s.backPressure,
  ),
  counter('commits_total', 'Commits that went through.', (s) => s.totals.commits),
  histogram(
    'commit_duration_seconds',
    'Time of a commit: outputs acknowledged, journal and offsets written.',
    (s) => s.commitMs,
  ),
  counter('transactions_aborted_total', 'Transactions that were aborted and sent again.', (s) => s.transactionsAborted),
];
