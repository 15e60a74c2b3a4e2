import { ALERT_KEYS } from './alertKeys.ts';
import { MODEL_KEYS } from './modelKeys.ts';
import { OPERATION_KEYS } from './operationKeys.ts';
import { PIPELINE_KEYS } from './pipelineKeys.ts';
import type { SettingRow } from './settingRow.ts';
import { STORE_KEYS } from './storeKeys.ts';

/** TLS of a service beside the brokers, under rpk's names. */
function serviceTlsKeys(key: string, env: string, path: string, name: string): SettingRow[] {
  const row = (suffix: string, rpkSuffix: string, rest: Omit<SettingRow, 'key'>): SettingRow => ({
    key: `${key}.tls.${suffix}`,
    rpkEnv: `RPK_${env}_TLS_${suffix.toUpperCase()}`,
    rpkPath: `${path}.tls.${rpkSuffix}`,
    ...rest,
  });
  return [
    row('enabled', 'enabled', {
      type: 'boolean',
      default: 'false',
      doc: `https for ${name} addresses that name no scheme; on by itself when a file below is set`,
    }),
    row('ca', 'ca_file', {
      type: 'string',
      doc: `file with the certificate authority of the ${name}, PEM (default: tls.ca)`,
    }),
    row('cert', 'cert_file', {
      type: 'string',
      doc: `file with the client certificate for the ${name}, PEM (default: tls.cert)`,
    }),
    row('key', 'key_file', { type: 'string', doc: 'file with the key of that certificate, PEM (default: tls.key)' }),
    {
      key: `${key}.tls.server_name`,
      type: 'string',
      doc: `name to check in the certificate of the ${name}, where it is not the host`,
    },
    row('insecure_skip_verify', 'insecure_skip_verify', {
      type: 'boolean',
      default: 'false',
      doc: `do not check the certificate of the ${name}`,
    }),
  ];
}

const CONNECTION_KEYS: readonly SettingRow[] = [
  {
    key: 'brokers',
    type: 'list',
    default: 'localhost:9092',
    rpkEnv: 'RPK_BROKERS',
    rpkPath: 'kafka_api.brokers',
    doc: 'Kafka addresses, host:port',
  },
  {
    key: 'registry.urls',
    type: 'list',
    default: 'localhost:8081',
    rpkEnv: 'RPK_REGISTRY_HOSTS',
    rpkPath: 'schema_registry.addresses',
    alias: 'registry.hosts',
    doc: 'Schema Registry addresses, http://host:port or host:port',
  },
  ...serviceTlsKeys('registry', 'REGISTRY', 'schema_registry', 'registry'),
  {
    key: 'registry.user',
    type: 'string',
    doc: 'user for the Schema Registry (default: sasl.user where the broker has one)',
  },
  { key: 'registry.password', type: 'secret', doc: 'password for the Schema Registry' },
  {
    key: 'admin.urls',
    type: 'list',
    default: 'localhost:9644',
    rpkEnv: 'RPK_ADMIN_HOSTS',
    rpkPath: 'admin_api.addresses',
    alias: 'admin.hosts',
    doc: 'Redpanda Admin API addresses',
  },
  ...serviceTlsKeys('admin', 'ADMIN', 'admin_api', 'Admin API'),
  {
    key: 'admin.user',
    type: 'string',
    doc: 'user for the Admin API (default: sasl.user where the broker has one)',
  },
  { key: 'admin.password', type: 'secret', doc: 'password for the Admin API' },
  {
    key: 'client',
    type: 'string',
    default: 'auto',
    choices: ['auto', 'platformatic', 'librdkafka'],
    doc: 'Kafka client; anomaly doctor says which one auto picks and why',
  },
  { key: 'client_id', type: 'string', default: 'anomaly', doc: 'client id that brokers see' },
  {
    key: 'tls.enabled',
    type: 'boolean',
    default: 'false',
    rpkEnv: 'RPK_TLS_ENABLED',
    rpkPath: 'kafka_api.tls.enabled',
    doc: 'TLS to the brokers; on by itself when tls.ca, tls.cert or tls.key is set',
  },
  {
    key: 'tls.ca',
    type: 'string',
    rpkEnv: 'RPK_TLS_CA',
    rpkPath: 'kafka_api.tls.ca_file',
    doc: 'file with the certificate authority, PEM',
  },
  {
    key: 'tls.cert',
    type: 'string',
    rpkEnv: 'RPK_TLS_CERT',
    rpkPath: 'kafka_api.tls.cert_file',
    doc: 'file with the client certificate, PEM',
  },
  {
    key: 'tls.key',
    type: 'string',
    rpkEnv: 'RPK_TLS_KEY',
    rpkPath: 'kafka_api.tls.key_file',
    doc: 'file with the key of the client certificate, PEM',
  },
  { key: 'tls.server_name', type: 'string', doc: 'name to check in the broker certificate, where it is not the host' },
  {
    key: 'tls.insecure_skip_verify',
    type: 'boolean',
    default: 'false',
    rpkEnv: 'RPK_TLS_INSECURE_SKIP_VERIFY',
    rpkPath: 'kafka_api.tls.insecure_skip_verify',
    doc: 'do not check the broker certificate',
  },
  {
    key: 'sasl.mechanism',
    type: 'string',
    choices: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    rpkEnv: 'RPK_SASL_MECHANISM',
    rpkPath: 'kafka_api.sasl.mechanism',
    doc: 'SASL mechanism; SCRAM-SHA-256 when only a user is given',
  },
  {
    key: 'sasl.user',
    type: 'string',
    rpkEnv: 'RPK_USER',
    rpkPath: 'kafka_api.sasl.user',
    alias: 'user',
    doc: 'SASL user',
  },
  {
    key: 'sasl.password',
    type: 'secret',
    rpkEnv: 'RPK_PASS',
    rpkPath: 'kafka_api.sasl.password',
    alias: 'pass',
    doc: 'SASL password, or token:... with OAUTHBEARER; in files and flags as file:PATH or env:NAME',
  },
  {
    key: 'dial_timeout',
    type: 'duration',
    default: '3s',
    min: 1,
    rpkEnv: 'RPK_GLOBALS_DIAL_TIMEOUT',
    rpkPath: 'globals.dial_timeout',
    alias: 'globals.dial_timeout',
    doc: 'time for connecting to one broker',
  },
  {
    key: 'request_timeout',
    type: 'duration',
    default: '10s',
    min: 1,
    rpkEnv: 'RPK_GLOBALS_REQUEST_TIMEOUT_OVERHEAD',
    rpkPath: 'globals.request_timeout_overhead',
    alias: 'globals.request_timeout_overhead',
    doc: 'time for one answer of a broker or of the registry',
  },
  {
    key: 'retry_timeout',
    type: 'duration',
    default: '30s',
    min: 0,
    rpkEnv: 'RPK_GLOBALS_RETRY_TIMEOUT',
    rpkPath: 'globals.retry_timeout',
    alias: 'globals.retry_timeout',
    doc: 'how long a passing failure is tried again',
  },
  {
    key: 'state_dir',
    type: 'string',
    defaultText: '$XDG_STATE_HOME/anomaly',
    doc: 'directory for the state of this machine: member names, lmdb, and checkpoints unless checkpoint.store names a place',
  },
  {
    key: 'log.level',
    type: 'string',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    doc: 'least level of a diagnostic that is printed',
  },
  {
    key: 'log.format',
    type: 'string',
    default: 'text',
    choices: ['text', 'json'],
    doc: 'diagnostics on stderr as text, or one JSON object a line',
  },
];

export const SETTINGS_TABLE: readonly SettingRow[] = [
  ...CONNECTION_KEYS,
  ...PIPELINE_KEYS,
  ...STORE_KEYS,
  ...MODEL_KEYS,
  ...OPERATION_KEYS,
  ...ALERT_KEYS,
];

const BY_KEY = new Map(
  SETTINGS_TABLE.flatMap((row) => [[row.key, row] as const, ...(row.alias ? [[row.alias, row] as const] : [])]),
);

/** The row of a key or of rpk's alias for it. */
export function settingRow(key: string): SettingRow | undefined {
  return BY_KEY.get(key);
}

/** checkpoint.every -> ANOMALY_CHECKPOINT_EVERY. */
export function envName(key: string): string {
  return `ANOMALY_${key.toUpperCase().replaceAll('.', '_')}`;
}
