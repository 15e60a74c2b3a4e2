import type { GeneratedFile } from './generated.ts';

export const RECEIVERS = ['pagerduty', 'slack', 'webhook'] as const;
export type Receiver = (typeof RECEIVERS)[number];

export interface Receivers {
  /** At least one. */
  readonly receivers: readonly Receiver[];
  readonly slackChannel: string;
  readonly webhookUrl: string;
  /** Directory of the files that hold the secrets. */
  readonly secretsDir: string;
}

/** Names of the files in the directory of secrets, by receiver. */
export const SECRET_FILES: Readonly<Record<Receiver, string>> = {
  pagerduty: 'pagerduty-routing-key',
  slack: 'slack-url',
  webhook: 'webhook-token',
};

/** What Alertmanager does with the alerts of every pipeline: pages to all receivers, tickets to those that wake nobody. */
export function alertmanagerConfig(given: Receivers): GeneratedFile {
  const { receivers, secretsDir } = given;
  const quiet = receivers.filter((each) => each !== 'pagerduty');
  const secrets = receivers.map((each) => `${secretsDir}/${SECRET_FILES[each]}`);
  return {
    path: 'alertmanager.yml',
    about: [
      'amtool check-config alertmanager.yml checks it; Alertmanager 0.25 or newer.',
      `Secrets are files, one value each, that only Alertmanager can read: ${secrets.join(', ')}`,
    ],
    content: {
      yaml: [
        {
          route: {
            receiver: 'ticket',
            group_by: ['pipeline'],
            ...{ group_wait: '30s', group_interval: '5m', repeat_interval: '12h' },
            routes: [
              // page: of the rules; critical: of the pipeline's own alerts, where it sends them here.
              { matchers: ['severity=~"page|critical"'], receiver: 'page', group_wait: '10s', repeat_interval: '1h' },
            ],
          },
          inhibit_rules: inhibitions(),
          receivers: [
            { name: 'page', ...configsOf(receivers, given) },
            { name: 'ticket', ...configsOf(quiet.length > 0 ? quiet : receivers, given) },
          ],
        },
      ],
    },
  };
}

/** One cause, one page. */
function inhibitions(): unknown[] {
  return [
    {
      source_matchers: [
        'alertname=~"AnomalyPipelineAbsent|AnomalyMemberDown|AnomalyMemberRestarting|AnomalyClusterAway"',
      ],
      target_matchers: ['alertname=~"AnomalyStalled|AnomalyNoData|AnomalyLag.*|AnomalyLatency.*|AnomalyCheckpoint.*"'],
      equal: ['pipeline'],
    },
    {
      source_matchers: ['severity="page"', 'slo=~".+"'],
      target_matchers: ['severity="ticket"', 'slo=~".+"'],
      equal: ['pipeline', 'slo'],
    },
  ];
}

function configsOf(receivers: readonly Receiver[], { slackChannel, webhookUrl, secretsDir }: Receivers): object {
  const file = (receiver: Receiver) => `${secretsDir}/${SECRET_FILES[receiver]}`;
  const text = '{{ range .Alerts }}{{ .Annotations.description }} {{ .Annotations.runbook_url }}\n{{ end }}';
  const title =
    '{{ .CommonLabels.pipeline }}: {{ .Alerts.Firing | len }} firing{{ range .Alerts.Firing }}, {{ .Labels.alertname }}{{ end }}';
  const configs: Record<Receiver, unknown> = {
    pagerduty: {
      pagerduty_configs: [
        {
          routing_key_file: file('pagerduty'),
          severity: 'critical',
          description: title,
          details: { firing: text },
          send_resolved: true,
        },
      ],
    },
    slack: {
      slack_configs: [{ api_url_file: file('slack'), channel: slackChannel, title, text, send_resolved: true }],
    },
    webhook: {
      webhook_configs: [
        {
          url: webhookUrl,
          send_resolved: true,
          http_config: { authorization: { credentials_file: file('webhook') } },
        },
      ],
    },
  };
  return Object.assign({}, ...receivers.map((each) => configs[each]));
}
