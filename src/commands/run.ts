import { ALERT_SINK_OPTIONS } from './alerts.ts';
import type { Command } from './command.ts';
import {
  FEATURE_OPTION,
  JOB_OPTIONS,
  SCORE_OPTIONS,
  SOURCE_OPTIONS,
  sinkOptions,
  WINDOW_OPTION,
} from './options/pipelineOptions.ts';
import { SCREEN_OPTIONS } from './tui.ts';

export const run: Command = {
  name: 'run',
  group: 'Pipeline',
  summary: 'Run a pipeline: topics in, windows and alerts out',
  description:
    'Reads the source topics as a consumer group, closes event-time windows, scores, and writes windows and alerts to\n' +
    'topics.\n' +
    '\n' +
    'At least once (the default): outputs are acknowledged, then the journal, then offsets are committed; after a crash\n' +
    'outputs since the last commit may appear twice. With --guarantee exactly-once outputs, dead letters, late records,\n' +
    'journal and offsets are one transaction, committed at once where an alert waits: who reads committed records sees each\n' +
    'output once.\n' +
    '\n' +
    'Checkpoints of windows, features and calibrations are taken every --checkpoint-every while processing goes on, stored\n' +
    'in --checkpoint-store, and named in the topic <group>.journal, which also keeps what the records do not say: owners,\n' +
    'closing by silence, commands, accepted gaps. After a crash, and where a partition gets a new owner, the newest\n' +
    'checkpoint that the journal names is loaded, and the records from there to the commit are run without outputs. The\n' +
    'first ^C drains and commits, the second ends at once.\n' +
    '\n' +
    'With --warm a partition without a commit learns before it goes live, at the end of its log as it is then: alerts and\n' +
    'windows before that offset are not put out. The offset stands in the journal, so a restart goes on from it and does\n' +
    'not learn again. Of files each series is learnt where Java places its key.',
  options: [
    ...SOURCE_OPTIONS,
    WINDOW_OPTION,
    FEATURE_OPTION,
    ...SCORE_OPTIONS,
    ...sinkOptions('format', 'windows', 'anomalies', 'late', 'deadLetters'),
    ...JOB_OPTIONS,
    ...ALERT_SINK_OPTIONS,
    { flags: '--tui', summary: 'show it on a screen while it runs, as anomaly tui does', type: 'boolean' },
    ...SCREEN_OPTIONS,
    {
      flags: '--warm <history>',
      summary: 'learn first, without outputs: from the last 4w of the topic, or from files',
      type: 'string',
      repeatable: true,
    },
    {
      flags: '--create-topics-only',
      summary: 'make every topic that the pipeline needs, and end: for accounts that may not at run time',
      type: 'boolean',
    },
    {
      flags: '--repartition',
      summary: 'first bring each series into one partition, through the topic <pipeline>.by-key',
      type: 'boolean',
    },
  ],
  examples: [
    { command: 'anomaly run', comment: 'the pipeline of ./anomaly.yaml' },
    { command: 'anomaly run --topic sensors --key sensor_id --time ts --detector kpi', comment: 'without a file' },
    { command: 'anomaly run --tui', comment: 'with the screen of anomaly tui; ? shows its keys' },
    { command: 'anomaly run --warm 4w', comment: 'first learn from four weeks of the topic, then alert' },
    { command: 'anomaly run -f anomaly.yaml --until end -o json', comment: 'what is there now, then stop' },
    { command: 'anomaly run --create-topics-only', comment: 'by an account that may; later runs make none' },
  ],
  run: async (context) => {
    if (context.flags['createTopicsOnly'] === true) {
      const { createTopics } = await import('./createTopics.ts');
      return await createTopics(context);
    }
    const { runPipeline } = await import('./run/pipeline.ts');
    return await runPipeline(context, 'run');
  },
};
