import type { Command } from './command.ts';

export const tail: Command = {
  name: 'tail',
  group: 'Inspect',
  summary: 'Print records of a topic, decoded',
  description:
    'Values are decoded by the Schema Registry (Avro and JSON Schema in wire format), else as JSON, else as text, else\n' +
    'shown as base64. A value that cannot be decoded is printed with the reason, and never stops the output.\n' +
    '\n' +
    'No value is rounded: whole numbers beyond 2^53, and JSON numbers with more digits than a double has, are strings;\n' +
    'so are NaN, Infinity, -Infinity and decimals. Bytes are base64. Timestamps, dates and times of day are the number of\n' +
    'their unit. The value of a union stands as it is where only one branch is of its sort (null, boolean, array, object,\n' +
    'number or text), else as {"branch": value}.',
  arguments: [{ name: 'topic', summary: 'topic to read', required: true }],
  options: [
    {
      flags: '--offset <range>',
      summary: 'start, end, :end, 42, +n, -n, a:b, @time, @t1:t2, @-1h; as rpk; default -10, with -f end',
    },
    {
      flags: '-n, --num <count>',
      summary: 'the last so many of all partitions, by record time; with --offset or -f the first so many',
      type: 'integer',
    },
    { flags: '-p, --partition <n>', summary: 'only this partition', type: 'integer', repeatable: true },
    { flags: '-f, --follow', summary: 'go on with what comes in, until ^C', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly tail sensors', comment: 'the last ten records of each partition' },
    { command: 'anomaly tail sensors.anomalies -f -o json', comment: 'alerts as they come, one JSON object a line' },
    { command: 'anomaly tail sensors --offset @-1h:end -n 100', comment: 'the first hundred of the last hour' },
  ],
  run: async (context) => {
    const { runTail } = await import('./tail/run.ts');
    return await runTail(context);
  },
};
