import type { ValueIssue } from './checked.ts';
import { isSecretReference } from './values.ts';

/** Values of the keys of `alerts` that delivery reads, the sinks with their defaults. */
export interface AlertDeliveryConfig {
  readonly sinks: readonly AlertSinkConfig[];
  /** Infinity for no limit. */
  readonly perMinute: number;
  readonly burst: number;
  readonly mostWaiting: number;
}

export const ALERT_SINK_TYPES = ['alertmanager', 'pagerduty', 'slack', 'webhook', 'stdout', 'topic'] as const;

/** An item of alerts.sinks. Secrets are references, file:PATH or env:NAME, as they stand in the file. */
export interface AlertSinkConfig {
  readonly name: string;
  readonly type: (typeof ALERT_SINK_TYPES)[number];
  readonly urls?: readonly string[];
  readonly url?: string;
  readonly routingKey?: string;
  readonly secret?: string;
  readonly headers?: string;
  readonly ca?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly link?: string;
  readonly topic?: string;
  readonly resendMs: number;
  readonly timeoutMs: number;
  readonly updates: 'all' | 'severity' | 'none';
  readonly minSeverity: 'info' | 'warning' | 'error' | 'critical';
}

export const ALERT_SINK_SHAPE =
  'stdout, topic=NAME, alertmanager=URL, pagerduty=env:NAME, slack=env:NAME or webhook=URL';

/** Fields of an item; docs/configuration.md prints them. */
export const ALERT_SINK_FIELDS = [
  { key: 'alerts.sinks[].name', name: 'name', type: 'string', doc: 'letters, digits and . _ -; default the type' },
  {
    key: 'alerts.sinks[].type',
    name: 'type',
    type: 'string',
    required: true,
    choices: ALERT_SINK_TYPES,
    doc: 'what takes the notifications',
  },
  {
    key: 'alerts.sinks[].urls',
    name: 'urls',
    type: 'list',
    doc: 'alertmanager: addresses, as http://host:9093; each of a cluster gets all',
  },
  {
    key: 'alerts.sinks[].url',
    name: 'url',
    type: 'string',
    doc: 'webhook: address, or file:PATH or env:NAME; slack: that of its incoming webhook, which is a secret, so file:PATH or env:NAME; pagerduty: default that of its Events API v2',
  },
  {
    key: 'alerts.sinks[].routing_key',
    name: 'routing_key',
    type: 'secret',
    doc: 'pagerduty: integration key of 32 characters, as file:PATH or env:NAME',
  },
  {
    key: 'alerts.sinks[].secret',
    name: 'secret',
    type: 'secret',
    doc: 'webhook: key that signs each request, as file:PATH or env:NAME; one key a line while it is changed',
  },
  {
    key: 'alerts.sinks[].headers',
    name: 'headers',
    type: 'secret',
    doc: 'alertmanager, webhook: further headers, one name: value a line, as file:PATH or env:NAME',
  },
  {
    key: 'alerts.sinks[].ca',
    name: 'ca',
    type: 'string',
    doc: 'file with the certificate authority of the receiver, PEM, beside the known ones',
  },
  {
    key: 'alerts.sinks[].labels',
    name: 'labels',
    type: 'map',
    doc: 'alertmanager: further labels of all alerts, to route by',
  },
  {
    key: 'alerts.sinks[].body',
    name: 'body',
    type: 'string',
    doc: 'webhook: JSON with {summary}, {severity} and the like in its texts; default the whole notification',
  },
  {
    key: 'alerts.sinks[].link',
    name: 'link',
    type: 'string',
    doc: 'pagerduty, slack: address to look at, as https://grafana/d/pump?var-series={series}',
  },
  {
    key: 'alerts.sinks[].topic',
    name: 'topic',
    type: 'string',
    doc: 'topic: its name; default <pipeline>.notifications',
  },
  {
    key: 'alerts.sinks[].resend',
    name: 'resend',
    type: 'duration',
    min: 1000,
    max: 180_000,
    doc: 'alertmanager: how often what fires is sent again, up to 3m; default 1m',
  },
  {
    key: 'alerts.sinks[].timeout',
    name: 'timeout',
    type: 'duration',
    min: 1,
    doc: 'time for one request; default 10s',
  },
  {
    key: 'alerts.sinks[].updates',
    name: 'updates',
    type: 'string',
    choices: ['all', 'severity', 'none'],
    doc: 'which changes of an open incident are told: all, those that make it more severe, or none; default all, slack: severity',
  },
  {
    key: 'alerts.sinks[].min_severity',
    name: 'min_severity',
    type: 'string',
    choices: ['info', 'warning', 'error', 'critical'],
    doc: 'incidents below it are not told here; default info',
  },
] as const;

const COMMON = ['name', 'type', 'timeout', 'updates', 'min_severity'];
const BY_TYPE: Readonly<
  Record<AlertSinkConfig['type'], { readonly wants?: string; readonly takes: readonly string[] }>
> = {
  alertmanager: { wants: 'urls', takes: ['headers', 'ca', 'labels', 'resend'] },
  pagerduty: { wants: 'routing_key', takes: ['url', 'ca', 'link'] },
  slack: { wants: 'url', takes: ['ca', 'link'] },
  webhook: { wants: 'url', takes: ['headers', 'ca', 'secret', 'body'] },
  stdout: { takes: [] },
  topic: { takes: ['topic'] },
};
/** Labels that are an incident's identity. */
const OWN_LABELS = ['alertname', 'incident', 'pipeline', 'severity'];

/** The item in the shape of AlertSinkConfig, or what is wrong with it. Its fields have their types. */
export function alertSinkOf(item: Readonly<Record<string, unknown>>): AlertSinkConfig | readonly ValueIssue[] {
  const type = item['type'] as AlertSinkConfig['type'];
  const { wants, takes } = BY_TYPE[type];
  const issues: ValueIssue[] = [];
  const issue = (name: string, message: string) => issues.push({ path: [name], message });
  for (const name of Object.keys(item)) {
    if (!COMMON.includes(name) && name !== wants && !takes.includes(name)) issue(name, `is of no use for ${type}`);
  }
  if (wants !== undefined && !(wants in item))
    issues.push({ path: [], message: `misses ${wants}, which ${type} needs` });
  const name = (item['name'] as string | undefined) ?? type;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) issue('name', `wants up to 64 letters, digits and . _ -, got "${name}"`);
  const { urls, url, labels } = item as { urls?: string[]; url?: string; labels?: Record<string, string> };
  if (urls?.length === 0) issue('urls', 'is empty');
  for (const each of urls ?? []) checkAddress('urls', each, issue);
  if (url !== undefined) {
    if (!isSecretReference(url)) checkAddress('url', url, issue);
    if (type === 'slack' && !isSecretReference(url))
      issue('url', 'may not stand here in plain text: use file:PATH or env:NAME');
  }
  for (const each of Object.keys(labels ?? {})) {
    if (OWN_LABELS.includes(each) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(each)) {
      issue(
        'labels',
        `has ${each}, which ${OWN_LABELS.includes(each) ? 'the alerts have themselves' : 'is no name of a label'}`,
      );
    }
  }
  if (issues.length > 0) return issues;
  const { routing_key, min_severity, resend, timeout, updates, ...rest } = item;
  return {
    ...(rest as object),
    name,
    type,
    ...(routing_key !== undefined && { routingKey: routing_key as string }),
    resendMs: (resend as number | undefined) ?? 60_000,
    timeoutMs: (timeout as number | undefined) ?? 10_000,
    updates: (updates as AlertSinkConfig['updates'] | undefined) ?? (type === 'slack' ? 'severity' : 'all'),
    minSeverity: (min_severity as AlertSinkConfig['minSeverity'] | undefined) ?? 'info',
  };
}

function checkAddress(name: string, address: string, issue: (name: string, message: string) => void): void {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    issue(name, 'wants an address of http or https, as https://host/path');
  } else if (url.username !== '' || url.password !== '') {
    issue(name, 'may not have user and password in plain text: use headers, or file:PATH or env:NAME for the address');
  }
}

/** A sink in the short notation of flags; null for what is none. */
export function parseAlertSink(text: string): Record<string, unknown> | null {
  const equals = text.indexOf('=');
  const type = equals < 0 ? text : text.slice(0, equals);
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  if (value === '') return null;
  if (value === undefined) return { type };
  const field = type === 'topic' ? 'topic' : BY_TYPE[type as AlertSinkConfig['type']]?.wants;
  if (field === undefined) return type in BY_TYPE ? null : { type };
  return { type, [field]: field === 'urls' ? value.split('+') : value };
}

/** @param get the value of a key. @returns undefined where nobody is to be told */
export function alertDeliveryOf(get: (key: string) => unknown): AlertDeliveryConfig | undefined {
  const sinks = get('alerts.sinks') as readonly AlertSinkConfig[];
  if (sinks.length === 0) return undefined;
  return {
    sinks,
    perMinute: get('alerts.rate_limit') as number,
    burst: get('alerts.rate_limit_burst') as number,
    mostWaiting: get('alerts.max_waiting') as number,
  };
}
