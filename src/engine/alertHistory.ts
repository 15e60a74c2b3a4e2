import type { Json } from './operatorState.ts';
import type { StateRow } from './stateRow.ts';

/** Alerts that a slot remembers. */
export const KEPT_ALERTS = 8;
/** Of them an alert names so many, those whose values are nearest to its own. */
export const NAMED_ALERTS = 3;

/** By operators' verdicts, as parts of the configured threshold: at medium sensitivity .25 up, .1 down, +1 and -.5 at most. */
const UP = 0.1;
const DOWN = 0.04;
const MOST_UP = 0.4;
const MOST_DOWN = 0.2;

// What a slot keeps that has alerted; then its last alerts, the oldest overwritten.
const SHIFT = 0;
/** Verdicts that were applied, and those of them that stand, by kind. */
const APPLIED = 1;
const TRUE_COUNT = 2;
const FALSE_COUNT = 3;
/** Alerts ever. */
const COUNT = 4;
const ALERTS = 5;
const TIME = 0;
const VALUE = 1;
const SCORE = 2;
/** 1 true, -1 false, 0 none. */
const VERDICT = 3;
export const ALERT_WIDTH = 4;
const WIDTH = ALERTS + KEPT_ALERTS * ALERT_WIDTH;

/** Why a verdict moved no threshold. */
export type VerdictOutcome = 'applied' | 'unchanged' | 'forgotten';

/**
 * The last alerts of each slot, and what operators said of them. Few slots ever alert, so only those have cells.
 *
 * The rule by which verdicts move a threshold: each false alert raises it by a tenth of what is configured, to four tenths
 * more at most; each true one lowers it by a twenty-fifth, to a fifth less at most. Another verdict on the same alert
 * first takes the step of the former one back. An alert that is older than the slot's last eight moves nothing.
 */
export class AlertHistory {
  #cells = new Float64Array(0);
  /** By slot: index of its cells, -1 for none. */
  #cellOf = new Int32Array(0);
  #count = 0;
  readonly #free: number[] = [];
  readonly #order = new Float64Array(KEPT_ALERTS);

  reserve(slots: number): void {
    const before = this.#cellOf.length;
    if (slots <= before) return;
    const cellOf = new Int32Array(Math.max(slots, 2 * before)).fill(-1);
    cellOf.set(this.#cellOf);
    this.#cellOf = cellOf;
  }

  /** What the verdicts made of a threshold. */
  moved(slot: number, threshold: number): number {
    const cell = this.#cellOf[slot]!;
    return cell < 0 ? threshold : threshold * (1 + this.#cells[cell * WIDTH + SHIFT]!);
  }

  /** Verdicts that were applied so far. */
  applied(slot: number): number {
    const cell = this.#cellOf[slot]!;
    return cell < 0 ? 0 : this.#cells[cell * WIDTH + APPLIED]!;
  }

  add(slot: number, timeMs: number, value: number, score: number): void {
    const cell = this.#made(slot) * WIDTH;
    const cells = this.#cells;
    const at = cell + ALERTS + (cells[cell + COUNT]! % KEPT_ALERTS) * ALERT_WIDTH;
    cells[at + TIME] = timeMs;
    cells[at + VALUE] = value;
    cells[at + SCORE] = score;
    cells[at + VERDICT] = 0;
    cells[cell + COUNT] = cells[cell + COUNT]! + 1;
  }

  /**
   * Writes time, value, score and verdict of the alerts whose values are nearest, nearest first, the newer one of two as
   * near, to out[at...]; returns how many.
   */
  nearest(slot: number, value: number, out: Float64Array, at: number): number {
    const cell = this.#cellOf[slot]!;
    if (cell < 0) return 0;
    const cells = this.#cells;
    const base = cell * WIDTH;
    const count = cells[base + COUNT]!;
    const kept = Math.min(count, KEPT_ALERTS);
    const order = this.#order;
    for (let back = 0; back < kept; back++) {
      const alert = base + ALERTS + ((count - 1 - back) % KEPT_ALERTS) * ALERT_WIDTH;
      const far = Math.abs(cells[alert + VALUE]! - value);
      let place = back;
      while (place > 0 && far < Math.abs(cells[order[place - 1]! + VALUE]! - value)) {
        order[place] = order[place - 1]!;
        place--;
      }
      order[place] = alert;
    }
    const named = Math.min(kept, NAMED_ALERTS);
    for (let i = 0; i < named; i++) {
      for (let k = 0; k < ALERT_WIDTH; k++) out[at + i * ALERT_WIDTH + k] = cells[order[i]! + k]!;
    }
    return named;
  }

  /**
   * An operator's verdict on the alert at this whole millisecond of event time. `before` is how many verdicts the slot had
   * when it was given: one that was applied already changes nothing, so a journal may give it again.
   */
  judge(slot: number, timeMs: number, isTrue: boolean, before: number): VerdictOutcome {
    const cell = this.#cellOf[slot]!;
    if (cell < 0) return 'forgotten';
    const cells = this.#cells;
    const base = cell * WIDTH;
    if (cells[base + APPLIED] !== before) return 'unchanged';
    const alert = this.#find(base, timeMs);
    if (alert < 0) return 'forgotten';
    const verdict = isTrue ? 1 : -1;
    const former = cells[alert + VERDICT]!;
    if (former === verdict) return 'unchanged';
    let shift = cells[base + SHIFT]!;
    if (former !== 0) {
      shift -= former > 0 ? -DOWN : UP;
      const kind = base + (former > 0 ? TRUE_COUNT : FALSE_COUNT);
      cells[kind] = cells[kind]! - 1;
    }
    shift += isTrue ? -DOWN : UP;
    cells[base + SHIFT] = Math.max(-MOST_DOWN, Math.min(MOST_UP, shift));
    const kind = base + (isTrue ? TRUE_COUNT : FALSE_COUNT);
    cells[kind] = cells[kind]! + 1;
    cells[base + APPLIED] = before + 1;
    cells[alert + VERDICT] = verdict;
    return 'applied';
  }

  pack(slot: number, out: StateRow): void {
    const cell = this.#cellOf[slot]!;
    if (cell < 0) {
      out.putU8(0);
      return;
    }
    const base = cell * WIDTH;
    const kept = Math.min(this.#cells[base + COUNT]!, KEPT_ALERTS);
    out.putU8(1 + kept);
    out.putDoubles(this.#cells, base, base + ALERTS + kept * ALERT_WIDTH);
  }

  unpack(slot: number, from: StateRow): void {
    const kept = from.u8() - 1;
    if (kept < 0) return;
    const base = this.#made(slot) * WIDTH;
    from.doubles(this.#cells, base, base + ALERTS + kept * ALERT_WIDTH);
  }

  reset(slot: number): void {
    const cell = this.#cellOf[slot]!;
    if (cell < 0) return;
    this.#cellOf[slot] = -1;
    this.#free.push(cell);
  }

  /** Alerts so far, and what was said of them; null where there was none. */
  describe(slot: number): { readonly [name: string]: Json } | null {
    const cell = this.#cellOf[slot]!;
    if (cell < 0) return null;
    const cells = this.#cells.subarray(cell * WIDTH, (cell + 1) * WIDTH);
    return { count: cells[COUNT]!, true: cells[TRUE_COUNT]!, false: cells[FALSE_COUNT]! };
  }

  #find(base: number, timeMs: number): number {
    const cells = this.#cells;
    const count = cells[base + COUNT]!;
    for (let back = 0; back < Math.min(count, KEPT_ALERTS); back++) {
      const alert = base + ALERTS + ((count - 1 - back) % KEPT_ALERTS) * ALERT_WIDTH;
      if (Math.floor(cells[alert + TIME]!) === timeMs) return alert;
    }
    return -1;
  }

  /** Index of the slot's cells, which are made where there are none. */
  #made(slot: number): number {
    const known = this.#cellOf[slot]!;
    if (known >= 0) return known;
    const cell = this.#free.pop() ?? this.#count++;
    if ((cell + 1) * WIDTH > this.#cells.length) {
      const cells = new Float64Array(Math.max((cell + 1) * WIDTH, 2 * this.#cells.length));
      cells.set(this.#cells);
      this.#cells = cells;
    }
    this.#cells.fill(0, cell * WIDTH, (cell + 1) * WIDTH);
    this.#cellOf[slot] = cell;
    return cell;
  }
}
