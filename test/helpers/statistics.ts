/** Mean and population variance in two passes, with sums that lose no digits: what streaming sums are held against. */
export function twoPass(values: readonly number[]) {
  const origin = values[0]!;
  const mean = exactSum(values.map((value) => value - origin)) / values.length;
  const squares = values.map((value) => (value - origin - mean) ** 2);
  return {
    mean: origin + mean,
    variance: exactSum(squares) / values.length,
    /** Value minus mean, before the mean is rounded to the last place of a large value. */
    deviation: (value: number) => value - origin - mean,
  };
}

/** Neumaier's compensated sum. */
function exactSum(values: readonly number[]): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

/** Uniform numbers in [0, 1), the same in each run: a linear congruential generator with 32 bits. */
export function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 4294967296;
  };
}

/** Roughly normal numbers of mean 0 and standard deviation 1: six uniforms summed, as bench/readings.mjs. */
export function bells(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => {
    let sum = 0;
    for (let i = 0; i < 6; i++) sum += uniform();
    return (sum - 3) * Math.SQRT2;
  };
}
