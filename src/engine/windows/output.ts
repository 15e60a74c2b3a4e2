import { LateRows, type WindowRows } from '../rows.ts';

/** Where window operators put their rows, and what holds for all rows of the moment. */
export class WindowOutput {
  readonly rows: WindowRows;
  readonly late: LateRows;
  /** Current threshold of a slot (series * fields + field); absent without scoring of records. */
  readonly thresholdOf: ((slot: number) => number) | undefined;
  /** Offset and record time of the record that the rows are put out at. */
  offset = -1;
  recordTime = 0;
  /** The window, [start, end). */
  start = 0;
  end = 0;
  /** Whether the rows are the ones that were put out when the watermark reached the window's end. */
  isOnTime = true;
  isFinal = true;
  /** Watermark that the rows were due at; -Infinity for those that a record puts out at once. */
  due = -Infinity;

  constructor(rows: WindowRows, late = new LateRows(), thresholdOf?: (slot: number) => number) {
    this.rows = rows;
    this.late = late;
    this.thresholdOf = thresholdOf;
  }
}
