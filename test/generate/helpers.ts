import type { Receivers } from '../../src/generate/alertmanager.ts';
import type { GeneratedFile, Target } from '../../src/generate/generated.ts';
import type { Objectives } from '../../src/generate/prometheus/objectives.ts';

export const TARGET: Target = {
  ...{ pipeline: 'Pump Room', slug: 'pump-room', topics: ['raw-sensors', "it's"], metricsPort: 9464 },
  ...{ job: 'anomaly-pump-room', hasModel: true, checkpointEveryMs: 10_000, toolVersion: '0.1.0' },
  configText: 'version: 1\npipeline: Pump Room\nsource: {topics: [raw-sensors]}\n',
  runbooks: 'docs/monitoring.md',
};

export const OBJECTIVES: Objectives = {
  ...{
    within100ms: 0.99,
    within1s: 0.999,
    availability: 0.95,
    lag: 0.99,
    lagBoundSeconds: 30,
    minEvents: 10,
    speedUp: 1,
  },
};

export const RECEIVERS: Receivers = {
  receivers: ['pagerduty', 'slack', 'webhook'],
  slackChannel: '#alerts',
  webhookUrl: 'http://127.0.0.1:8080/alerts',
  secretsDir: '/etc/alertmanager/secrets',
};

export function textOf({ content }: GeneratedFile): string {
  if ('text' in content) return content.text;
  throw new Error('is no text');
}

export function yamlOf<T>({ content }: GeneratedFile): T[] {
  if ('yaml' in content) return content.yaml as T[];
  throw new Error('is no YAML');
}
