import type { Interval } from '../../eval/bootstrap.ts';

/** 0.12345 -> 0.12; a dash for what means nothing. */
export function figure(value: number, digits = 2): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits);
}

/** 0.25 (0.19-0.30) */
export function ranged(value: number, { low, high }: Interval, digits = 2): string {
  if (Number.isNaN(value)) return '-';
  const isSigned = low < 0 || high < 0;
  const joint = isSigned ? ' to ' : '-';
  return `${figure(value, digits)} (${figure(low, digits)}${joint}${figure(high, digits)})`;
}

/** 63.7/55.0/69.3 */
export function nabTriple(scores: readonly number[]): string {
  return scores.length === 0 ? '-' : scores.map((score) => score.toFixed(1)).join('/');
}

export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
