import type { OptionSpec } from '../command.ts';

/** Options that every command takes, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-o, --output <format>',
    summary: 'format of what goes to stdout',
    choices: ['text', 'wide', 'json', 'ndjson', 'yaml'],
    default: 'text',
  },
  {
    flags: '--brokers <list>',
    summary: 'Kafka addresses, host:port with commas between',
    key: 'brokers',
    repeatable: true,
  },
  { flags: '--registry <urls>', summary: 'Schema Registry addresses', key: 'registry.urls', repeatable: true },
  { flags: '--client <name>', summary: 'Kafka client', key: 'client', choices: ['auto', 'platformatic', 'librdkafka'] },
  { flags: '--config <file>', summary: 'configuration file; default ./anomaly.yaml', key: 'config' },
  { flags: '--profile <name>', summary: 'profile of rpk.yaml to take addresses from' },
  { flags: '--ignore-profile', summary: 'leave rpk.yaml alone', type: 'boolean' },
  {
    flags: '--password-file <file>',
    summary: 'file with the SASL password or token; the user is sasl.user',
    key: 'sasl.password',
    prefix: 'file:',
  },
  { flags: '-X, --set <key=value>', summary: 'set any configuration key; -X list shows them', repeatable: true },
  { flags: '--color <when>', summary: 'colours', choices: ['auto', 'always', 'never'], default: 'auto' },
  { flags: '--no-input', summary: 'never ask, fail instead', type: 'boolean' },
  { flags: '-q, --quiet', summary: 'no progress and no hints on stderr', type: 'boolean' },
  {
    flags: '--log-level <level>',
    summary: 'least level of diagnostics',
    key: 'log.level',
    choices: ['debug', 'info', 'warn', 'error'],
  },
  {
    flags: '--log-format <format>',
    summary: 'diagnostics as text or NDJSON',
    key: 'log.format',
    choices: ['text', 'json'],
  },
  { flags: '--debug', summary: 'debug diagnostics, and the stack of an error', type: 'boolean' },
  { flags: '--version', summary: 'print the version', type: 'boolean' },
];
