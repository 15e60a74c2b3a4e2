import type { AnomalyView, SeriesView } from '../observe/watch/snapshot.ts';
import { renderChart } from '../output/chart.ts';
import { dateTime, value } from './draw.ts';
import { type Line, line, linesOf, span } from './line.ts';
import { wrap } from './text.ts';

/** Rows below a plot: its axis, its times, its legend. */
const BELOW_PLOT = 3;

/** An opened anomaly: its series with the band of then, and why it is one. */
export function chartLines(
  anomaly: AnomalyView,
  series: SeriesView | null,
  size: { readonly width: number; readonly height: number; readonly ascii: boolean },
): Line[] {
  const facts = factLines(anomaly, size.width);
  const height = Math.max(4, Math.min(24, size.height - facts.length - BELOW_PLOT - 2));
  return [...facts, [], ...plotLines(anomaly, series, { ...size, height }), []];
}

function plotLines(
  anomaly: AnomalyView,
  series: SeriesView | null,
  { width, height, ascii }: { readonly width: number; readonly height: number; readonly ascii: boolean },
): Line[] {
  if (series === null) return [line(span('reading the values around it', 'dim'))];
  const problem = series.problem === null ? [] : wrap(series.problem, width).map((text) => line(span(text, 'bad')));
  if (series.points.length === 0)
    return problem.length > 0 ? problem : [line(span('no values around it are left', 'dim'))];
  const { lower, expected, upper, timeMs } = anomaly;
  const text = renderChart(series.points, {
    ...{ width, height, ascii, color: true, band: { lower, expected, upper } },
    mark: { timeMs, value: anomaly.value },
    timeText: dateTime,
  });
  return [...linesOf(text), ...problem];
}

function factLines(anomaly: AnomalyView, width: number): Line[] {
  const { series, field, rule, score, threshold, expected, lower, upper, parts, model } = anomaly;
  const band = lower === null && upper === null ? 'none' : `${value(lower)} to ${value(upper)}`;
  const partTexts = parts.map((part) => `${part.name} ${part.score === null ? '-' : part.score.toFixed(1)}`);
  const facts: [string, string][] = [
    ['series', `${series}, field ${field}, rule ${rule}, pipeline ${anomaly.pipeline}`],
    ['value', `${value(anomaly.value)} at ${dateTime(anomaly.timeMs)}, expected ${value(expected)}, band ${band}`],
    ['score', `${score.toFixed(2)} (threshold ${value(threshold)}), parts ${partTexts.join(', ') || '-'}`],
    ['model', `${model ?? 'none, the detector alone'}`],
    ['record', `${anomaly.topic}/${anomaly.partition} offset ${anomaly.offset}; anomaly explain ${anomaly.id}`],
  ];
  return facts.flatMap(([name, text]) =>
    wrap(text, Math.max(10, width - 8)).map((each, i) => line(span((i === 0 ? name : '').padEnd(8), 'accent'), each)),
  );
}
