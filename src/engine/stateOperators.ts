import type { StateReader, StateWriter } from './state.ts';
import type { RowState, SeriesState } from './stateRow.ts';

/** An operator whose arrays go into a snapshot as they are: little enough to be copied at the cut. */
export interface ColumnOperator {
  readonly id: string;
  snapshot(state: StateWriter): void;
  restore(state: StateReader): void;
}

/** Event time, which may have a clock a series. */
export interface TimeOperator extends ColumnOperator {
  readonly clock: { reserve(series: number): void; reset?(series: number): void };
}

/** A window, or another operator whose series are all in memory. */
export interface WindowState {
  readonly id: string;
  readonly state: SeriesState & Omit<ColumnOperator, 'id'> & Pick<RowState, 'appear' | 'describe'>;
  /** Time closes it. A count window may wait for values for ever, and goes with its series. */
  readonly isTimed: boolean;
}
