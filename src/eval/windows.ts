import type { ColumnRef, PipelineDefinition } from '../engine/definition.ts';
import type { PartitionPipeline } from '../engine/pipeline.ts';
import { CollectedRows, ScoreCollector } from './collector.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import { attachLabels, type Label } from './labels.ts';
import type { ModelLink } from './modelLink.ts';
import { runSeries, type ScoredSeries } from './scoring.ts';

/** Size of the windows whose values are scored; 0 where records are, and where windows have no size. */
export function scoredSpanMs({ score, windows, features }: PipelineDefinition): number {
  const sizeOf = (column: ColumnRef): number => {
    if (column.kind === 'aggregate') return windows[column.window]!.sizeMs;
    return column.kind === 'feature' ? sizeOf(features[column.feature]!.of) : 0;
  };
  return score === undefined || score.on === null ? 0 : sizeOf(score.on);
}

/** Whether what is scored comes a window, and not a record. */
export function scoresWindows({ score, features }: PipelineDefinition): boolean {
  const isWindow = (column: ColumnRef): boolean =>
    column.kind === 'aggregate' || (column.kind === 'feature' && isWindow(features[column.feature]!.of));
  return score !== undefined && score.on !== null && isWindow(score.on);
}

/** A series as the windows that a pipeline scores, with the same events, and what it says of them. */
export async function scoreWindows(
  definition: PipelineDefinition,
  series: LabelledSeries,
  model?: ModelLink,
): Promise<{ readonly series: LabelledSeries; readonly scored: ScoredSeries }> {
  const rules = definition.score?.rules ?? [];
  const rows = new Map<string, CollectedRows>();
  const collector = new ScoreCollector((_, field) => (field === 0 ? series.name : undefined), rows, rules);
  const onAlerts = ({ alertRows, rules: all }: PartitionPipeline) => {
    for (let k = 0; k < alertRows.count; k++) {
      if (!alertRows.isAlert(k)) continue;
      const rule = all[alertRows.rule[k]!]!.name;
      collector.onAlert(alertRows.series[k]!, alertRows.field[k]!, rule, alertRows.offset[k]!, alertRows.end[k]!);
    }
  };
  await runSeries(definition, series, collector, onAlerts, model);
  const own = rows.get(series.name) ?? new CollectedRows(rules);
  const windows = own.series(series.name, scoredSpanMs(definition));
  return { series: relabelled(windows, series.events), scored: own.scored };
}

/** Events at the end for which no window is closed are left out. */
function relabelled(windows: LabelledSeries, events: readonly Label[]): LabelledSeries {
  const { name, times, spanMs = 0 } = windows;
  if (times.length === 0) return windows;
  const rangeMs = [times[0]!, times.at(-1)! + Math.max(1, spanMs)] as const;
  const options = { source: 'the labels of the series', isInclusive: false, rangeMs };
  return attachLabels([windows], new Map([[name, events]]), options)[0]!;
}
