const BLOCKS = '▁▂▃▄▅▆▇█';
const ASCII = '._-=+*#@';

/**
 * The last values as one character each, right aligned, scaled to the highest of them, or to `top` where lines are to be
 * compared. What is unknown is a gap.
 */
export function sparkline(
  values: readonly (number | null)[],
  width: number,
  ascii = false,
  top: number = highest(values.slice(-width)),
): string {
  if (width <= 0) return '';
  const levels = ascii ? ASCII : BLOCKS;
  return values
    .slice(-width)
    .map((value) => (value === null ? ' ' : levels[Math.max(0, Math.min(7, Math.floor((value / top) * 8)))]))
    .join('')
    .padStart(width);
}

/** Values around nothing do not look like much. */
function highest(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 1);
}
