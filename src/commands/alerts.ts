import { SEVERITIES } from '../observe/notification.ts';
import type { Command, CommandContext, OptionSpec } from './command.ts';

/** Whose alerts a command is about. */
export const ALERT_OPTIONS: readonly OptionSpec[] = [
  { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
  { flags: '--pipeline <name>', summary: 'name of the pipeline', key: 'pipeline' },
  { flags: '--anomalies <topic>', summary: 'topic of the alerts', key: 'sinks.anomalies' },
];

/** Whom the alerts are brought to. */
export const ALERT_SINK_OPTION: OptionSpec = {
  flags: '--alert-sink <sink>',
  summary: 'who is told: stdout, topic=NAME, alertmanager=URL, pagerduty=env:NAME, slack=env:NAME or webhook=URL',
  key: 'alerts.sinks',
  repeatable: true,
};
export const ALERT_SINK_OPTIONS: readonly OptionSpec[] = [
  ALERT_SINK_OPTION,
  {
    flags: '--alert-rate-limit <count>',
    summary: 'notifications a minute for pagerduty, slack and webhook; off for no limit',
    key: 'alerts.rate_limit',
  },
  {
    flags: '--alert-rate-limit-burst <count>',
    summary: 'how many of them at once',
    key: 'alerts.rate_limit_burst',
  },
  {
    flags: '--alert-max-waiting <count>',
    summary: 'incidents that wait for a sink, above which no more alerts are read',
    key: 'alerts.max_waiting',
  },
];

const ALERT = { name: 'alert', summary: 'id of the alert, as anomaly alerts ls prints it', required: true } as const;

const ls: Command = {
  name: 'alerts ls',
  group: 'Inspect',
  summary: 'List the alerts of a pipeline, with what operators said of them',
  description:
    'Reads the topic of the alerts, and the verdicts on <pipeline>.feedback. The newest alert is the last row.',
  options: [
    ...ALERT_OPTIONS,
    { flags: '--since <duration>', summary: 'so far back, by record time', type: 'duration', default: '1d' },
    { flags: '-n, --num <count>', summary: 'at most so many, the newest', type: 'integer', default: 20 },
    { flags: '--series <pattern>', summary: 'only of these series, * and ? as in file names', type: 'string' },
    { flags: '--rule <pattern>', summary: 'only of these rules', type: 'string' },
    { flags: '--open', summary: 'only those without a verdict', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly alerts ls', comment: 'of the pipeline of ./anomaly.yaml, the last day' },
    { command: "anomaly alerts ls --pipeline pump-room --series 'pump-*' --open", comment: 'what is to be judged' },
    { command: 'anomaly alerts ls --since 4w -n 1000 -o ndjson', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runAlertsList } = await import('./alerts/list.ts');
    return await runAlertsList(context);
  },
};

const precision: Command = {
  name: 'alerts precision',
  group: 'Inspect',
  summary: 'Show by rule how many of the judged alerts were true',
  description: 'Counts the verdicts on <pipeline>.feedback, the last one of each alert.',
  options: [...ALERT_OPTIONS],
  examples: [
    { command: 'anomaly alerts precision', comment: 'of the pipeline of ./anomaly.yaml' },
    { command: 'anomaly alerts precision --pipeline pump-room -o json', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runAlertsPrecision } = await import('./alerts/list.ts');
    return await runAlertsPrecision(context);
  },
};

const feedback: Command = {
  name: 'alerts feedback',
  group: 'Pipeline',
  summary: 'Say whether an alert was true or false',
  description:
    'The verdict is kept on the topic <pipeline>.feedback and counts towards precision. Members that run now take it\n' +
    'through <pipeline>.control, and move the threshold of that series and rule at an offset which their journal keeps:\n' +
    'a false alert raises it by a tenth of what is configured, to four tenths more at most; a true one lowers it by a\n' +
    'twenty-fifth, to a fifth less at most (at medium sensitivity of kpi: .25 up, .1 down). Another verdict on the same\n' +
    'alert takes the former one back. An alert before the last eight of its series counts, and moves nothing; so does one\n' +
    'while no member is running.',
  arguments: [ALERT],
  options: [
    ...ALERT_OPTIONS,
    { flags: '--true', summary: 'it was right to alert', type: 'boolean' },
    { flags: '--false', summary: 'it was a false alarm', type: 'boolean' },
    { flags: '--note <text>', summary: 'why, for people', type: 'string' },
    {
      flags: '--wait <duration>',
      summary: 'how long to wait for the answers of all members',
      type: 'duration',
      default: '30s',
    },
  ],
  examples: [
    { command: 'anomaly alerts feedback kpi@value/pump-7/1764115200000/4711 --false', comment: 'a false alarm' },
    {
      command: "anomaly alerts feedback kpi@value/pump-7/1764115200000/4711 --true --note 'bearing replaced'",
      comment: 'with a note',
    },
  ],
  run: async (context: CommandContext) => {
    const { runAlertsFeedback } = await import('./alerts/feedback.ts');
    return await runAlertsFeedback(context);
  },
};

const tryOut: Command = {
  name: 'alerts test',
  group: 'Setup',
  summary: 'Send a test alert to the sinks, and show what each answers',
  description:
    'An incident that is marked as a test is opened and resolved at each sink of alerts.sinks, or at the one that is named;\n' +
    'rate limit and min_severity do not count. Exit code 6 where one did not take both. Alertmanager tells its receivers\n' +
    'only of what is open for its group_wait: give --hold more than that.',
  arguments: [{ name: 'sink', summary: 'name of a sink; all without it' }],
  options: [
    { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
    { flags: '--pipeline <name>', summary: 'name of the pipeline', key: 'pipeline' },
    ALERT_SINK_OPTION,
    {
      flags: '--severity <severity>',
      summary: 'severity of the test',
      type: 'string',
      choices: SEVERITIES,
      default: 'info',
    },
    { flags: '--hold <duration>', summary: 'time between open and resolve', type: 'duration', default: '0s' },
  ],
  examples: [
    { command: 'anomaly alerts test', comment: 'all sinks of ./anomaly.yaml' },
    { command: 'anomaly alerts test pagerduty --severity critical', comment: 'one of them, as a page' },
    { command: 'anomaly alerts test alertmanager --hold 45s', comment: 'long enough for a group_wait of 30s' },
    { command: 'anomaly alerts test --alert-sink stdout', comment: 'what a sink gets' },
  ],
  run: async (context) => {
    const { runAlertsTest } = await import('./alerts/test.ts');
    return await runAlertsTest(context);
  },
};

export const alertCommands: readonly Command[] = [ls, feedback, precision, tryOut];
