import type { Command } from './command.ts';

export const probe: Command = {
  name: 'probe',
  group: 'Inspect',
  summary: 'Send numbered probes through the brokers, and measure how long they take',
  description:
    'Produces probes to a topic of its own and reads them back: acknowledgement, round trip, and with --group the commit\n' +
    'of an offset. The topic is made where it is missing, with a partition for each broker and the broker’s time stamps, by\n' +
    'which the skew of the clocks is bounded; it is shown, and corrects nothing. A probe that is not back within\n' +
    '--roundtrip-sla is lost. Exit code 6 when one is lost, failed, or slower than its SLA; ^C ends with what is known.',
  options: [
    { flags: '--topic <name>', summary: 'topic of the probes', type: 'string', default: 'anomaly.probe' },
    {
      flags: '--interval <duration>',
      summary: 'between two probes of a partition',
      type: 'duration',
      default: '800ms',
    },
    { flags: '--count <n>', summary: 'probes of each partition; default 10', type: 'integer' },
    { flags: '--duration <duration>', summary: 'send for so long', type: 'duration' },
    { flags: '--watch', summary: 'send until ^C', type: 'boolean' },
    {
      flags: '--ack-sla <duration>',
      summary: 'most that an acknowledgement may take',
      type: 'duration',
      default: '5s',
    },
    { flags: '--roundtrip-sla <duration>', summary: 'most until a probe is back', type: 'duration', default: '20s' },
    { flags: '--commit-sla <duration>', summary: 'most that a commit may take', type: 'duration', default: '10s' },
    { flags: '--group <id>', summary: 'commit what was read for this group, and time it', type: 'string' },
  ],
  examples: [
    { command: 'anomaly probe', comment: 'ten probes a broker, and a summary' },
    { command: 'anomaly probe --watch --group anomaly.probe', comment: 'a line a probe until ^C, commits included' },
    {
      command: 'anomaly probe --count 5 --interval 200ms --roundtrip-sla 1s -o json',
      comment: 'a check for scripts: exit 6 when the brokers are slower',
    },
  ],
  run: async (context) => {
    const { runProbe } = await import('./probe/run.ts');
    return await runProbe(context);
  },
};
