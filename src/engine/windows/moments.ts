/**
 * The five doubles that every slot of a window has: count, mean, sum of squared deviations, min, max. Those but the
 * count hold old values while the count is 0.
 *
 * Mean and deviation by Welford's update (Technometrics 4(3), 1962), merged as Chan, Golub and LeVeque (1979): running
 * sums of squares lose all digits of the deviation for values near 1e8.
 */
export const CELL = 5;

/** Adds a value that is a number to the cell at `at`. */
export function addValue(cells: Float64Array, at: number, value: number): void {
  const count = cells[at]! + 1;
  cells[at] = count;
  if (count === 1) {
    cells[at + 1] = value;
    cells[at + 2] = 0;
    cells[at + 3] = value;
    cells[at + 4] = value;
    return;
  }
  const delta = value - cells[at + 1]!;
  const mean = cells[at + 1]! + delta / count;
  cells[at + 1] = mean;
  cells[at + 2] = cells[at + 2]! + delta * (value - mean);
  if (value < cells[at + 3]!) cells[at + 3] = value;
  else if (value > cells[at + 4]!) cells[at + 4] = value;
}

/** Adds the cell at `from` of `source` to the one at `at`. */
export function mergeCell(cells: Float64Array, at: number, source: Float64Array, from: number): void {
  const added = source[from]!;
  if (added === 0) return;
  const had = cells[at]!;
  if (had === 0) {
    for (let k = 0; k < CELL; k++) cells[at + k] = source[from + k]!;
    return;
  }
  const count = had + added;
  const delta = source[from + 1]! - cells[at + 1]!;
  cells[at] = count;
  cells[at + 1] = cells[at + 1]! + (delta * added) / count;
  cells[at + 2] = cells[at + 2]! + source[from + 2]! + (delta * delta * had * added) / count;
  cells[at + 3] = Math.min(cells[at + 3]!, source[from + 3]!);
  cells[at + 4] = Math.max(cells[at + 4]!, source[from + 4]!);
}
