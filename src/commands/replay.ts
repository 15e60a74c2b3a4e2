import type { Command } from './command.ts';

export const replay: Command = {
  name: 'replay',
  group: 'Pipeline',
  summary: 'Send a topic, a recording or files once more: to a topic, as NDJSON into a pipe, or into a recording',
  description:
    'INPUT is a topic, a file (CSV, JSON Lines, Parquet, Avro), or a folder of them. Topic to topic copies records as they are, each into its\n' +
    'own partition. A file is one partition, its rows merged by event time; their record time is the event time.\n' +
    '\n' +
    '--record keeps records whole (partition, offset, time, key, value, headers, and the schemas that they name) in a file\n' +
    'that replay reads as the topic itself, also without its broker: an Avro container file, compressed. With --pipeline it\n' +
    'keeps the journal of that pipeline, too. The file is there when it is complete; until then it is FILE.part.\n' +
    '\n' +
    '--verify writes nothing. It begins with the newest checkpoint before --offset (without --offset: with the oldest state\n' +
    'there is), runs the records with what the journal says took effect between them, and compares windows, alerts, late\n' +
    'records and dead letters bit for bit with the output topics, up to what the group has committed. Exit 6 names the\n' +
    'first difference: topic, partition, offset, field and both values. After a change of the pipeline give --offset @TIME,\n' +
    'a time at which the changed one had taken checkpoints: what the former one wrote is not equal.',
  arguments: [{ name: 'input', summary: 'topic, recording, file or folder', required: true, variadic: true }],
  options: [
    { flags: '--to <target>', summary: 'topic, file, or - (the default without --record)', type: 'string' },
    { flags: '--record <file>', summary: 'keep the records in this file, as capture.avro', type: 'string' },
    {
      flags: '--verify',
      summary: 'run the pipeline of anomaly.yaml again over this input, and compare with what it has written',
      type: 'boolean',
    },
    { flags: '--pipeline <name>', summary: 'with --record: keep the journal of this pipeline, too', key: 'pipeline' },
    {
      flags: '--offset <range>',
      summary: 'part of the topic or recording, as rpk writes it: start, end, +n, -n, a:b, @t1:t2',
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
      command: 'anomaly replay sensors --offset @-1h:end --record hour.avro',
      comment: 'the last hour, kept in a file',
    },
    {
      command: 'anomaly replay hour.avro --to sensors-again --speed 3600x',
      comment: 'the recorded hour within a second, into another topic or broker',
    },
    {
      command: 'anomaly replay sensors --verify --config pump-room.yaml',
      comment: 'is what the pipeline has written what its input gives?',
    },
    {
      command: 'anomaly replay nab.csv --to - | anomaly window - --size 5m --to - | anomaly score -',
      comment: 'a file, without any broker',
    },
  ],
  run: async (context) => {
    if (context.flags['verify'] === true) {
      const { runReplayVerify } = await import('./replay/verify.ts');
      return await runReplayVerify(context);
    }
    const { runReplay } = await import('./replay/run.ts');
    return await runReplay(context);
  },
};
