/** Rows by falling score; equal scores keep their order. A missing score (NaN) is the lowest. */
export function rankedRows(scores: ArrayLike<number>): Int32Array {
  const keys = Float64Array.from(scores, (score) => (Number.isNaN(score) ? -Infinity : score));
  return Int32Array.from(keys.keys()).sort((a, b) => (keys[a]! === keys[b]! ? a - b : keys[b]! > keys[a]! ? 1 : -1));
}

/**
 * Area under the precision-recall curve of single rows as average precision: precision at each distinct score, weighted
 * by the recall that it adds. NaN where no row is anomalous.
 */
export function averagePrecision(
  scores: Float64Array,
  isAnomalous: Uint8Array,
  order: Int32Array = rankedRows(scores),
): number {
  let positives = 0;
  for (const label of isAnomalous) positives += label;
  if (positives === 0) return NaN;
  let found = 0;
  let before = 0;
  let area = 0;
  for (let k = 0; k < order.length; k++) {
    found += isAnomalous[order[k]!]!;
    const isLastOfEqual = k + 1 === order.length || !isEqual(scores[order[k]!]!, scores[order[k + 1]!]!);
    if (!isLastOfEqual) continue;
    area += ((found - before) / positives) * (found / (k + 1));
    before = found;
  }
  return area;
}

function isEqual(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
