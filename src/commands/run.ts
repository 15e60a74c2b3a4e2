import type { Command } from './command.ts';
import {
  FEATURE_OPTION,
  JOB_OPTIONS,
  SCORE_OPTIONS,
  SOURCE_OPTIONS,
  sinkOptions,
  WINDOW_OPTION,
} from './pipelineOptions.ts';

export const run: Command = {
  name: 'run',
  group: 'Pipeline',
  summary: 'Run a pipeline: topics in, windows and alerts out',
  description:
    'Reads the source topics as a consumer group, closes event-time windows, scores, and writes windows and alerts to\n' +
    'topics. At least once: outputs are acknowledged, then snapshots stored, then offsets committed. After a crash it\n' +
    'goes on from the snapshots. The first ^C drains and commits, the second ends at once.',
  options: [
    ...SOURCE_OPTIONS,
    WINDOW_OPTION,
    FEATURE_OPTION,
    ...SCORE_OPTIONS,
    ...sinkOptions('format', 'windows', 'anomalies', 'late', 'deadLetters'),
    ...JOB_OPTIONS,
    {
      flags: '--repartition',
      summary: 'first bring each series into one partition, through the topic <pipeline>.by-key',
      type: 'boolean',
    },
  ],
  examples: [
    { command: 'anomaly run', comment: 'the pipeline of ./anomaly.yaml' },
    { command: 'anomaly run --topic sensors --key sensor_id --time ts --detector kpi', comment: 'without a file' },
    { command: 'anomaly run -f anomaly.yaml --until end -o json', comment: 'what is there now, then stop' },
  ],
  run: async (context) => {
    const { runPipeline } = await import('./runPipeline.ts');
    return await runPipeline(context, 'run');
  },
};
