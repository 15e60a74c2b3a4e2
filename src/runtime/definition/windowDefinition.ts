import type { PipelineConfig, WindowConfig } from '../../config/pipelineConfig.ts';
import type { ColumnRef, FeatureDefinition, WindowDefinition } from '../../engine/definition.ts';
import { AnomalyError } from '../../errors.ts';
import { zoneTable } from '../../platform/timeZone.ts';

/** The windows of a configuration for the engine, with the aggregates that features and scores are of. */
export function defineWindows(
  config: PipelineConfig,
  features: readonly FeatureDefinition[],
  on: ColumnRef | null,
): WindowDefinition[] {
  const references = [...features.map(({ of }) => of), on];
  return config.windows.map((window, w) => {
    checkScored(window, w, config, features, on);
    const { name, type, sizeMs, size, advanceMs, gapMs, offsetMs, timezone, emitEveryMs, aggregates } = window;
    const named = references.flatMap((of) => (of?.kind === 'aggregate' && of.window === w ? [of.aggregate] : []));
    return {
      name,
      type,
      sizeMs,
      ...(size !== undefined && { size }),
      ...(advanceMs !== undefined && { advanceMs }),
      ...(gapMs !== undefined && { gapMs }),
      ...(offsetMs !== undefined && { offsetMs }),
      ...(timezone !== undefined && { timezone, zone: zoneTable(timezone) }),
      ...(emitEveryMs !== undefined && { emitEveryMs }),
      aggregates: [...new Set([...aggregates, ...named])],
    };
  });
}

/** Counts of alerts and thresholds are there only where the records of the window are scored. */
function checkScored(
  window: WindowConfig,
  w: number,
  { score, windows }: PipelineConfig,
  features: readonly FeatureDefinition[],
  on: ColumnRef | null,
): void {
  const asked = window.aggregates.find((name) => name === 'anomalies' || name === 'threshold');
  if (asked === undefined) return;
  const of = on?.kind === 'feature' ? features[on.feature]!.of : on;
  if (score !== undefined && of?.kind !== 'aggregate') return;
  const reason = score === undefined ? 'nothing is scored here' : `what is scored is ${score.on}, not records`;
  throw new AnomalyError(
    'ANM_CONFIG',
    `windows[${w}].aggregates cannot have ${asked} of window ${windows[w]!.name} as ${reason}`,
    {
      hint: 'anomaly run with score.on: record (--detector kpi) computes it; anomaly window scores nothing',
      details: { key: `windows[${w}].aggregates`, value: asked },
    },
  );
}
