import type { Command } from '../command.ts';

export const modelProfile: Command = {
  name: 'model profile',
  group: 'Inspect',
  summary: 'Measure ONNX models side by side: latency, throughput, memory, scores; the first is the base',
  description:
    'Each model runs in a thread of its own, as in a pipeline, and the models take turns, so that they share what else the\n' +
    'machine does. LATENCY is of one window, the way to the thread and back included; MEMORY is what the model adds to a\n' +
    'runtime without one, at the largest batch. With --data the series are scaled and scored as a pipeline does: DIFFERENCE\n' +
    "is that of the raw scores to the base's, and AGREEMENT holds the alerts by the model alone against the base's. With\n" +
    '--labels F1 is by labelled events, of alerts by the model alone. The verdict says whether to use a model in place of\n' +
    'the base.',
  arguments: [
    { name: 'file', summary: 'ONNX files or models:/NAME@ALIAS, the base first', required: true, variadic: true },
  ],
  options: [
    {
      flags: '--data <source>',
      summary: 'files, a folder or a topic to score',
      type: 'string',
      repeatable: true,
    },
    {
      flags: '--labels <file>',
      summary: 'anomalies in the data: JSON {series: [[start, end]]} or CSV',
      type: 'string',
    },
    { flags: '--batches <sizes>', summary: 'windows a run, for the throughput; default 1,64,256', type: 'list' },
    { flags: '--measure <duration>', summary: 'time for each figure of each model', type: 'duration', default: '1s' },
    {
      flags: '--runtime <name>',
      summary: 'which onnxruntime; auto takes the native one where it is installed',
      type: 'string',
      choices: ['auto', 'web', 'node'],
      default: 'auto',
    },
    { flags: '--threshold <number>', summary: '-log10 p from which a window alerts', type: 'number', default: 2.5 },
    {
      flags: '--kind <kind>',
      summary: 'what the models give, where their files do not say',
      type: 'string',
      choices: ['forecast', 'reconstruction', 'score', 'class'],
    },
    { flags: '--length <count>', summary: 'values before the scored one, likewise', type: 'integer' },
    { flags: '--fields <names>', summary: 'fields that they read, likewise', type: 'list' },
    {
      flags: '--scaling <how>',
      summary: 'how these are scaled, likewise',
      type: 'string',
      choices: ['residual', 'standard', 'none'],
    },
    {
      flags: '--direction <side>',
      summary: 'score: which side is anomalous, likewise',
      type: 'string',
      choices: ['high', 'low'],
    },
    {
      flags: '--offset <range>',
      summary: 'topics: which part, as start, @-7d, @2026-11-01:@2026-11-20, a:b',
      type: 'string',
    },
    { flags: '--since <time>', summary: 'topics: from this time on, as 4w or 2026-11-01', type: 'string' },
    { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
    { flags: '--key <field>', summary: 'field that names the series', key: 'source.key' },
    { flags: '--time <field>', summary: 'field with the event time', key: 'source.time' },
    { flags: '--step <duration>', summary: 'width of a season slot, for residual', key: 'score.step' },
  ],
  examples: [
    { command: 'anomaly model profile pump.onnx pump-int8.onnx', comment: 'is 8 bits faster here?' },
    {
      command: 'anomaly model profile pump.onnx pump-half.onnx --data history/ --labels labels.json -o json',
      comment: 'and does it still find what it should?',
    },
  ],
  run: async (context) => {
    const { runModelProfile } = await import('./profileRun.ts');
    return await runModelProfile(context);
  },
};
