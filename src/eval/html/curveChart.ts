import type { DetectorReport } from '../report.ts';
import { escaped, px, short } from './markup.ts';

const SIZE = 320;
const MARGIN = 34;
const COLORS = ['#1f5fbf', '#b8501f', '#2f7d4f', '#7a4fa3', '#8a8a2a', '#555'];

/** Precision over recall of events by threshold, one line a detector; the dot is where it stands by default. */
export function curveChart(detectors: readonly DetectorReport[]): string {
  const x = (recall: number) => MARGIN + recall * (SIZE - MARGIN - 8);
  const y = (precision: number) => 8 + (1 - precision) * (SIZE - MARGIN - 8);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (at) =>
      `<line class="grid" x1="${px(x(at))}" x2="${px(x(at))}" y1="${px(y(0))}" y2="${px(y(1))}"/>` +
      `<line class="grid" x1="${px(x(0))}" x2="${px(x(1))}" y1="${px(y(at))}" y2="${px(y(at))}"/>` +
      `<text class="axis" x="${px(x(at) - 6)}" y="${SIZE - 18}">${at}</text><text class="axis" x="4" y="${px(y(at) + 3)}">${at}</text>`,
  );
  const lines = detectors.map(({ detector, curve, metrics, threshold }, k) => {
    const color = COLORS[k % COLORS.length]!;
    const points = curve.filter(({ precision, recall }) => !Number.isNaN(precision) && !Number.isNaN(recall));
    const path = points.map(({ precision, recall }) => `${px(x(recall))},${px(y(precision))}`).join(' ');
    const isKnown = !Number.isNaN(metrics.precision) && !Number.isNaN(metrics.recall);
    const dot = isKnown
      ? `<circle cx="${px(x(metrics.recall))}" cy="${px(y(metrics.precision))}" r="4" fill="${color}"><title>${escaped(detector)} at ${short(threshold)}</title></circle>`
      : '';
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${path}"/>${dot}`;
  });
  const legend = detectors.map(
    ({ detector }, k) => `<li><span style="background:${COLORS[k % COLORS.length]}"></span>${escaped(detector)}</li>`,
  );
  return (
    `<div class="curve"><svg viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="precision over recall">${grid.join('')}${lines.join('')}` +
    `<text class="axis" x="${SIZE / 2}" y="${SIZE - 4}">recall</text><text class="axis" x="${MARGIN + 4}" y="18">precision</text></svg>` +
    `<ul>${legend.join('')}</ul></div>`
  );
}
