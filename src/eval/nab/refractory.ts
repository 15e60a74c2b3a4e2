import { probation } from './scorer.ts';

/**
 * Keeps scores above all those of the last half probation, and sets the others to NaN. NAB counts each flagged row
 * outside of windows, so a run of them has to be one; this rule does it for any score, whatever the threshold.
 */
export function newMaxima(scores: ArrayLike<number>): Float64Array {
  const reach = Math.floor(probation(scores.length) / 2);
  const out = new Float64Array(scores.length).fill(NaN);
  // Rows that no later one within reach has passed, by falling score: a monotonic queue.
  const queue = new Int32Array(scores.length);
  let head = 0;
  let tail = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score)) continue;
    while (head < tail && queue[head]! < i - reach) head++;
    if (head === tail || scores[queue[head]!]! < score) out[i] = score;
    while (head < tail && scores[queue[tail - 1]!]! <= score) tail--;
    queue[tail++] = i;
  }
  return out;
}
