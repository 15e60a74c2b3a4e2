import type { BookRules, Drained } from '../../alerts/stage/bookRules.ts';
import type { Evidence } from '../../alerts/stage/evidence.ts';
import { IncidentBook } from '../../alerts/stage/incidentBook.ts';
import type { OutboxRecord } from '../../alerts/stage/outbox.ts';
import { Silences } from '../../alerts/stage/silences.ts';
import { evidenceAsOf } from '../../alerts/stage/wrongClocks.ts';
import type { AlertsConfig } from '../../config/alertsConfig.ts';
import { OUTCOMES, type Outcome } from '../../observe/notification.ts';
import type { MemberStatus } from '../../observe/status.ts';
import { type AlertOrder, SILENCES_KEPT_MS } from './alertOrders.ts';
import { BreachMonitor } from './breachMonitor.ts';

export interface StageBooksOptions {
  readonly pipeline: string;
  readonly alerts: AlertsConfig;
  readonly checkpointEveryMs: number;
  /** Of a rule by its name. */
  readonly refractoryMs: BookRules['refractoryMs'];
  readonly kpi?: BookRules['kpi'];
}

/** Incidents of the data, which go by event time, and breaches of the pipeline, which go by the clock here. */
export class StageBooks {
  readonly #anomalies: IncidentBook;
  readonly #breaches: IncidentBook;
  readonly #monitor: BreachMonitor;
  readonly #silences = new Silences();

  constructor({ pipeline, alerts, checkpointEveryMs, refractoryMs, kpi }: StageBooksOptions) {
    const rules = { ...alerts, pipeline, silences: this.#silences, refractoryMs };
    this.#anomalies = new IncidentBook({ ...rules, kind: 'anomaly', ...(kpi !== undefined && { kpi }) });
    // A breach has its own hysteresis, and none waits for another.
    this.#breaches = new IncidentBook({ ...rules, kind: 'breach', groupWithinMs: 0, minDurationMs: 0 });
    this.#monitor = new BreachMonitor(alerts.breaches, checkpointEveryMs);
  }

  get open(): number {
    return this.#anomalies.openCount + this.#breaches.openCount;
  }

  /** Alerts by what became of them. */
  get outcomes(): Readonly<Partial<Record<Outcome, number>>> {
    const [a, b] = [this.#anomalies.counts, this.#breaches.counts];
    return Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, (a[outcome] ?? 0) + (b[outcome] ?? 0)] as const).filter(([, n]) => n > 0),
    );
  }

  restore(records: Iterable<OutboxRecord>, nowMs: number): void {
    for (const record of records) {
      this.#anomalies.restore(record, nowMs);
      this.#breaches.restore(record, nowMs);
    }
    for (const { status, members } of this.#breaches.incidents()) {
      if (status !== 'open') continue;
      for (const { rule, series, lastMs, endMs, severity = 'info' } of members) {
        if (endMs === null) this.#monitor.restore(rule.replace(/^breach@/, ''), series, lastMs, severity);
      }
    }
  }

  take(evidence: Evidence, nowMs: number): void {
    this.#anomalies.take(evidenceAsOf(evidence, nowMs), nowMs);
  }

  /** Event time is here, as watermarks tell. */
  advance(clockMs: number, nowMs: number): void {
    this.#anomalies.advance(clockMs, nowMs);
  }

  /** What the members tell of the pipeline. */
  look(members: readonly MemberStatus[], nowMs: number): void {
    for (const evidence of this.#monitor.look(members, nowMs)) this.#breaches.take(evidence, nowMs);
    this.#breaches.advance(nowMs, nowMs);
  }

  /** What people ordered; silences that are over long ago go. */
  order(orders: readonly AlertOrder[], nowMs: number): void {
    for (const order of orders) {
      if (order.type === 'silence') this.#silences.set(order.silence);
      else if (order.type === 'verdict') this.#anomalies.verdict(order.verdict);
      else if (order.type === 'removed') {
        if (order.of === 'silence') this.#silences.remove(order.id);
      } else if (!this.#anomalies.review(order.review, nowMs)) this.#breaches.review(order.review, nowMs);
    }
    if (!orders.some((order) => order.type === 'silence' || (order.type === 'removed' && order.of === 'silence')))
      return;
    this.#silences.prune(nowMs - SILENCES_KEPT_MS);
    for (const book of [this.#anomalies, this.#breaches]) book.reconsider(nowMs);
  }

  drain(canForget: (id: string) => boolean): Drained {
    const parts = [this.#anomalies.drain(canForget), this.#breaches.drain(canForget)];
    return { records: parts.flatMap(({ records }) => records), told: parts.flatMap(({ told }) => told) };
  }
}
