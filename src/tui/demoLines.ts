import type { DemoAlert, DemoSnapshot } from '../observe/demoSnapshot.ts';

export interface ViewLine {
  readonly key: string;
  readonly text: string;
  readonly color?: 'green' | 'red' | 'yellow' | 'cyan' | 'gray';
  readonly bold?: boolean;
}

/** Alerts shown: the view keeps one height from the first frame to the last. */
const RECENT = 8;

/** The live view of the demo as lines of at most `width` columns; no Ink in here, so that tests read plain text. */
export function demoLines(snapshot: DemoSnapshot, width: number): ViewLine[] {
  const { produced, total, rate, p50Ms, p95Ms, p99Ms, recent } = snapshot;
  const bar = progressBar(total === 0 ? 0 : produced / total, Math.max(10, width - 34));
  const lines: ViewLine[] = [
    { key: 'title', text: `anomaly demo   files → topic → windows → kpi detector → alerts   ${seconds(snapshot.elapsedMs)}`, bold: true },
    { key: 'bar', text: `produced   ${bar} ${integer(produced)} / ${integer(total)}` },
    { key: 'rate', text: `events/s   ${sparkline(snapshot.rates, 30)} ${integer(rate)}`, color: 'cyan' },
    {
      key: 'counts',
      text: `windows ${integer(snapshot.windows)}   alerts ${integer(snapshot.alerts)}   late ${integer(snapshot.late)}   lag ${integer(snapshot.lagRecords)}`,
    },
    { key: 'latency', text: `ingestion to alert   p50 ${ms(p50Ms)}   p95 ${ms(p95Ms)}   p99 ${ms(p99Ms)}`, color: latencyColor(p99Ms) },
    { key: 'head', text: `${'EVENT TIME'.padEnd(17)} ${'SERIES'.padEnd(44)} ${'VALUE'.padStart(10)} ${'SCORE'.padStart(6)}`, bold: true },
  ];
  for (let row = 0; row < RECENT; row++) lines.push(alertLine(recent[row], row));
  return lines;
}

function alertLine(alert: DemoAlert | undefined, row: number): ViewLine {
  if (alert === undefined) return { key: `alert ${row}`, text: ' ' };
  const time = new Date(alert.timeMs).toISOString().slice(0, 16).replace('T', ' ');
  const name = alert.series.length > 44 ? `…${alert.series.slice(-43)}` : alert.series.padEnd(44);
  const text = `${time.padEnd(17)} ${name} ${compact(alert.value).padStart(10)} ${alert.score.toFixed(1).padStart(6)}`;
  return alert.labelled
    ? { key: `alert ${row}`, text: `${text}  labelled`, color: 'green' }
    : { key: `alert ${row}`, text: `${text}  false alarm`, color: 'yellow' };
}

const BLOCKS = '▁▂▃▄▅▆▇█';

export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(1, ...shown);
  const marks = shown.map((value) => BLOCKS[Math.min(7, Math.floor((value / top) * 8))]);
  return marks.join('').padStart(width);
}

function progressBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

/** The budget is 100 ms, the aim is 10. */
function latencyColor(p99Ms: number | null): 'green' | 'yellow' | 'red' {
  if (p99Ms === null || p99Ms <= 20) return 'green';
  return p99Ms <= 100 ? 'yellow' : 'red';
}

function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function compact(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toExponential(2) : String(Number(value.toFixed(3)));
}

function ms(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function seconds(elapsedMs: number): string {
  return `${(elapsedMs / 1000).toFixed(0)} s`;
}
