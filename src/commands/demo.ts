import type { Command } from './command.ts';

export const demo: Command = {
  name: 'demo',
  group: 'Setup',
  summary: 'Show the whole pipeline on real data: nothing to install, over in half a minute',
  description:
    'Starts the embedded broker and Schema Registry on free loopback ports, streams nine series of the Numenta Anomaly\n' +
    'Benchmark with 24 labelled anomalies through topics, 5-minute windows and the default detector, and measures the time\n' +
    'from ingestion to alert. At the end it prints what was found and missed. In a terminal it shows a live view.\n' +
    'It ends by itself within a minute, and leaves nothing behind. -o wide lists the series.',
  options: [
    {
      flags: '--speed <events/s>',
      summary: 'events a second, reached within 3 s, or max; the default takes about 20 s',
      type: 'string',
      default: '2400',
    },
    {
      flags: '--seed <n>',
      summary: 'of the order in which events of the same time arrive',
      type: 'integer',
      default: 1,
    },
    { flags: '--no-tui', summary: 'plain lines in place of the live view', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly demo', comment: 'about 20 seconds' },
    { command: 'anomaly demo --speed max -o wide', comment: 'as fast as it goes, with a table of the series' },
    { command: 'anomaly demo --seed 7 -o json', comment: 'the summary as one document' },
  ],
  run: async (context) => {
    const { runDemo } = await import('./demo/run.ts');
    return await runDemo(context);
  },
};
