import { CONFIG_PATH, STATE_DIR } from '../dockerfile.ts';
import type { Target } from '../generated.ts';
import { IMAGES } from './images.ts';

const BUCKET = 'checkpoints';
const ROOT_USER = 'anomaly';
const minioPassword = ofEnv('MINIO_ROOT_PASSWORD');
const HEALTHY = { condition: 'service_healthy' };
const DONE = { condition: 'service_completed_successfully' };

/** A variable of .env, without which compose refuses to start. */
function ofEnv(name: string): string {
  return `\${${name}:?copy .env.example to .env and set it}`;
}

/** Ports are bound to this machine only. */
function local(port: number, inside = port): string {
  return `127.0.0.1:${port}:${inside}`;
}

function check(test: readonly string[]): unknown {
  return { test, interval: '5s', timeout: '5s', retries: 20, start_period: '10s' };
}

/** The pipeline itself. */
export function pipelineService(target: Target): unknown {
  const { slug, topics, toolVersion } = target;
  return {
    ...{ build: '.', image: `anomaly:${toolVersion}`, restart: 'unless-stopped', stop_grace_period: '60s' },
    command: ['run', '-f', CONFIG_PATH, '--instance', slug],
    environment: {
      ANOMALY_BROKERS: 'redpanda:9092',
      ANOMALY_REGISTRY_URLS: 'redpanda:8081',
      ANOMALY_ADMIN_URLS: 'redpanda:9644',
      ANOMALY_CHECKPOINT_STORE: `s3://${BUCKET}/${slug}`,
      ANOMALY_CHECKPOINT_S3_ENDPOINT: 'http://minio:9000',
      ANOMALY_MODELS_REGISTRY: 'http://mlflow:5000',
      AWS_ACCESS_KEY_ID: ROOT_USER,
      AWS_SECRET_ACCESS_KEY: minioPassword,
      AWS_REGION: 'us-east-1',
    },
    volumes: [`./anomaly.yaml:${CONFIG_PATH}:ro`, `state:${STATE_DIR}`],
    ports: [local(target.metricsPort)],
    depends_on: {
      redpanda: HEALTHY,
      mlflow: HEALTHY,
      'minio-bucket': DONE,
      ...(topics.length > 0 && { topics: DONE }),
    },
  };
}

/** Broker, console, source topics. */
export function platformServices({ topics }: Target): Record<string, unknown> {
  const create = topics.map((topic) => {
    const name = `'${topic.replaceAll("'", "'\\''")}'`;
    const rpk = '-X brokers=redpanda:9092';
    return `rpk topic describe ${name} ${rpk} >/dev/null 2>&1 || rpk topic create ${name} -p 4 ${rpk}`;
  });
  return {
    redpanda: {
      image: IMAGES.redpanda,
      command: [
        ...['redpanda', 'start', '--mode', 'dev-container', '--smp', '1', '--memory', '1G', '--default-log-level=warn'],
        ...['--kafka-addr', 'internal://0.0.0.0:9092,external://0.0.0.0:19092'],
        ...['--advertise-kafka-addr', 'internal://redpanda:9092,external://localhost:19092'],
        ...['--schema-registry-addr', 'internal://0.0.0.0:8081,external://0.0.0.0:18081'],
        ...['--rpc-addr', 'redpanda:33145', '--advertise-rpc-addr', 'redpanda:33145'],
      ],
      ports: [local(19092), local(18081), local(19644, 9644)],
      volumes: ['redpanda:/var/lib/redpanda/data'],
      healthcheck: check(['CMD-SHELL', "rpk cluster health | grep -E 'Healthy:.+true'"]),
    },
    ...(create.length > 0 && {
      topics: {
        image: IMAGES.redpanda,
        entrypoint: ['/bin/bash', '-c'],
        command: [`set -e\n${create.join('\n')}`],
        depends_on: { redpanda: HEALTHY },
      },
    }),
    console: {
      image: IMAGES.console,
      environment: {
        KAFKA_BROKERS: 'redpanda:9092',
        SCHEMAREGISTRY_ENABLED: 'true',
        SCHEMAREGISTRY_URLS: 'http://redpanda:8081',
        REDPANDA_ADMINAPI_ENABLED: 'true',
        REDPANDA_ADMINAPI_URLS: 'http://redpanda:9644',
      },
      ports: [local(8080)],
      depends_on: { redpanda: HEALTHY },
    },
  };
}

/** Checkpoints and models. */
export function storeServices(): Record<string, unknown> {
  return {
    minio: {
      image: IMAGES.minio,
      command: ['server', '/data', '--console-address', ':9001'],
      environment: { MINIO_ROOT_USER: ROOT_USER, MINIO_ROOT_PASSWORD: minioPassword },
      ports: [local(9000), local(9001)],
      volumes: ['minio:/data'],
      healthcheck: check(['CMD', 'mc', 'ready', 'local']),
    },
    'minio-bucket': {
      image: IMAGES.minio,
      entrypoint: ['/bin/sh', '-c'],
      // Two dollars: the shell of the container takes the variable, not compose.
      command: [
        `mc alias set store http://minio:9000 ${ROOT_USER} "$$MINIO_ROOT_PASSWORD" && mc mb --ignore-existing store/${BUCKET}`,
      ],
      environment: { MINIO_ROOT_PASSWORD: minioPassword },
      depends_on: { minio: HEALTHY },
    },
    mlflow: {
      image: IMAGES.mlflow,
      command: [
        ...[
          'mlflow',
          'server',
          '--host',
          '0.0.0.0',
          '--port',
          '5000',
          '--backend-store-uri',
          'sqlite:////mlflow/mlflow.db',
        ],
        ...['--serve-artifacts', '--artifacts-destination', '/mlflow/artifacts'],
        ...['--allowed-hosts', 'mlflow:5000,localhost:5000,127.0.0.1:5000'],
      ],
      ports: [local(5000)],
      volumes: ['mlflow:/mlflow'],
      healthcheck: check([
        ...['CMD', 'python', '-c'],
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health')",
      ]),
    },
  };
}

/** Prometheus, Alertmanager, Grafana with their files. */
export function watchServices(secrets: readonly string[]): Record<string, unknown> {
  return {
    prometheus: {
      image: IMAGES.prometheus,
      command: [
        '--config.file=/etc/prometheus/prometheus.yml',
        '--storage.tsdb.path=/prometheus',
        '--web.enable-lifecycle',
      ],
      ports: [local(9090)],
      volumes: ['./prometheus:/etc/prometheus:ro', 'prometheus:/prometheus'],
      healthcheck: check(['CMD', 'wget', '-qO-', 'http://127.0.0.1:9090/-/healthy']),
    },
    alertmanager: {
      image: IMAGES.alertmanager,
      command: ['--config.file=/etc/alertmanager/alertmanager.yml', '--storage.path=/alertmanager'],
      ports: [local(9093)],
      volumes: ['./alertmanager:/etc/alertmanager:ro', 'alertmanager:/alertmanager'],
      secrets,
      healthcheck: check(['CMD', 'wget', '-qO-', 'http://127.0.0.1:9093/-/healthy']),
    },
    grafana: {
      image: IMAGES.grafana,
      environment: {
        GF_SECURITY_ADMIN_PASSWORD: ofEnv('GRAFANA_PASSWORD'),
        GF_ANALYTICS_REPORTING_ENABLED: 'false',
      },
      ports: [local(3000)],
      volumes: [
        './grafana/provisioning:/etc/grafana/provisioning:ro',
        './grafana/dashboards:/var/lib/grafana/dashboards:ro',
        'grafana:/var/lib/grafana',
      ],
      depends_on: { prometheus: HEALTHY },
      healthcheck: check(['CMD', 'wget', '-qO-', 'http://127.0.0.1:3000/api/health']),
    },
  };
}
