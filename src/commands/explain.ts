import { ALERT_OPTIONS } from './alerts.ts';
import type { Command } from './command.ts';

export const explain: Command = {
  name: 'explain',
  group: 'Inspect',
  summary: 'Show why an alert was raised, with a chart of the values around it',
  description:
    'Prints what happened in words, the scores of the parts, what was expected and the band then, the threshold and where\n' +
    'it comes from, the season slot, and earlier alerts with near values. Then reads the records of the series around the\n' +
    'alert from its source topic, or the windows where those were scored, and draws them; without the topic it says so and\n' +
    'shows the rest.',
  arguments: [
    {
      name: 'alert',
      summary: 'id of the alert, the alert itself as JSON, or - for one as a JSON line on stdin',
      required: true,
    },
  ],
  options: [
    ...ALERT_OPTIONS,
    { flags: '--alerts <file>', summary: 'JSON lines to look for the alert in, in place of the topic', type: 'string' },
    {
      flags: '--before <count>',
      summary: 'values of the series to show before the alert',
      type: 'integer',
      default: 80,
    },
    { flags: '--after <count>', summary: 'and after it, as far as they are there', type: 'integer', default: 20 },
    { flags: '--ascii', summary: 'draw with ASCII characters only', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly explain kpi@value/pump-7/1764115200000/4711', comment: 'an alert of ./anomaly.yaml' },
    { command: 'anomaly tail pump-room.anomalies -n 1 -o json | anomaly explain -', comment: 'the newest alert' },
    { command: 'anomaly explain kpi@value/pump-7/1764115200000/4711 -o json', comment: 'all data, for scripts' },
  ],
  run: async (context) => {
    const { runExplain } = await import('./explain/run.ts');
    return await runExplain(context);
  },
};
