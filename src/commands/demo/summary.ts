import type { LatencySketch } from '../../observe/latencySketch.ts';
import { formatNumber, formatSpan } from '../../output/format.ts';
import type { Column } from '../../output/output.ts';
import { renderTable } from '../../output/table.ts';
import type { RunTotals } from '../../runtime/runnerOptions.ts';
import type { SeriesGrade } from './labels.ts';

export type DemoEnd = 'all events' | 'time limit' | 'interrupted';

/** What `anomaly demo` prints at the end; with -o json and yaml as it stands, keys in snake_case. */
export interface DemoSummary {
  readonly ended: DemoEnd;
  readonly seed: number;
  /** Events that the pipeline took in, of how many. */
  readonly events: number;
  readonly eventsTotal: number;
  readonly series: number;
  /** From the first event sent to the last alert read. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly windows: number;
  readonly alerts: number;
  readonly labelled: number;
  readonly found: number;
  readonly missed: number;
  readonly falseAlarms: number;
  /** From ingestion to alert, milliseconds; null without an alert. */
  readonly latency: { readonly p50Ms: number | null; readonly p95Ms: number | null; readonly p99Ms: number | null };
  readonly late: number;
  readonly deadLetters: number;
  readonly perSeries: readonly SeriesGrade[];
}

export interface DemoOutcome {
  readonly ended: DemoEnd;
  readonly seed: number;
  readonly eventsTotal: number;
  readonly elapsedMs: number;
  readonly totals: RunTotals;
  readonly alerts: number;
  readonly latency: LatencySketch;
  readonly grades: readonly SeriesGrade[];
}

export function summarize(outcome: DemoOutcome): DemoSummary {
  const { ended, seed, eventsTotal, elapsedMs, totals, alerts, latency, grades } = outcome;
  const sum = (count: (grade: SeriesGrade) => number) => grades.reduce((all, grade) => all + count(grade), 0);
  const seconds = elapsedMs / 1000;
  const quantileMs = (q: number) => {
    const value = latency.quantileMs(q);
    return value === null ? null : Number(value.toFixed(2));
  };
  return {
    ended,
    seed,
    events: totals.records,
    eventsTotal,
    series: grades.length,
    seconds: Number(seconds.toFixed(3)),
    eventsPerSecond: Math.round(totals.records / Math.max(seconds, 1e-3)),
    windows: totals.windows,
    alerts,
    labelled: sum((grade) => grade.labelled),
    found: sum((grade) => grade.found),
    missed: sum((grade) => grade.missed),
    falseAlarms: sum((grade) => grade.falseAlarms),
    latency: { p50Ms: quantileMs(0.5), p95Ms: quantileMs(0.95), p99Ms: quantileMs(0.99) },
    late: totals.late,
    deadLetters: totals.deadLetters,
    perSeries: grades,
  };
}

/** @param wide with the table of series */
export function summaryText(
  summary: DemoSummary,
  options: { readonly wide: boolean; readonly color: boolean },
): string {
  const { events, eventsTotal, series, seconds, latency } = summary;
  const n = formatNumber;
  const ms = (value: number | null) => (value === null ? '-' : formatSpan(value));
  const share = events === eventsTotal ? '' : ` of ${n(eventsTotal)}`;
  const reached = events === eventsTotal ? 'labelled ones' : 'labelled ones come to';
  const lines = [
    `anomaly demo: ${endText(summary.ended)} after ${seconds.toFixed(1)} s`,
    '',
    `  events          ${n(events)}${share} of ${n(series)} series, ${n(summary.eventsPerSecond)}/s`,
    `  windows         ${n(summary.windows)}`,
    `  alerts          ${n(summary.alerts)}`,
    `  anomalies       ${n(summary.found)} of ${n(summary.labelled)} ${reached} found, ${n(summary.missed)} missed`,
    `  false alarms    ${n(summary.falseAlarms)}`,
    `  to alert        p50 ${ms(latency.p50Ms)}, p95 ${ms(latency.p95Ms)}, p99 ${ms(latency.p99Ms)} from ingestion`,
    `  late            ${n(summary.late)}`,
    `  dead letters    ${n(summary.deadLetters)}`,
  ];
  if (options.wide) lines.push('', renderTable(summary.perSeries, SERIES_COLUMNS, options));
  return lines.join('\n');
}

function endText(ended: DemoEnd): string {
  switch (ended) {
    case 'all events':
      return 'ended by itself';
    case 'time limit':
      return 'ended at its time limit';
    default:
      return 'interrupted, drained and committed';
  }
}

const SERIES_COLUMNS: readonly Column<SeriesGrade>[] = [
  { header: 'series', value: (row) => row.series },
  { header: 'alerts', value: (row) => row.alerts, align: 'right' },
  { header: 'labelled', value: (row) => row.labelled, align: 'right' },
  { header: 'found', value: (row) => row.found, align: 'right' },
  { header: 'missed', value: (row) => row.missed, align: 'right' },
  { header: 'false alarms', value: (row) => row.falseAlarms, align: 'right' },
];
