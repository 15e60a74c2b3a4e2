import { formatDuration } from '../../config/duration.ts';
import type { Findings } from './analyse.ts';
import type { Observed } from './observe.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Sizes of windows that people use. */
const SIZES_MS = [
  ...[10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS],
  ...[HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 7 * DAY_MS],
];
/** Values of a series that a window should hold. */
const VALUES = 12;
const DEFAULT_WINDOW_MS = 5 * MINUTE_MS;
const DEFAULT_DISORDER_MS = 5 * SECOND_MS;
const DEFAULT_AHEAD_MS = 10 * MINUTE_MS;

export interface Suggested {
  readonly windowMs: number;
  readonly outOfOrdernessMs: number;
  /** Null: off, as records are further ahead than any bound would allow. */
  readonly maxAheadMs: number | null;
}

/** Windows of a dozen values, and half as much again of the disorder that was seen. */
export function suggest({ intervalMs, disorderMs, aheadMs }: Findings): Suggested {
  const wanted = intervalMs === null ? DEFAULT_WINDOW_MS : intervalMs * VALUES;
  return {
    windowMs: SIZES_MS.find((size) => size >= wanted) ?? SIZES_MS.at(-1)!,
    outOfOrdernessMs: Math.max(DEFAULT_DISORDER_MS, Math.ceil((disorderMs * 1.5) / SECOND_MS) * SECOND_MS),
    maxAheadMs: (aheadMs ?? 0) > DEFAULT_AHEAD_MS ? null : DEFAULT_AHEAD_MS,
  };
}

/** A commented anomaly.yaml. */
export function yamlText(observed: Observed, findings: Findings, suggested: Suggested): string {
  const { topic, kind } = observed;
  return [
    `# A pipeline of anomaly, as ${kind === 'topic' ? `topic ${topic}` : observed.inputs.join(', ')} looks. Run it with: anomaly run`,
    '# Every key has a flag or -X key=value; anomaly -X list shows all keys, docs/configuration.md describes them.',
    ...(kind === 'file' ? [`# Load the data first: ${loadCommand(observed, findings)}`] : []),
    'version: 1',
    line(`pipeline: ${plain(topic)}`, 'also the consumer group, and the name of its topics'),
    '',
    ...sourceLines(observed, findings),
    '',
    ...timeLines(findings, suggested),
    '',
    'windows:',
    ...windowLines(findings, suggested),
    '',
    'score:',
    line('  on: record', `each value; or an aggregate of the window, as ${windowName(suggested)}.mean`),
    line('  detector: auto', 'or kpi for metrics of services, sensor for machines, range for fixed limits'),
    line('  sensitivity: medium', 'low, medium or high'),
    '  # min: 0                   # with max: values beyond are alerts whatever the detector says',
    '',
    '# overrides:                 # what is known of some series',
    '#   - {series: "*", sensitivity: low}',
    '',
    '# guarantee: exactly-once    # outputs appear once even when a process dies; default at-least-once',
    '# checkpoint: {store: "s3://bucket/checkpoints", every: 10s}   # default: the state directory of this machine',
    ...(observed.format === 'json'
      ? ['# sinks: {format: json}      # windows and alerts as JSON: no Schema Registry is needed']
      : []),
    '',
  ].join('\n');
}

/** How the file comes into the topic that the pipeline reads. */
export function loadCommand({ inputs, topic }: Observed, { key }: Findings): string {
  const names = inputs.map((input) => (/^[\w./*-]+$/.test(input) ? input : `'${input.replaceAll("'", "'\\''")}'`));
  const flags = `--topic ${topic} ${key === null ? '--by-file' : `--key ${key}`}`;
  return `anomaly produce ${names.join(' ')} ${flags}`;
}

function sourceLines({ topic, kind, partitions, observations, format }: Observed, findings: Findings): string[] {
  const { key, isKeyed, series, time, fields, split } = findings;
  const count = `${series} series in ${observations.length} ${kind === 'topic' ? 'records' : 'rows'}`;
  const keyLine =
    key !== null
      ? line(`  key: ${plain(key)}`, `names the series: ${count}`)
      : isKeyed
        ? `  # key: sensor_id           # the record key names the series${kind === 'file' ? ', which is the file' : ''}: ${count}`
        : '  # key: sensor_id           # nothing names a series: all of a partition is one';
  const map = fields.map((path) => `${plain(path.replaceAll(/[^A-Za-z0-9_]/g, '_'))}: ${plain(path)}`).join(', ');
  return [
    'source:',
    line(
      `  topics: [${plain(topic)}]`,
      kind === 'topic'
        ? `${partitions} partition${partitions === 1 ? '' : 's'}, values in ${format}`
        : 'where the data is loaded to',
    ),
    ...(split === null
      ? []
      : [
          `  # ${split.series} is in partitions ${split.partitions.join(' and ')}: run with --repartition, as a series must be in one`,
        ]),
    keyLine,
    time === null
      ? '  # time: ts                  # no field holds times: the record timestamp is the event time'
      : line(`  time: ${plain(time.field)}`, `event time: ${time.format}${rangeText(findings)}`),
    fields.length === 0
      ? '  # fields: {value: value}    # name: path of a number; no number was found'
      : line(`  fields: {${map}}`, 'name: path of a number in the value'),
    line('  start: earliest', 'or latest: where to begin without a committed offset'),
  ];
}

function rangeText({ firstMs, lastMs }: Findings): string {
  if (firstMs === null || lastMs === null) return '';
  const text = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 19);
  return `, ${text(firstMs)} to ${text(lastMs)}`;
}

function timeLines({ disorderMs, aheadMs }: Findings, { outOfOrdernessMs, maxAheadMs }: Suggested): string[] {
  const seen =
    disorderMs === 0 ? 'all came in order' : `up to ${formatDuration(Math.ceil(disorderMs))} behind was seen`;
  const ahead =
    maxAheadMs === null
      ? `${formatDuration(Math.ceil(aheadMs!))} ahead of the record time was seen`
      : 'further ahead of the record time: dead letters';
  return [
    'time:',
    line(`  out_of_orderness: ${formatDuration(outOfOrdernessMs)}`, `how far the watermark stays behind; ${seen}`),
    line(`  max_ahead: ${maxAheadMs === null ? 'off' : formatDuration(maxAheadMs)}`, ahead),
    '  # allowed_lateness: 1m      # late records put their window out again for so long',
  ];
}

function windowLines({ intervalMs }: Findings, suggested: Suggested): string[] {
  const why =
    intervalMs === null
      ? 'no interval of values was seen'
      : `a value of a series every ${formatDuration(Math.round(intervalMs))}`;
  return [
    `  # ${why}`,
    `  - {name: ${windowName(suggested)}, type: tumbling, size: ${formatDuration(suggested.windowMs)}, aggregates: [count, mean, min, max, stddev]}`,
  ];
}

function windowName({ windowMs }: Suggested): string {
  return `w${formatDuration(windowMs)}`;
}

const COMMENT_COLUMN = 30;

function line(text: string, comment: string): string {
  return `${text.padEnd(COMMENT_COLUMN - 1)} # ${comment}`;
}

/** As YAML has it: in quotes where it could be read as something else. */
function plain(text: string): string {
  const isWord = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isWord ? text : JSON.stringify(text);
}
