import { CELL_SIZE, type RollingWindow } from '../../../src/engine/rolling.ts';
import type { SnapshotWriter } from '../../../src/engine/state.ts';

/** As version 0.1 wrote a window: two arrays. */
export function writeAsFormatOne(window: RollingWindow, slots: number, state: SnapshotWriter): void {
  const { size, cells } = window;
  const parts = Array.from({ length: slots }, (_, slot) => window.cellOf(slot));
  const sums = Float64Array.from(parts.flatMap((cell) => [...cells.subarray(cell, cell + CELL_SIZE)]));
  const ring = Float64Array.from(
    parts.flatMap((cell) => [...cells.subarray(cell + CELL_SIZE, cell + CELL_SIZE + size)]),
  );
  state.number('size', size);
  state.number('slots', slots);
  state.array('cells', sums, sums.length);
  state.array('ring', ring, ring.length);
}
