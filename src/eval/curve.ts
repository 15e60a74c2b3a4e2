import type { AlertShaping } from '../engine/alertShaper.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import { EventCounts } from './metrics/counts.ts';
import type { EventRules } from './metrics/events.ts';
import type { CurvePoint } from './report.ts';
import { pipelineAlertsAt, type ScoredSeries } from './scoring.ts';

const POINTS = 48;
/** Most alerts that a threshold may ask for, as a share of all rows. */
const LARGEST_SHARE = 0.05;

/** Precision and recall of events at thresholds from where nothing alerts to where every twentieth row would. */
export function thresholdSweep(
  series: readonly LabelledSeries[],
  scored: readonly ScoredSeries[],
  { threshold: own, shaping }: { readonly threshold: number; readonly shaping: AlertShaping },
  rules: EventRules,
): CurvePoint[] {
  const thresholds = [...new Set([...candidateThresholds(scored, POINTS, LARGEST_SHARE), own])];
  return thresholds
    .toSorted((a, b) => b - a)
    .map((threshold) => {
      const counts = new EventCounts();
      for (const [i, one] of series.entries()) {
        counts.add(one, pipelineAlertsAt(one.times, scored[i]!, threshold, shaping), rules);
      }
      return { threshold, ...counts.rates, falseAlarmsPerDay: counts.perDay(counts.falseAlarms) };
    });
}

/** Distinct scores of all series at ranks that are evenly spread on a logarithmic scale, from the highest down. */
export function candidateThresholds(scored: readonly ScoredSeries[], count: number, share: number): number[] {
  const all = positiveScores(scored);
  const rows = scored.reduce((sum, { scores }) => sum + scores.length, 0);
  const deepest = Math.min(all.length, Math.floor(share * rows));
  if (deepest === 0) return [];
  const ratio = deepest ** (1 / (count - 1));
  const thresholds = new Set<number>();
  let rank = 1;
  for (let k = 0; k < count; k++) {
    thresholds.add(all[all.length - Math.min(deepest, Math.ceil(rank))]!);
    rank *= ratio;
  }
  return [...thresholds];
}

/** All scores above 0, ascending. */
function positiveScores(scored: readonly ScoredSeries[]): Float64Array {
  const all = new Float64Array(scored.reduce((sum, { scores }) => sum + scores.length, 0));
  let count = 0;
  for (const { scores } of scored) for (const score of scores) if (score > 0) all[count++] = score;
  return all.subarray(0, count).sort();
}
