import { AnomalyError } from '../../errors.ts';
import type { Detector } from './detector.ts';
import { KPI_MAX_SCORE, KPI_THRESHOLDS, KpiDetector } from './kpi.ts';
import { type Limits, RangeCheck } from './range.ts';
import { RollingZ } from './rollingZ.ts';

/** What a detector needs of a pipeline's `score` section; the units are those of anomaly.yaml in milliseconds. */
export interface DetectorParameters {
  readonly detector: 'kpi' | 'rolling-z' | 'range';
  /** Default medium. */
  readonly sensitivity?: Sensitivity;
  /** rolling-z: in standard deviations; kpi: -log10 p, in place of the one that the sensitivity stands for. */
  readonly threshold?: number;
  /** rolling-z: number of previous values, and how many of them there must be. */
  readonly window: number;
  readonly minCount: number;
  /** kpi: width of a season slot, 1 minute to 6 hours; memory a series grows with their number. */
  readonly stepMs: number;
  /** kpi: number of values that a tail is estimated from, 2000 unless given; 24 bytes each a series. */
  readonly tailSize?: number;
}

export type Sensitivity = 'low' | 'medium' | 'high';

/** rolling-z alerts beyond this many standard deviations where the configuration gives no threshold. */
const ROLLING_Z_THRESHOLD = 6;

const MIN_STEP_MS = 60_000;
const MAX_STEP_MS = 21_600_000;

/**
 * The detector of a partition. `limits` and `thresholdOf` are asked once a slot, when it appears: its valid range
 * (infinite where there is none), and its threshold where an override gives another one.
 */
export function createDetector(
  parameters: DetectorParameters,
  limits: (slot: number) => Limits,
  thresholdOf?: (slot: number) => number | undefined,
): Detector {
  switch (parameters.detector) {
    case 'rolling-z': {
      const { window, minCount, threshold = ROLLING_Z_THRESHOLD } = parameters;
      if (!(minCount <= window)) {
        throw new AnomalyError(
          'ANM_CONFIG',
          `cannot score as score.min_count is ${minCount}, more than the ${window} values of score.window`,
        );
      }
      return new RollingZ({ window, minCount, threshold }, thresholdOf);
    }
    case 'range':
      return new RangeCheck(limits);
    case 'kpi': {
      const { threshold = KPI_THRESHOLDS[parameters.sensitivity ?? 'medium'], stepMs, tailSize } = parameters;
      if (!(stepMs >= MIN_STEP_MS && stepMs <= MAX_STEP_MS)) {
        throw new AnomalyError('ANM_CONFIG', `cannot score as score.step is ${stepMs} ms, not 1m to 6h`);
      }
      if (!(threshold < KPI_MAX_SCORE)) {
        throw new AnomalyError(
          'ANM_CONFIG',
          `cannot score as score.threshold is ${threshold}, and no kpi score is above ${KPI_MAX_SCORE}`,
        );
      }
      return new KpiDetector({ threshold, stepMs, ...(tailSize !== undefined && { tailSize }) }, limits, thresholdOf);
    }
    default:
      throw new AnomalyError('ANM_CONFIG', `cannot score as score.detector is ${parameters.detector}`);
  }
}
