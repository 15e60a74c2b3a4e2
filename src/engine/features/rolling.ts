import type { StateRow } from '../stateRow.ts';
import { Cells } from './operator.ts';

/** What a feature rolls over: a number of values, or a span of event time. */
export type Rolling = { readonly count: number } | { readonly spanMs: number };

/**
 * One scale for both: a value's key is its event time, or its number in the order of arrival, and the window of the
 * newest key is (newest - span, newest].
 */
export class RollingKeys {
  readonly span: number;
  readonly #numbers: Cells | undefined;

  constructor(rolling: Rolling) {
    this.span = 'count' in rolling ? rolling.count : rolling.spanMs;
    this.#numbers = 'count' in rolling ? new Cells(1) : undefined;
  }

  /** For people. */
  get described(): { readonly [name: string]: number } {
    return this.#numbers === undefined ? { span_ms: this.span } : { of_last: this.span };
  }

  reserve(slots: number): void {
    this.#numbers?.reserve(slots);
  }

  /** The key of the slot's next value. */
  next(slot: number, time: number): number {
    if (this.#numbers === undefined) return time;
    const number = this.#numbers.values[slot]! + 1;
    this.#numbers.values[slot] = number;
    return number;
  }

  pack(slot: number, out: StateRow): void {
    this.#numbers?.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#numbers?.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#numbers?.reset(slot);
  }
}
