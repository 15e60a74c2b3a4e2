import type { PipelineConfig, ScoreConfig } from '../../config/pipelineConfig.ts';
import { globMatcher } from '../../engine/expressions/glob.ts';
import { WATCH_THRESHOLDS, type WatchDefinition } from '../../engine/watches/definition.ts';

/**
 * The rules beside the detector.
 *
 * @param rules those of the detector, one a field: kpi@value, kpi@w5m.mean
 */
export function defineWatches(
  config: PipelineConfig,
  score: ScoreConfig,
  rules: readonly string[],
): readonly WatchDefinition[] {
  const sensitive = config.overrides
    .filter(({ sensitivity }) => sensitivity !== undefined)
    .map(({ series, sensitivity }) => ({ sensitivity: sensitivity!, matches: globMatcher(series) }));
  return (score.watches ?? []).map(({ watch, threshold, groupBy, ...settings }) => {
    const thresholds = WATCH_THRESHOLDS[watch];
    const isOfFields = watch === 'multivariate' && groupBy === undefined;
    return {
      watch,
      ...settings,
      ...(groupBy !== undefined && { groupBy }),
      rules: isOfFields ? ['multivariate@record'] : rules.map((rule) => `${watch}${rule.slice(rule.indexOf('@'))}`),
      threshold: threshold ?? thresholds[score.sensitivity],
      shaping: {
        refractoryMs: watchRefractory(score),
        ...(config.alerts !== undefined && { tellsEnd: true }),
      },
      ...(threshold === undefined &&
        sensitive.length > 0 && {
          thresholdOf: (series: string) => {
            // The last override that matches wins, as it does for the detector.
            const found = sensitive.findLast(({ matches }) => matches(series));
            return found === undefined ? undefined : thresholds[found.sensitivity];
          },
        }),
    };
  });
}

/** What a watch tells lasts for a while as a rule. */
const SHORTEST_REFRACTORY_MS = 3_600_000;

function watchRefractory({ refractoryMs }: ScoreConfig): number {
  return Math.max(refractoryMs, SHORTEST_REFRACTORY_MS);
}

/** Event time for which a rule does not alert again, by its name: that of a watch begins with what it watches. */
export function refractoryOf(score: ScoreConfig | undefined, rule: string): number {
  if (score === undefined) return 0;
  const name = rule.slice(0, rule.indexOf('@'));
  return score.watches?.some(({ watch }) => watch === name) === true ? watchRefractory(score) : score.refractoryMs;
}
