import type { OptionSpec } from './command.ts';

/** Options that `run`, `window`, `score` and `replay` share; each sets the key of anomaly.yaml that it names. */
export const SOURCE_OPTIONS: readonly OptionSpec[] = [
  { flags: '-f, --file <path>', summary: 'anomaly.yaml to run; the same as --config', key: 'config' },
  { flags: '--pipeline <name>', summary: 'name of the pipeline: its group, its state', key: 'pipeline' },
  { flags: '--topic <name>', summary: 'source topic', key: 'source.topics', repeatable: true },
  { flags: '--key <field>', summary: 'field that names the series; without it the record key does', key: 'source.key' },
  {
    flags: '--time <field>',
    summary: 'field with the event time; without it the record timestamp is',
    key: 'source.time',
  },
  {
    flags: '--field <name>',
    summary: 'field to compute on, as NAME or NAME=PATH',
    key: 'source.fields',
    repeatable: true,
  },
  {
    flags: '--format <format>',
    summary: 'how values are encoded',
    key: 'source.format',
    choices: ['auto', 'avro', 'json', 'csv'],
  },
  { flags: '--columns <names>', summary: 'columns of CSV values, in their order: ts,id,value', key: 'source.columns' },
  {
    flags: '--start <where>',
    summary: 'where to begin without a commit',
    key: 'source.start',
    choices: ['earliest', 'latest'],
  },
  {
    flags: '--out-of-orderness <duration>',
    summary: 'how far the watermark stays behind',
    key: 'time.out_of_orderness',
  },
  {
    flags: '--max-ahead <duration>',
    summary: 'event time beyond record time that is refused; off for none',
    key: 'time.max_ahead',
  },
  {
    flags: '--watermark <whose>',
    summary: 'whose event times move the watermark',
    key: 'time.watermark',
    choices: ['partition'],
  },
];

export const SCORE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--detector <name>',
    summary: 'how values are scored',
    key: 'score.detector',
    choices: ['kpi', 'rolling-z', 'range'],
  },
  { flags: '--on <column>', summary: 'record, or an aggregate of a window as w5m.mean, or a feature', key: 'score.on' },
  {
    flags: '--sensitivity <level>',
    summary: 'how readily it alerts',
    key: 'score.sensitivity',
    choices: ['low', 'medium', 'high'],
  },
  {
    flags: '--threshold <number>',
    summary: 'in place of the one that the sensitivity stands for',
    key: 'score.threshold',
  },
  { flags: '--min <number>', summary: 'least valid value, for the range check', key: 'score.min' },
  { flags: '--max <number>', summary: 'largest valid value', key: 'score.max' },
  {
    flags: '--score-window <count>',
    summary: 'previous values that rolling-z compares with',
    key: 'score.window',
  },
  { flags: '--min-count <count>', summary: 'how many of them there must be', key: 'score.min_count' },
  { flags: '--step <duration>', summary: 'width of a season slot, for kpi', key: 'score.step' },
  {
    flags: '--refractory <duration>',
    summary: 'event time after an alert without another of the same series and rule',
    key: 'score.refractory',
  },
  {
    flags: '--override <rule>',
    summary: 'limits or sensitivity of some series, as pump-*:min=0:max=90:sensitivity=low',
    key: 'overrides',
    repeatable: true,
  },
];

export const JOB_OPTIONS: readonly OptionSpec[] = [
  { flags: '--group <id>', summary: 'consumer group', key: 'group' },
  {
    flags: '--until <where>',
    summary: 'end: stop at the end offsets of now, and close what is open',
    choices: ['end'],
  },
  { flags: '--leave-open', summary: 'with --until: keep open windows for the next start', type: 'boolean' },
  {
    flags: '--start-empty',
    summary: 'begin with empty windows where the snapshot is missing or of another definition',
    type: 'boolean',
  },
  { flags: '--commit-every <duration>', summary: 'least time between two commits', key: 'checkpoint.every' },
  { flags: '--checkpoint-store <dir>', summary: 'directory of the snapshots', key: 'checkpoint.store' },
  {
    flags: '--guarantee <level>',
    summary: 'how often an output may appear when a process dies',
    key: 'guarantee',
    choices: ['at-least-once', 'exactly-once'],
  },
  { flags: '--state-dir <dir>', summary: 'where snapshots are kept', key: 'state_dir' },
  {
    flags: '--max-bad-rate <share>',
    summary: 'share of undecodable records above which it stops',
    type: 'number',
    default: 0.1,
  },
];

/** `--window 5m`, or `--window w1h=1h`: windows without a file. */
export const WINDOW_OPTION: OptionSpec = {
  flags: '--window <size>',
  summary: 'tumbling window, as 5m or NAME=5m',
  key: 'windows',
  repeatable: true,
};

export const FEATURE_OPTION: OptionSpec = {
  flags: '--feature <feature>',
  summary: 'rolling statistic, as mean_1h=mean:w5m.mean:12',
  key: 'features',
  repeatable: true,
};

const SINK_OPTIONS = {
  format: {
    flags: '--sink-format <format>',
    summary: 'how windows and alerts are encoded',
    key: 'sinks.format',
    choices: ['avro', 'json'],
  },
  windows: { flags: '--sink-windows <topic>', summary: 'topic of the closed windows', key: 'sinks.windows' },
  anomalies: { flags: '--sink-anomalies <topic>', summary: 'topic of the alerts', key: 'sinks.anomalies' },
  late: { flags: '--sink-late <topic>', summary: 'topic of the late records', key: 'sinks.late' },
  deadLetters: {
    flags: '--sink-dead-letters <topic>',
    summary: 'topic of what cannot be read',
    key: 'sinks.dead_letters',
  },
} as const satisfies Record<string, OptionSpec>;

/** The options of those sinks that a command has. */
export function sinkOptions(...names: readonly (keyof typeof SINK_OPTIONS)[]): OptionSpec[] {
  return names.map((name) => SINK_OPTIONS[name]);
}
