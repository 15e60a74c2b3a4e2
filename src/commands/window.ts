import type { Command } from './command.ts';
import { FEATURE_OPTION, JOB_OPTIONS, SOURCE_OPTIONS, sinkOptions, WINDOW_OPTION } from './options/pipelineOptions.ts';

export const window: Command = {
  name: 'window',
  group: 'Pipeline',
  summary: 'Close event-time windows: one stage of run, on a topic, a file or a pipe',
  description:
    'A window is tumbling (5m), hopping (1h/1m: 1 h long, each minute), a session (session:gap=10m) or a number of\n' +
    'values (count:100); :mean+p99 names its aggregates, :offset=6h or :timezone=Europe/Berlin moves its starts.\n' +
    'INPUT is a topic, an NDJSON file of anomaly replay, or - for a pipe; without one the topics of anomaly.yaml.\n' +
    'A topic to a topic runs as a consumer group with snapshots, as run does; anything else reads once, without a group.',
  arguments: [{ name: 'input', summary: 'topic, NDJSON file, or -', key: 'source.topics' }],
  options: [
    {
      flags: '--size <window>',
      summary: 'size of a tumbling window, or a window as for --window',
      key: 'windows',
    },
    WINDOW_OPTION,
    FEATURE_OPTION,
    { flags: '--to <target>', summary: 'topic, file, or -; default: sinks.windows', type: 'string' },
    ...SOURCE_OPTIONS,
    ...sinkOptions('format', 'late', 'deadLetters'),
    ...JOB_OPTIONS,
  ],
  examples: [
    {
      command: 'anomaly window sensors --size 5m --key sensor_id --time ts',
      comment: 'topic to topic sensors.windows',
    },
    {
      command: 'anomaly window sensors --window 1h/1m:mean+p99 --window session:gap=10m',
      comment: 'hopping windows and sessions',
    },
    { command: 'anomaly replay sensors --to - | anomaly window - --size 5m --to -', comment: 'through pipes' },
  ],
  run: async (context) => {
    const { runStage } = await import('./run/stage.ts');
    return await runStage(context, 'window');
  },
};
