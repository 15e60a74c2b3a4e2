import type { LabelledSeries } from '../labelledSeries.ts';
import type { DetectorReport, EvaluationReport, SeriesReport } from '../report.ts';
import { curveChart } from './curveChart.ts';
import { escaped, short } from './markup.ts';
import { type ChartAlerts, seriesChart } from './seriesChart.ts';

export interface Plot {
  readonly series: LabelledSeries;
  readonly alerts: ChartAlerts;
}

/** More charts make a page that no browser likes to scroll. */
const MOST_CHARTS = 100;

/** The report as one file: inline SVG and style, no scripts, nothing from elsewhere. */
export function htmlPage(report: EvaluationReport, detector: string, plots: readonly Plot[]): string {
  const own = report.detectors.find((each) => each.detector === detector)!;
  const byName = new Map(own.perSeries.map((one) => [one.series, one]));
  const shown = plots
    .filter(({ series }) => series.times.length > 0)
    .toSorted((a, b) => weight(byName.get(b.series.name)) - weight(byName.get(a.series.name)))
    .slice(0, MOST_CHARTS);
  const title = `anomaly eval: ${report.suite}`;
  const left = plots.length - shown.length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(title)}</h1>
<p>${report.series} series, ${report.points} points, ${report.isLabelled ? `${report.labelledEvents} labelled events` : 'no labels'}, ${short(report.seriesDays)} series-days; the first ${Math.round(100 * report.warmUp)} % of each series are not counted.</p>
${report.isLabelled ? `<h2>Detectors</h2>${detectorTable(report.detectors)}<h2>Precision over recall of events</h2>${curveChart(report.detectors)}` : ''}
${nabTable(report)}
${sensitivityTable(own)}
<h2>Series by ${escaped(detector)}</h2>
<p>Shaded: labelled, in grey the warm-up. Ticks below: alerts; the red and higher ones are false alarms.${left > 0 ? ` ${left} more series are left out; those that say most come first.` : ''}</p>
${shown.map(({ series, alerts }) => figureOf(series, alerts, byName.get(series.name))).join('\n')}
</body></html>
`;
}

/** Charts with mistakes come first, then those with events, then the others. */
function weight(one: SeriesReport | undefined): number {
  return one === undefined ? 0 : 4 * (one.events - one.found + one.falseAlarms) + one.events + one.alerts;
}

function figureOf(series: LabelledSeries, alerts: ChartAlerts, one: SeriesReport | undefined): string {
  const counts =
    one === undefined ? '' : `: ${one.found} of ${one.events} found, ${one.falseAlarms} false, ${one.alerts} alerts`;
  return `<figure><figcaption>${escaped(series.name)}${counts}</figcaption>${seriesChart(series, alerts)}</figure>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('')}</tbody></table>`;
}

function detectorTable(detectors: readonly DetectorReport[]): string {
  const span = (value: number, { low, high }: { low: number; high: number }) =>
    `${short(value)} (${short(low)} to ${short(high)})`;
  return table(
    [
      'detector',
      'T',
      'precision',
      'recall',
      'F1 (95 %)',
      'false/series/day (95 %)',
      'delay, rows',
      'AUC-PR',
      'VUS-PR',
      'us/point',
    ],
    detectors.map(({ detector, threshold, metrics, intervals, delay, microsecondsPerPoint }) => [
      ...[detector, short(threshold), short(metrics.precision), short(metrics.recall)],
      ...[span(metrics.f1, intervals.f1), span(metrics.falseAlarmsPerDay, intervals.falseAlarmsPerDay)],
      ...[short(delay.medianRows), short(metrics.aucPr), short(metrics.vusPr), short(microsecondsPerPoint)],
    ]),
  );
}

function nabTable({ detectors, published = [] }: EvaluationReport): string {
  const triple = (scores: readonly number[]) => scores.map((score) => score.toFixed(1)).join(' / ');
  const rows = detectors.flatMap(({ detector, nab }) =>
    nab === null
      ? []
      : [
          [
            detector,
            triple(nab.asRun),
            triple(nab.optimised),
            triple(nab.logo),
            triple(nab.maximaOptimised),
            triple(nab.maximaLogo),
          ],
        ],
  );
  if (rows.length === 0) return '';
  const board = published.map(({ detector, nab }) => [`published: ${detector}`, '', triple(nab), '', '', '']);
  const head = ['detector', 'at its T', 'optimised', 'leave one folder out', 'new maxima', 'their LOGO'];
  return `<h2>NAB 1.1: standard / low FP / low FN</h2>${table(head, [...rows, ...board])}`;
}

function sensitivityTable({ detector, sensitivities }: DetectorReport): string {
  if (sensitivities.length === 0) return '';
  const rows = sensitivities.map((level) => [
    `${level.sensitivity}${level.isCurrent ? ' (now)' : ''}`,
    ...[short(level.threshold), String(level.alerts), short(level.alertsPerDay)],
    ...[short(level.falseAlarmsPerDay), short(level.precision), short(level.recall), short(level.f1)],
  ]);
  const head = ['sensitivity', 'T', 'alerts', 'alerts/series/day', 'false/series/day', 'precision', 'recall', 'F1'];
  return `<h2>What each sensitivity of ${escaped(detector)} gives</h2>${table(head, rows)}`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1d2733;--soft:#6b7785;--line:#d7dde4;--back:#fff;--label:#f6d9a8}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#97a3b0;--line:#333c46;--back:#14181d;--label:#5b4720}}
body{font:14px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}
figure{margin:1rem 0}figcaption{color:var(--soft);font-size:.85rem}svg{width:100%;height:auto;display:block;border:1px solid var(--line)}
.curve{display:flex;gap:1.5rem;align-items:flex-start}.curve svg{width:26rem;max-width:70%}.curve ul{list-style:none;padding:0}.curve li span{display:inline-block;width:1rem;height:.3rem;margin-right:.5rem;vertical-align:middle}
.label{fill:var(--label)}.early{fill:var(--line);opacity:.4}.learning{stroke:var(--soft)}.values{fill:none;stroke:var(--ink);stroke-width:.8}.alert{stroke:#2f7d4f;stroke-width:1.5}.false{stroke:#c0392b;stroke-width:2;transform:translateY(-6px)}
.axis{fill:var(--soft);font-size:9px}.grid{stroke:var(--line);stroke-width:.5}
`;
