import type { SettingRow } from './settingRow.ts';

/** Where models are kept, and how they are reached there. */
export const MODEL_KEYS: readonly SettingRow[] = [
  {
    key: 'models.registry',
    type: 'string',
    defaultText: '$XDG_DATA_HOME/anomaly/models',
    doc: 'where models:/ is: a directory, s3://bucket/prefix or webhdfs: (reached as checkpoint.s3.* and checkpoint.webhdfs.* say), or http://host:port of MLflow',
  },
  {
    key: 'models.cache',
    type: 'string',
    defaultText: '$XDG_CACHE_HOME/anomaly/models',
    doc: 'directory for models that were read from a registry, by sha256',
  },
  {
    key: 'models.request_timeout',
    type: 'duration',
    default: '30s',
    min: 1,
    doc: 'time for one answer of MLflow, or for each 8 MiB of a larger file; and for what a model server is asked before the first record',
  },
  {
    key: 'models.mlflow.user',
    type: 'string',
    defaultText: '$MLFLOW_TRACKING_USERNAME',
    doc: 'user for MLflow',
  },
  {
    key: 'models.mlflow.password',
    type: 'secret',
    defaultText: '$MLFLOW_TRACKING_PASSWORD',
    doc: 'its password; in files and flags as file:PATH or env:NAME',
  },
  {
    key: 'models.mlflow.token',
    type: 'secret',
    defaultText: '$MLFLOW_TRACKING_TOKEN',
    doc: 'bearer token for MLflow, in place of a user',
  },
  {
    key: 'models.mlflow.ca',
    type: 'string',
    defaultText: '$MLFLOW_TRACKING_SERVER_CERT_PATH',
    doc: 'file with the certificate authority of MLflow, PEM',
  },
];
