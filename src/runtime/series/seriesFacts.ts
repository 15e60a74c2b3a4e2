import type { OverrideConfig, PipelineConfig, ScoreConfig } from '../../config/pipelineConfig.ts';
import type { ScoreDefinition } from '../../engine/definition.ts';
import { createDetector, thresholdFor } from '../../engine/detectors/create.ts';
import { globMatcher } from '../../engine/expressions/glob.ts';
import type { SeriesFacts } from '../../engine/seriesKnowledge.ts';
import { AnomalyError } from '../../errors.ts';

type Knowledge = Pick<ScoreDefinition, 'limits' | 'isUniform' | 'factsOf' | 'origins' | 'calendars'>;

/** An override with its names resolved. */
interface Known {
  readonly matches: (series: string) => boolean;
  readonly facts: Partial<SeriesFacts>;
}

/**
 * What is known of each series: what `score` says of all, then each override that matches it, so that the last one wins,
 * key by key.
 *
 * @throws ANM_CONFIG for a part that the detector does not have
 */
export function defineFacts(
  { calendars = {}, overrides }: PipelineConfig,
  score: ScoreConfig,
  detector: ScoreDefinition['detector'],
): Knowledge {
  const { partNames } = createDetector(detector, () => ({ min: -Infinity, max: Infinity }));
  const names = Object.keys(calendars);
  const origins = [score.threshold === undefined ? `sensitivity ${score.sensitivity}` : 'score.threshold'];
  const base: SeriesFacts = {
    min: score.min ?? -Infinity,
    max: score.max ?? Infinity,
    threshold: score.threshold ?? thresholdFor(score.detector, score.sensitivity),
    origin: 0,
    direction: score.direction ?? 'both',
    minDeviation: score.minDeviation ?? 0,
    minDeviationRatio: score.minDeviationRatio ?? 0,
    calendars: (score.calendars ?? []).map((name) => names.indexOf(name)),
    muted: mutedBits(score.mute ?? [], partNames, 'score.mute'),
  };
  const known = overrides.map((override, i): Known => {
    const { sensitivity, calendars: own, mute, series, ...rest } = override;
    if (sensitivity !== undefined) origins.push(`override ${series}: sensitivity ${sensitivity}`);
    return {
      matches: globMatcher(series),
      facts: {
        ...given(rest),
        ...(sensitivity !== undefined && {
          threshold: thresholdFor(score.detector, sensitivity),
          origin: origins.length - 1,
        }),
        ...(own !== undefined && { calendars: own.map((name) => names.indexOf(name)) }),
        ...(mute !== undefined && { muted: mutedBits(mute, partNames, `overrides[${i}].mute`) }),
      },
    };
  });
  const factsOf = (series: string): SeriesFacts =>
    Object.assign({}, base, ...known.filter(({ matches }) => matches(series)).map(({ facts }) => facts));
  return {
    factsOf,
    limits: (series) => {
      const { min, max } = factsOf(series);
      return { min, max };
    },
    isUniform: overrides.length === 0,
    origins,
    calendars: names.map((name) => calendars[name]!.spans),
  };
}

/** The keys that the two shapes share. */
function given({ min, max, direction, minDeviation, minDeviationRatio }: Omit<OverrideConfig, 'series'>) {
  return {
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(direction !== undefined && { direction }),
    ...(minDeviation !== undefined && { minDeviation }),
    ...(minDeviationRatio !== undefined && { minDeviationRatio }),
  };
}

function mutedBits(names: readonly string[], partNames: readonly string[], key: string): number {
  let bits = 0;
  for (const name of names) {
    const part = partNames.indexOf(name);
    if (part < 0) {
      throw new AnomalyError('ANM_CONFIG', `${key} cannot be ${name} as the detector has no such part`, {
        hint: `its parts: ${partNames.join(', ')}`,
        details: { key, value: name },
      });
    }
    bits |= 1 << part;
  }
  return bits;
}
