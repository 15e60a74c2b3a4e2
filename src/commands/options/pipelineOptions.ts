import { DETECTORS } from '../../config/pipelineConfig.ts';
import type { OptionSpec } from '../command.ts';
import { OPERATION_OPTIONS } from './operationOptions.ts';

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
    flags: '--where <condition>',
    summary: "records to process, as value > 0 and series ~ 'pump-*'",
    key: 'source.where',
  },
  {
    flags: '--derive <field>',
    summary: 'further field, as NAME=EXPRESSION: power=volts*amperes',
    key: 'derive',
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
    choices: ['partition', 'series'],
  },
  {
    flags: '--idle-after <duration>',
    summary: 'silence after which time goes on without records; off for none',
    key: 'time.idle_after',
  },
  {
    flags: '--allowed-lateness <duration>',
    summary: 'how long after its end a window takes late records',
    key: 'time.allowed_lateness',
  },
];

export const SCORE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--detector <name>',
    summary: 'how values are scored',
    key: 'score.detector',
    choices: DETECTORS,
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
  { flags: '--min <number>', summary: 'least valid value', key: 'score.min' },
  { flags: '--max <number>', summary: 'largest valid value', key: 'score.max' },
  {
    flags: '--score-window <count>',
    summary: 'previous values that rolling-z compares with',
    key: 'score.window',
  },
  { flags: '--min-count <count>', summary: 'how many of them there must be', key: 'score.min_count' },
  { flags: '--step <duration>', summary: 'width of a season slot', key: 'score.step' },
  {
    flags: '--refractory <duration>',
    summary: 'event time after an alert without another of the same series and rule',
    key: 'score.refractory',
  },
  {
    flags: '--watch <names>',
    summary: 'rules beside the detector: missing, flat, shift, drift, multivariate, peers, subsequence; or none',
    key: 'score.watch',
  },
  {
    flags: '--missing-after <duration>',
    summary: 'silence after which a series is missing, in place of the one that is learnt',
    key: 'score.missing.after',
  },
  {
    flags: '--group-by <sign>',
    summary: 'the sign that ends the name of an asset in a key, for multivariate; * for all series',
    key: 'score.multivariate.group_by',
  },
  {
    flags: '--peers-by <sign>',
    summary: 'the sign that ends the name of a group in a key, for peers; * for all series',
    key: 'score.peers.group_by',
  },
  {
    flags: '--model <uri>',
    summary:
      'model asked beside the detector: a file, models:/NAME@ALIAS; more by -X score.model.timeout=50ms and the like',
    key: 'score.model.uri',
  },
  {
    flags: '--when <condition>',
    summary: 'when it is asked, as detector > 1; always without it',
    key: 'score.when',
  },
  {
    flags: '--score-ttl <duration>',
    summary: 'event time after which the detector forgets a silent series',
    key: 'score.ttl',
  },
  {
    flags: '--direction <side>',
    summary: 'on which side of the expected value it alerts',
    key: 'score.direction',
    choices: ['above', 'below', 'both'],
  },
  {
    flags: '--min-deviation <number>',
    summary: 'least distance to the expected value that is worth an alert',
    key: 'score.min_deviation',
  },
  {
    flags: '--min-deviation-ratio <part>',
    summary: 'the same as a part of the expected value',
    key: 'score.min_deviation_ratio',
  },
  { flags: '--calendar <name=file>', summary: 'iCalendar file by a name', key: 'calendars', repeatable: true },
  {
    flags: '--quiet-in <names>',
    summary: 'calendars in which nothing alerts and nothing is learnt',
    key: 'score.calendars',
  },
  { flags: '--mute <parts>', summary: "parts of the detector's score that do not count", key: 'score.mute' },
  {
    flags: '--override <rule>',
    summary: 'what is known of some series, as pump-*:min=0:max=90:sensitivity=low:direction=above',
    key: 'overrides',
    repeatable: true,
  },
];

/** How much state there may be, and where it is. */
export const STATE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--state-backend <name>',
    summary: 'where the state of series is: memory, or lmdb for more than memory holds',
    key: 'state.backend',
    choices: ['memory', 'lmdb'],
  },
  { flags: '--hot-series <count>', summary: 'lmdb: series of a partition in memory', key: 'state.hot_series' },
  { flags: '--state-ttl <duration>', summary: 'event time after which a silent series is forgotten', key: 'state.ttl' },
  { flags: '--max-series <count>', summary: 'most series of a partition at once', key: 'state.max_series' },
  {
    flags: '--on-full <policy>',
    summary: 'a series too many goes to dead letters, or the one seen least recently is forgotten',
    key: 'state.on_full',
    choices: ['reject', 'evict'],
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
    flags: '--fresh',
    summary: 'begin with empty windows where no checkpoint can be used',
    type: 'boolean',
  },
  { flags: '--start-empty', summary: 'the former name of --fresh', type: 'boolean' },
  {
    flags: '--allow <operator>',
    summary: 'drop the state of an operator that is of another definition, as window/w5m',
    repeatable: true,
  },
  { flags: '--accept-gap', summary: 'go on where records were deleted before they were read', type: 'boolean' },
  { flags: '--commit-every <duration>', summary: 'longest time between two commits', key: 'commit_every' },
  { flags: '--checkpoint-store <url>', summary: 'directory or URL of the checkpoints', key: 'checkpoint.store' },
  { flags: '--checkpoint-every <duration>', summary: 'time between two checkpoints', key: 'checkpoint.every' },
  {
    flags: '--checkpoint-retain <n>',
    summary: 'how many checkpoints of a partition are kept',
    key: 'checkpoint.retain',
  },
  {
    flags: '--checkpoint-max-failures <n>',
    summary: 'stop after so many checkpoints in a row that cannot be stored',
    key: 'checkpoint.max_failures',
  },
  {
    flags: '--guarantee <level>',
    summary: 'how often an output may appear when a process dies',
    key: 'guarantee',
    choices: ['at-least-once', 'exactly-once'],
  },
  {
    flags: '--transaction-timeout <duration>',
    summary: 'exactly-once: when the broker aborts an open transaction',
    key: 'transaction_timeout',
  },
  {
    flags: '--instance <name>',
    summary: 'static member of the group: a restart waits for no timeout',
    key: 'instance',
  },
  {
    flags: '--state-dir <dir>',
    summary: 'state of this machine; also the checkpoints, unless --checkpoint-store names a place',
    key: 'state_dir',
  },
  {
    flags: '--max-bad-rate <share>',
    summary: 'share of undecodable records above which it stops',
    type: 'number',
    default: 0.1,
  },
  {
    flags: '--cpu-profile <file>',
    summary: 'write where the time goes (.cpuprofile), and the share of each operator; one file a worker',
    type: 'string',
  },
  ...STATE_OPTIONS,
  ...OPERATION_OPTIONS,
];

/** `--window 5m`, or `--window w1h=1h`: windows without a file. */
export const WINDOW_OPTION: OptionSpec = {
  flags: '--window <window>',
  summary: 'window, as 5m, NAME=5m:mean+p99, 1h/1m, session:gap=10m or count:100',
  key: 'windows',
  repeatable: true,
};

export const FEATURE_OPTION: OptionSpec = {
  flags: '--feature <feature>',
  summary: 'rolling statistic, as m=mean:w5m.mean:12, m=median:value:1h or day=same_time:value:1d',
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
