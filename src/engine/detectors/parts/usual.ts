import type { Json } from '../../operatorState.ts';
import type { StateRow } from '../../stateRow.ts';
import { SeasonalMedian } from '../seasonal.ts';
import { SlotBlocks, SlotCells } from '../slotBlocks.ts';
import type { Observation } from './part.ts';

const HOUR_MS = 3_600_000;
const HOURS = 24;
const DAY_MS = HOURS * HOUR_MS;
/** The season counts once it was seen twice. */
const SEASON_KNOWN_AFTER_MS = 2 * DAY_MS;
const LEVEL_WEIGHT = 0.05;
/** The size of residuals of an hour of the day forgets after this many of them, that of all hours after SIZES. */
const HOUR_SIZES = 300;
const SIZES = 2000;
/** The hour's own size counts against that of all hours as if that had been seen so often. */
const PRIOR = 60;

const FIRST_TIME = 0;
const SEASON_KNOWN = 1;
const LEVEL = 2;
const SIZE = 3;
const SIZE_COUNT = 4;
const WIDTH = 5;

/**
 * What is usual for a series now: the median of its past at this time of day and kind of day (seasonal.ts), and until
 * two days were seen an exponentially weighted level. Beside it, how large residuals usually are at this hour of the
 * day, as a mean of their sizes shrunk to that of all hours: noise that grows with the load is no anomaly.
 *
 * 2 us where a season slot begins, else 0.1 us; 6.9 KB a slot with season slots of 15 minutes.
 */
export class Usual {
  readonly slotBytes: number;
  readonly #season: SeasonalMedian;
  readonly #cells = new SlotCells(WIDTH);
  /** For each hour of the day, sum of sizes and their number, both forgetting. */
  readonly #hours = new SlotBlocks(2 * HOURS);

  constructor(stepMs: number) {
    this.#season = new SeasonalMedian(stepMs);
    this.slotBytes = this.#season.slotBytes + 8 * WIDTH + 8 * HOURS;
  }

  reserve(slots: number): void {
    this.#season.reserve(slots);
    this.#cells.reserve(slots);
    this.#hours.reserve(slots);
  }

  /** Start of the season slot of a time, in ms of its week. */
  slotOfWeek(timeMs: number): number {
    return this.#season.slotOfWeek(timeMs);
  }

  /** Of a slot of two values, the first. */
  first(slot: number): number {
    return this.#season.anchor(slot);
  }

  look(seen: Observation): void {
    const { slot, timeMs, value } = seen;
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    seen.scale = 0;
    seen.seasonKnown = cells[cell + SEASON_KNOWN] === 1;
    if (seen.seen === 0) {
      seen.expected = NaN;
      seen.residual = NaN;
      return;
    }
    const usual = seen.seasonKnown ? this.#season.predict(slot, timeMs, seen.intervalMs) : NaN;
    seen.expected = Number.isNaN(usual) ? cells[cell + LEVEL]! : usual;
    seen.residual = value - seen.expected;
    const hours = this.#hours.block(slot);
    const at = this.#hours.base(slot) + 2 * hourOf(timeMs);
    seen.scale = (hours[at]! + PRIOR * cells[cell + SIZE]!) / (hours[at + 1]! + PRIOR);
  }

  /** Whether the season became known with this value. */
  learn({ slot, timeMs, seen, step, learnt }: Observation): boolean {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    this.#season.learn(slot, timeMs, learnt, step);
    if (seen === 0) {
      cells[cell + FIRST_TIME] = timeMs;
      cells[cell + LEVEL] = learnt;
      return false;
    }
    cells[cell + LEVEL] = cells[cell + LEVEL]! + LEVEL_WEIGHT * (learnt - cells[cell + LEVEL]!);
    if (cells[cell + SEASON_KNOWN] === 1 || timeMs - cells[cell + FIRST_TIME]! < SEASON_KNOWN_AFTER_MS) return false;
    cells[cell + SEASON_KNOWN] = 1;
    return true;
  }

  /** Takes in the size of a surprise, as it is learnt. */
  learnSize({ slot, timeMs }: Observation, size: number): void {
    const cells = this.#cells.values;
    const cell = slot * WIDTH;
    const count = Math.min(SIZES, cells[cell + SIZE_COUNT]! + 1);
    cells[cell + SIZE_COUNT] = count;
    cells[cell + SIZE] = cells[cell + SIZE]! + (size - cells[cell + SIZE]!) / count;
    const hours = this.#hours.block(slot);
    const at = this.#hours.base(slot) + 2 * hourOf(timeMs);
    hours[at] = Math.min(LARGEST_FLOAT, hours[at]! * (1 - 1 / HOUR_SIZES) + size);
    hours[at + 1] = hours[at + 1]! * (1 - 1 / HOUR_SIZES) + 1;
  }

  describe(slot: number): { readonly [name: string]: Json } {
    const cell = slot * WIDTH;
    const level = this.#cells.values[cell + LEVEL]!;
    return {
      level: Number.isFinite(level) ? level : null,
      season_is_known: this.#cells.values[cell + SEASON_KNOWN] === 1,
    };
  }

  pack(slot: number, out: StateRow): void {
    this.#season.pack(slot, out);
    this.#cells.pack(slot, out);
    this.#hours.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#season.unpack(slot, from);
    this.#cells.unpack(slot, from);
    this.#hours.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#season.reset(slot);
    this.#cells.reset(slot);
    this.#hours.reset(slot);
  }
}

const LARGEST_FLOAT = 3.4028234663852886e38;

/** Hour of the day in UTC. */
function hourOf(timeMs: number): number {
  return Math.floor((timeMs - Math.floor(timeMs / DAY_MS) * DAY_MS) / HOUR_MS);
}
