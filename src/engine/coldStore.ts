import type { StateRow } from './stateRow.ts';

/**
 * Rows of the series that are not in the engine's arrays, by series id: a cache of the process, which begins empty and
 * whose contents are in every snapshot. Synchronous, since operators are.
 */
export interface ColdStore {
  /** Runs `work`, whose reads and writes are one transaction of the store. */
  batch(work: () => void): void;
  /** Replaces the contents of `out` by the row, or returns false where there is none. Only within `batch`. */
  get(series: number, out: StateRow): boolean;
  /** Copies the row. Only within `batch`. */
  put(series: number, row: StateRow): void;
  /** A series that is not there is no error. Only within `batch`. */
  remove(series: number): void;
  /** Removes all rows. */
  clear(): void;
}
