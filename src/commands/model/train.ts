import type { Command } from '../command.ts';
import { FEATURE_OPTION, WINDOW_OPTION } from '../options/pipelineOptions.ts';

export const modelTrain: Command = {
  name: 'model train',
  group: 'Setup',
  summary: 'Train a small model on files or a topic, and write it as ONNX',
  description:
    'SOURCE is files (CSV, JSON Lines, Parquet, Avro), folders of them, a recording of replay, or topics; default: those of\n' +
    'anomaly.yaml.\n' +
    'One model is trained for all series: each value is scaled by what its own series had before it, as the pipeline does\n' +
    'it (--scaling). The last part of each series (--validation) is only for validation: training stops when the loss\n' +
    'there becomes no better, and the best weights are kept. The same source, options and --seed give the same bytes,\n' +
    'whatever the runtime.\n' +
    '\n' +
    'forecast predicts the next value with an LSTM; autoencoder puts a window together again with two; pca does so from\n' +
    'its principal components; mahalanobis is the distance to the mean, by the covariance. The last two are fitted in one\n' +
    'step, and of several fields they take single records unless --length is given.',
  arguments: [{ name: 'source', summary: 'files, folders or topics', variadic: true }],
  options: [
    {
      flags: '--out <file>',
      summary: 'file to write, as pump.onnx',
      type: 'string',
    },
    { flags: '--name <name>', summary: 'model of the registry that it becomes the next version of', type: 'string' },
    { flags: '--alias <name>', summary: 'alias to set to that version, as challenger', type: 'string' },
    {
      flags: '--models <url>',
      summary: 'registry: directory, s3://BUCKET/PREFIX, or http://HOST:PORT of MLflow',
      key: 'models.registry',
    },
    {
      flags: '--kind <kind>',
      summary: 'what is trained',
      type: 'string',
      choices: ['forecast', 'autoencoder', 'pca', 'mahalanobis'],
      default: 'forecast',
    },
    { flags: '--fields <names>', summary: 'fields that the model reads; default: source.fields', type: 'list' },
    { flags: '--length <count>', summary: 'values before the one that is scored; default 24', type: 'integer' },
    { flags: '--hidden <count>', summary: 'width of the LSTM', type: 'integer', default: 16 },
    { flags: '--epochs <count>', summary: 'at most so many passes over the data', type: 'integer', default: 20 },
    {
      flags: '--patience <count>',
      summary: 'stop after so many epochs without a better validation loss',
      type: 'integer',
      default: 3,
    },
    { flags: '--batch <count>', summary: 'windows a step', type: 'integer', default: 64 },
    { flags: '--learning-rate <number>', summary: 'of Adam, falling to a tenth', type: 'number', default: 0.01 },
    {
      flags: '--scaling <how>',
      summary: 'what the model reads: residual takes the daily rhythm away, standard only mean and deviation',
      type: 'string',
      choices: ['residual', 'standard', 'none'],
      default: 'residual',
    },
    { flags: '--variance <share>', summary: 'pca: share that the components hold', type: 'number', default: 0.9 },
    {
      flags: '--validation <share>',
      summary: 'share of each series, its end, to validate with',
      type: 'number',
      default: 0.2,
    },
    {
      flags: '--max-windows <count>',
      summary: 'learn from at most so many windows, taken evenly',
      type: 'integer',
      default: 20_000,
    },
    { flags: '--seed <number>', summary: 'of first weights and order', type: 'integer', default: 1 },
    {
      flags: '--offset <range>',
      summary: 'topics and recordings: which part, as start, @-7d, @2026-11-01:@2026-11-20, a:b',
      type: 'string',
    },
    {
      flags: '--since <time>',
      summary: 'topics and recordings: from this time on, as 4w or 2026-11-01',
      type: 'string',
    },
    { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
    { flags: '--key <field>', summary: 'field that names the series', key: 'source.key' },
    { flags: '--time <field>', summary: 'field with the event time', key: 'source.time' },
    { flags: '--where <condition>', summary: 'records to learn from, as value > 0', key: 'source.where' },
    {
      flags: '--derive <field>',
      summary: 'further field, as NAME=EXPRESSION: power=volts*amperes',
      key: 'derive',
      repeatable: true,
    },
    {
      flags: '--on <column>',
      summary: 'what one value is: record, or an aggregate of a window as w5m.mean, or a feature',
      key: 'score.on',
    },
    WINDOW_OPTION,
    FEATURE_OPTION,
    { flags: '--step <duration>', summary: 'width of a season slot, for residual', key: 'score.step' },
  ],
  examples: [
    { command: 'anomaly model train history/ --out pump.onnx', comment: 'a forecaster, from a folder of CSV files' },
    {
      command: 'anomaly model train raw-sensors --since 4w --kind autoencoder --out pump.onnx',
      comment: 'from the last four weeks of a topic',
    },
    {
      command:
        'anomaly model train pumps.parquet --key pump --fields flow,pressure,power --kind mahalanobis --out pumps.onnx',
      comment: 'several fields of one machine',
    },
  ],
  run: async (context) => {
    const { runModelTrain } = await import('./trainRun.ts');
    return await runModelTrain(context);
  },
};
