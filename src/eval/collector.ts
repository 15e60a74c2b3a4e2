import type { ScoreObserver } from '../engine/scoreObserver.ts';
import { AnomalyError } from '../errors.ts';
import type { LabelledSeries } from './labelledSeries.ts';
import { AlertedRows, type ScoredSeries } from './scoring.ts';

/** What a running pipeline scored, by series and field: values, scores and alerts in the order in which they came. */
export class ScoreCollector implements ScoreObserver {
  /** Values beyond this are refused: 32 bytes each are held. */
  readonly mostValues: number;
  readonly #nameOf: (series: number, field: number) => string | undefined;
  readonly #rows: Map<string, CollectedRows>;
  readonly #rules: readonly string[];
  #values = 0;

  /**
   * @param nameOf name of a series and field; undefined where it is not wanted
   * @param rows may be shared by the collectors of several partitions
   * @param rules those of the detector
   */
  constructor(
    nameOf: (series: number, field: number) => string | undefined,
    rows: Map<string, CollectedRows>,
    rules: readonly string[],
    mostValues = MOST_VALUES,
  ) {
    this.#nameOf = nameOf;
    this.#rows = rows;
    this.#rules = rules;
    this.mostValues = mostValues;
  }

  onValue(series: number, field: number, offset: number, timeMs: number, value: number, score: number): void {
    const name = this.#nameOf(series, field);
    if (name === undefined) return;
    if (++this.#values > this.mostValues) {
      throw new AnomalyError(
        'ANM_UNSUPPORTED',
        `cannot evaluate more than ${this.mostValues} values of a partition at once`,
        { hint: 'choose a part of them by --since, --series or --partition' },
      );
    }
    let rows = this.#rows.get(name);
    if (rows === undefined) {
      rows = new CollectedRows(this.#rules);
      this.#rows.set(name, rows);
    }
    rows.add(offset, timeMs, value, score);
  }

  onAlert(series: number, field: number, rule: string, offset: number, endMs: number): void {
    const name = this.#nameOf(series, field);
    if (name !== undefined) this.#rows.get(name)?.alert(rule, offset, endMs);
  }
}

const MOST_VALUES = 30_000_000;

/** Rows of one series; the offset tells which row an alert is of. */
export class CollectedRows {
  #offsets = new Float64Array(256);
  #times = new Float64Array(256);
  #values = new Float64Array(256);
  #scores = new Float64Array(256);
  #count = 0;
  readonly #alerts: AlertedRows;

  /** @param rules of the detector */
  constructor(rules: readonly string[]) {
    this.#alerts = new AlertedRows(rules);
  }

  add(offset: number, timeMs: number, value: number, score: number): void {
    const row = this.#count++;
    if (row === this.#times.length) this.#grow();
    this.#offsets[row] = offset;
    this.#times[row] = timeMs;
    this.#values[row] = value;
    this.#scores[row] = score;
  }

  /** An alert of the record at an offset; of a watch that no value of the series raised, it is the next row's. */
  alert(rule: string, offset: number, endMs: number): void {
    const at = lowerBound(this.#offsets, this.#count, offset);
    const isOwn = at < this.#count && this.#offsets[at] === offset;
    this.#alerts.add(rule, isOwn ? at : lowerBound(this.#times, this.#count, endMs));
  }

  /** @param spanMs time that a value covers: the size of its window */
  series(name: string, spanMs: number): LabelledSeries {
    const count = this.#count;
    return { name, spanMs, times: this.#times.slice(0, count), values: this.#values.slice(0, count), events: [] };
  }

  get scored(): ScoredSeries {
    return { scores: this.#scores.slice(0, this.#count), ...this.#alerts.sorted(this.#count - 1) };
  }

  #grow(): void {
    const length = 2 * this.#times.length;
    const grown = (column: Float64Array) => {
      const longer = new Float64Array(length);
      longer.set(column);
      return longer;
    };
    this.#offsets = grown(this.#offsets);
    this.#times = grown(this.#times);
    this.#values = grown(this.#values);
    this.#scores = grown(this.#scores);
  }
}

/** First index below `count` whose entry is not below `wanted`. */
function lowerBound(sorted: Float64Array, count: number, wanted: number): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < wanted) from = middle + 1;
    else to = middle;
  }
  return from;
}
