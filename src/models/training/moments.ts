import { AnomalyError } from '../../errors.ts';
import { type Eigen, symmetricEigen } from './eigen.ts';
import type { WindowSet } from './windowSet.ts';

/** Above it the eigenvectors would take minutes. */
const WIDTH_MAX = 512;

export interface Moments {
  /** Numbers of a window. */
  readonly width: number;
  readonly mean: Float64Array;
  /** Of the covariance. */
  readonly eigen: Eigen;
}

/** Mean and covariance of the windows to learn from, taken as vectors. @throws ANM_USAGE where a window is too long */
export function windowMoments(set: WindowSet): Moments {
  const { rows, training, channels, length } = set;
  const width = (length + 1) * channels;
  if (width > WIDTH_MAX) {
    throw new AnomalyError(
      'ANM_USAGE',
      `cannot fit a covariance of ${width} numbers (${length + 1} values x ${channels} fields) as ${WIDTH_MAX} are the most`,
      { hint: 'give a smaller --length, or fewer --fields', details: { width } },
    );
  }
  const mean = new Float64Array(width);
  for (const start of training) for (let k = 0; k < width; k++) mean[k]! += rows[start * channels + k]!;
  for (let k = 0; k < width; k++) mean[k] = mean[k]! / training.length;
  const covariance = new Float64Array(width * width);
  const centred = new Float64Array(width);
  for (const start of training) {
    for (let k = 0; k < width; k++) centred[k] = rows[start * channels + k]! - mean[k]!;
    for (let i = 0; i < width; i++) {
      const value = centred[i]!;
      for (let j = i; j < width; j++) covariance[i * width + j]! += value * centred[j]!;
    }
  }
  for (let i = 0; i < width; i++) {
    for (let j = i; j < width; j++) {
      const value = covariance[i * width + j]! / training.length;
      covariance[i * width + j] = value;
      covariance[j * width + i] = value;
    }
  }
  return { width, mean, eigen: symmetricEigen(covariance, width) };
}
