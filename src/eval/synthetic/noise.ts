import { exp, log } from '../../engine/math.ts';
import type { Random } from '../random.ts';

export const LAWS = ['normal', 'heavy', 'counts', 'multiplicative', 'correlated'] as const;
export type Law = (typeof LAWS)[number];

/** |noise| over its scale that one value in a thousand exceeds. */
const NORMAL_REACH = 3.29;
const HEAVY_REACH = 8.61;
const HEAVY_FREEDOM = 4;
const CORRELATION = 0.7;
/** A Poisson number of a larger mean is a sum of several. */
const LARGEST_POISSON = 30;

/** A noise law of one series. What it is applied to is always above 0 where the law is of counts or multiplicative. */
export class Noise {
  readonly law: Law;
  readonly #scale: number;
  readonly #random: Random;
  #before = 0;

  /** @param scale standard deviation about; of the logarithm where multiplicative; unused by counts */
  constructor(law: Law, scale: number, random: Random) {
    this.law = law;
    this.#scale = scale;
    this.#random = random;
    this.#before = random.normal();
  }

  /** The deviation that one value in a thousand exceeds where `expected` is expected. */
  reach(expected: number): number {
    switch (this.law) {
      case 'heavy':
        return HEAVY_REACH * this.#scale;
      case 'counts':
        return NORMAL_REACH * Math.sqrt(expected) + 1;
      case 'multiplicative':
        return expected * (exp(NORMAL_REACH * this.#scale) - 1);
      default:
        return NORMAL_REACH * this.#scale;
    }
  }

  /** What is expected where an anomaly moves it by so many reaches. */
  moved(expected: number, reaches: number): number {
    if (reaches === 0) return expected;
    if (this.law === 'multiplicative') {
      const factor = 1 + Math.abs(reaches) * (exp(NORMAL_REACH * this.#scale) - 1);
      return reaches > 0 ? expected * factor : expected / factor;
    }
    const moved = expected + reaches * this.reach(expected);
    return this.law === 'counts' ? Math.max(0, moved) : moved;
  }

  /** One value where `expected` is expected. */
  draw(expected: number): number {
    const random = this.#random;
    switch (this.law) {
      case 'normal':
        return expected + this.#scale * random.normal();
      case 'heavy':
        return expected + this.#scale * student(random);
      case 'counts':
        return poisson(expected, random);
      case 'multiplicative':
        return expected * exp(this.#scale * random.normal());
      case 'correlated':
        this.#before = CORRELATION * this.#before + Math.sqrt(1 - CORRELATION * CORRELATION) * random.normal();
        return expected + this.#scale * this.#before;
    }
  }
}

/** Student's t of four degrees of freedom: its chi square is that of two exponential numbers. */
function student(random: Random): number {
  const chiSquare = -2 * log((1 - random.uniform()) * (1 - random.uniform()));
  return random.normal() / Math.sqrt(chiSquare / HEAVY_FREEDOM);
}

/** Knuth's product of uniforms. */
function poisson(mean: number, random: Random): number {
  let count = 0;
  for (let left = mean; left > 0; left -= LARGEST_POISSON) {
    const floor = exp(-Math.min(left, LARGEST_POISSON));
    for (let product = random.uniform(); product > floor; product *= random.uniform()) count++;
  }
  return count;
}
