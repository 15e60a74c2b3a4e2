/**
 * What a pipeline puts out, as columns: reused tables that a sink encodes and then clears. Series, window, field and
 * rule are indexes; the names belong to the pipeline's definition and key dictionary.
 *
 * Units: times are epoch milliseconds, offsets those of the source partition.
 */

/** One row a closed window, series and field. */
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
  /** Offset and record time of the record whose watermark closed the window. */
  offset = new Float64Array(INITIAL);
  recordTime = new Float64Array(INITIAL);
  /** One column a feature; NaN where the feature is of another window. */
  readonly features: Float64Array[];

  constructor(featureCount = 0) {
    this.features = Array.from({ length: featureCount }, () => new Float64Array(INITIAL));
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
    for (let f = 0; f < this.features.length; f++) this.features[f] = grown(this.features[f]!, capacity);
  }

  /** The column of an aggregate by its name in anomaly.yaml. */
  aggregate(name: string): Float64Array {
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

/** One row an alert. */
export class AlertRows {
  count = 0;
  series = new Int32Array(INITIAL);
  field = new Int32Array(INITIAL);
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
  /** The record that completes the evidence: its offset and its record time. */
  offset = new Float64Array(INITIAL);
  recordTime = new Float64Array(INITIAL);
  /** Scores of the detector's parts, `partCount` a row. */
  parts: Float64Array;
  readonly partCount: number;

  constructor(partCount = 0) {
    this.partCount = partCount;
    this.parts = new Float64Array(INITIAL * partCount);
  }

  clear(): void {
    this.count = 0;
  }

  reserve(more: number): void {
    if (this.count + more <= this.series.length) return;
    const capacity = Math.max(this.count + more, this.series.length * 2);
    this.series = grown(this.series, capacity);
    this.field = grown(this.field, capacity);
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
    this.parts = grown(this.parts, capacity * this.partCount);
  }

  /**
   * Orders the rows from `first` on by offset, then field: the order in which a record-by-record run would have put
   * them out. Needed when several fields were scored column by column. Alerts are few, so insertion will do.
   */
  sortFrom(first: number): void {
    const order = Array.from({ length: this.count - first }, (_, i) => first + i);
    order.sort((a, b) => this.offset[a]! - this.offset[b]! || this.field[a]! - this.field[b]! || a - b);
    for (const column of [this.series, this.field]) permute(column, first, order, 1);
    const doubles = [this.start, this.end, this.value, this.score, this.threshold, this.expected];
    for (const column of [...doubles, this.lower, this.upper, this.offset, this.recordTime]) {
      permute(column, first, order, 1);
    }
    if (this.partCount > 0) permute(this.parts, first, order, this.partCount);
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

function grown<T extends Int32Array | Float64Array>(column: T, capacity: number): T {
  const out = (column instanceof Int32Array ? new Int32Array(capacity) : new Float64Array(capacity)) as T;
  out.set(column);
  return out;
}

function permute(column: Int32Array | Float64Array, first: number, order: readonly number[], stride: number): void {
  const copy = column.slice(first * stride, (first + order.length) * stride);
  for (let i = 0; i < order.length; i++) {
    const from = (order[i]! - first) * stride;
    for (let k = 0; k < stride; k++) column[(first + i) * stride + k] = copy[from + k]!;
  }
}
