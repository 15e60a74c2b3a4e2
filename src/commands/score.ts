import type { Command } from './command.ts';
import {
  FEATURE_OPTION,
  JOB_OPTIONS,
  SCORE_OPTIONS,
  SOURCE_OPTIONS,
  sinkOptions,
  WINDOW_OPTION,
} from './options/pipelineOptions.ts';

export const score: Command = {
  name: 'score',
  group: 'Pipeline',
  summary: 'Score windows or records: one stage of run, on a topic, a file or a pipe',
  description:
    'INPUT is a topic, an NDJSON file, or - for a pipe: the windows of anomaly window, of which --on names the aggregate\n' +
    '(default: the mean of the first window), or records, which are scored one by one. The detector is kpi unless\n' +
    '--detector names another.',
  arguments: [{ name: 'input', summary: 'topic, NDJSON file, or -', key: 'source.topics' }],
  options: [
    { flags: '--to <target>', summary: 'topic, file, or -; default: sinks.anomalies', type: 'string' },
    ...SCORE_OPTIONS,
    ...SOURCE_OPTIONS,
    WINDOW_OPTION,
    FEATURE_OPTION,
    ...sinkOptions('format', 'late', 'deadLetters'),
    ...JOB_OPTIONS,
  ],
  examples: [
    {
      command: 'anomaly score sensors.windows --on w5m.mean --detector kpi',
      comment: 'windows of a topic to sensors.anomalies',
    },
    { command: 'anomaly window sensors --size 5m --to - | anomaly score - --to -', comment: 'through pipes' },
  ],
  run: async (context) => {
    const { runStage } = await import('./run/stage.ts');
    return await runStage(context, 'score');
  },
};
