import type { Outgoing, SendResult } from '../delivery/sink.ts';
import { httpPost } from './httpPost.ts';
import { rfc3339 } from './notificationJson.ts';
import { BaseSink, type SinkBase } from './sinkBase.ts';

export interface AlertmanagerOptions extends SinkBase {
  /** Each of a cluster that is highly available: all of them get everything. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string | undefined;
  readonly resendMs: number;
  /** Further labels, equal in all alerts. */
  readonly labels: Readonly<Record<string, string>>;
  readonly now: () => number;
}

/** What is not told again for this many intervals resolves by itself, as Prometheus has it. */
const INTERVALS_TO_END = 4;

/**
 * Alertmanager's API v2 (POST /api/v2/alerts). The label set is the identity, so it has only what never changes of an
 * incident; all else is in annotations. What fires is sent again at an interval, with an `endsAt` some intervals ahead;
 * a resolve has its `endsAt` in the past.
 */
export class AlertmanagerSink extends BaseSink {
  readonly type = 'alertmanager';
  override readonly mostAtOnce = 200;
  /** Alertmanager groups by itself. */
  override readonly isLimited = false;
  override readonly resendMs: number;
  readonly #options: AlertmanagerOptions;

  constructor(options: AlertmanagerOptions) {
    super(options);
    this.resendMs = options.resendMs;
    this.#options = options;
  }

  /** Taken where one of the addresses took it: what fires comes to the others with the next resend. */
  async send(batch: readonly Outgoing[]): Promise<SendResult> {
    const { urls, headers, timeoutMs, ca } = this.#options;
    const body = JSON.stringify(batch.map((each) => this.alert(each)));
    const results = await Promise.all(
      urls.map((url) => httpPost({ url: `${url}/api/v2/alerts`, headers, body, timeoutMs, ca }, RULES)),
    );
    return (
      results.find(({ kind }) => kind === 'delivered') ??
      results.find(({ kind }) => kind === 'retry') ??
      results.find(({ kind }) => kind === 'refused')!
    );
  }

  /** One alert of the request. Public for the tests that hold the form against the documented one. */
  alert({ told, notification }: Outgoing): Readonly<Record<string, unknown>> {
    const { labels, resendMs, now, test } = this.#options;
    const { id, kind, pipeline, severity, summary, reasons, rule, series, seriesCount, look } = notification;
    const { openSeverity, startedMs, value, expected, score } = notification;
    const nowMs = now();
    // It refuses an alert that ends before it starts: event time may be ahead of this clock.
    const startsMs = Math.min(startedMs, nowMs);
    const texts = {
      summary,
      description: reasons.join('\n'),
      severity,
      rule,
      series: series.join(', '),
      series_count: String(seriesCount),
      value: value === null ? '' : String(value),
      expected: expected === null ? '' : String(expected),
      score: score === null ? '' : String(score),
      look,
      test: test ? 'true' : '',
    };
    return {
      labels: {
        ...labels,
        alertname: kind === 'breach' ? 'PipelineBreach' : 'Anomaly',
        incident: id,
        pipeline,
        ...(openSeverity !== undefined && { severity: openSeverity }),
      },
      annotations: Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
      startsAt: rfc3339(startsMs),
      endsAt: rfc3339(told === 'resolved' ? nowMs : nowMs + INTERVALS_TO_END * resendMs),
    };
  }
}

const RULES = {
  isTaken: (status: number) => status === 200,
  isRefused: (status: number) => status === 400,
};
