import { ALERT_OPTIONS, ALERT_SINK_OPTIONS } from '../alerts.ts';
import type { Command } from '../command.ts';

const PIPELINE = { name: 'pipeline', summary: 'name of the pipeline', key: 'pipeline' } as const;
const INCIDENT = { name: 'id', summary: 'of an incident, as anomaly alerts incidents prints it' } as const;
const NUM = {
  flags: '-n, --num <count>',
  summary: 'at most so many, the newest',
  type: 'integer',
  default: 20,
} as const;

const run: Command = {
  name: 'alerts run',
  group: 'Pipeline',
  summary: 'Run the alert stage as a process of its own',
  description:
    'Reads the alerts of a pipeline, makes incidents of them on <pipeline>.outbox, and tells the sinks. Without it\n' +
    'anomaly run has the stage in its own process, where alerts are on. Any number may run: the group <pipeline>.alerts\n' +
    'lets one be at work, and the others stand by.',
  arguments: [PIPELINE],
  options: [...ALERT_OPTIONS, ...ALERT_SINK_OPTIONS],
  examples: [
    { command: 'anomaly alerts run', comment: 'of the pipeline of ./anomaly.yaml' },
    { command: 'anomaly alerts run pump-room', comment: 'by name' },
  ],
  run: async (context) => {
    const { runAlertStage } = await import('./stage.ts');
    return await runAlertStage(context);
  },
};

const incidents: Command = {
  name: 'alerts incidents',
  group: 'Inspect',
  summary: 'List the incidents of a pipeline, told or held',
  description: 'Reads <pipeline>.outbox. Open ones are always listed; the newest is the last row.',
  options: [
    ...ALERT_OPTIONS,
    { flags: '--since <duration>', summary: 'changed so far back, by event time', type: 'duration', default: '1d' },
    NUM,
    { flags: '--open', summary: 'only those that are open', type: 'boolean' },
  ],
  examples: [
    { command: 'anomaly alerts incidents', comment: 'of the last day' },
    { command: 'anomaly alerts incidents --open -o json', comment: 'for scripts' },
  ],
  run: async (context) => {
    const { runAlertsIncidents } = await import('./incidents.ts');
    return await runAlertsIncidents(context);
  },
};

const review: Command = {
  name: 'alerts review',
  group: 'Inspect',
  summary: 'List what was held and why, and turn it around',
  description:
    'Without an id: incidents of which something is held (held_seasonal, held_short, silenced, maintenance, too_old). With\n' +
    'one: all that is known of it. --deliver tells it after all, and the gate will not hold such a peak at this hour of the\n' +
    'week again; --hold takes it back, and holds such peaks from now on.',
  arguments: [INCIDENT],
  options: [
    ...ALERT_OPTIONS,
    NUM,
    { flags: '--deliver', summary: 'tell it after all', type: 'boolean' },
    { flags: '--hold', summary: 'hold it, and such peaks at this hour', type: 'boolean' },
    { flags: '--wait <duration>', summary: 'how long to wait for the alert stage', type: 'duration', default: '10s' },
  ],
  examples: [
    { command: 'anomaly alerts review', comment: 'what is held' },
    { command: 'anomaly alerts review 20260105T090000Z-1f2e3d4c5b6a --deliver', comment: 'it was no usual peak' },
  ],
  run: async (context) => {
    const { runAlertsReview } = await import('./incidents.ts');
    return await runAlertsReview(context);
  },
};

const silence: Command = {
  name: 'alerts silence',
  group: 'Pipeline',
  summary: 'Silence alerts for a time, list silences, or end one',
  description:
    'A silence is kept on <pipeline>.alert-orders. Its matchers are those of Alertmanager: =, !=, =~ and !~ over series,\n' +
    'rule, pipeline, severity and kind (anomaly or breach); all of them have to match. Times are of the data: an alert is\n' +
    'silenced by its event time. What is still on when the silence ends is told then.',
  arguments: [
    { name: 'verb', summary: 'add, ls or rm', choices: ['add', 'ls', 'rm'] },
    { name: 'what', summary: 'matchers to add, or ids to remove', variadic: true },
  ],
  options: [
    ...ALERT_OPTIONS,
    { flags: '--for <duration>', summary: 'how long it holds', type: 'duration', default: '1h' },
    { flags: '--from <time>', summary: 'when it begins, RFC 3339 (default: now)', type: 'string' },
    { flags: '--to <time>', summary: 'when it ends, in place of --for', type: 'string' },
    { flags: '--comment <text>', summary: 'why, for people', type: 'string' },
    { flags: '--all', summary: 'ls: those that are over, too', type: 'boolean' },
  ],
  examples: [
    { command: "anomaly alerts silence add 'series=~pump-.*' --for 2h --comment 'new bearings'", comment: 'two hours' },
    { command: 'anomaly alerts silence ls', comment: 'those that hold or will' },
    { command: 'anomaly alerts silence rm 3f0c1f6e-6f2b-4a57-9d0c-0a1b2c3d4e5f', comment: 'end one' },
  ],
  run: async (context) => {
    const { runAlertsSilence } = await import('./silence.ts');
    return await runAlertsSilence(context);
  },
};

export const alertStageCommands: readonly Command[] = [run, incidents, review, silence];
