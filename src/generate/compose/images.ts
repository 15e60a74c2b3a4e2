/** What compose.yaml starts, each at one version: a new one is taken on purpose. */
export const IMAGES = {
  redpanda: 'docker.redpanda.com/redpandadata/redpanda:v26.2.1',
  console: 'docker.redpanda.com/redpandadata/console:v3.1.0',
  minio: 'minio/minio:RELEASE.2025-09-07T16-13-09Z',
  mlflow: 'ghcr.io/mlflow/mlflow:v3.8.1',
  prometheus: 'prom/prometheus:v3.5.0',
  alertmanager: 'prom/alertmanager:v0.28.1',
  grafana: 'grafana/grafana:12.1.0',
} as const;
