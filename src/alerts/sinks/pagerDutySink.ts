import { createHash } from 'node:crypto';
import { AnomalyError } from '../../errors.ts';
import type { Outgoing, SendResult } from '../delivery/sink.ts';
import { httpPost } from './httpPost.ts';
import { cut, rfc3339 } from './notificationJson.ts';
import { BaseSink, type SinkBase } from './sinkBase.ts';
import type { LinkTemplate } from './template.ts';

export interface PagerDutyOptions extends SinkBase {
  /** https://events.pagerduty.com/v2/enqueue, or another that speaks the same. */
  readonly url: string;
  readonly routingKey: string;
  readonly ca?: string | undefined;
  readonly link?: LinkTemplate | undefined;
}

export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';
const DEDUP_KEY_LENGTH = 255;
const SUMMARY_LENGTH = 1024;
/** Of fields that the API names no bound for. */
const FIELD_LENGTH = 1024;
const MOST_BYTES = 512 * 1024;

/**
 * PagerDuty's Events API v2 (POST /v2/enqueue): trigger and resolve under one dedup key, which is the incident's id.
 * 202 is taken, 400 never repeated, 429 waits for minutes, all else is repeated.
 */
export class PagerDutySink extends BaseSink {
  readonly type = 'pagerduty';
  readonly #options: PagerDutyOptions;

  /** @throws ANM_CONFIG for a routing key that cannot be one */
  constructor(options: PagerDutyOptions) {
    super(options);
    const { name, routingKey } = options;
    if (!/^[A-Za-z0-9]{32}$/.test(routingKey)) {
      const what = `has ${routingKey.length} characters or others than letters and digits`;
      throw new AnomalyError('ANM_CONFIG', `the routing key of alert sink ${name} ${what}; it has 32 of those`, {
        hint: 'take the integration key of an Events API v2 integration of the service',
      });
    }
    this.#options = options;
  }

  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    const { url, timeoutMs, ca, routingKey } = this.#options;
    const body = pagerDutyBody(batch[0]!, this.#options);
    // It may repeat the key that it does not know.
    return await httpPost({ url, headers: {}, body, timeoutMs, ca, secret: routingKey }, RULES);
  }
}

const RULES = {
  isTaken: (status: number) => status === 202,
  isRefused: (status: number) => status === 400,
};

/** One that is too long is told by its hash, after as much of it as there is room for. */
export function dedupKey(incidentId: string): string {
  if (incidentId.length <= DEDUP_KEY_LENGTH) return incidentId;
  const hash = createHash('sha256').update(incidentId).digest('hex');
  return `${incidentId.slice(0, DEDUP_KEY_LENGTH - hash.length - 1)}~${hash}`;
}

/** The event, within the size that PagerDuty takes: lists are cut first, which `trimmed` in the details then says. */
export function pagerDutyBody(
  outgoing: Outgoing,
  options: Pick<PagerDutyOptions, 'routingKey' | 'link' | 'test'>,
): string {
  for (const most of [Infinity, 10, 3]) {
    const body = JSON.stringify(eventOf(outgoing, options, most));
    if (Buffer.byteLength(body) <= MOST_BYTES) return body;
  }
  return JSON.stringify(eventOf(outgoing, options, 0));
}

function eventOf(
  outgoing: Outgoing,
  { routingKey, link, test }: Pick<PagerDutyOptions, 'routingKey' | 'link' | 'test'>,
  most: number,
): Readonly<Record<string, unknown>> {
  const { told, notification } = outgoing;
  const { id, pipeline, summary, severity, rule, series, startedMs, look } = notification;
  const event = { routing_key: routingKey, dedup_key: dedupKey(id) };
  if (told === 'resolved') return { ...event, event_action: 'resolve' };
  const href = link?.fill(outgoing, test);
  return {
    ...event,
    event_action: 'trigger',
    client: 'anomaly',
    ...(href !== undefined && { client_url: href, links: [{ href, text: cut(look, FIELD_LENGTH) }] }),
    payload: {
      summary: cut(`${test ? 'TEST: ' : ''}${summary || id}`, SUMMARY_LENGTH),
      source: cut(series[0] ?? pipeline, FIELD_LENGTH),
      severity,
      timestamp: rfc3339(startedMs),
      component: cut(series[0] ?? pipeline, FIELD_LENGTH),
      group: cut(pipeline, FIELD_LENGTH),
      class: cut(rule, FIELD_LENGTH),
      custom_details: detailsOf(outgoing, test, most),
    },
  };
}

function detailsOf({ notification }: Outgoing, test: boolean, most: number): Readonly<Record<string, unknown>> {
  const { id, revision, reasons, series, seriesCount, value, expected, lower, upper } = notification;
  const { score, alerts, updatedMs, look } = notification;
  const isCut = most !== Infinity;
  const some = (texts: readonly string[]) =>
    isCut ? texts.slice(0, most).map((text) => cut(text, FIELD_LENGTH)) : texts;
  return {
    incident: isCut ? cut(id, FIELD_LENGTH) : id,
    revision,
    reasons: some(reasons),
    series: some(series),
    series_count: seriesCount,
    ...{ value, expected, lower, upper, score },
    alerts: some(alerts),
    updated_at: rfc3339(updatedMs),
    look: isCut ? cut(look, FIELD_LENGTH) : look,
    ...(test && { test: true }),
    ...(isCut && { trimmed: `reasons, series and alerts to ${most} each, as the event was above 512 KB` }),
  };
}
