import type { Command } from './command.ts';

export const replay: Command = {
  name: 'replay',
  group: 'Pipeline',
  summary: 'Send a topic or files once more: to another topic, or as NDJSON into a pipe',
  description:
    'INPUT is a topic, a file (CSV, JSON Lines, Parquet, Avro), or a folder of them. Topic to topic copies records as they are, each into its\n' +
    'own partition. A file is one partition, its rows merged by event time; their record time is the event time.',
  arguments: [{ name: 'input', summary: 'topic, file or folder', required: true, variadic: true }],
  options: [
    { flags: '--to <target>', summary: 'topic, file, or - (the default)', type: 'string' },
    {
      flags: '--offset <range>',
      summary: 'part of the topic, as rpk writes it: start, end, +n, -n, a:b, @t1:t2',
      type: 'string',
    },
    { flags: '--partition <n>', summary: 'only this partition', type: 'integer', repeatable: true },
    { flags: '-f, --follow', summary: 'go on with what comes in after the end', type: 'boolean' },
    {
      flags: '--speed <factor>',
      summary: 'pace of the record times: 1x as recorded, 60x, or max (the default)',
      type: 'string',
    },
    { flags: '--time <field>', summary: 'files: column with the event time', key: 'source.time' },
    {
      flags: '--key <field>',
      summary: 'files: column that names the series; default: the name of the file',
      key: 'source.key',
    },
    {
      flags: '--out-of-orderness <duration>',
      summary: 'how far the watermark stays behind',
      key: 'time.out_of_orderness',
    },
  ],
  examples: [
    { command: 'anomaly replay sensors --to sensors-copy', comment: 'the whole topic, partition by partition' },
    {
      command: 'anomaly replay sensors --offset @-1h:end --to - | anomaly window - --size 5m',
      comment: 'the last hour, through a stage',
    },
    {
      command: 'anomaly replay nab.csv --to - | anomaly window - --size 5m --to - | anomaly score -',
      comment: 'a file, without any broker',
    },
  ],
  run: async (context) => {
    const { runReplay } = await import('./runReplay.ts');
    return await runReplay(context);
  },
};
