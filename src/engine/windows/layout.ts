import type { Accumulator, Cells } from './accumulator.ts';
import { newCells, reserveCells } from './accumulator.ts';
import { quantileOf } from './aggregates.ts';
import { DdSketch } from './ddSketch.ts';
import { HyperLogLog } from './hyperLogLog.ts';
import { CELL } from './moments.ts';
import {
  AlertCountAccumulator,
  FirstLastAccumulator,
  SlopeAccumulator,
  SumAccumulator,
  slopeOf,
  sumOf,
} from './numberAccumulators.ts';
import type { WindowOutput } from './output.ts';
import { SketchAccumulator } from './sketchAccumulator.ts';

interface Extra {
  readonly name: string;
  /** Column in WindowRows.extras. */
  readonly column: number;
  /** Place in the layout's accumulators; -1 for what the five doubles give. */
  readonly accumulator: number;
  readonly quantile: number;
}

/** The accumulator behind an aggregate; undefined where it follows from the five doubles, or from the detector. */
function accumulatorOf(aggregate: string): string | undefined {
  if (quantileOf(aggregate) !== undefined) return 'quantiles';
  if (aggregate === 'first' || aggregate === 'last') return 'first_last';
  return ['sum', 'slope', 'distinct', 'anomalies'].find((name) => name === aggregate);
}

function create(name: string): Accumulator {
  switch (name) {
    case 'sum':
      return new SumAccumulator();
    case 'first_last':
      return new FirstLastAccumulator();
    case 'slope':
      return new SlopeAccumulator();
    case 'anomalies':
      return new AlertCountAccumulator();
    case 'distinct':
      return new SketchAccumulator('distinct', () => new HyperLogLog());
    default:
      return new SketchAccumulator('quantiles', () => new DdSketch());
  }
}

/** What a window keeps a slot: the five doubles of moments.ts, and an accumulator for what is asked for beside them. */
export class Layout {
  readonly accumulators: readonly Accumulator[];
  readonly fields: number;
  /** The window's place in the configuration. */
  readonly index: number;
  readonly #extras: readonly Extra[];

  /** @param columns names of the columns in WindowRows.extras */
  constructor(index: number, fields: number, aggregates: readonly string[], columns: readonly string[]) {
    this.index = index;
    this.fields = fields;
    const names = [...new Set(aggregates.flatMap((name) => accumulatorOf(name) ?? []))].sort();
    this.accumulators = names.map(create);
    this.#extras = columns.flatMap((name, column) =>
      aggregates.includes(name)
        ? [{ name, column, accumulator: names.indexOf(accumulatorOf(name) ?? ''), quantile: quantileOf(name) ?? 0 }]
        : [],
    );
  }

  newTables(slots: number): Cells[] {
    return this.accumulators.map((accumulator) => newCells(accumulator, slots));
  }

  reserve(tables: readonly Cells[], slots: number): void {
    for (let a = 0; a < tables.length; a++) reserveCells(this.accumulators[a]!, tables[a]!, slots);
  }

  /** Makes the slots of a series, or of a pane, empty: `first` and the fields after it. */
  begin(base: Float64Array, tables: readonly Cells[], first: number): void {
    for (let slot = first; slot < first + this.fields; slot++) {
      base[slot * CELL] = 0;
      for (let a = 0; a < tables.length; a++) this.accumulators[a]!.begin(tables[a]!, slot);
    }
  }

  /**
   * Appends the row of a slot, unless it has no value.
   *
   * @param missing bits of the accumulators that were not there when the window was opened: null in the row
   * @param pane how many rows of this window and series came before
   */
  write(
    out: WindowOutput,
    base: Float64Array,
    tables: readonly Cells[],
    slot: number,
    missing: number,
    series: number,
    field: number,
    pane: number,
  ): void {
    const at = slot * CELL;
    const count = base[at]!;
    if (count === 0) return;
    const { rows } = out;
    rows.reserve(1);
    const row = rows.count++;
    rows.series[row] = series;
    rows.window[row] = this.index;
    rows.field[row] = field;
    rows.start[row] = out.start;
    rows.end[row] = out.end;
    rows.values[row] = count;
    rows.mean[row] = base[at + 1]!;
    rows.stddev[row] = Math.sqrt(base[at + 2]! / count);
    rows.min[row] = base[at + 3]!;
    rows.max[row] = base[at + 4]!;
    rows.offset[row] = out.offset;
    rows.recordTime[row] = out.recordTime;
    rows.pane[row] = pane;
    rows.onTime[row] = out.isOnTime ? 1 : 0;
    rows.final[row] = out.isFinal ? 1 : 0;
    rows.due[row] = out.due;
    if (this.#extras.length > 0) this.#writeExtras(out, row, base, tables, slot, missing, series * this.fields + field);
  }

  #writeExtras(
    out: WindowOutput,
    row: number,
    base: Float64Array,
    tables: readonly Cells[],
    slot: number,
    missing: number,
    seriesSlot: number,
  ): void {
    const at = slot * CELL;
    for (const { name, column, accumulator, quantile } of this.#extras) {
      const values = out.rows.extras[column]!;
      const table = tables[accumulator];
      if (accumulator >= 0 && (missing & (1 << accumulator)) !== 0) values[row] = NaN;
      else if (quantile > 0) values[row] = (table!.sketches[slot] as DdSketch | undefined)?.quantile(quantile) ?? NaN;
      else if (name === 'variance') values[row] = base[at + 2]! / base[at]!;
      else if (name === 'range') values[row] = base[at + 4]! - base[at + 3]!;
      else if (name === 'rate') values[row] = (base[at]! * 1000) / (out.end - out.start);
      else if (name === 'threshold') values[row] = out.thresholdOf?.(seriesSlot) ?? NaN;
      else if (name === 'sum') values[row] = sumOf(table!, slot);
      else if (name === 'first') values[row] = table!.numbers[slot * 4 + 1]!;
      else if (name === 'last') values[row] = table!.numbers[slot * 4 + 3]!;
      else if (name === 'slope') values[row] = slopeOf(table!, slot);
      else if (name === 'anomalies') values[row] = table!.numbers[slot]!;
      else values[row] = (table!.sketches[slot] as HyperLogLog | undefined)?.estimate() ?? NaN;
    }
  }
}
