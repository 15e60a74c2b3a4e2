import { ALERT_WIDTH, type AlertHistory, NAMED_ALERTS } from './alertHistory.ts';

/**
 * What a pipeline puts out, as columns: reused tables that a sink encodes and then clears. Series, window, field and
 * rule are indexes; the names belong to the pipeline's definition and key dictionary.
 *
 * Units: times are epoch milliseconds, offsets those of the source partition.
 */

/** One row a window, series and field, as often as the window puts it out. */
export class WindowRows {
  count = 0;
  series = new Int32Array(INITIAL);
  window = new Int32Array(INITIAL);
  field = new Int32Array(INITIAL);
  start = new Float64Array(INITIAL);
  /** Exclusive. */
  end = new Float64Array(INITIAL);
  /** Number of non-null values. */
  values = new Float64Array(INITIAL);
  mean = new Float64Array(INITIAL);
  min = new Float64Array(INITIAL);
  max = new Float64Array(INITIAL);
  /** Population standard deviation. */
  stddev = new Float64Array(INITIAL);
  /** Offset and record time of the record that put the row out, as a rule the one whose watermark closed the window. */
  offset = new Float64Array(INITIAL);
  recordTime = new Float64Array(INITIAL);
  /** How many rows of the same window and series came before. */
  pane = new Int32Array(INITIAL);
  /** 1 for the row that came when the watermark reached the window's end: the only one that is scored. */
  onTime = new Uint8Array(INITIAL);
  /** 1 for the last row of the window and series. */
  final = new Uint8Array(INITIAL);
  /** Watermark at which the row was due; -Infinity where its record put it out at once. */
  due = new Float64Array(INITIAL);
  /** Aggregates beside the above, a column a name of `extraNames`; NaN where the window does not have it. */
  readonly extras: Float64Array[];
  readonly extraNames: readonly string[];
  /** One column a feature; NaN where the feature is of another window, or the row is not on time. */
  readonly features: Float64Array[];

  constructor(featureCount = 0, extraNames: readonly string[] = []) {
    this.features = Array.from({ length: featureCount }, () => new Float64Array(INITIAL));
    this.extraNames = extraNames;
    this.extras = extraNames.map(() => new Float64Array(INITIAL));
  }

  clear(): void {
    this.count = 0;
  }

  /** Makes room for `more` rows after the present ones. */
  reserve(more: number): void {
    if (this.count + more <= this.series.length) return;
    const capacity = Math.max(this.count + more, this.series.length * 2);
    this.series = grown(this.series, capacity);
    this.window = grown(this.window, capacity);
    this.field = grown(this.field, capacity);
    this.start = grown(this.start, capacity);
    this.end = grown(this.end, capacity);
    this.values = grown(this.values, capacity);
    this.mean = grown(this.mean, capacity);
    this.min = grown(this.min, capacity);
    this.max = grown(this.max, capacity);
    this.stddev = grown(this.stddev, capacity);
    this.offset = grown(this.offset, capacity);
    this.recordTime = grown(this.recordTime, capacity);
    this.pane = grown(this.pane, capacity);
    this.onTime = grown(this.onTime, capacity);
    this.final = grown(this.final, capacity);
    this.due = grown(this.due, capacity);
    for (let e = 0; e < this.extras.length; e++) this.extras[e] = grown(this.extras[e]!, capacity);
    for (let f = 0; f < this.features.length; f++) this.features[f] = grown(this.features[f]!, capacity);
  }

  /**
   * Orders the rows from `first` on by the record that put them out, then by the watermark at which they were due, then
   * by the window's place in the configuration: several windows put them out column by column.
   */
  sortFrom(first: number): void {
    const { offset, due, window } = this;
    const order = Array.from({ length: this.count - first }, (_, i) => first + i);
    const compare = (a: number, b: number) =>
      offset[a]! - offset[b]! || (due[a]! === due[b]! ? window[a]! - window[b]! : due[a]! - due[b]!) || a - b;
    if (order.every((row, i) => i === 0 || compare(row - 1, row) <= 0)) return;
    order.sort(compare);
    for (const column of [this.series, this.window, this.field, this.pane]) permute(column, first, order, 1);
    for (const column of [this.onTime, this.final]) permute(column, first, order, 1);
    const doubles = [this.start, this.end, this.values, this.mean, this.min, this.max, this.stddev];
    for (const column of [...doubles, this.offset, this.recordTime, this.due, ...this.extras]) {
      permute(column, first, order, 1);
    }
  }

  /** The column of an aggregate by its name in anomaly.yaml. */
  aggregate(name: string): Float64Array {
    const extra = this.extraNames.indexOf(name);
    if (extra >= 0) return this.extras[extra]!;
    switch (name) {
      case 'count':
        return this.values;
      case 'mean':
        return this.mean;
      case 'min':
        return this.min;
      case 'max':
        return this.max;
      default:
        return this.stddev;
    }
  }
}

/** What alerts are raised by: a detector over a field, or a watch. */
export interface Rule {
  /** As kpi@value, kpi@w5m.mean. */
  readonly name: string;
  /** Names of the parts behind its score. */
  readonly partNames: readonly string[];
  /** The parts are series: `AlertRows.partSeries` has their ids. */
  readonly partsAreSeries?: boolean;
  /** Name of the detector, where one scored. */
  readonly detector?: string;
}

/** One row an alert. */
export class AlertRows {
  count = 0;
  series = new Int32Array(INITIAL);
  field = new Int32Array(INITIAL);
  /** Index into the pipeline's rules. */
  rule = new Int32Array(INITIAL);
  /** The window that was scored, [start, end); both are the event time when a record was. */
  start = new Float64Array(INITIAL);
  end = new Float64Array(INITIAL);
  value = new Float64Array(INITIAL);
  score = new Float64Array(INITIAL);
  threshold = new Float64Array(INITIAL);
  /** Expected value and band; NaN where the detector has none. */
  expected = new Float64Array(INITIAL);
  lower = new Float64Array(INITIAL);
  upper = new Float64Array(INITIAL);
  /** Index into the pipeline's origins of thresholds, -1 for none, and the threshold before verdicts moved it. */
  origin = new Int32Array(INITIAL);
  configured = new Float64Array(INITIAL);
  /** Start of the season slot that the value was compared with, in ms of the week (Monday 00:00 UTC is 0); NaN for none. */
  season = new Float64Array(INITIAL);
  /** Alerts of the same series and rule before: how many, and of each ALERT_WIDTH numbers (alertHistory.ts). */
  pastCount = new Int32Array(INITIAL);
  past = new Float64Array(INITIAL * PAST_WIDTH);
  /** The record that completes the evidence: its offset and its record time. */
  offset = new Float64Array(INITIAL);
  recordTime = new Float64Array(INITIAL);
  /** Which of several sources the evidence is of, where a partition has rows of several. */
  place = new Int32Array(INITIAL);
  /** That of the rows that are added next. */
  placeNow = 0;
  /** Where ends are told (AlertShaping.tellsEnd): OPEN for an alert that will have one, ENDED for it, which is no alert. */
  phase = new Uint8Array(INITIAL);
  /** Which of the pipeline's models had a part in the score; -1 where none had. */
  model = new Int32Array(INITIAL);
  /** Scores of the rule's parts, `partCount` a row: as many as the rule with the most of them has. */
  parts: Float64Array;
  readonly partCount: number;
  readonly rules: readonly Rule[];
  /** Series ids of the parts, where they are series; as long as `parts` where a rule has such. */
  partSeries: Int32Array;
  readonly #hasPartSeries: boolean;

  constructor(rules: readonly Rule[] = []) {
    this.rules = rules;
    this.partCount = Math.max(0, ...rules.map(({ partNames }) => partNames.length));
    this.parts = new Float64Array(INITIAL * this.partCount);
    this.#hasPartSeries = rules.some(({ partsAreSeries }) => partsAreSeries === true);
    this.partSeries = new Int32Array(this.#hasPartSeries ? this.parts.length : 0);
  }

  clear(): void {
    this.count = 0;
  }

  /** Whether a row is an alert, not the end of one. */
  isAlert(row: number): boolean {
    return this.phase[row] !== ENDED;
  }

  /** Rows that are alerts. */
  get alertCount(): number {
    let count = 0;
    for (let row = 0; row < this.count; row++) if (this.isAlert(row)) count++;
    return count;
  }

  /** Appends a row, and returns it; what not every rule has is as if it had none. */
  add(series: number, field: number, rule: number): number {
    this.reserve(1);
    const row = this.count++;
    this.series[row] = series;
    this.field[row] = field;
    this.rule[row] = rule;
    this.origin[row] = -1;
    this.configured[row] = NaN;
    this.season[row] = NaN;
    this.pastCount[row] = 0;
    this.model[row] = -1;
    this.phase[row] = 0;
    this.place[row] = this.placeNow;
    return row;
  }

  namePast(row: number, history: AlertHistory, slot: number, value: number): void {
    this.pastCount[row] = history.nearest(slot, value, this.past, row * PAST_WIDTH);
  }

  reserve(more: number): void {
    if (this.count + more <= this.series.length) return;
    const capacity = Math.max(this.count + more, this.series.length * 2);
    this.series = grown(this.series, capacity);
    this.field = grown(this.field, capacity);
    this.rule = grown(this.rule, capacity);
    this.start = grown(this.start, capacity);
    this.end = grown(this.end, capacity);
    this.value = grown(this.value, capacity);
    this.score = grown(this.score, capacity);
    this.threshold = grown(this.threshold, capacity);
    this.expected = grown(this.expected, capacity);
    this.lower = grown(this.lower, capacity);
    this.upper = grown(this.upper, capacity);
    this.offset = grown(this.offset, capacity);
    this.recordTime = grown(this.recordTime, capacity);
    this.model = grown(this.model, capacity);
    this.phase = grown(this.phase, capacity);
    this.place = grown(this.place, capacity);
    this.origin = grown(this.origin, capacity);
    this.configured = grown(this.configured, capacity);
    this.season = grown(this.season, capacity);
    this.pastCount = grown(this.pastCount, capacity);
    this.past = grown(this.past, capacity * PAST_WIDTH);
    this.parts = grown(this.parts, capacity * this.partCount);
    if (this.#hasPartSeries) this.partSeries = grown(this.partSeries, this.parts.length);
  }

  /**
   * Orders the rows from `first` on by offset, then field, then rule: the order in which a record-by-record run would have put
   * them out. Needed when several fields were scored column by column. Alerts are few, so insertion will do.
   */
  sortFrom(first: number): void {
    const order = Array.from({ length: this.count - first }, (_, i) => first + i);
    order.sort(
      (a, b) =>
        this.offset[a]! - this.offset[b]! || this.field[a]! - this.field[b]! || this.rule[a]! - this.rule[b]! || a - b,
    );
    for (const column of this.columns) permute(column, first, order, 1);
    permute(this.past, first, order, PAST_WIDTH);
    if (this.partCount > 0) permute(this.parts, first, order, this.partCount);
    if (this.#hasPartSeries) permute(this.partSeries, first, order, this.partCount);
  }

  /** Appends a row of a table with as many parts, without earlier alerts. Columns that only one of the two has are left out. */
  append(from: AlertRows, row: number): void {
    this.reserve(1);
    const to = this.count++;
    const [columns, sources] = [this.columns, from.columns];
    const shared = Math.min(columns.length, sources.length);
    for (let c = 0; c < shared; c++) columns[c]![to] = sources[c]![row]!;
    this.pastCount[to] = 0;
    for (let k = 0; k < this.partCount; k++) {
      this.parts[to * this.partCount + k] = from.parts[row * this.partCount + k]!;
      if (this.#hasPartSeries) this.partSeries[to * this.partCount + k] = from.partSeries[row * this.partCount + k]!;
    }
  }

  /** Takes the first `count` rows out; those after them move up. */
  drop(count: number): void {
    for (const column of this.columns) column.copyWithin(0, count, this.count);
    this.parts.copyWithin(0, count * this.partCount, this.count * this.partCount);
    if (this.#hasPartSeries) this.partSeries.copyWithin(0, count * this.partCount, this.count * this.partCount);
    this.count -= count;
  }

  /** All of one value a row; those that a table has beside them come last. */
  protected get columns(): Column[] {
    const { series, field, rule, start, end, value, score, threshold, expected, lower, upper, offset } = this;
    const times = [start, end, value, score, threshold, expected, lower, upper, offset, this.recordTime];
    const numbers = [this.model, this.place, this.origin, this.configured, this.season, this.pastCount, this.phase];
    return [series, field, rule, ...times, ...numbers];
  }
}

/** One row a record that came too late for a window: an index into the batch being processed. */
export class LateRows {
  count = 0;
  index = new Int32Array(INITIAL);
  window = new Int32Array(INITIAL);
  /** Watermark minus the window's end. */
  lateByMs = new Float64Array(INITIAL);

  clear(): void {
    this.count = 0;
  }

  add(index: number, window: number, lateByMs: number): void {
    const row = this.count;
    if (row === this.index.length) {
      this.index = grown(this.index, row * 2);
      this.window = grown(this.window, row * 2);
      this.lateByMs = grown(this.lateByMs, row * 2);
    }
    this.index[row] = index;
    this.window[row] = window;
    this.lateByMs[row] = lateByMs;
    this.count = row + 1;
  }

  /** Orders the rows from `first` on by record, then window: several windows find them column by column. */
  sortFrom(first: number): void {
    const order = Array.from({ length: this.count - first }, (_, i) => first + i);
    order.sort((a, b) => this.index[a]! - this.index[b]! || this.window[a]! - this.window[b]!);
    for (const column of [this.index, this.window, this.lateByMs]) permute(column, first, order, 1);
  }
}

const INITIAL = 64;
/** Values of `phase`; 0 where no end is told. */
export const OPEN = 1;
export const ENDED = 2;
/** Numbers of `past` a row. */
export const PAST_WIDTH = NAMED_ALERTS * ALERT_WIDTH;

export type Column = Int32Array | Float64Array | Uint8Array;

export function grown<T extends Column>(column: T, capacity: number): T {
  const out = new (column.constructor as new (length: number) => T)(capacity);
  out.set(column);
  return out;
}

export function permute(column: Column, first: number, order: readonly number[], stride: number): void {
  const copy = column.slice(first * stride, (first + order.length) * stride);
  for (let i = 0; i < order.length; i++) {
    const from = (order[i]! - first) * stride;
    for (let k = 0; k < stride; k++) column[(first + i) * stride + k] = copy[from + k]!;
  }
}
