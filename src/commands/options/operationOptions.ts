import type { OptionSpec } from '../command.ts';

/** How a pipeline is run: workers, restarts, status, metrics. */
export const OPERATION_OPTIONS: readonly OptionSpec[] = [
  { flags: '--workers <count>', summary: 'members of the group that this process starts', key: 'workers' },
  { flags: '--metrics <address>', summary: 'serve /metrics, /livez and /readyz on host:port', key: 'metrics.listen' },
  {
    flags: '--metrics-group-by <sign>',
    summary: 'the sign that ends the name of a group in a key, by which alerts are counted; * for all series',
    key: 'metrics.group_by',
  },
  {
    flags: '--metrics-max-groups <count>',
    summary: 'groups with names in /metrics; the rest is other',
    key: 'metrics.max_groups',
  },
  { flags: '--status-every <duration>', summary: 'pace of status records; off for none', key: 'status.every' },
  {
    flags: '--restart-strategy <name>',
    summary: 'what follows a passing failure',
    key: 'restart.strategy',
    choices: ['none', 'fixed-delay', 'failure-rate', 'exponential-delay'],
  },
  {
    flags: '--restart-attempts <count>',
    summary: 'restarts after which it ends; off for no limit',
    key: 'restart.attempts',
  },
  { flags: '--restart-delay <duration>', summary: 'wait of fixed-delay and failure-rate', key: 'restart.delay' },
  {
    flags: '--restart-max-failures <count>',
    summary: 'failures that failure-rate allows',
    key: 'restart.max_failures',
  },
  { flags: '--restart-failure-interval <duration>', summary: 'within this time', key: 'restart.failure_interval' },
  {
    flags: '--restart-initial-backoff <duration>',
    summary: 'first wait of exponential-delay',
    key: 'restart.initial_backoff',
  },
  { flags: '--restart-max-backoff <duration>', summary: 'its longest wait', key: 'restart.max_backoff' },
  { flags: '--restart-backoff-multiplier <number>', summary: 'growth of its waits', key: 'restart.backoff_multiplier' },
  {
    flags: '--restart-reset-backoff <duration>',
    summary: 'time without a failure after which its waits begin anew',
    key: 'restart.reset_backoff_threshold',
  },
  { flags: '--restart-jitter <share>', summary: 'chance in its waits', key: 'restart.jitter_factor' },
  {
    flags: '--poison-after <count>',
    summary: 'identical crashes of a record after which it is put aside; off for never',
    key: 'restart.poison_after',
  },
];
