import type { PipelineDefinition } from '../../engine/definition.ts';

/** Why a record is left out whose series has no room. */
export function seriesLimit({ limits }: PipelineDefinition): string {
  const full = `the series is one too many: the partition has the ${limits?.maxSeries} series of state.max_series`;
  return limits?.onFull === 'evict'
    ? `ANM_SERIES_LIMIT: ${full}, and those seen least recently have open windows`
    : `ANM_SERIES_LIMIT: ${full}`;
}
