import { log10 } from '../math.ts';
import type { Json } from '../operatorState.ts';
import type { StateRow } from '../stateRow.ts';
import { type Detector, type ScoreHandler, type Verdict, verdict } from './detector.ts';
import { isFirstAbsurd } from './firstValue.ts';
import { Chart } from './parts/chart.ts';
import { Context } from './parts/context.ts';
import { Course } from './parts/course.ts';
import { Difference } from './parts/difference.ts';
import { Lasting } from './parts/lasting.ts';
import { MedianDistance } from './parts/median.ts';
import { MAX_SCORE, observation, type Part, type PartName } from './parts/part.ts';
import { SeasonalResidual } from './parts/seasonal.ts';
import { SeenRange } from './parts/seenRange.ts';
import { Usual } from './parts/usual.ts';
import type { Mix, Preset } from './presets.ts';
import { type Limits, SlotLimits } from './range.ts';
import { Rhythm } from './rhythm.ts';
import { SlotCells } from './slotBlocks.ts';
import { TAIL_MIN_COUNT } from './tail.ts';

export interface CompositeOptions {
  /** Width of a season slot. */
  readonly stepMs: number;
  /** A tail has forgotten a value to 1/e after so many further ones. */
  readonly tailSize?: number;
}

/** Two weeks of 5-minute values. */
const TAIL_SIZE = 4000;
const MEDIAN_SIZE = 288;
const LARGEST = 1e300;
/** Values that come more often have more chances of a false alarm a day. */
const USUAL_INTERVAL_MS = 300_000;
/**
 * What ten times as many values take off a score. All of 1 would be for chances that do not depend on each other, and
 * neighbours do: on the synthetic suite the best threshold rises by 0.42.
 */
const CHANCES_WEIGHT = 0.5;

/** A mix by index of the part. */
interface PartWeights {
  readonly weights: Float64Array;
  /** Index of the range part, and whether it alerts alone; -1 where it says nothing. */
  readonly range: number;
  readonly alone: boolean;
  readonly lead: number;
}

/**
 * A detector composed of parts as a preset says (presets.ts). Beside what the preset weighs, a value outside of the
 * configured limits always scores MAX_SCORE, with the reason `limits`. Nothing but the limits alerts before 60 values.
 *
 * Where a preset counts chances and values come more often than each 5 minutes, half of log10 of their number in 5 minutes
 * is taken off the score, so that one threshold stands for about as many false alarms a day.
 *
 * Each value is learnt after it was scored, its surprise as no larger than one that scores MAX_SCORE; which cannot be
 * told of the first ones, so that a series begins at its second where the first was absurd (firstValue.ts).
 */
export class CompositeDetector implements Detector {
  readonly name: string;
  readonly partNames: readonly string[];
  readonly current: Verdict;
  readonly #countsChances: boolean;
  readonly #limits: SlotLimits;
  readonly #floors = new SlotCells(1);
  readonly #seen = observation();
  readonly #course = new Course();
  readonly #usual: Usual | undefined;
  readonly #context: Context | undefined;
  readonly #rhythm: Rhythm | undefined;
  readonly #parts: readonly Part[];
  /** Which of them has the first value of a slot still; the others have nothing that is begun with it. */
  readonly #firsts: Pick<Part, 'first'> | undefined;
  readonly #learning: PartWeights;
  readonly #steady: PartWeights;
  readonly #rhythmic: PartWeights;
  // Of the value being scored.
  #mix: PartWeights;
  #chances = 0;

  constructor(preset: Preset, options: CompositeOptions, limits: (slot: number) => Limits) {
    this.name = preset.name;
    this.partNames = [...preset.parts, 'limits'];
    this.current = verdict(this.partNames.length);
    this.#countsChances = preset.countsChances === true;
    this.#limits = new SlotLimits(limits);
    const needsUsual = preset.parts.some((part) => part === 'seasonal' || part === 'ctx' || part === 'lasting');
    this.#usual = needsUsual ? new Usual(options.stepMs) : undefined;
    this.#rhythm = preset.rhythmic === undefined ? undefined : new Rhythm();
    this.#parts = preset.parts.map((part) => makePart(part, options.tailSize ?? TAIL_SIZE));
    this.#firsts = this.#usual ?? this.#parts.find((part) => part.first !== undefined);
    this.#context = this.#parts.find((part) => part instanceof Context);
    this.#learning = weightsOf(preset, preset.learning);
    this.#steady = weightsOf(preset, preset.steady);
    this.#rhythmic = weightsOf(preset, preset.rhythmic ?? preset.steady);
    this.#mix = this.#steady;
  }

  /** Bytes of state a slot. */
  get slotBytes(): number {
    const states = [this.#course, this.#usual, this.#rhythm, ...this.#parts];
    return states.reduce((sum, state) => sum + (state?.slotBytes ?? 0), 0) + 8 * 3;
  }

  reserve(count: number): void {
    this.#limits.reserve(count);
    this.#floors.reserve(count);
    this.#course.reserve(count);
    this.#usual?.reserve(count);
    this.#rhythm?.reserve(count);
    for (const part of this.#parts) part.reserve(count);
  }

  setFloor(slot: number, floor: number): void {
    this.#floors.values[slot] = floor;
  }

  appear(slot: number): void {
    this.#limits.ask(slot);
  }

  score(
    slots: Int32Array,
    times: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
    handler: ScoreHandler,
  ): void {
    const seen = this.#seen;
    const floors = this.#floors.values;
    for (let i = from; i < to; i++) {
      seen.slot = slots[i]!;
      seen.value = values[i]!;
      seen.timeMs = times[i]!;
      if (seen.slot < 0 || Number.isNaN(seen.value) || Number.isNaN(seen.timeMs)) continue;
      const score = this.#evaluate();
      if (score > floors[seen.slot]!) {
        this.current.score = score;
        handler.onScore(i, this);
      }
      // An infinite reading tells nothing about the next one; and differences of larger ones would overflow.
      if (Math.abs(seen.value) < LARGEST) this.#learn();
    }
  }

  explain(threshold: number): void {
    const { current } = this;
    current.expected = NaN;
    current.lower = NaN;
    current.upper = NaN;
    this.#parts[this.#mix.lead]!.explain?.(this.#seen, threshold + this.#chances, current);
  }

  chances(): number {
    return this.#chances;
  }

  season(): number {
    return this.#usual === undefined || !this.#seen.seasonKnown ? NaN : this.#usual.slotOfWeek(this.#seen.timeMs);
  }

  missing(slot: number): number {
    return Math.max(0, TAIL_MIN_COUNT - this.#course.count(slot));
  }

  describe(slot: number, threshold: number): { readonly [name: string]: Json } {
    return {
      ...this.#course.describe(slot),
      ...this.#usual?.describe(slot),
      ...this.#rhythm?.describe(slot),
      threshold,
    };
  }

  pack(slot: number, out: StateRow): void {
    this.#course.pack(slot, out);
    this.#usual?.pack(slot, out);
    this.#rhythm?.pack(slot, out);
    for (const part of this.#parts) part.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#course.unpack(slot, from);
    this.#usual?.unpack(slot, from);
    this.#rhythm?.unpack(slot, from);
    for (const part of this.#parts) part.unpack(slot, from);
  }

  reset(slot: number): void {
    this.#course.reset(slot);
    this.#usual?.reset(slot);
    this.#rhythm?.reset(slot);
    for (const part of this.#parts) part.reset(slot);
  }

  /** Fills `current.parts`, and returns the score. */
  #evaluate(): number {
    const seen = this.#seen;
    const parts = this.#parts;
    const scores = this.current.parts;
    this.#course.look(seen);
    if (seen.seen === 2) this.#forgetAbsurdFirst();
    this.#usual?.look(seen);
    for (let k = 0; k < parts.length; k++) scores[k] = parts[k]!.evaluate(seen);
    const min = this.#limits.bounds[2 * seen.slot]!;
    const max = this.#limits.bounds[2 * seen.slot + 1]!;
    const isOutside = seen.value < min || seen.value > max;
    scores[parts.length] = isOutside ? MAX_SCORE : 0;
    this.#mix = this.#mixOf();
    // False while the interval is not known, as for all that are 5 minutes and more.
    const isOften = this.#countsChances && seen.intervalMs < USUAL_INTERVAL_MS;
    this.#chances = isOften ? CHANCES_WEIGHT * log10(USUAL_INTERVAL_MS / Math.max(1, seen.intervalMs)) : 0;
    return this.fuse(scores);
  }

  /** What parts stand for in the mix of the value just scored. */
  readonly fuse = (parts: Float64Array): number => {
    const limits = parts[this.#parts.length]!;
    return limits > 0 ? limits : Math.max(0, Math.min(MAX_SCORE, mixed(this.#mix, parts)) - this.#chances);
  };

  #mixOf(): PartWeights {
    if (!this.#seen.seasonKnown) return this.#learning;
    return this.#rhythm?.has(this.#seen.slot) === true ? this.#rhythmic : this.#steady;
  }

  /** Where the first of two values was absurd, all is as if the second had been the first. */
  #forgetAbsurdFirst(): void {
    const seen = this.#seen;
    const { slot, timeMs, value } = seen;
    const first = this.#firsts?.first?.(slot) ?? NaN;
    if (!isFirstAbsurd(first, value, seen.step)) return;
    seen.timeMs = this.#course.lastTime(slot);
    seen.value = this.#course.lastValue(slot);
    this.reset(slot);
    this.#evaluate();
    this.#learn();
    seen.timeMs = timeMs;
    seen.value = value;
    this.#course.look(seen);
  }

  #learn(): void {
    const seen = this.#seen;
    const parts = this.#parts;
    this.#context?.bound(seen);
    for (let k = 0; k < parts.length; k++) parts[k]!.learn(seen);
    this.#rhythm?.learn(seen.slot, seen.timeMs, seen.value);
    if (this.#usual !== undefined) {
      if (seen.seen > 0) this.#usual.learnSize(seen, Math.abs(this.#context!.learnt));
      if (this.#usual.learn(seen)) for (const part of parts) part.beginSeason?.(seen.slot);
    }
    this.#course.learn(seen);
  }
}

/** The weighted mean of the parts that speak, with what the range says. */
function mixed({ weights, range, alone }: PartWeights, scores: Float64Array): number {
  let sum = 0;
  let speaking = 0;
  for (let k = 0; k < weights.length; k++) {
    const score = scores[k]!;
    if (weights[k] === 0 || Number.isNaN(score)) continue;
    sum += weights[k]! * score;
    speaking += weights[k]!;
  }
  const outside = range < 0 || Number.isNaN(scores[range]!) ? 0 : scores[range]!;
  if (alone) return Math.max(outside, speaking === 0 ? 0 : sum / speaking);
  return speaking === 0 ? outside : (sum + outside) / speaking;
}

function weightsOf(preset: Preset, mix: Mix): PartWeights {
  return {
    weights: Float64Array.from(preset.parts, (part) => mix.weights[part] ?? 0),
    range: mix.range === undefined ? -1 : preset.parts.indexOf('range'),
    alone: mix.range === 'reason',
    lead: preset.parts.indexOf(mix.lead),
  };
}

function makePart(name: PartName, tailSize: number): Part {
  switch (name) {
    case 'diff':
      return new Difference(tailSize);
    case 'seasonal':
      return new SeasonalResidual(tailSize);
    case 'ctx':
      return new Context(tailSize);
    case 'lasting':
      return new Lasting(tailSize);
    case 'range':
      return new SeenRange();
    case 'mad':
      return new MedianDistance(MEDIAN_SIZE, tailSize);
    case 'ewma':
      return new Chart(tailSize);
  }
}
