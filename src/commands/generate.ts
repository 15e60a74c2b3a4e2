import type { Command, OptionSpec } from './command.ts';

const COMMON: readonly OptionSpec[] = [
  { flags: '-f, --file <path>', summary: 'anomaly.yaml of the pipeline; the same as --config', key: 'config' },
  { flags: '--pipeline <name>', summary: 'name of the pipeline', key: 'pipeline' },
  { flags: '--metrics <address>', summary: 'host:port of /metrics; port 9464 without one', key: 'metrics.listen' },
  { flags: '--job <name>', summary: "Prometheus' job that scrapes it; default anomaly-PIPELINE", type: 'string' },
  {
    flags: '--runbooks <url>',
    summary: 'where docs/monitoring.md is for those who are woken; its headings are the runbooks',
    type: 'string',
    default: 'docs/monitoring.md',
  },
  { flags: '--to <path>', summary: 'file, or directory, to write; stdout without it', type: 'string' },
  { flags: '--force', summary: 'replace what is there', type: 'boolean' },
];

const OBJECTIVES: readonly OptionSpec[] = [
  {
    flags: '--within-100ms <share>',
    summary: 'share of alerts within 100 ms of ingestion, .94 to .99999',
    type: 'number',
    default: 0.99,
  },
  { flags: '--within-1s <share>', summary: 'share of alerts within 1 s', type: 'number', default: 0.999 },
  {
    flags: '--availability <share>',
    summary: 'share of values that the model gives a score for',
    type: 'number',
    default: 0.95,
  },
  {
    flags: '--lag-objective <share>',
    summary: 'share of the time in which nothing is behind the bound',
    type: 'number',
    default: 0.99,
  },
  {
    flags: '--lag-bound <duration>',
    summary: 'how far behind the worst partition may be before it counts as lag',
    type: 'duration',
    default: '30s',
  },
  {
    flags: '--min-events <count>',
    summary: 'events in the long window without which nothing fires',
    type: 'integer',
    default: 10,
  },
];

const RECEIVERS: readonly OptionSpec[] = [
  {
    flags: '--receiver <name>',
    summary: 'who is told: pagerduty, slack or webhook; default pagerduty and slack',
    choices: ['pagerduty', 'slack', 'webhook'],
    type: 'list',
    repeatable: true,
  },
  { flags: '--slack-channel <name>', summary: "channel of Slack's messages", type: 'string', default: '#alerts' },
  {
    flags: '--webhook-url <url>',
    summary: 'address of the webhook',
    type: 'string',
    default: 'http://127.0.0.1:8080/alerts',
  },
];

interface Made {
  readonly what: string;
  readonly summary: string;
  readonly description: string;
  readonly options?: readonly OptionSpec[];
  readonly examples: Command['examples'];
}

const MADE: readonly Made[] = [
  {
    what: 'prometheus-rules',
    summary: 'Write recording rules and alerts for Prometheus',
    description:
      'Burn-rate alerts for latency (100 ms and 1 s), inference and lag by the pairs of the SRE workbook (14.4, 6 and 1\n' +
      'times the budget, each over a long and a short window), and alerts for members, data, checkpoints, dead letters and\n' +
      'sinks. --tests also writes unit tests for promtool. --speed-up divides all windows, to see the rules at work.',
    options: [
      ...OBJECTIVES,
      { flags: '--tests', summary: 'unit tests for promtool beside the rules', type: 'boolean' },
      {
        flags: '--speed-up <factor>',
        summary: 'divide all windows and waits by it, for trying',
        type: 'number',
        default: 1,
      },
    ],
    examples: [
      { command: 'anomaly generate prometheus-rules', comment: 'of the pipeline in anomaly.yaml, on stdout' },
      { command: 'anomaly generate prometheus-rules --tests --to rules', comment: 'with unit tests, into a directory' },
    ],
  },
  {
    what: 'grafana-dashboard',
    summary: 'Write a dashboard for Grafana 11 and 12',
    description:
      'Twelve panels that answer questions in order. The data source is a variable; the identity stays, so that an import\n' +
      'replaces the last one.',
    examples: [
      { command: 'anomaly generate grafana-dashboard --to dashboard.json', comment: 'to import it' },
      { command: 'anomaly generate grafana-dashboard --pipeline pump-room', comment: 'without an anomaly.yaml' },
    ],
  },
  {
    what: 'alertmanager',
    summary: 'Write a configuration for Alertmanager',
    description:
      'Groups by pipeline, sends pages to all receivers and tickets to those that wake nobody; one cause mutes its\n' +
      'consequences. Secrets are read from files, so that this one can be shown.',
    options: [
      ...RECEIVERS,
      {
        flags: '--secrets-dir <path>',
        summary: 'directory with the files of the secrets',
        type: 'string',
        default: '/etc/alertmanager/secrets',
      },
    ],
    examples: [
      { command: 'anomaly generate alertmanager --to alertmanager.yml', comment: 'PagerDuty for pages, Slack for all' },
      {
        command: 'anomaly generate alertmanager --receiver webhook --webhook-url https://example.com/alerts',
        comment: 'one webhook',
      },
    ],
  },
  {
    what: 'compose',
    summary: 'Write compose.yaml and its files: the pipeline with Redpanda, MinIO, MLflow, Prometheus, Grafana',
    description:
      'Redpanda and its Console, MinIO for checkpoints, MLflow for models, Prometheus with the rules, Alertmanager, and\n' +
      'Grafana with the dashboard, around the pipeline. Without --to only compose.yaml is printed; -o json has all files.',
    options: [...OBJECTIVES, ...RECEIVERS],
    examples: [
      { command: 'anomaly generate compose --to deploy', comment: 'all files into a directory' },
      { command: 'anomaly generate compose -o json', comment: 'all files as one document' },
    ],
  },
  {
    what: 'dockerfile',
    summary: 'Write a Dockerfile for the tool',
    description: 'Two stages, no root, a health check on /livez; the pipeline is mounted into it.',
    examples: [
      { command: 'anomaly generate dockerfile --to Dockerfile', comment: 'beside the package that npm pack made' },
      { command: 'anomaly generate dockerfile --metrics :9100', comment: 'with another port for /livez and /metrics' },
    ],
  },
  {
    what: 'systemd',
    summary: 'Write a unit for systemd',
    description:
      'Restarts what failed but not what is configured wrongly, leaves time to drain, reads passwords from a file of the\n' +
      'environment, and takes away what the tool does not need.',
    options: [
      {
        flags: '--bin <path>',
        summary: 'absolute path of the executable',
        type: 'string',
        default: '/usr/local/bin/anomaly',
      },
    ],
    examples: [
      { command: 'anomaly generate systemd --to /etc/systemd/system', comment: 'as anomaly-PIPELINE.service' },
      { command: 'anomaly generate systemd --bin /usr/bin/anomaly', comment: 'to look at it' },
    ],
  },
  {
    what: 'kubernetes',
    summary: 'Write manifests for Kubernetes',
    description:
      'A StatefulSet whose pods are static members of the group by their names, with probes, a disruption budget,\n' +
      'resources, the configuration as a ConfigMap and passwords of a Secret.',
    options: [
      { flags: '--image <name>', summary: 'image with the tool; default anomaly:VERSION', type: 'string' },
      { flags: '--replicas <count>', summary: 'members of the group', type: 'integer', default: 2 },
      { flags: '--service-monitor', summary: "with a ServiceMonitor for Prometheus' operator", type: 'boolean' },
    ],
    examples: [
      { command: 'anomaly generate kubernetes --to k8s.yaml', comment: 'to look at it and apply it' },
      { command: 'anomaly generate kubernetes --replicas 4 --service-monitor', comment: 'four members, scraped' },
    ],
  },
];

export const generateCommands: readonly Command[] = MADE.map(({ what, options = [], ...rest }) => ({
  ...rest,
  name: `generate ${what}`,
  group: 'Setup',
  options: [...COMMON, ...options],
  run: async (context) => {
    const { runGenerate } = await import('./generate/run.ts');
    return await runGenerate(context, what);
  },
}));
