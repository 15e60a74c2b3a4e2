import { AlertHistory } from './alertHistory.ts';
import { AlertShaper, type AlertShaping } from './alertShaper.ts';
import { type AlertRows, ENDED, OPEN } from './rows.ts';
import type { StateRow } from './stateRow.ts';

/** Which scores of a slot alert, and what its last alerts were. */
export class AlertDecision {
  readonly shaper: AlertShaper;
  readonly history = new AlertHistory();

  constructor(shaping: AlertShaping) {
    this.shaper = new AlertShaper(shaping);
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    this.shaper.reserve(slots);
    this.history.reserve(slots);
  }

  /** Notes an alert row, which names the earlier alerts of its slot; or marks it, where it tells an alert's end. */
  note(out: AlertRows, row: number, slot: number): void {
    if (this.shaper.hasEnded) {
      out.phase[row] = ENDED;
      return;
    }
    if (this.shaper.tellsEnd) out.phase[row] = OPEN;
    out.namePast(row, this.history, slot, out.value[row]!);
    this.history.add(slot, out.start[row]!, out.value[row]!, out.score[row]!);
  }

  pack(slot: number, out: StateRow): void {
    this.shaper.pack(slot, out);
    this.history.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.shaper.unpack(slot, from);
    this.history.unpack(slot, from);
  }

  reset(slot: number): void {
    this.shaper.reset(slot);
    this.history.reset(slot);
  }
}
