import type { AlertShaping } from '../engine/alertShaper.ts';
import type { PipelineDefinition } from '../engine/definition.ts';
import { defaultThreshold } from '../engine/detectors/create.ts';
import { AnomalyError } from '../errors.ts';
import type { Baseline } from './baselines.ts';
import type { Candidate } from './evaluate.ts';
import type { ModelLink } from './modelLink.ts';
import type { Role } from './report.ts';
import { alertsAt, type ScoredSeries, scoreSeries } from './scoring.ts';
import type { Level } from './sensitivity.ts';

/** The detector of a pipeline, as a run has it. @throws ANM_CONFIG where the pipeline scores nothing */
export function detectorCandidate(
  name: string,
  definition: PipelineDefinition,
  levels: readonly Level[] = [],
  role: Role = 'detector',
  model?: ModelLink,
): Candidate {
  const { score } = definition;
  if (score === undefined) throw new AnomalyError('ANM_CONFIG', `cannot evaluate ${name} as it has no score section`);
  return {
    name,
    role,
    threshold: defaultThreshold(score.detector),
    shaping: score.shaping,
    levels,
    score: (series) => scoreSeries(definition, series, model),
  };
}

/** The detector of a pipeline that has run already: its scores and alerts by name of the series. */
export function scoredCandidate(
  candidate: Candidate,
  scored: ReadonlyMap<string, ScoredSeries>,
  elapsedMs: number,
): Candidate {
  return { ...candidate, elapsedMs, score: ({ name }) => scored.get(name)! };
}

/** A baseline, whose alerts are shaped as those of the detector that it stands beside. */
export function baselineCandidate({ name, threshold, score }: Baseline, shaping: AlertShaping): Candidate {
  return {
    ...{ name, threshold, shaping },
    role: 'baseline',
    score: (series) => {
      const scores = score(series);
      return { scores, alertRows: alertsAt(series.times, scores, threshold, shaping) };
    },
  };
}
