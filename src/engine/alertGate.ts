import type { StateReader, StateWriter } from './state.ts';

/**
 * After an alert of a slot, none of the same slot within `refractoryMs` of event time, unless its score is higher than
 * that of the alert. Knows event time only, so it does the same in a replay.
 */
export class AlertGate {
  readonly refractoryMs: number;
  /** Time and score of the last alert, interleaved; the time is NaN before the first. */
  #last = new Float64Array(0);
  #slots = 0;

  constructor(refractoryMs: number) {
    this.refractoryMs = refractoryMs;
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots;
    if (2 * slots <= this.#last.length) return;
    const last = new Float64Array(2 * Math.max(slots, this.#last.length, 16)).fill(NaN);
    last.set(this.#last);
    this.#last = last;
  }

  /** Whether an alert of the slot at event time `timeMs` (epoch ms) may go out; if so, it is remembered. */
  pass(slot: number, timeMs: number, score: number): boolean {
    const last = this.#last;
    const lastTimeMs = last[2 * slot]!;
    // A late record may be older than the last alert: it is held back only when it is near to it.
    if (Math.abs(timeMs - lastTimeMs) < this.refractoryMs && score <= last[2 * slot + 1]!) return false;
    if (timeMs < lastTimeMs) return true;
    last[2 * slot] = timeMs;
    last[2 * slot + 1] = score;
    return true;
  }

  snapshot(state: StateWriter): void {
    state.array('last', this.#last, 2 * this.#slots);
  }

  restore(state: StateReader): void {
    const slots = state.length('last') / 2;
    this.reserve(slots);
    this.#last.set(state.f64('last'));
  }
}
