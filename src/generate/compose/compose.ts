import { alertmanagerConfig, type Receivers, SECRET_FILES } from '../alertmanager.ts';
import { dockerfile } from '../dockerfile.ts';
import type { GeneratedFile, Target } from '../generated.ts';
import { grafanaDashboard } from '../grafana/dashboard.ts';
import type { Objectives } from '../prometheus/objectives.ts';
import { prometheusRules } from '../prometheus/rules.ts';
import { pipelineService, platformServices, storeServices, watchServices } from './services.ts';

/** Where compose puts secrets into a container. */
export const COMPOSE_SECRETS_DIR = '/run/secrets';

/** Everything around the pipeline on one machine: compose.yaml and the files that it mounts. */
export function composeFiles(target: Target, objectives: Objectives, receivers: Receivers): GeneratedFile[] {
  const secrets = receivers.receivers.map((each) => SECRET_FILES[each]);
  const rules = prometheusRules(target, objectives, false);
  return [
    composeYaml(target, secrets),
    envExample(secrets),
    dockerfile(target),
    { path: 'anomaly.yaml', about: [], content: { text: target.configText ?? '' } },
    prometheusConfig(target, rules[0]!.path),
    ...rules.map((file) => ({ ...file, path: `prometheus/${file.path}` })),
    under('alertmanager', alertmanagerConfig({ ...receivers, secretsDir: COMPOSE_SECRETS_DIR })),
    under('grafana/dashboards', grafanaDashboard(target)),
    ...grafanaProvisioning(),
  ];
}

/** The variable of .env that a secret comes from. */
function variableOf(secret: string): string {
  return secret.toUpperCase().replaceAll('-', '_');
}

function under(folder: string, file: GeneratedFile): GeneratedFile {
  return { ...file, path: `${folder}/${file.path}` };
}

function composeYaml(target: Target, secrets: readonly string[]): GeneratedFile {
  const volumes = ['state', 'redpanda', 'minio', 'mlflow', 'prometheus', 'alertmanager', 'grafana'];
  return {
    path: 'compose.yaml',
    about: [
      `Pipeline ${target.pipeline} with all that is around it, on one machine and for it alone: no replicas, no TLS.`,
      `1. cp .env.example .env, and set its values  2. npm pack in a clone of anomaly, the .tgz beside this file  3. docker compose up -d`,
      'Console http://localhost:8080, Grafana :3000, Prometheus :9090, Alertmanager :9093, MLflow :5000, MinIO :9001.',
      'Kafka from this machine: localhost:19092, Schema Registry http://localhost:18081.',
    ],
    content: {
      yaml: [
        {
          name: `anomaly-${target.slug}`,
          services: {
            anomaly: pipelineService(target),
            ...{ ...platformServices(target), ...storeServices(), ...watchServices(secrets) },
          },
          volumes: Object.fromEntries(volumes.map((name) => [name, {}])),
          secrets: Object.fromEntries(secrets.map((name) => [name, { environment: variableOf(name) }])),
        },
      ],
    },
  };
}

function envExample(secrets: readonly string[]): GeneratedFile {
  const variables = ['MINIO_ROOT_PASSWORD', 'GRAFANA_PASSWORD', ...secrets.map(variableOf)];
  return {
    path: '.env.example',
    about: [
      'cp .env.example .env, set the values, and keep it out of version control. MinIO wants eight characters or more.',
    ],
    content: { text: variables.map((name) => `${name}=\n`).join('') },
  };
}

function prometheusConfig({ job, metricsPort }: Target, rulesPath: string): GeneratedFile {
  return {
    path: 'prometheus/prometheus.yml',
    about: ['promtool check config prometheus/prometheus.yml checks it.'],
    content: {
      yaml: [
        {
          global: { scrape_interval: '15s', evaluation_interval: '15s' },
          rule_files: [rulesPath],
          alerting: { alertmanagers: [{ static_configs: [{ targets: ['alertmanager:9093'] }] }] },
          scrape_configs: [
            { job_name: job, static_configs: [{ targets: [`anomaly:${metricsPort}`] }] },
            {
              ...{ job_name: 'redpanda', metrics_path: '/public_metrics' },
              static_configs: [{ targets: ['redpanda:9644'] }],
            },
            { job_name: 'prometheus', static_configs: [{ targets: ['127.0.0.1:9090'] }] },
          ],
        },
      ],
    },
  };
}

function grafanaProvisioning(): GeneratedFile[] {
  const file = (path: string, yaml: unknown): GeneratedFile => {
    return { path: `grafana/provisioning/${path}`, about: [], content: { yaml: [yaml] } };
  };
  return [
    file('datasources/prometheus.yaml', {
      apiVersion: 1,
      datasources: [
        {
          ...{ name: 'Prometheus', uid: 'prometheus', type: 'prometheus', access: 'proxy' },
          ...{ url: 'http://prometheus:9090', isDefault: true, jsonData: { timeInterval: '15s', httpMethod: 'POST' } },
        },
      ],
    }),
    file('dashboards/anomaly.yaml', {
      apiVersion: 1,
      providers: [
        {
          ...{ name: 'anomaly', type: 'file', allowUiUpdates: false, updateIntervalSeconds: 30 },
          options: { path: '/var/lib/grafana/dashboards' },
        },
      ],
    }),
  ];
}
