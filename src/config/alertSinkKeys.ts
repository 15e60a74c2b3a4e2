import type { SettingRow } from './settingRow.ts';

/** Whom the alerts are brought to: keys of `alerts` that delivery reads. */
export const ALERT_SINK_KEYS: readonly SettingRow[] = [
  {
    key: 'alerts.sinks',
    type: 'alert_sinks',
    default: '',
    doc: 'whom the alerts are brought to; as a flag stdout, topic, topic=NAME, alertmanager=http://a:9093+http://b:9093, pagerduty=env:NAME, slack=file:PATH or webhook=https://host/path',
  },
  {
    key: 'alerts.rate_limit',
    type: 'integer',
    default: '30',
    min: 1,
    max: 100_000,
    offAllowed: true,
    doc: 'notifications a minute that pagerduty, slack and webhook sinks get each; above it new incidents are merged into one notification, and updates wait; resolves are not limited',
  },
  {
    key: 'alerts.rate_limit_burst',
    type: 'integer',
    default: '10',
    min: 1,
    max: 100_000,
    doc: 'how many of alerts.rate_limit may go at once',
  },
  {
    key: 'alerts.max_waiting',
    type: 'integer',
    default: '10000',
    min: 1,
    max: 1_000_000,
    doc: 'incidents that wait for a sink, above which no more alerts are read until some are through',
  },
];
