import type { StateReader, StateWriter } from '../state.ts';
import { StateRow } from '../stateRow.ts';

interface Packed {
  pack(slot: number, out: StateRow): void;
  unpack(slot: number, from: StateRow): void;
}

/** Writes what has rows by slot as one array. */
export function snapshotSlots(state: StateWriter, name: string, slots: number, packed: Packed): void {
  const row = new StateRow();
  for (let slot = 0; slot < slots; slot++) packed.pack(slot, row);
  state.array(name, row.bytes, row.length);
}

/** Takes it back, into slots that have room. */
export function restoreSlots(state: StateReader, name: string, slots: number, packed: Packed): void {
  const row = new StateRow();
  row.load(state.u8(name));
  for (let slot = 0; slot < slots; slot++) packed.unpack(slot, row);
}
