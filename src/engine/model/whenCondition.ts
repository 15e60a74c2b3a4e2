import { type MaskColumn, type SeriesNames, TRUE } from '../expressions/columns.ts';
import { compileCondition } from '../expressions/compile.ts';
import { readsSeries } from '../recordSelect.ts';

/** What the detector's score is called in score.when. */
export const DETECTOR_SCORE = 'detector';

/** score.when: whether the model is asked for a value that the detector has scored. */
export class WhenCondition {
  readonly #condition: MaskColumn;
  readonly #readsSeries: boolean;
  readonly #nameOf: (place: number) => string;
  readonly #columns: { fields: readonly Float64Array[]; series: Int32Array; names: SeriesNames };
  #scores: Float64Array = new Float64Array(0);
  #indexes: Int32Array = new Int32Array(0);

  /**
   * @param fields names of the columns that `begin` gets
   * @param nameOf name of the series in a row of state
   * @throws ANM_CONFIG that shows the place
   */
  constructor(text: string, fields: readonly string[], nameOf: (place: number) => string) {
    this.#condition = compileCondition(text, [...fields, DETECTOR_SCORE]);
    this.#readsSeries = readsSeries(text);
    this.#nameOf = nameOf;
    this.#columns = { fields: [], series: this.#indexes, names: { size: 0, text: () => '' } };
  }

  /** The columns of the values from <= i < to that are scored next. */
  begin(fields: readonly Float64Array[], series: Int32Array, from: number, to: number): void {
    if (to > this.#scores.length) this.#scores = new Float64Array(Math.max(to, 2 * this.#scores.length));
    this.#columns.fields = [...fields, this.#scores];
    if (this.#readsSeries) this.#nameSeries(series, from, to);
  }

  holds(index: number, score: number): boolean {
    this.#scores[index] = score;
    return this.#condition(this.#columns, index, index + 1)[index] === YES;
  }

  /** Names are told by the value: an id may be given to another key, and a place to another series. */
  #nameSeries(series: Int32Array, from: number, to: number): void {
    if (to > this.#indexes.length) this.#indexes = new Int32Array(Math.max(to, 2 * this.#indexes.length));
    for (let i = from; i < to; i++) this.#indexes[i] = i - from;
    this.#columns.series = this.#indexes;
    this.#columns.names = {
      size: to - from,
      text: (k) => (series[from + k]! < 0 ? '' : this.#nameOf(series[from + k]!)),
    };
  }
}

const YES = TRUE;
