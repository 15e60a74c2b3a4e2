import type { ColumnBatch } from '../batch.ts';
import type { PipelineDefinition } from '../definition.ts';
import type { LateRows, WindowRows } from '../rows.ts';
import type { Watermarks } from '../time/clock.ts';
import { AlertMarks } from './alertMarks.ts';
import { createWindows } from './create.ts';
import type { WindowOperator } from './operator.ts';
import { WindowOutput } from './output.ts';

/**
 * The windows of a partition. Rows come in the order of the records that put them out; of one record those of late
 * values first, then what its watermark makes due by due time (a window's end, or its end and the allowed lateness for
 * the final row), by the window's place in the configuration, by the window's end, and by first appearance of the
 * series; early rows last.
 */
export class WindowSet {
  readonly operators: readonly WindowOperator[];
  readonly alerts: AlertMarks;
  readonly #out: WindowOutput;

  constructor(
    definition: PipelineDefinition,
    rows: WindowRows,
    late: LateRows,
    thresholdOf?: (slot: number) => number,
  ) {
    this.operators = createWindows(definition, rows.extraNames);
    this.alerts = new AlertMarks(definition);
    this.#out = new WindowOutput(rows, late, thresholdOf);
  }

  get openCount(): number {
    return this.operators.reduce((sum, operator) => sum + operator.openCount, 0);
  }

  /** The lowest watermark at which something is put out for good; Infinity when nothing is open. */
  get nextDue(): number {
    return this.operators.reduce((due, operator) => Math.min(due, operator.nextDue), Infinity);
  }

  /** Before the end of the input: `nextDue` shows all that is open. */
  scheduleAll(): void {
    for (const operator of this.operators) operator.scheduleAll?.();
  }

  /** What is open and the end of the input does not close. */
  writeOpen(): void {
    const out = this.#out;
    out.isOnTime = true;
    out.isFinal = false;
    for (const operator of this.operators) operator.writeOpen?.(out);
  }

  reserve(series: number): void {
    for (const operator of this.operators) operator.reserve(series);
  }

  nextBoundary(watermark: number): number {
    let boundary = Infinity;
    for (const operator of this.operators) boundary = Math.min(boundary, operator.nextBoundary(watermark));
    return boundary;
  }

  /** Adds records from <= i < to, among which none is due. */
  update(batch: ColumnBatch, from: number, to: number, marks: Watermarks): void {
    const { rows, late } = this.#out;
    const [firstRow, firstLate] = [rows.count, late.count];
    for (const operator of this.operators) operator.update(batch, from, to, marks, this.alerts.marks, this.#out);
    if (this.operators.length < 2) return;
    if (rows.count > firstRow + 1) rows.sortFrom(firstRow);
    if (late.count > firstLate + 1) late.sortFrom(firstLate);
  }

  /** Puts out what is due. The rows carry the offset and record time of the record whose watermark it is. */
  advance(before: number, watermark: number, offset: number, recordTime: number): void {
    const out = this.#out;
    out.offset = offset;
    out.recordTime = recordTime;
    for (;;) {
      let next: WindowOperator | undefined;
      let due = Infinity;
      for (const operator of this.operators) {
        const operatorDue = operator.dueBy(watermark);
        if (operatorDue < due) {
          next = operator;
          due = operatorDue;
        }
      }
      if (next === undefined) break;
      next.fireNext(out);
    }
    for (const operator of this.operators) operator.fireEarly(before, watermark, out);
  }
}
