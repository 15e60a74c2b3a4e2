import type { Command, OptionSpec } from './command.ts';

/** Which dead letters a command is about. */
const FILTER_OPTIONS: readonly OptionSpec[] = [
  { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
  {
    flags: '--since <time>',
    summary: 'records from this time on, as @-1h, @2026-11-26 or @1764115200',
    type: 'string',
  },
  { flags: '--until <time>', summary: 'records before this time', type: 'string' },
  { flags: '--exception <pattern>', summary: 'only this exception; * and ? as in file names', type: 'string' },
  { flags: '--message <pattern>', summary: 'a part of the message, or all of it with * and ?', type: 'string' },
  { flags: '--topic <name>', summary: 'only what came from this source topic', type: 'string', repeatable: true },
  { flags: '--partition <n>', summary: 'only what came from this source partition', type: 'integer', repeatable: true },
  { flags: '--offset <range>', summary: 'only this source offset, or a:b (b not included)', type: 'string' },
  {
    flags: '--entry <partition/offset>',
    summary: 'only this place in the dead-letter topic, as dlq show prints it',
    type: 'string',
    repeatable: true,
  },
];

const TOPIC = {
  name: 'topic',
  summary: 'dead-letter topic; default: sinks.dead_letters of the pipeline in anomaly.yaml',
} as const;

const dlqLs: Command = {
  name: 'dlq ls',
  group: 'Inspect',
  summary: 'List what could not be read, grouped by reason and source',
  description:
    'Dead letters of one exception, message and source partition are one row, with the number of records, the first and\n' +
    'last time, and the source offsets. Reads the headers that Kafka Streams writes, too (__streams.errors.*). REDRIVEN\n' +
    'counts those that anomaly dlq redrive has sent back.',
  arguments: [TOPIC],
  options: [...FILTER_OPTIONS, { flags: '--open', summary: 'only what has not been sent back', type: 'boolean' }],
  examples: [
    { command: 'anomaly dlq ls', comment: 'of the pipeline of ./anomaly.yaml' },
    { command: 'anomaly dlq ls sensors.dlq --since @-1h', comment: 'of one topic, the last hour' },
    { command: "anomaly dlq ls sensors.dlq --message 'no key*' --open -o json", comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runDlqList } = await import('./dlq/list.ts');
    return await runDlqList(context);
  },
};

const dlqShow: Command = {
  name: 'dlq show',
  group: 'Inspect',
  summary: 'Print dead letters in full: why, from where, headers, key and value',
  description:
    'Values are decoded as anomaly tail decodes them; what has no other form is a hex dump, or base64 with -o json.',
  arguments: [TOPIC],
  options: [...FILTER_OPTIONS, { flags: '-n, --num <count>', summary: 'at most so many; default 10', type: 'integer' }],
  examples: [
    { command: 'anomaly dlq show sensors.dlq --entry 0/17', comment: 'one of them' },
    { command: 'anomaly dlq show sensors.dlq --partition 2 --offset 4711', comment: 'by the offset of its source' },
    { command: 'anomaly dlq show --exception ANM_BAD_DATA -n 3 -o json', comment: 'the first three, for scripts' },
  ],
  run: async (context) => {
    const { runDlqShow } = await import('./dlq/show.ts');
    return await runDlqShow(context);
  },
};

const dlqRedrive: Command = {
  name: 'dlq redrive',
  group: 'Pipeline',
  summary: 'Send dead letters back to their source topic, or to another one',
  description:
    'A record goes with its key, value, headers and time to the partition that it came from (by its key where the\n' +
    'target has no such partition). The headers __streams.errors.* are taken off; anomaly.redrive.from and .count say\n' +
    'where it was and how often. What was sent is noted in the topic <dead letters>.redriven, so that a second\n' +
    'redrive, or one after a kill, sends only the rest. Batches that could not be read, and values that were cut to\n' +
    'fit, cannot go back. --fix-schema changes no encoding: JSON text in a pipeline of Avro stays, unless\n' +
    'source.format is auto, which reads it as it is.',
  arguments: [TOPIC],
  options: [
    ...FILTER_OPTIONS,
    { flags: '--to <topic>', summary: 'target; default: the topic that each record came from', type: 'string' },
    {
      flags: '--fix-schema <schema>',
      summary: 'give values the header of this schema (id, SUBJECT or SUBJECT:VERSION), if they fit it',
      type: 'string',
    },
    { flags: '--max-redrives <n>', summary: 'leave what was sent back so often; default 3', type: 'integer' },
    { flags: '--again', summary: 'also what has been sent back already', type: 'boolean' },
    { flags: '--dry-run', summary: 'print what would be sent, and send nothing', type: 'boolean' },
    { flags: '--yes', summary: 'do not ask', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly dlq redrive sensors.dlq --dry-run', comment: 'what would go where' },
    { command: 'anomaly dlq redrive sensors.dlq --since @-1h --yes', comment: 'the last hour, without asking' },
    {
      command: 'anomaly dlq redrive sensors.dlq --fix-schema sensors-value --yes',
      comment: 'values that were sent without their schema header, or with a wrong one',
    },
  ],
  run: async (context) => {
    const { runDlqRedrive } = await import('./dlq/redrive.ts');
    return await runDlqRedrive(context);
  },
};

export const dlqCommands: readonly Command[] = [dlqLs, dlqShow, dlqRedrive];
