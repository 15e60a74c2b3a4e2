import type { ColumnBatch } from '../batch.ts';
import type { PipelineDefinition } from '../definition.ts';
import type { AlertRows } from '../rows.ts';

/** Which values of a batch the detector told, as a column, for windows that count them. Watches are not counted. */
export class AlertMarks {
  /** marks[i * fields + field] is 1 where the value of record i alerted. Empty where no window counts. */
  marks = new Float64Array(0);
  readonly #isCounted: boolean;
  readonly #fields: number;
  readonly #rules: number;

  constructor(definition: PipelineDefinition) {
    this.#isCounted = definition.windows.some(({ aggregates }) => aggregates?.includes('anomalies'));
    this.#fields = definition.fields.length;
    this.#rules = definition.score?.rules.length ?? 0;
  }

  /** Takes the alerts from row `first` on, all of which are of records from <= i < to. */
  take(batch: ColumnBatch, from: number, to: number, alerts: AlertRows, first: number): void {
    if (!this.#isCounted) return;
    const fields = this.#fields;
    if (to * fields > this.marks.length) this.marks = new Float64Array(batch.capacity * fields);
    this.marks.fill(0, from * fields, to * fields);
    for (let row = first; row < alerts.count; row++) {
      if (alerts.rule[row]! >= this.#rules || !alerts.isAlert(row)) continue;
      const i = indexOf(batch.offsets, alerts.offset[row]!, from, to);
      this.marks[i * fields + alerts.field[row]!] = 1;
    }
  }
}

/** Index of an offset that is there; offsets ascend. */
function indexOf(offsets: Float64Array, offset: number, from: number, to: number): number {
  let low = from;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
