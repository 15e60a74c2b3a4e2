import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { type FeatureOperator, MAX_VALUES } from './operator.ts';
import { TimedLists } from './timedLists.ts';

/**
 * The value of the same slot at the same time a day, a week or any other span before: of the values so far the one whose
 * event time is nearest to the current one minus `agoMs`, the earlier of two that are as near; null where none is within
 * `toleranceMs`.
 *
 * Values older than the newest time minus both spans are forgotten. A value that comes out of order is looked up for and
 * remembered like any other, as long as it is not older than that.
 */
export class SameTime implements FeatureOperator {
  shortenedCount = 0;
  readonly #agoMs: number;
  readonly #toleranceMs: number;
  /** Two lists a slot: values up to newest - ago, and the later ones. What is looked for lies where they meet. */
  readonly #lists = new TimedLists();

  constructor(agoMs: number, toleranceMs: number) {
    this.#agoMs = agoMs;
    this.#toleranceMs = toleranceMs;
  }

  reserve(slots: number): void {
    this.#lists.reserve(2 * slots);
  }

  compute(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!;
      const value = values[i]!;
      out[i] = slot >= 0 && !Number.isNaN(value) ? this.#take(2 * slot, 2 * slot + 1, times[i]!, value) : NaN;
    }
  }

  pack(slot: number, out: StateRow): void {
    this.#lists.pack(2 * slot, out);
    this.#lists.pack(2 * slot + 1, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#lists.unpack(2 * slot, from);
    this.#lists.unpack(2 * slot + 1, from);
  }

  reset(slot: number): void {
    this.#lists.reset(2 * slot);
    this.#lists.reset(2 * slot + 1);
  }

  describe(slot: number): Json {
    const lists = this.#lists;
    const [past, later] = [2 * slot, 2 * slot + 1];
    const values = lists.count(past) + lists.count(later);
    const oldest = values === 0 ? null : lists.headTime(lists.count(past) > 0 ? past : later);
    return { statistic: 'same_time', ago_ms: this.#agoMs, values, oldest_ms: oldest };
  }

  #take(past: number, later: number, time: number, value: number): number {
    const lists = this.#lists;
    // The newest value is never among the past ones, as ago is longer than nothing.
    const newest = lists.count(later) === 0 ? time : lists.tailTime(later);
    const end = Math.max(time, newest) - this.#agoMs;
    if (time < end - this.#toleranceMs) return NaN;
    while (lists.count(later) > 0 && lists.headTime(later) <= end) {
      lists.push(past, lists.headTime(later), lists.headValue(later));
      lists.dropHead(later);
    }
    while (lists.count(past) > 0 && lists.headTime(past) < end - this.#toleranceMs) lists.dropHead(past);
    const found = this.#nearest(past, later, time - this.#agoMs);
    lists.insert(time <= end ? past : later, time, value);
    if (lists.count(past) + lists.count(later) > MAX_VALUES) {
      this.shortenedCount++;
      lists.dropHead(lists.count(past) > 0 ? past : later);
    }
    return found;
  }

  #nearest(past: number, later: number, wanted: number): number {
    const lists = this.#lists;
    lists.lift(past, wanted);
    let found = NaN;
    let distance = Infinity;
    if (lists.count(past) > 0) {
      distance = wanted - lists.tailTime(past);
      found = lists.tailValue(past);
    }
    if (lists.liftedCount > 0) {
      if (lists.liftedTime - wanted < distance) {
        distance = lists.liftedTime - wanted;
        found = lists.liftedValue;
      }
    } else if (lists.count(later) > 0 && lists.headTime(later) - wanted < distance) {
      distance = lists.headTime(later) - wanted;
      found = lists.headValue(later);
    }
    lists.lower(past);
    return distance <= this.#toleranceMs ? found : NaN;
  }
}
