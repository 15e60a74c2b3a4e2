import type { DemoAlert, DemoSnapshot } from '../observe/demoSnapshot.ts';
import { formatNumber, formatSpan } from '../output/format.ts';
import { sparkline } from '../output/sparkline.ts';
import { gauge } from './draw.ts';

export interface ViewLine {
  readonly key: string;
  readonly text: string;
  readonly color?: 'green' | 'red' | 'yellow' | 'cyan';
  readonly bold?: boolean;
}

/** Alerts shown where there is room: the view keeps one height from the first frame to the last. */
const RECENT = 8;
/** Wider lines are no easier to read. */
const WIDTH_MAX = 110;
/** Below this many columns an alert is its series, score and verdict only. */
const COMPACT_BELOW = 72;

/**
 * The live view of the demo as lines of at most `columns` characters, fewer than `rows` of them, so that a terminal
 * never scrolls a frame away. No Ink in here: tests read plain text.
 */
export function demoLines(snapshot: DemoSnapshot, columns: number, rows: number): ViewLine[] {
  const width = Math.min(Math.max(1, columns), WIDTH_MAX);
  const lines = [...headLines(snapshot, width)];
  const room = Math.min(RECENT, rows - 1 - lines.length);
  for (let row = 0; row < room; row++) lines.push(alertLine(snapshot.recent[row], row, width));
  return lines
    .slice(0, Math.max(1, rows - 1))
    .map((line) => ({ ...line, text: line.text.slice(0, width).trimEnd() || ' ' }));
}

function headLines(snapshot: DemoSnapshot, width: number): ViewLine[] {
  const { produced, total, rate, windows, alerts, late, lagRecords, p50Ms, p95Ms, p99Ms } = snapshot;
  const counts = `${formatNumber(produced)} / ${formatNumber(total)}`;
  const rateText = `${formatNumber(Math.round(rate))}/s`;
  // The name of a row, the spaces around what is drawn, and its number at its widest.
  const drawn = Math.max(8, width - 12 - 1 - `${formatNumber(total)} / ${formatNumber(total)}`.length);
  const state = { running: '^C stops', draining: 'draining', done: 'done' }[snapshot.phase];
  const title = `anomaly demo  ${formatSpan(snapshot.elapsedMs)}  ${state}`;
  return [
    { key: 'title', text: `${title}  files > topic > windows > kpi detector > alerts`, bold: true },
    { key: 'produced', text: `produced    ${gauge(total === 0 ? 0 : produced / total, drawn)} ${counts}` },
    { key: 'rate', text: `events/s    ${sparkline(snapshot.rates, drawn)} ${rateText}`, color: 'cyan' },
    {
      key: 'counts',
      text: `pipeline    windows ${formatNumber(windows)}  alerts ${formatNumber(alerts)}  late ${formatNumber(late)}  lag ${formatNumber(lagRecords)}`,
    },
    {
      key: 'latency',
      text: `to alert    p50 ${ms(p50Ms)}  p95 ${ms(p95Ms)}  p99 ${ms(p99Ms)}`,
      color: latencyColor(p99Ms),
    },
    { key: 'head', text: alertText(width, 'EVENT TIME', 'SERIES', 'VALUE', 'SCORE', 'LABEL'), bold: true },
  ];
}

function alertLine(alert: DemoAlert | undefined, row: number, width: number): ViewLine {
  const key = `alert ${row}`;
  if (alert === undefined) return { key, text: ' ' };
  const time = new Date(alert.timeMs).toISOString().slice(0, 16).replace('T', ' ');
  const verdict = alert.labelled ? 'anomaly' : 'false alarm';
  const text = alertText(width, time, alert.series, compact(alert.value), alert.score.toFixed(1), verdict);
  return { key, text, color: alert.labelled ? 'green' : 'yellow' };
}

function alertText(width: number, time: string, series: string, value: string, score: string, verdict: string): string {
  const tail = `${score.padStart(6)}  ${verdict.padEnd(11)}`;
  if (width < COMPACT_BELOW) return `${fitted(series, Math.max(6, width - tail.length - 1))} ${tail}`;
  const named = fitted(series, width - 17 - 12 - tail.length);
  return `${time.padEnd(17)}${named} ${value.padStart(10)} ${tail}`;
}

/** The end of a name tells more than its beginning. */
function fitted(text: string, width: number): string {
  return text.length > width ? `…${text.slice(1 - width)}` : text.padEnd(width);
}

/** The budget is 100 ms, the aim is 20. */
function latencyColor(p99Ms: number | null): 'green' | 'yellow' | 'red' {
  if (p99Ms === null || p99Ms <= 20) return 'green';
  return p99Ms <= 100 ? 'yellow' : 'red';
}

function compact(value: number): string {
  const size = Math.abs(value);
  return size >= 1e6 || (size > 0 && size < 1e-3) ? value.toExponential(2) : String(Number(value.toFixed(3)));
}

function ms(value: number | null): string {
  return value === null ? '-' : formatSpan(value);
}
