import type { Command } from './command.ts';

export const lag: Command = {
  name: 'lag',
  group: 'Inspect',
  summary: 'Show how far consumer groups are behind, by partition',
  description:
    'Lag is the log end minus the committed offset, in records. Where it is unknown it is shown as - with the reason.\n' +
    'With --watch the next poll starts after the previous one is finished.',
  arguments: [{ name: 'group', summary: 'consumer groups; all of them without one', variadic: true }],
  options: [
    { flags: '--topic <name>', summary: 'only this topic', repeatable: true },
    { flags: '--watch [interval]', summary: 'go on until ^C; default every 2s', type: 'duration' },
    { flags: '--max-lag <n>', summary: 'exit 6 when a group is more records behind, or unknown', type: 'integer' },
    { flags: '--summary', summary: 'only the totals of each group', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly lag', comment: 'all groups' },
    { command: 'anomaly lag pump-room --watch 1s', comment: 'one group, once a second' },
    { command: 'anomaly lag pump-room --max-lag 1000 -o json', comment: 'a check for scripts' },
  ],
  run: async (context) => {
    const { runLag } = await import('./lagRun.ts');
    return await runLag(context);
  },
};
