import type { DemoAlert, DemoSnapshot } from '../../observe/demoSnapshot.ts';
import { LatencySketch } from '../../observe/latencySketch.ts';
import { formatNumber, formatSpan } from '../../output/format.ts';
import type { RunTotals } from '../../runtime/runnerOptions.ts';

const RECENT_MAX = 20;
const RATES_MAX = 200;
/** Rates over less time jump about. */
const RATE_INTERVAL_MS = 500;

/** What is known of a running demo at any moment: the parts of it report here, the view and the lines read. */
export class DemoMeter {
  readonly latency = new LatencySketch();
  readonly total: number;
  produced = 0;
  phase: DemoSnapshot['phase'] = 'running';
  alerts = 0;
  readonly #now: () => number;
  readonly #startMs: number;
  #windows = 0;
  #late = 0;
  #lagRecords = 0;
  #recent: DemoAlert[] = [];
  #rates: number[] = [];
  #rateAtMs: number;
  #rateProduced = 0;

  constructor(total: number, now: () => number) {
    this.total = total;
    this.#now = now;
    this.#startMs = now();
    this.#rateAtMs = this.#startMs;
  }

  /** Lag is taken here, as the pipeline's own numbers are of this moment only. */
  onTotals(totals: RunTotals): void {
    this.#windows = totals.windows;
    this.#late = totals.late;
    this.#lagRecords = Math.max(0, this.produced - totals.records);
  }

  onAlert(alert: DemoAlert, latencyMs: number): void {
    this.alerts++;
    this.latency.add(Math.max(0, latencyMs));
    this.#recent = [alert, ...this.#recent.slice(0, RECENT_MAX - 1)];
  }

  snapshot(): DemoSnapshot {
    const nowMs = this.#now();
    const sinceMs = nowMs - this.#rateAtMs;
    if (sinceMs >= RATE_INTERVAL_MS && this.phase === 'running') {
      this.#rates = [...this.#rates.slice(1 - RATES_MAX), ((this.produced - this.#rateProduced) * 1000) / sinceMs];
      this.#rateAtMs = nowMs;
      this.#rateProduced = this.produced;
    }
    return {
      elapsedMs: nowMs - this.#startMs,
      produced: this.produced,
      total: this.total,
      rate: this.#rates.at(-1) ?? 0,
      rates: this.#rates,
      windows: this.#windows,
      alerts: this.alerts,
      late: this.#late,
      lagRecords: this.#lagRecords,
      p50Ms: this.latency.quantileMs(0.5),
      p95Ms: this.latency.quantileMs(0.95),
      p99Ms: this.latency.quantileMs(0.99),
      recent: this.#recent,
      phase: this.phase,
    };
  }
}

/** A snapshot as one line, where there is no view. */
export function meterLine(snapshot: DemoSnapshot): string {
  const { produced, total, windows, alerts, lagRecords, p99Ms, elapsedMs } = snapshot;
  const latency = p99Ms === null ? '' : `, p99 to alert ${formatSpan(p99Ms)}`;
  return (
    `demo: ${formatSpan(elapsedMs)}, ${formatNumber(produced)} of ${formatNumber(total)} events, ` +
    `${formatNumber(windows)} windows, ${formatNumber(alerts)} alerts, lag ${formatNumber(lagRecords)}${latency}`
  );
}
