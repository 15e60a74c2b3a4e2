import { CalendarMask, type CalendarSpans, mergedSpans } from './calendar.ts';
import { SlotCells } from './detectors/slotBlocks.ts';

export type Direction = 'above' | 'below' | 'both';

/** What the configuration says of one series. */
export interface SeriesFacts {
  /** Valid range, where min <= value <= max; -Infinity and Infinity where there is none. */
  readonly min: number;
  readonly max: number;
  /** The threshold in the unit of the detector's score, and which of `ScoreDefinition.origins` it comes from. */
  readonly threshold: number;
  readonly origin: number;
  /** On which side of the expected value something alerts. */
  readonly direction: Direction;
  /** Least distance to the expected value that is worth an alert; 0: any. */
  readonly minDeviation: number;
  /** The same, as a part of the expected value. */
  readonly minDeviationRatio: number;
  /** Indexes into `ScoreDefinition.calendars`. */
  readonly calendars: readonly number[];
  /** Bits of the detector's parts that do not count. */
  readonly muted: number;
}

// What a slot keeps.
const THRESHOLD = 0;
const MIN = 1;
const MAX = 2;
const DEVIATION = 3;
const RATIO = 4;
const SIDE = 5;
const ORIGIN = 6;
const MUTED = 7;
/** Index into the masks, -1 for none. */
const MASK = 8;
const WIDTH = 9;

const SIDES: Readonly<Record<Direction, number>> = { below: -1, both: 0, above: 1 };

/**
 * What the configuration says of the series of each slot, asked once, when the slot appears: it is no state, and not in
 * a snapshot.
 */
export class SeriesKnowledge {
  readonly #factsOf: (slot: number) => SeriesFacts;
  readonly #spans: readonly CalendarSpans[];
  readonly #cells = new SlotCells(WIDTH);
  readonly #masks: CalendarMask[] = [];
  /** By the calendars that it is of. */
  readonly #maskIndexes = new Map<string, number>();

  constructor(factsOf: (slot: number) => SeriesFacts, spans: readonly CalendarSpans[] = []) {
    this.#factsOf = factsOf;
    this.#spans = spans;
  }

  /** Whether any slot has a calendar. */
  get hasCalendars(): boolean {
    return this.#masks.length > 0;
  }

  get slots(): number {
    return this.#cells.slots;
  }

  reserve(slots: number): void {
    const before = this.#cells.slots;
    this.#cells.reserve(slots);
    for (let slot = before; slot < slots; slot++) this.ask(slot);
  }

  /** Asks anew: the slot was given to another series. */
  ask(slot: number): void {
    const { values } = this.#cells;
    const cell = slot * WIDTH;
    const facts = this.#factsOf(slot);
    values[cell + THRESHOLD] = facts.threshold;
    values[cell + MIN] = facts.min;
    values[cell + MAX] = facts.max;
    values[cell + DEVIATION] = facts.minDeviation;
    values[cell + RATIO] = facts.minDeviationRatio;
    values[cell + SIDE] = SIDES[facts.direction];
    values[cell + ORIGIN] = facts.origin;
    values[cell + MUTED] = facts.muted;
    values[cell + MASK] = this.#maskOf(facts.calendars);
  }

  /** As configured: what operators' verdicts move is added by the stage. */
  threshold(slot: number): number {
    return this.#cells.values[slot * WIDTH + THRESHOLD]!;
  }

  origin(slot: number): number {
    return this.#cells.values[slot * WIDTH + ORIGIN]!;
  }

  muted(slot: number): number {
    return this.#cells.values[slot * WIDTH + MUTED]!;
  }

  /** Whether direction or deviation can rule a value out at all. */
  isSelective(slot: number): boolean {
    const { values } = this.#cells;
    const cell = slot * WIDTH;
    return values[cell + SIDE] !== 0 || values[cell + DEVIATION]! > 0 || values[cell + RATIO]! > 0;
  }

  /**
   * Whether a value above the threshold is worth an alert: on the side that counts, and far enough from what is expected
   * (or, where nothing is, from the band). What leaves the valid range always is; so is what nothing is expected of.
   */
  isWorth(slot: number, value: number, expected: number, lower: number, upper: number): boolean {
    const { values } = this.#cells;
    const cell = slot * WIDTH;
    if (value < values[cell + MIN]! || value > values[cell + MAX]!) return true;
    const deviation = deviationOf(value, expected, lower, upper);
    if (Number.isNaN(deviation)) return true;
    const side = values[cell + SIDE]!;
    if (side !== 0 && deviation * side <= 0) return false;
    const size = Math.abs(deviation);
    if (size < values[cell + DEVIATION]!) return false;
    // Of nothing, or of what is not known, any distance is large.
    return !(size < values[cell + RATIO]! * Math.abs(expected));
  }

  /** Whether a calendar of the slot's series holds some of [fromMs, toMs), or the instant where both are one. */
  isQuiet(slot: number, fromMs: number, toMs: number): boolean {
    const mask = this.#cells.values[slot * WIDTH + MASK]!;
    return mask >= 0 && this.#masks[mask]!.holds(fromMs, toMs);
  }

  #maskOf(calendars: readonly number[]): number {
    if (calendars.length === 0) return -1;
    const key = calendars.join();
    let index = this.#maskIndexes.get(key);
    if (index === undefined) {
      index = this.#masks.length;
      this.#masks.push(new CalendarMask(mergedSpans(calendars.map((calendar) => this.#spans[calendar]!))));
      this.#maskIndexes.set(key, index);
    }
    return index;
  }
}

/** Signed distance to what is expected; without it to the nearer edge of the band, outside of it; else NaN. */
function deviationOf(value: number, expected: number, lower: number, upper: number): number {
  if (!Number.isNaN(expected)) return value - expected;
  if (value > upper) return value - upper;
  return value < lower ? value - lower : NaN;
}
