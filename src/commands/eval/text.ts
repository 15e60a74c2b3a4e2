import type { Comparison } from '../../eval/compare.ts';
import { groupOf } from '../../eval/labelledSeries.ts';
import { metricsOf } from '../../eval/metrics/summary.ts';
import type { DetectorReport, EvaluationReport, Metrics, SeriesReport } from '../../eval/report.ts';
import { formatSpan } from '../../output/format.ts';
import type { Column } from '../../output/output.ts';
import { renderTable } from '../../output/table.ts';
import { figure, nabTriple, percent, ranged } from './figures.ts';

export interface TextStyle {
  readonly wide: boolean;
  readonly color: boolean;
}

/** The report for people: one table a question. */
export function reportText(report: EvaluationReport, style: TextStyle): string {
  const table = <Row>(title: string, rows: readonly Row[], columns: readonly Column<Row>[]) =>
    rows.length === 0 ? [] : [`${title}\n${renderTable(rows, columns, style)}`];
  const { detectors, isLabelled } = report;
  const parts = [headline(report)];
  if (isLabelled) {
    parts.push(renderTable(detectors, eventColumns(report), style));
    parts.push(...table('Found by kind of anomaly', detectors, kindColumns(detectors)).filter(() => hasKinds(report)));
    if (detectors.some(({ nab }) => nab !== null)) parts.push(nabText(report, style));
  }
  if (isLabelled) {
    const own = detectors.filter(({ role }) => role === 'detector');
    for (const one of own) {
      parts.push(...table(`${one.detector} by rule`, one.rules, ruleColumns));
      parts.push(...table(`${one.detector} by group of series`, groupRows(one), groupColumns));
    }
  }
  for (const detector of detectors.filter(({ role }) => role === 'detector')) {
    const { sensitivities } = detector;
    const title = `What each sensitivity of ${detector.detector} gives`;
    parts.push(...table(title, sensitivities, sensitivityColumns(sensitivities, isLabelled)));
  }
  for (const detector of detectors.filter(({ role }) => role === 'detector')) {
    const count = style.wide ? Infinity : SHOWN_SERIES;
    if (isLabelled) {
      const worst = worstSeries(detector.perSeries).slice(0, count);
      parts.push(...table(`Where ${detector.detector} is wrong most`, worst, seriesColumns));
    } else {
      const loud = detector.perSeries.filter(({ alerts }) => alerts > 0).toSorted((a, b) => b.alerts - a.alerts);
      parts.push(...table(`Where ${detector.detector} alerts most`, loud.slice(0, count), alertColumns));
    }
  }
  return parts.join('\n\n');
}

const SHOWN_SERIES = 5;
/** More groups than these are no summary. */
const MOST_GROUPS = 12;

function headline(report: EvaluationReport): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const { warmUp, toleranceRows, coolDownRows } = report;
  const events = report.isLabelled ? `${count(report.labelledEvents)} labelled events, ` : 'no labels, ';
  const rules = report.isLabelled ? `, tolerance ${toleranceRows} rows, cool-down ${coolDownRows} rows` : '';
  return (
    `${report.suite}: ${count(report.series)} series, ${count(report.points)} points, ${events}` +
    `${count(Math.round(report.seriesDays))} series-days; the first ${percent(warmUp)} unscored${rules}`
  );
}

function eventColumns(report: EvaluationReport): Column<DetectorReport>[] {
  const hasClean = report.detectors.some(({ clean }) => clean !== null);
  const ofMetric = (header: string, name: 'precision' | 'recall' | 'f1', wide = false): Column<DetectorReport> => ({
    header,
    value: ({ metrics }) => figure(metrics[name]),
    align: 'right',
    wide,
  });
  return [
    { header: 'detector', value: ({ detector, role }) => (role === 'detector' ? detector : `  ${detector}`) },
    { header: 'T', value: ({ threshold }) => figure(threshold), align: 'right' },
    ofMetric('precision', 'precision'),
    ofMetric('recall', 'recall'),
    { header: 'F1 (95 %)', value: ({ metrics, intervals }) => ranged(metrics.f1, intervals.f1), align: 'right' },
    {
      header: 'false/day (95 %)',
      value: ({ metrics, intervals }) => ranged(metrics.falseAlarmsPerDay, intervals.falseAlarmsPerDay),
      align: 'right',
    },
    ...(hasClean
      ? [
          {
            header: 'clean/day',
            value: ({ clean }: DetectorReport) => figure(clean?.falseAlarmsPerDay ?? NaN),
            align: 'right',
          } as const,
        ]
      : []),
    { header: 'delay rows', value: ({ delay }) => figure(delay.medianRows, 0), align: 'right' },
    { header: 'delay', value: ({ delay }) => formatSpan(delay.medianSeconds * 1000), align: 'right' },
    { header: 'AUC-PR', value: ({ metrics }) => figure(metrics.aucPr), align: 'right' },
    { header: 'VUS-PR', value: ({ metrics }) => figure(metrics.vusPr), align: 'right' },
    {
      header: 'best F1 at T',
      value: ({ best }) => (best === null ? '-' : `${figure(best.f1)} at ${figure(best.threshold)}`),
      align: 'right',
    },
    { header: 'us/point', value: ({ microsecondsPerPoint }) => figure(microsecondsPerPoint), align: 'right' },
  ];
}

function hasKinds({ detectors }: EvaluationReport): boolean {
  return detectors.some(({ kinds }) => kinds.length > 0);
}

function kindColumns(detectors: readonly DetectorReport[]): Column<DetectorReport>[] {
  const kinds = [...new Set(detectors.flatMap((each) => each.kinds.map(({ kind }) => kind)))].sort();
  return [
    { header: 'detector', value: ({ detector }) => detector },
    ...kinds.map(
      (kind): Column<DetectorReport> => ({
        header: kind,
        value: (row) => {
          const own = row.kinds.find((each) => each.kind === kind);
          return own === undefined ? '-' : `${own.found}/${own.events}`;
        },
        align: 'right',
      }),
    ),
  ];
}

interface NabRow {
  readonly detector: string;
  readonly asRun: readonly number[];
  readonly optimised: readonly number[];
  readonly logo: readonly number[];
  readonly maximaOptimised: readonly number[];
  readonly maximaLogo: readonly number[];
}

/** Ours above, the published board below: its one column stands under ours of the same kind. */
function nabText({ detectors, published = [] }: EvaluationReport, style: TextStyle): string {
  const own = detectors.flatMap(({ detector, nab }): NabRow[] => (nab === null ? [] : [{ detector, ...nab }]));
  const none = { asRun: [], logo: [], maximaLogo: [], maximaOptimised: [] };
  const board = published.map(({ detector, nab }): NabRow => ({ detector: `  ${detector}`, optimised: nab, ...none }));
  const triple = (header: string, of: (row: NabRow) => readonly number[]): Column<NabRow> => ({
    header,
    value: (row) => nabTriple(of(row)),
    align: 'right',
  });
  const rows = board.length === 0 ? own : [...own, { detector: 'published', optimised: [], ...none }, ...board];
  const text = renderTable<NabRow>(
    rows,
    [
      { header: 'detector', value: ({ detector }) => detector },
      triple('at its T', ({ asRun }) => asRun),
      triple('optimised', ({ optimised }) => optimised),
      triple('LOGO', ({ logo }) => logo),
      triple('new maxima', ({ maximaOptimised }) => maximaOptimised),
      triple('their LOGO', ({ maximaLogo }) => maximaLogo),
    ],
    style,
  );
  return (
    'NAB 1.1, standard/low FP/low FN: at its own threshold; at the best one for this corpus; at the best one of the\n' +
    `other folders (LOGO); and the same of scores that are new maxima of half a probation\n${text}`
  );
}

type LevelRow = DetectorReport['sensitivities'][number];

/** How many alerts more or fewer than at the sensitivity of now. */
function against(alerts: number, levels: readonly LevelRow[]): string {
  const now = levels.find(({ isCurrent }) => isCurrent)?.alerts;
  if (now === undefined || now === alerts) return '-';
  return `${alerts > now ? '+' : '-'}${Math.abs(alerts - now).toLocaleString('en-US')}`;
}

function sensitivityColumns(levels: readonly LevelRow[], isLabelled: boolean): Column<LevelRow>[] {
  const labelled: Column<LevelRow>[] = [
    { header: 'false/day', value: ({ falseAlarmsPerDay }) => figure(falseAlarmsPerDay), align: 'right' },
    { header: 'precision', value: ({ precision }) => figure(precision), align: 'right' },
    { header: 'recall', value: ({ recall }) => figure(recall), align: 'right' },
    { header: 'F1', value: ({ f1 }) => figure(f1), align: 'right' },
  ];
  return [
    { header: 'sensitivity', value: ({ sensitivity, isCurrent }) => `${sensitivity}${isCurrent ? ' (now)' : ''}` },
    { header: 'T', value: ({ threshold }) => figure(threshold), align: 'right' },
    { header: 'alerts', value: ({ alerts }) => alerts, align: 'right' },
    { header: 'against now', value: ({ alerts }) => against(alerts, levels), align: 'right' },
    { header: 'alerts/series/day', value: ({ alertsPerDay }) => figure(alertsPerDay, 3), align: 'right' },
    { header: 'series that alert', value: ({ alertingSeries }) => alertingSeries, align: 'right' },
    ...(isLabelled ? labelled : []),
  ];
}

const ruleColumns: readonly Column<DetectorReport['rules'][number]>[] = [
  { header: 'rule', value: ({ rule }) => rule },
  { header: 'alerts', value: ({ alerts }) => alerts, align: 'right' },
  { header: 'found', value: ({ found }) => found, align: 'right' },
  { header: 'found by it alone', value: ({ onlyFound }) => onlyFound, align: 'right' },
  { header: 'false alarms', value: ({ falseAlarms }) => falseAlarms, align: 'right' },
];

interface GroupRow {
  readonly group: string;
  readonly series: number;
  readonly metrics: Metrics;
}

/** Nothing where all series are of one group, or of very many. */
function groupRows({ perSeries }: DetectorReport): GroupRow[] {
  const groups = [...new Set(perSeries.map(({ series }) => groupOf(series)))];
  if (groups.length < 2 || groups.length > MOST_GROUPS) return [];
  return groups.map((group) => {
    const own = perSeries.filter(({ series }) => groupOf(series) === group);
    return { group, series: own.length, metrics: metricsOf(own, [...own.keys()]) };
  });
}

const groupColumns: readonly Column<GroupRow>[] = [
  { header: 'group', value: ({ group }) => group },
  { header: 'series', value: ({ series }) => series, align: 'right' },
  { header: 'precision', value: ({ metrics }) => figure(metrics.precision), align: 'right' },
  { header: 'recall', value: ({ metrics }) => figure(metrics.recall), align: 'right' },
  { header: 'F1', value: ({ metrics }) => figure(metrics.f1), align: 'right' },
  { header: 'false/day', value: ({ metrics }) => figure(metrics.falseAlarmsPerDay, 3), align: 'right' },
  { header: 'VUS-PR', value: ({ metrics }) => figure(metrics.vusPr), align: 'right' },
];

/** By missed events and false alarms together. */
function worstSeries(all: readonly SeriesReport[]): SeriesReport[] {
  const wrong = ({ events, found, falseAlarms }: SeriesReport) => events - found + falseAlarms;
  return all.filter((one) => wrong(one) > 0).toSorted((a, b) => wrong(b) - wrong(a));
}

const seriesColumns: readonly Column<SeriesReport>[] = [
  { header: 'series', value: ({ series }) => series },
  { header: 'events', value: ({ events }) => events, align: 'right' },
  { header: 'found', value: ({ found }) => found, align: 'right' },
  { header: 'false alarms', value: ({ falseAlarms }) => falseAlarms, align: 'right' },
  { header: 'days', value: ({ days }) => figure(days, 1), align: 'right' },
];

const alertColumns: readonly Column<SeriesReport>[] = [
  { header: 'series', value: ({ series }) => series },
  { header: 'alerts', value: ({ alerts }) => alerts, align: 'right' },
  { header: 'days', value: ({ days }) => figure(days, 1), align: 'right' },
  { header: 'points', value: ({ points }) => points, align: 'right' },
];

/** B against A. */
export function comparisonText(comparison: Comparison, style: TextStyle): string {
  const rows = comparison.differences.filter(({ a, b }) => !Number.isNaN(a) || !Number.isNaN(b));
  const names = {
    ...{ precision: 'precision', recall: 'recall', f1: 'F1', falseAlarmsPerDay: 'false alarms/series/day' },
    ...{ alertsPerDay: 'alerts/series/day', aucPr: 'AUC-PR', vusPr: 'VUS-PR' },
  };
  const text = renderTable(
    rows,
    [
      { header: 'figure', value: ({ metric }) => names[metric] },
      { header: comparison.a, value: ({ a }) => figure(a, 3), align: 'right' },
      { header: comparison.b, value: ({ b }) => figure(b, 3), align: 'right' },
      {
        header: 'difference (95 %)',
        value: ({ difference, interval }) => ranged(difference, interval, 3),
        align: 'right',
      },
      { header: '', value: ({ isClear }) => (isClear ? 'clear' : 'within chance') },
    ],
    style,
  );
  const title = `${comparison.b} against ${comparison.a}, on ${comparison.series} series`;
  const nab =
    comparison.nab === null
      ? ''
      : `\nNAB, optimised: ${nabTriple(comparison.nab.a)} and ${nabTriple(comparison.nab.b)}`;
  return `${title}\n${text}${nab}`;
}
