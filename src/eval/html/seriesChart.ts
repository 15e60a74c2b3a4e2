import type { LabelledSeries } from '../labelledSeries.ts';
import { escaped, px, short, timeText } from './markup.ts';

/** Alerts of one series, and which of them were false. */
export interface ChartAlerts {
  readonly alertRows: Int32Array;
  readonly falseRows: readonly number[];
  /** Rows before it are the warm-up. */
  readonly firstRow: number;
}

const WIDTH = 960;
const HEIGHT = 110;
const TOP = 6;
const BOTTOM = 12;

const TICKS = { learning: 'alert in the warm-up', false: 'false alarm', alert: 'alert' } as const;

/** A series as inline SVG: range of values by pixel column, labels behind them, alerts as ticks below. */
export function seriesChart(series: LabelledSeries, alerts: ChartAlerts): string {
  const { times, values, events } = series;
  const [firstMs, lastMs] = [times[0]!, Math.max(times.at(-1)!, times[0]! + 1)];
  const x = (timeMs: number) => Math.min(WIDTH, Math.max(0, ((timeMs - firstMs) / (lastMs - firstMs)) * WIDTH));
  const [low, high] = extremes(values);
  const y = (value: number) => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const labels = events.map(({ startMs, endMs, kind }) => {
    const width = Math.max(2, x(endMs) - x(startMs));
    const title = `${kind ?? 'labelled'}: ${timeText(startMs)} to ${timeText(endMs)}`;
    return `<rect class="label" x="${px(x(startMs))}" y="0" width="${px(width)}" height="${HEIGHT}"><title>${escaped(title)}</title></rect>`;
  });
  const falseRows = new Set(alerts.falseRows);
  const early = `<rect class="early" x="0" y="0" width="${px(x(times[alerts.firstRow] ?? firstMs))}" height="${HEIGHT}"><title>warm-up, not counted</title></rect>`;
  const ticks = Array.from(alerts.alertRows, (row) => {
    const place = px(x(times[row]!));
    const kind = row < alerts.firstRow ? 'learning' : falseRows.has(row) ? 'false' : 'alert';
    const title = `${TICKS[kind]} ${timeText(times[row]!)}, value ${short(values[row]!)}`;
    return `<line class="${kind}" x1="${place}" x2="${place}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT}"><title>${escaped(title)}</title></line>`;
  });
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(series.name)}">` +
    `${early}${labels.join('')}<path class="values" d="${valuePath(times, values, x, y)}"/>${ticks.join('')}` +
    `<text class="axis" x="2" y="10">${short(high)}</text><text class="axis" x="2" y="${HEIGHT - BOTTOM - 2}">${short(low)}</text></svg>`
  );
}

/** From the lowest to the highest value of each pixel column, columns joined; broken where a gap spans a column. */
function valuePath(
  times: Float64Array,
  values: Float64Array,
  x: (timeMs: number) => number,
  y: (value: number) => number,
): string {
  const low = new Float64Array(WIDTH + 1).fill(Infinity);
  const high = new Float64Array(WIDTH + 1).fill(-Infinity);
  for (let i = 0; i < times.length; i++) {
    const column = Math.floor(x(times[i]!));
    if (Number.isNaN(values[i]!) || Number.isNaN(column)) continue;
    low[column] = Math.min(low[column]!, values[i]!);
    high[column] = Math.max(high[column]!, values[i]!);
  }
  const isDense = times.length > WIDTH;
  let path = '';
  let isOpen = false;
  for (let column = 0; column <= WIDTH; column++) {
    if (low[column] === Infinity) {
      if (isDense) isOpen = false;
      continue;
    }
    path += `${isOpen ? 'L' : 'M'}${column} ${px(y(low[column]!))}`;
    if (high[column]! > low[column]!) path += `V${px(y(high[column]!))}`;
    else if (!isOpen) path += 'h.5';
    isOpen = true;
  }
  return path;
}

function extremes(values: Float64Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}
