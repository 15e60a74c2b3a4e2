import type { Command, OptionSpec } from './command.ts';

const SHARED: readonly OptionSpec[] = [
  {
    flags: '--checkpoint <word>',
    summary: 'which one: an id or its beginning, a savepoint, latest, or @TIME',
    type: 'string',
    default: 'latest',
  },
  {
    flags: '--checkpoint-store <url>',
    summary: 'directory, s3://BUCKET/PREFIX or webhdfs://HOST:PORT/PATH',
    key: 'checkpoint.store',
  },
  { flags: '--group <id>', summary: 'of this consumer group', type: 'string' },
];

const stateGet: Command = {
  name: 'state get',
  group: 'Inspect',
  summary: 'Show what each operator holds of a series',
  description:
    'Reads a checkpoint, by default the newest, which is what a running pipeline has told last: its age is said. Windows\n' +
    'are shown as they would close now, features and detectors by the values that they go on from. anomaly.yaml has to\n' +
    'be that of the pipeline.',
  arguments: [{ name: 'series', summary: 'name of the series', required: true }],
  options: [{ flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline', key: 'config' }, ...SHARED],
  examples: [
    { command: 'anomaly state get pump-7', comment: 'of the pipeline in anomaly.yaml' },
    { command: 'anomaly state get pump-7 --checkpoint before-upgrade -o json', comment: 'in a savepoint' },
  ],
  run: async (context) => {
    const { runStateGet } = await import('./state/get.ts');
    return await runStateGet(context);
  },
};

const stateTop: Command = {
  name: 'state top',
  group: 'Inspect',
  summary: 'Rank series by their state, and operators by their size',
  description:
    'Bytes of a series are those of its rows in features and score. Needs no anomaly.yaml: a store is enough.',
  options: [
    {
      flags: '--by <what>',
      summary: 'bytes, last_seen (oldest first) or records',
      choices: ['bytes', 'last_seen', 'records'],
      default: 'bytes',
    },
    { flags: '-n, --limit <count>', summary: 'how many series', type: 'integer', default: 20 },
    ...SHARED,
  ],
  examples: [
    { command: 'anomaly state top', comment: 'the largest series' },
    { command: 'anomaly state top --by last_seen -n 5', comment: 'those that are silent longest' },
    { command: 'anomaly state top --checkpoint-store s3://checkpoints/pump-room -o json', comment: 'of any store' },
  ],
  run: async (context) => {
    const { runStateTop } = await import('./state/top.ts');
    return await runStateTop(context);
  },
};

export const stateCommands: readonly Command[] = [stateGet, stateTop];
