/**
 * Shrunk Mahalanobis distance of a vector, and of its difference to the one before, with a forgetting mean and covariance.
 * Everything of one model lies in a slice of doubles, so that it can be kept by slot.
 *
 * The covariance is taken as correlation, shrunk towards the identity (Ledoit and Wolf 2004, with a stated weight:
 * 0.01 + channels / rows seen, 0.5 at most), which bounds its eigenvalues from below, and factored by Cholesky. It is
 * factored anew after 64, 128, 256 and 512 rows, then every 512.
 */

/** Number of doubles of a model of so many channels. */
export function modelWidth(channels: number): number {
  return HEAD + 3 * channels + 4 * triangle(channels);
}

/** Rows learnt so far. */
export const ROWS = 0;
const NEXT_FIT = 1;
const FITTED = 2;
const HEAD = 3;

const FORGET = 1 / 2048;
const FIRST_FIT = 64;
const FIT_EVERY = 512;
const LEAST_SHRINKAGE = 0.01;
const MOST_SHRINKAGE = 0.5;
/** A channel is learnt, and counted, as no further from its mean than this many deviations. */
const LEARN_DEVIATIONS = 5;
const MOST_DEVIATIONS = 100;
/** A deviation is at least this part of the size of the mean. */
const LEAST_DEVIATION = 1e-9;

/** Distances of the last `measure`. */
export class Mahalanobis {
  /** Of the values, and of their differences to the row before; NaN while learning. */
  ofValues = NaN;
  ofDifferences = NaN;
  readonly channels: number;
  readonly #z: Float64Array;
  readonly #d: Float64Array;
  readonly #solved: Float64Array;

  constructor(channels: number) {
    this.channels = channels;
    this.#z = new Float64Array(channels);
    this.#d = new Float64Array(channels);
    this.#solved = new Float64Array(channels);
  }

  /** Mean of a channel. */
  mean(model: Float64Array, base: number, channel: number): number {
    return model[base + HEAD + this.channels + channel]!;
  }

  /** Sets both distances of a row to the model at `base`. */
  measure(model: Float64Array, base: number, row: Float64Array): void {
    this.ofValues = NaN;
    this.ofDifferences = NaN;
    if (model[base + FITTED] === 0) return;
    const { channels } = this;
    const last = base + HEAD;
    const mean = last + channels;
    const size = triangle(channels);
    const cov = last + 3 * channels;
    for (let c = 0; c < channels; c++) {
      const center = model[mean + c]!;
      this.#z[c] = standardised(row[c]! - center, model[cov + diagonal(c)]!, center);
      this.#d[c] = standardised(row[c]! - model[last + c]!, model[cov + size + diagonal(c)]!, center);
    }
    this.ofValues = this.#distance(model, cov + 2 * size, this.#z);
    this.ofDifferences = this.#distance(model, cov + 3 * size, this.#d);
  }

  /** Adds to `shares` what each channel has of both squared distances, weighted; shares of one distance add up to its weight. */
  addShares(model: Float64Array, base: number, shares: Float64Array, ofValues: number, ofDifferences: number): void {
    const size = triangle(this.channels);
    const factors = base + HEAD + 3 * this.channels + 2 * size;
    this.#addShare(model, factors, this.#z, shares, ofValues);
    this.#addShare(model, factors + size, this.#d, shares, ofDifferences);
  }

  /** Takes a row in, bounded. */
  learn(model: Float64Array, base: number, row: Float64Array): void {
    const { channels } = this;
    const last = base + HEAD;
    const mean = last + channels;
    const size = triangle(channels);
    const cov = last + 3 * channels;
    const rows = model[base + ROWS]! + 1;
    model[base + ROWS] = rows;
    const weight = Math.max(1 / rows, FORGET);
    const bounds = rows > FIRST_FIT;
    for (let c = 0; c < channels; c++) {
      const center = model[mean + c]!;
      this.#z[c] = bounded(row[c]! - center, model[cov + diagonal(c)]!, bounds);
      this.#d[c] = rows === 1 ? 0 : bounded(row[c]! - model[last + c]!, model[cov + size + diagonal(c)]!, bounds);
      model[mean + c] = center + weight * this.#z[c]!;
      model[last + c] = row[c]!;
    }
    // Of Welford's update: the deviation to the mean before times that to the mean after.
    this.#learnProducts(model, cov, this.#z, weight, 1 - weight);
    this.#learnProducts(model, cov + size, this.#d, weight, 1);
    if (rows < (model[base + NEXT_FIT]! || FIRST_FIT)) return;
    model[base + NEXT_FIT] = rows + Math.min(FIT_EVERY, rows);
    const shrinkage = Math.min(MOST_SHRINKAGE, LEAST_SHRINKAGE + channels / Math.min(rows, 1 / FORGET));
    factor(model, cov, cov + 2 * size, channels, shrinkage);
    factor(model, cov + size, cov + 3 * size, channels, shrinkage);
    model[base + FITTED] = 1;
  }

  #learnProducts(model: Float64Array, at: number, x: Float64Array, weight: number, after: number): void {
    let k = at;
    for (let a = 0; a < this.channels; a++) {
      for (let b = 0; b <= a; b++, k++) model[k] = model[k]! + weight * (after * x[a]! * x[b]! - model[k]!);
    }
  }

  #distance(model: Float64Array, factors: number, x: Float64Array): number {
    this.#forward(model, factors, x);
    let sum = 0;
    for (let c = 0; c < this.channels; c++) sum += this.#solved[c]! * this.#solved[c]!;
    return Math.sqrt(sum);
  }

  /** Solves L y = x. */
  #forward(model: Float64Array, factors: number, x: Float64Array): void {
    const y = this.#solved;
    let k = factors;
    for (let a = 0; a < this.channels; a++) {
      let rest = x[a]!;
      for (let b = 0; b < a; b++, k++) rest -= model[k]! * y[b]!;
      y[a] = rest / model[k++]!;
    }
  }

  /** x' S^-1 x, channel by channel: x_c (S^-1 x)_c, where it is positive. */
  #addShare(model: Float64Array, factors: number, x: Float64Array, shares: Float64Array, weight: number): void {
    if (!(weight > 0)) return;
    this.#forward(model, factors, x);
    const y = this.#solved;
    for (let a = this.channels - 1; a >= 0; a--) {
      let rest = y[a]!;
      for (let b = a + 1; b < this.channels; b++) rest -= model[factors + diagonal(b) - b + a]! * y[b]!;
      y[a] = rest / model[factors + diagonal(a)]!;
    }
    let sum = 0;
    for (let c = 0; c < this.channels; c++) sum += Math.max(0, x[c]! * y[c]!);
    if (sum === 0) return;
    for (let c = 0; c < this.channels; c++) shares[c] = shares[c]! + (weight * Math.max(0, x[c]! * y[c]!)) / sum;
  }
}

/** The lower triangle of a covariance as the Cholesky factor of its shrunk correlation. */
function factor(model: Float64Array, cov: number, out: number, channels: number, shrinkage: number): void {
  for (let a = 0; a < channels; a++) {
    const ofA = out + diagonal(a) - a;
    for (let b = 0; b <= a; b++) {
      const ofB = out + diagonal(b) - b;
      const scale = Math.sqrt(model[cov + diagonal(a)]! * model[cov + diagonal(b)]!);
      const product = model[cov + diagonal(a) - a + b]!;
      let rest = a === b ? 1 : scale > 0 ? ((1 - shrinkage) * product) / scale : 0;
      for (let k = 0; k < b; k++) rest -= model[ofA + k]! * model[ofB + k]!;
      // At least the shrinkage, but for rounding.
      model[ofA + b] = a === b ? Math.sqrt(Math.max(rest, shrinkage / 2)) : rest / model[ofB + b]!;
    }
  }
}

function standardised(difference: number, variance: number, mean: number): number {
  const deviation = Math.max(Math.sqrt(variance), LEAST_DEVIATION * Math.abs(mean));
  if (difference === 0) return 0;
  return Math.max(-MOST_DEVIATIONS, Math.min(MOST_DEVIATIONS, difference / deviation));
}

function bounded(difference: number, variance: number, bounds: boolean): number {
  if (!bounds || variance === 0) return difference;
  const most = LEARN_DEVIATIONS * Math.sqrt(variance);
  return Math.max(-most, Math.min(most, difference));
}

/** Place of element (c, c) of a lower triangle that is kept row by row. */
function diagonal(c: number): number {
  return ((c + 1) * (c + 2)) / 2 - 1;
}

function triangle(channels: number): number {
  return (channels * (channels + 1)) / 2;
}
