import { AlertShaper } from '../alertShaper.ts';
import type { ColumnBatch } from '../batch.ts';
import { verdict } from '../detectors/detector.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import { TailScores } from '../detectors/tail.ts';
import type { Json } from '../operatorState.ts';
import type { AlertRows, Rule } from '../rows.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { SeriesState, StateRow } from '../stateRow.ts';
import type { WatchDefinition } from './definition.ts';
import { type FrameHandler, GroupFrames } from './groupFrames.ts';
import { restoreSlots, snapshotSlots } from './packedSlots.ts';
import { takeMagnitude } from './takeMagnitude.ts';
import { putRow, watchThreshold } from './watchStage.ts';

/** Fewer series are no group. */
const MIN_PEERS = 5;
const TAIL_SIZE = 1000;
const LEARN_SCORE = 8;
/** What a slot keeps of its offset. */
const OFFSETS = 2;
const OFFSET_WEIGHT = 1 / 128;
const SCALE_WEIGHT = 1 / 32;
const MIN_SEEN = 16;
/** In deviations of the group. */
const LEARN_DISTANCE = 3;
/** Makes the median absolute deviation of normal values their standard deviation. */
const MAD_TO_SIGMA = 1.4826;
/** Nearer to the median, in deviations, a series is never unlike its group. */
const LEAST_DISTANCE = 4;
/** The deviation of a group is at least this part of the size of its median. */
const LEAST_DEVIATION = 1e-6;

/**
 * Tells a series that is unlike its group: what is left of its value without the group's median at the same time
 * (groupFrames.ts) and its own usual offset from that, over the scaled median absolute deviation of the same of all series of
 * the group; as a calibrated tail of the series' own last 1,000 such distances (detectors/tail.ts), and at least four. So a
 * series that has always been apart is not told, and one that leaves the others is, also where all of them move.
 *
 * A group is five series or more. Each series is judged once a frame; the alert's time and value are its own in the
 * frame, and its offset is that of the record that completed the frame.
 *
 * Source: residuals of a median polish (Tukey 1977); tails as SPOT (Siffer et al. 2017). Cost: 0.6 us a value; 0.6 KB a
 * slot, in memory also with a cold store.
 */
export class PeersWatch implements SeriesState, FrameHandler {
  readonly id = 'watch/peers';
  readonly rules: readonly Rule[];
  readonly #definition: WatchDefinition;
  readonly #fieldCount: number;
  readonly #fields: readonly number[];
  readonly #firstRule: number;
  readonly #nameOf: (series: number) => string;
  readonly #frames: GroupFrames;
  readonly #tails = new TailScores(TAIL_SIZE);
  readonly #shaper: AlertShaper;
  readonly #thresholds = new SlotCells(1);
  /** Usual distance to the group, signed, and how often it was seen. */
  readonly #offsets = new SlotCells(OFFSETS);
  readonly #current = verdict(1);
  /** By lane: recent deviation of the group. */
  readonly #scales = new SlotCells(1);
  #sorted = new Float64Array(64);
  #out!: AlertRows;
  #batch!: ColumnBatch;

  constructor(
    definition: WatchDefinition,
    fields: { readonly count: number; readonly watched: readonly number[] },
    firstRule: number,
    nameOf: (series: number) => string,
  ) {
    this.rules = definition.rules.map((name) => ({ name, partNames: ['distance'] }));
    this.#definition = definition;
    this.#fieldCount = fields.count;
    this.#fields = fields.watched;
    this.#firstRule = firstRule;
    this.#nameOf = nameOf;
    this.#frames = new GroupFrames(definition, fields, nameOf);
    this.#shaper = new AlertShaper(definition.shaping);
  }

  putInto(out: AlertRows): void {
    this.#out = out;
  }

  ofRecords(batch: ColumnBatch, from: number, to: number): void {
    this.#batch = batch;
    this.#frames.ofRecords(batch, from, to, this);
  }

  onMembers(lane: number): void {
    this.#scales.reserve(this.#frames.laneCount);
    // A group begins.
    if (this.#frames.membersOf(lane).length <= 1) this.#scales.reset(lane);
  }

  onFrame(lane: number, i: number): void {
    const slots = this.#frames.slotsOf(lane);
    const count = slots.length;
    if (count < MIN_PEERS) return;
    if (count > this.#sorted.length) this.#sorted = new Float64Array(2 * count);
    const sorted = this.#sorted.subarray(0, count);
    for (let k = 0; k < count; k++) sorted[k] = this.#frames.value(slots[k]!);
    const median = medianOf(sorted);
    const offsets = this.#offsets.values;
    for (let k = 0; k < count; k++) sorted[k] = this.#frames.value(slots[k]!) - median - offsets[OFFSETS * slots[k]!]!;
    const apart = medianOf(sorted);
    for (let k = 0; k < count; k++) sorted[k] = Math.abs(sorted[k]! - apart);
    const scale = this.#scale(lane, Math.max(MAD_TO_SIGMA * medianOf(sorted), LEAST_DEVIATION * Math.abs(median)));
    if (scale === 0) return;
    for (const slot of slots) this.#judge(slot, i, median + apart, scale);
  }

  /** That of few series happens to be small now and then: it counts as no less than its recent mean. */
  #scale(lane: number, present: number): number {
    const scales = this.#scales.values;
    const recent = scales[lane]!;
    scales[lane] = recent === 0 ? present : recent + SCALE_WEIGHT * (Math.min(present, 2 * recent) - recent);
    return Math.max(present, recent);
  }

  /** @param middle where the group is, from which each series has its usual offset */
  #judge(slot: number, i: number, middle: number, scale: number): void {
    const offsets = this.#offsets.values;
    const value = this.#frames.value(slot);
    const expected = middle + offsets[OFFSETS * slot]!;
    const distance = Math.min(MOST_DISTANCE, Math.abs(value - expected) / scale);
    const score = takeMagnitude(this.#tails, slot, distance, LEARN_SCORE);
    const threshold = this.#thresholds.values[slot]!;
    if (score > threshold && distance > LEAST_DISTANCE) this.#tell(slot, i, score, threshold, expected, scale);
    const seen = offsets[OFFSETS * slot + 1]! + 1;
    const most = seen <= MIN_SEEN ? Infinity : LEARN_DISTANCE * scale;
    const learnt = Math.max(-most, Math.min(most, value - expected));
    offsets[OFFSETS * slot] = offsets[OFFSETS * slot]! + Math.max(1 / seen, OFFSET_WEIGHT) * learnt;
    offsets[OFFSETS * slot + 1] = seen;
  }

  #tell(slot: number, i: number, score: number, threshold: number, expected: number, scale: number): void {
    const time = this.#frames.time(slot);
    if (!this.#shaper.next(slot, time, score, threshold)) return;
    const reach = scale * Math.max(LEAST_DISTANCE, this.#tails.magnitudeAt(slot, threshold));
    const series = Math.floor(slot / this.#fieldCount);
    const field = slot - series * this.#fieldCount;
    const current = this.#current;
    current.score = score;
    current.expected = expected;
    current.lower = expected - reach;
    current.upper = expected + reach;
    current.parts[0] = score;
    const row = putRow(this.#out, series, field, this.#firstRule + field, current, threshold);
    const out = this.#out;
    out.start[row] = time;
    out.end[row] = time;
    out.value[row] = this.#frames.value(slot);
    out.offset[row] = this.#batch.offsets[i]!;
    out.recordTime[row] = this.#batch.recordTimes[i]!;
  }

  reserve(series: number): void {
    const before = this.#thresholds.slots;
    const slots = series * this.#fieldCount;
    if (slots <= before) return;
    this.#frames.reserve(slots);
    this.#tails.reserve(slots);
    this.#offsets.reserve(slots);
    this.#shaper.reserve(slots);
    this.#thresholds.reserve(slots);
    for (let id = before / this.#fieldCount; id < series; id++) this.appear(id);
  }

  appear(series: number): void {
    const threshold = watchThreshold(this.#definition, () => this.#nameOf(series));
    this.#thresholds.values.fill(threshold, series * this.#fieldCount, (series + 1) * this.#fieldCount);
  }

  lastTime(series: number): number {
    let last = -Infinity;
    for (const field of this.#fields) last = Math.max(last, this.#frames.time(series * this.#fieldCount + field));
    return last;
  }

  pack(series: number, out: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.pack(slot, out);
      this.#offsets.pack(slot, out);
      this.#tails.pack(slot, out);
      this.#shaper.pack(slot, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.unpack(slot, from);
      this.#offsets.unpack(slot, from);
      this.#tails.unpack(slot, from);
      this.#shaper.unpack(slot, from);
    }
  }

  reset(series: number): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.reset(slot, this);
      this.#offsets.reset(slot);
      this.#tails.clear(slot);
      this.#shaper.reset(slot);
    }
  }

  snapshot(state: StateWriter): void {
    this.#frames.snapshot(state.scope('frames'));
    this.#offsets.snapshot(state, 'offsets');
    this.#scales.snapshot(state, 'scales');
    this.#tails.snapshot(state.scope('tails'));
    snapshotSlots(state, 'shaper', this.#thresholds.slots, this.#shaper);
  }

  restore(state: StateReader): void {
    const frames = state.scope('frames');
    this.reserve(Math.ceil(frames.length('slots') / this.#frames.cells.width / this.#fieldCount));
    this.#frames.restore(frames, this);
    this.#offsets.restore(state, 'offsets');
    this.#scales.restore(state, 'scales');
    this.#tails.restore(state.scope('tails'));
    restoreSlots(state, 'shaper', this.#thresholds.slots, this.#shaper);
  }

  describe(series: number): Json {
    return Array.from({ length: this.#fieldCount }, (_, field) => {
      const slot = series * this.#fieldCount + field;
      const lane = this.#frames.laneOf(slot);
      return {
        usual_offset: this.#offsets.values[OFFSETS * slot]!,
        group_size: lane < 0 ? 0 : this.#frames.membersOf(lane).length,
        threshold: this.#thresholds.values[slot]!,
        last_alert: this.#shaper.describe(slot),
      };
    });
  }
}

/** A distance that single precision holds. */
const MOST_DISTANCE = 1e6;

/** Sorts them. */
function medianOf(values: Float64Array): number {
  values.sort();
  const half = values.length >> 1;
  return values.length % 2 === 1 ? values[half]! : (values[half - 1]! + values[half]!) / 2;
}
