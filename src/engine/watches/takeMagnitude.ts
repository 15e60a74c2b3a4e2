import type { TailScores } from '../detectors/tail.ts';

/**
 * The tail score of a magnitude, which is learnt then as no more than the one of a score. NaN while the slot is learning, and
 * until something has gone beyond the rest: of magnitudes that lie close together nothing is known of what is beyond them.
 */
export function takeMagnitude(tail: TailScores, slot: number, magnitude: number, mostLearnt: number): number {
  const score = tail.magnitudeAt(slot, mostLearnt) === Infinity ? NaN : tail.score(slot, magnitude);
  tail.learn(slot, tail.bounded(slot, magnitude, mostLearnt));
  return score;
}
