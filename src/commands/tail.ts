import type { Command } from './command.ts';

export const tail: Command = {
  name: 'tail',
  group: 'Inspect',
  summary: 'Print records of a topic, decoded',
  description:
    'Values are decoded by the Schema Registry (Avro in wire format), else as JSON, else as text, else shown as base64.\n' +
    'A value that cannot be decoded is printed with the reason, and never stops the output.',
  arguments: [{ name: 'topic', summary: 'topic to read', required: true }],
  options: [
    {
      flags: '--offset <range>',
      summary: 'start, end, :end, 42, +n, -n, a:b, @time, @t1:t2, @-1h; as rpk; default -10, with -f end',
    },
    { flags: '-n, --num <count>', summary: 'stop after so many records', type: 'integer' },
    { flags: '-p, --partition <n>', summary: 'only this partition', type: 'integer', repeatable: true },
    { flags: '-f, --follow', summary: 'go on with what comes in, until ^C', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly tail sensors', comment: 'the last ten records of each partition' },
    { command: 'anomaly tail sensors.anomalies -f -o json', comment: 'alerts as they come, one JSON object a line' },
    { command: 'anomaly tail sensors --offset @-1h:end -n 100', comment: 'the first hundred of the last hour' },
  ],
  run: async (context) => {
    const { runTail } = await import('./tailRun.ts');
    return await runTail(context);
  },
};
