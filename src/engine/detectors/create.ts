import { AnomalyError } from '../../errors.ts';
import type { AlertShaping } from '../alertShaper.ts';
import { CompositeDetector } from './composite.ts';
import type { Detector } from './detector.ts';
import { MAX_SCORE } from './parts/part.ts';
import { PRESETS, type Preset, type PresetName } from './presets.ts';
import { type Limits, RangeCheck } from './range.ts';
import { RollingZ } from './rollingZ.ts';

/** What a detector needs of a pipeline's `score` section; the units are those of anomaly.yaml in milliseconds. */
export interface DetectorParameters {
  readonly detector: DetectorName;
  /** Default medium. */
  readonly sensitivity?: Sensitivity;
  /** rolling-z: in standard deviations; else -log10 p, in place of the one that the sensitivity stands for. */
  readonly threshold?: number;
  /** rolling-z: number of previous values, and how many of them there must be. */
  readonly window: number;
  readonly minCount: number;
  /** Presets: width of a season slot, 1 minute to 6 hours; memory a series grows with their number. */
  readonly stepMs: number;
  /** Presets: a tail has forgotten a value to 1/e after so many further ones; 4000 unless given. */
  readonly tailSize?: number;
}

/** Names of presets and single parts (presets.ts), and of the detectors whose score is no -log10 p. */
export type DetectorName = PresetName | 'range' | 'rolling-z' | 'threshold';

/** All of them, the default first. */
export const DETECTORS: readonly DetectorName[] = [
  ...(Object.keys(PRESETS) as PresetName[]),
  'range',
  'rolling-z',
  'threshold',
];

export type Sensitivity = 'low' | 'medium' | 'high';

/** Alert thresholds by sensitivity, -log10 p: one score serves every series, preset and part. */
const CALIBRATED = { low: 3, medium: 2.5, high: 2 } as const;

/** By sensitivity: standard deviations for rolling-z; a value outside a given range always alerts. */
export function thresholdFor(detector: DetectorName, sensitivity: Sensitivity): number {
  if (detector === 'range' || detector === 'threshold') return 0;
  return detector === 'rolling-z' ? ROLLING_Z[sensitivity] : CALIBRATED[sensitivity];
}

/**
 * How scores become alerts unless the configuration says otherwise. Of presets and single parts: an alert lasts until a
 * score falls below half of the threshold, and in the 12 hours after one only a higher score alerts again. Measured:
 * refractory times of 1, 6, 12 and 24 hours gave NAB, with alerts as shaped, 59.5, 64.1, 65.6 and 65.3.
 */
export function shapingFor(detector: DetectorName): AlertShaping {
  const isPlain = detector === 'threshold' || detector === 'rolling-z' || detector === 'range';
  return isPlain ? { refractoryMs: 0 } : { refractoryMs: 12 * HOUR_MS, closeBelow: 0.5 };
}

const HOUR_MS = 3_600_000;

const ROLLING_Z = { low: 8, medium: 6, high: 4 } as const;

const MIN_STEP_MS = 60_000;
const MAX_STEP_MS = 21_600_000;

/** The threshold of every series that has none of its own; its unit is that of the detector's score. */
export function defaultThreshold({ detector, sensitivity = 'medium', threshold }: DetectorParameters): number {
  return threshold ?? thresholdFor(detector, sensitivity);
}

/**
 * The detector of a partition. `limits` is asked once a slot, when it appears: its valid range, infinite where there is
 * none.
 */
export function createDetector(parameters: DetectorParameters, limits: (slot: number) => Limits): Detector {
  const { detector: name, window, minCount, stepMs, tailSize } = parameters;
  if (name === 'range' || name === 'threshold') return new RangeCheck(limits, name);
  if (name === 'rolling-z') {
    if (!(minCount <= window)) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `cannot score as score.min_count is ${minCount}, more than the ${window} values of score.window`,
      );
    }
    return new RollingZ({ window, minCount });
  }
  const preset: Preset | undefined = PRESETS[name];
  if (preset === undefined) throw new AnomalyError('ANM_CONFIG', `cannot score as score.detector is ${name}`);
  const threshold = defaultThreshold(parameters);
  if (!(stepMs >= MIN_STEP_MS && stepMs <= MAX_STEP_MS)) {
    throw new AnomalyError('ANM_CONFIG', `cannot score as score.step is ${stepMs} ms, not 1m to 6h`);
  }
  if (!(threshold < MAX_SCORE)) {
    throw new AnomalyError(
      'ANM_CONFIG',
      `cannot score as score.threshold is ${threshold}, and no score of ${name} is above ${MAX_SCORE}`,
    );
  }
  return new CompositeDetector(preset, { stepMs, ...(tailSize !== undefined && { tailSize }) }, limits);
}
