import type { ColumnBatch } from '../batch.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { SeriesState } from '../stateRow.ts';
import type { Watermarks } from '../time/clock.ts';
import type { WindowOutput } from './output.ts';

/**
 * One configured window. Rows come in this order: those that a record puts out at once (a full count window, a late
 * record within the allowed lateness); then what its watermark makes due. `lastTime` is the end of the newest open
 * window of the series, since that long its state is needed.
 */
export interface WindowOperator extends SeriesState {
  /** Windows, or series of windows, that are open. */
  readonly openCount: number;
  /** The lowest watermark at which something is put out for good; Infinity when nothing is open. */
  readonly nextDue: number;
  /** The same where it is not above `watermark`, else Infinity: what is further away need not be known. */
  dueBy(watermark: number): number;
  /**
   * Adds records from <= i < to; under a watermark of the partition nothing is due before the last of them.
   *
   * @param alerts alerts[i * fields + field] is 1 where a value alerted
   */
  update(
    batch: ColumnBatch,
    from: number,
    to: number,
    marks: Watermarks,
    alerts: Float64Array,
    out: WindowOutput,
  ): void;
  /** Puts out what is due at `nextDue`: one window. */
  fireNext(out: WindowOutput): void;
  /** Puts out early rows where the watermark has passed a multiple of the window's emit_every. */
  fireEarly(before: number, watermark: number, out: WindowOutput): void;
  /** The lowest watermark above `watermark` at which a window that is open, or that a record opens, can be due. */
  nextBoundary(watermark: number): number;
  /** Before the end of the input: `nextDue` shows all that is open, also what only its own series closes otherwise. */
  scheduleAll?(): void;
  /** Puts out what is open and the end of the input does not close, for people. */
  writeOpen?(out: WindowOutput): void;
  snapshot(state: StateWriter): void;
  restore(state: StateReader): void;
}
