import type { Command } from './command.ts';
import { FEATURE_OPTION, SCORE_OPTIONS, SOURCE_OPTIONS, WINDOW_OPTION } from './options/pipelineOptions.ts';

const SOURCE_FLAGS = SOURCE_OPTIONS.filter(({ flags }) => !/^--(pipeline|start|idle-after) /.test(flags));

export const evalCommand: Command = {
  name: 'eval',
  group: 'Pipeline',
  summary: 'Measure a detector on labelled series, beside baselines, or replay history to see what it would have said',
  description:
    'PATH is a folder as the Numenta Anomaly Benchmark has it (data/, labels/combined_windows.json), or files with a column\n' +
    'of times, one of values, and labels: a column of 0 and 1, or --labels FILE, which is JSON {series: [[start, end], ...]}\n' +
    'or CSV with the columns series, start, end; an end is not inside. A recording of replay --record does as a topic does.\n' +
    '\n' +
    'Detector, thresholds and shaping of alerts are those of run: of anomaly.yaml, flags and defaults. Values are scored in\n' +
    'order, each before it is learnt. The first 15 % of a series are not counted. Each labelled event counts once, also by\n' +
    'an alert up to 3 rows off; false alarms within 12 rows of one that counted are the same one. Scores are never adjusted\n' +
    'by points, which would make random ones look good. Series without events count by their false alarms a day, and in\n' +
    'neither precision nor F1. Intervals are a bootstrap over series.\n' +
    '\n' +
    'With a topic it runs the pipeline over what --since names, without a group and without writing anything: alerts a day\n' +
    'by sensitivity, and precision where there are labels.\n' +
    '\n' +
    '--compare A B takes two detectors, two configurations (.yaml) or two reports saved by -o json (.json).',
  arguments: [{ name: 'path', summary: 'folder, files or recording', variadic: true }],
  options: [
    {
      flags: '--suite <name>',
      summary: 'the built-in labelled series; synthetic:7 draws others from the same laws',
      type: 'string',
    },
    { flags: '--labels <file>', summary: 'labelled anomalies, as JSON or CSV', type: 'string' },
    { flags: '--label-column <name>', summary: 'files: column that is 1 where a row is anomalous', type: 'string' },
    { flags: '--series <glob>', summary: 'only these series, as realTweets/*', type: 'string', repeatable: true },
    {
      flags: '--since <when>',
      summary: 'topic: how far back, as 4w, or a time or range as 2026-01-01:2026-02-01',
      type: 'string',
    },
    { flags: '--partition <n>', summary: 'topic: only this partition', type: 'integer', repeatable: true },
    { flags: '--compare <names...>', summary: 'two detectors, configurations or saved reports: B against A' },
    { flags: '--parts', summary: 'beside the detector, it without each of its parts', type: 'boolean' },
    { flags: '--html <file>', summary: 'write a page with plots of series, alerts and curves', type: 'string' },
    { flags: '--no-baselines', summary: 'leave out range, windowed Gaussian, difference and random', type: 'boolean' },
    { flags: '--seed <number>', summary: 'of the bootstrap and of the random baseline', type: 'integer', default: 1 },
    ...SCORE_OPTIONS,
    ...SOURCE_FLAGS,
    WINDOW_OPTION,
    FEATURE_OPTION,
  ],
  examples: [
    { command: 'anomaly eval --suite synthetic', comment: 'the default detector on the built-in labelled series' },
    { command: 'anomaly eval nab --html nab.html', comment: 'a benchmark folder, with a page of plots' },
    {
      command: 'anomaly eval pump.csv --labels faults.json --sensitivity high',
      comment: 'own data against own labels',
    },
    {
      command: 'anomaly eval --topic sensors --since 4w',
      comment: 'what each sensitivity would have alerted in the last four weeks',
    },
    {
      command: 'anomaly eval --suite synthetic --compare kpi rolling-z',
      comment: 'is the difference more than chance?',
    },
  ],
  run: async (context) => {
    const { runEval } = await import('./eval/run.ts');
    return await runEval(context);
  },
};
