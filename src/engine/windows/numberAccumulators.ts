import type { ColumnBatch } from '../batch.ts';
import { type Accumulator, type Cells, NumberAccumulator } from './accumulator.ts';

/** Sum with the compensation of Neumaier (ZAMM 54, 1974): sum, and the digits that it lost. */
export class SumAccumulator extends NumberAccumulator implements Accumulator {
  readonly name = 'sum';
  readonly width = 2;

  begin({ numbers }: Cells, slot: number): void {
    numbers[slot * 2] = 0;
    numbers[slot * 2 + 1] = 0;
  }

  add({ numbers }: Cells, slot: number, value: number): void {
    const at = slot * 2;
    const sum = numbers[at]!;
    const next = sum + value;
    const lost = Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    numbers[at] = next;
    numbers[at + 1] = numbers[at + 1]! + lost;
  }

  addRun(cells: Cells, { series, fields }: ColumnBatch, field: number, from: number, to: number): void {
    const values = fields[field]!;
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      if (series[i]! >= 0 && !Number.isNaN(value)) this.add(cells, series[i]! * fields.length + field, value);
    }
  }

  merge(cells: Cells, into: number, source: Cells, from: number): void {
    this.add(cells, into, source.numbers[from * 2]!);
    cells.numbers[into * 2 + 1] = cells.numbers[into * 2 + 1]! + source.numbers[from * 2 + 1]!;
  }
}

export function sumOf({ numbers }: Cells, slot: number): number {
  const sum = numbers[slot * 2]!;
  return Number.isFinite(sum) ? sum + numbers[slot * 2 + 1]! : sum;
}

/**
 * First and last value by event time; of values of one time the first and the last that came. Four doubles: time and
 * value of each.
 */
export class FirstLastAccumulator extends NumberAccumulator implements Accumulator {
  readonly name = 'first_last';
  readonly width = 4;

  begin({ numbers }: Cells, slot: number): void {
    numbers[slot * 4] = Infinity;
    numbers[slot * 4 + 2] = -Infinity;
  }

  add({ numbers }: Cells, slot: number, value: number, timeMs: number): void {
    const at = slot * 4;
    if (timeMs < numbers[at]!) {
      numbers[at] = timeMs;
      numbers[at + 1] = value;
    }
    if (timeMs >= numbers[at + 2]!) {
      numbers[at + 2] = timeMs;
      numbers[at + 3] = value;
    }
  }

  addRun(cells: Cells, { series, fields, eventTimes }: ColumnBatch, field: number, from: number, to: number): void {
    const values = fields[field]!;
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      if (series[i]! < 0 || Number.isNaN(value)) continue;
      this.add(cells, series[i]! * fields.length + field, value, eventTimes[i]!);
    }
  }

  merge(cells: Cells, into: number, { numbers }: Cells, from: number): void {
    if (numbers[from * 4]! === Infinity) return;
    this.add(cells, into, numbers[from * 4 + 1]!, numbers[from * 4]!);
    this.add(cells, into, numbers[from * 4 + 3]!, numbers[from * 4 + 2]!);
  }
}

/**
 * Slope by least squares: count, the first time, and relative to it the mean time in seconds; mean value; sums of squared
 * deviations of the times and of products of deviations. Updated and merged like Welford's moments, so values near 1e8
 * and times near 1e12 keep their digits.
 */
export class SlopeAccumulator extends NumberAccumulator implements Accumulator {
  readonly name = 'slope';
  readonly width = 6;

  begin({ numbers }: Cells, slot: number): void {
    numbers[slot * 6] = 0;
  }

  add({ numbers }: Cells, slot: number, value: number, timeMs: number): void {
    const at = slot * 6;
    const count = numbers[at]! + 1;
    numbers[at] = count;
    if (count === 1) {
      numbers[at + 1] = timeMs;
      numbers[at + 2] = 0;
      numbers[at + 3] = value;
      numbers[at + 4] = 0;
      numbers[at + 5] = 0;
      return;
    }
    const seconds = (timeMs - numbers[at + 1]!) / 1000;
    const ahead = seconds - numbers[at + 2]!;
    const mean = numbers[at + 3]! + (value - numbers[at + 3]!) / count;
    numbers[at + 2] = numbers[at + 2]! + ahead / count;
    numbers[at + 3] = mean;
    numbers[at + 4] = numbers[at + 4]! + ahead * (seconds - numbers[at + 2]!);
    numbers[at + 5] = numbers[at + 5]! + ahead * (value - mean);
  }

  addRun(cells: Cells, { series, fields, eventTimes }: ColumnBatch, field: number, from: number, to: number): void {
    const values = fields[field]!;
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      if (series[i]! < 0 || Number.isNaN(value)) continue;
      this.add(cells, series[i]! * fields.length + field, value, eventTimes[i]!);
    }
  }

  merge({ numbers }: Cells, into: number, source: Cells, from: number): void {
    const [at, b] = [into * 6, from * 6];
    const other = source.numbers;
    const [had, added] = [numbers[at]!, other[b]!];
    if (added === 0) return;
    if (had === 0) {
      for (let k = 0; k < 6; k++) numbers[at + k] = other[b + k]!;
      return;
    }
    const count = had + added;
    const ahead = other[b + 2]! + (other[b + 1]! - numbers[at + 1]!) / 1000 - numbers[at + 2]!;
    const above = other[b + 3]! - numbers[at + 3]!;
    const weight = (had * added) / count;
    numbers[at] = count;
    numbers[at + 2] = numbers[at + 2]! + (ahead * added) / count;
    numbers[at + 3] = numbers[at + 3]! + (above * added) / count;
    numbers[at + 4] = numbers[at + 4]! + other[b + 4]! + ahead * ahead * weight;
    numbers[at + 5] = numbers[at + 5]! + other[b + 5]! + ahead * above * weight;
  }
}

/** Per second; NaN where there are no two times. */
export function slopeOf({ numbers }: Cells, slot: number): number {
  const spread = numbers[slot * 6 + 4]!;
  return numbers[slot * 6]! > 1 && spread > 0 ? numbers[slot * 6 + 5]! / spread : NaN;
}

/** Number of values that alerted when they were scored as records. */
export class AlertCountAccumulator extends NumberAccumulator implements Accumulator {
  readonly name = 'anomalies';
  readonly width = 1;

  begin({ numbers }: Cells, slot: number): void {
    numbers[slot] = 0;
  }

  add({ numbers }: Cells, slot: number, _value: number, _timeMs: number, alerts: number): void {
    numbers[slot] = numbers[slot]! + alerts;
  }

  addRun(
    { numbers }: Cells,
    { series, fields }: ColumnBatch,
    field: number,
    from: number,
    to: number,
    alerts: Float64Array,
  ): void {
    const width = fields.length;
    for (let i = from; i < to; i++) {
      const slot = series[i]! * width + field;
      if (series[i]! >= 0) numbers[slot] = numbers[slot]! + alerts[i * width + field]!;
    }
  }

  merge({ numbers }: Cells, into: number, source: Cells, from: number): void {
    numbers[into] = numbers[into]! + source.numbers[from]!;
  }
}
