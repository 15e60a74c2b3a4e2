import type { Command } from './command.ts';

export const init: Command = {
  name: 'init',
  group: 'Setup',
  summary: 'Look at a topic or at files, and write a commented anomaly.yaml for them',
  description:
    'Looks at the last 2000 records of each partition, or at the first 20000 rows of files, and finds what names the\n' +
    'series, the field with the event time and how it is written, the fields with numbers, how often a series has a\n' +
    'value, and how far records come out of order. anomaly config init writes the same file without a look at data.',
  arguments: [
    {
      name: 'source',
      summary: 'topic, or files and folders as for produce, or - for stdin',
      required: true,
      variadic: true,
    },
  ],
  options: [
    { flags: '--to <file>', summary: 'where to write; - for stdout', type: 'string', default: 'anomaly.yaml' },
    { flags: '--force', summary: 'replace a file that is there', type: 'boolean' },
  ],
  takesBrokenSettings: true,
  examples: [
    { command: 'anomaly init raw-sensors', comment: 'of a topic, to ./anomaly.yaml' },
    { command: 'anomaly init readings.csv --to -', comment: 'of a file, to stdout, with the command that loads it' },
    { command: 'anomaly init raw-sensors -o json --to -', comment: 'what was found, for programs' },
  ],
  run: async (context) => {
    const { runInit } = await import('./init/run.ts');
    return await runInit(context);
  },
};
