import { PANEL_IDS } from '../observe/watch/panelIds.ts';
import type { Command, OptionSpec } from './command.ts';

/** How the screen looks and what it may do: of `tui` and `run --tui`. */
export const SCREEN_OPTIONS: readonly OptionSpec[] = [
  { flags: '--ascii', summary: 'draw with ASCII characters only', type: 'boolean' },
  { flags: '--read-only', summary: 'no key acts on a pipeline', type: 'boolean' },
  { flags: '--panel <name>', summary: 'the panel that is shown first', choices: PANEL_IDS },
];

export const tui: Command = {
  name: 'tui',
  group: 'Inspect',
  summary: 'Watch running pipelines: stages, lag, latency, windows, anomalies, models, checkpoints, alerts',
  description:
    'Finds pipelines by their topics <pipeline>.status, those that start later too, and shows nine panels; ? has the keys.\n' +
    'Actions (savepoint, promote, pause, stop) ask first and go through <pipeline>.control. A broker that is away is said\n' +
    'in the header, and the screen goes on by itself when it is back.\n' +
    '\n' +
    'Where there is no terminal, in a CI, with --accessible or ANOMALY_ACCESSIBLE=1, a summary in words comes every 5s\n' +
    'instead, and with -o json or ndjson the data of the panels as one JSON object a line, every 1s. Then a broker that\n' +
    'is away at the start is an error (exit code 3).',
  arguments: [{ name: 'pipeline', summary: 'the only pipeline to show; all of them without one' }],
  options: [
    { flags: '--group <id>', summary: 'show the lag of this consumer group alone', type: 'string' },
    {
      flags: '--interval <duration>',
      summary: 'time between two looks; default 250ms on the screen, 5s for lines, 1s for JSON',
      type: 'duration',
    },
    { flags: '-n, --num <count>', summary: 'of lines or JSON, end after so many looks', type: 'integer' },
    { flags: '--accessible', summary: 'lines in place of the screen, for screen readers', type: 'boolean' },
    ...SCREEN_OPTIONS,
  ],
  examples: [
    { command: 'anomaly tui', comment: 'all pipelines and groups of the cluster' },
    { command: 'anomaly tui pump-room --panel latency', comment: 'one pipeline, beginning with its latency' },
    { command: 'anomaly tui -o json -n 1', comment: 'what the panels show, once, for scripts' },
  ],
  run: async (context) => {
    const { runTui } = await import('./tui/run.ts');
    return await runTui(context);
  },
};
