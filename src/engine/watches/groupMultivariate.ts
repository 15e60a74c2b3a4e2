import { AlertShaper } from '../alertShaper.ts';
import type { ColumnBatch } from '../batch.ts';
import { verdict } from '../detectors/detector.ts';
import type { Json } from '../operatorState.ts';
import type { AlertRows, Rule } from '../rows.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { SeriesState, StateRow } from '../stateRow.ts';
import { WATCH_THRESHOLDS, type WatchDefinition } from './definition.ts';
import { type FrameHandler, GroupFrames } from './groupFrames.ts';
import { Mahalanobis, modelWidth } from './mahalanobis.ts';
import { restoreSlots, snapshotSlots } from './packedSlots.ts';
import { VectorTails } from './vectorTails.ts';
import { putRow, watchThreshold } from './watchStage.ts';

/** Of a larger group the series that came first are watched. */
const MOST_CHANNELS = 64;
const NAMED = 3;
/** A frame with values of fewer of the series is not judged: what they had before says little of the present. */
const LEAST_FRESH = 0.9;
/** The three series that have most of the score; `AlertRows.partSeries` says which. */
const PARTS = ['first', 'second', 'third'] as const;

/**
 * Watches all series of a group together, once a frame (groupFrames.ts): the score of multivariate.ts, with the series as
 * channels, by one field each. In a frame that lacks a tenth of them at most, they keep their last
 * values; others are left out. The three series that have most
 * of the score are the parts; the first of them is the alert's series, with its value, its mean and its threshold. Where a series
 * joins or leaves, its group is learnt anew.
 *
 * Cost with 8 series: 0.3 us a value; 0.3 KB a series, in memory also with a cold store.
 */
export class GroupMultivariateWatch implements SeriesState, FrameHandler {
  readonly id = 'watch/multivariate';
  readonly rules: readonly Rule[];
  readonly #definition: WatchDefinition;
  readonly #fieldCount: number;
  readonly #fields: readonly number[];
  readonly #firstRule: number;
  readonly #nameOf: (series: number) => string;
  readonly #frames: GroupFrames;
  readonly #tails = new VectorTails();
  /** A slot a lane. */
  readonly #shaper: AlertShaper;
  /** By lane; empty where there are too few series. */
  readonly #models: Float64Array[] = [];
  readonly #distances: Mahalanobis[] = [];
  readonly #row = new Float64Array(MOST_CHANNELS);
  readonly #shares = new Float64Array(MOST_CHANNELS);
  readonly #current = verdict(NAMED);
  #out!: AlertRows;
  #batch!: ColumnBatch;

  constructor(
    definition: WatchDefinition,
    fields: { readonly count: number; readonly watched: readonly number[] },
    firstRule: number,
    nameOf: (series: number) => string,
  ) {
    this.rules = definition.rules.map((name) => ({ name, partNames: PARTS, partsAreSeries: true }));
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

  /** Other channels, another model. */
  onMembers(lane: number): void {
    this.#tails.reserve(this.#frames.laneCount);
    this.#shaper.reserve(this.#frames.laneCount);
    this.#tails.clear(lane);
    this.#shaper.reset(lane);
    const channels = Math.min(MOST_CHANNELS, this.#frames.membersOf(lane).length);
    this.#models[lane] = new Float64Array(channels < 2 ? 0 : modelWidth(channels));
    if (this.#distances[channels] === undefined) this.#distances[channels] = new Mahalanobis(channels);
  }

  onFrame(lane: number, i: number): void {
    const model = this.#models[lane]!;
    if (model.length === 0) return;
    const members = this.#frames.membersOf(lane);
    if (this.#frames.slotsOf(lane).length < LEAST_FRESH * members.length) return;
    const channels = Math.min(MOST_CHANNELS, members.length);
    const distances = this.#distances[channels]!;
    const row = this.#row;
    for (let c = 0; c < channels; c++) row[c] = this.#frames.value(members[c]!);
    distances.measure(model, 0, row);
    const score = this.#tails.score(lane, distances);
    const time = this.#newest(lane);
    if (score > this.#leastThreshold) this.#tell(lane, i, time, score, members, distances);
    distances.learn(model, 0, row);
  }

  #tell(
    lane: number,
    i: number,
    time: number,
    score: number,
    members: readonly number[],
    distances: Mahalanobis,
  ): void {
    const shares = this.#shares.subarray(0, distances.channels);
    const top = this.#tails.share(distances, this.#models[lane]!, 0, shares);
    const slot = members[top]!;
    const series = Math.floor(slot / this.#fieldCount);
    const threshold = watchThreshold(this.#definition, () => this.#nameOf(series));
    if (!(score > threshold) || !this.#shaper.next(lane, time, score, threshold)) return;
    const field = slot - series * this.#fieldCount;
    const current = this.#current;
    current.score = score;
    current.expected = distances.mean(this.#models[lane]!, 0, top);
    const row = putRow(this.#out, series, field, this.#firstRule + field, current, threshold);
    const out = this.#out;
    for (let part = 0; part < NAMED; part++) {
      let best = -1;
      for (let c = 0; c < shares.length; c++) if (shares[c]! > (best < 0 ? 0 : shares[best]!)) best = c;
      const at = row * out.partCount + part;
      out.parts[at] = best < 0 ? NaN : shares[best]!;
      out.partSeries[at] = best < 0 ? series : Math.floor(members[best]! / this.#fieldCount);
      if (best >= 0) shares[best] = -1;
    }
    out.start[row] = time;
    out.end[row] = time;
    out.value[row] = this.#frames.value(slot);
    out.offset[row] = this.#batch.offsets[i]!;
    out.recordTime[row] = this.#batch.recordTimes[i]!;
  }

  #newest(lane: number): number {
    let time = -Infinity;
    for (const slot of this.#frames.slotsOf(lane)) time = Math.max(time, this.#frames.time(slot));
    return time;
  }

  /** No threshold of a series is below. */
  get #leastThreshold(): number {
    const { threshold, thresholdOf } = this.#definition;
    return thresholdOf === undefined ? threshold : Math.min(threshold, WATCH_THRESHOLDS.multivariate.high);
  }

  reserve(series: number): void {
    this.#frames.reserve(series * this.#fieldCount);
  }

  lastTime(series: number): number {
    let last = -Infinity;
    for (const field of this.#fields) last = Math.max(last, this.#frames.time(series * this.#fieldCount + field));
    return last;
  }

  /** Groups are learnt anew where their series go to other partitions. */
  pack(series: number, out: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.pack(slot, out);
    }
  }

  unpack(series: number, from: StateRow): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.unpack(slot, from);
    }
  }

  reset(series: number): void {
    for (let slot = series * this.#fieldCount; slot < (series + 1) * this.#fieldCount; slot++) {
      this.#frames.reset(slot, this);
    }
  }

  snapshot(state: StateWriter): void {
    const { laneCount } = this.#frames;
    this.#frames.snapshot(state.scope('frames'));
    for (let lane = 0; lane < laneCount; lane++) {
      const model = this.#models[lane] ?? EMPTY;
      state.array(`models/${lane}`, model, model.length);
    }
    snapshotSlots(state, 'tails', laneCount, this.#tails);
    snapshotSlots(state, 'shaper', laneCount, this.#shaper);
  }

  restore(state: StateReader): void {
    const frames = state.scope('frames');
    this.reserve(Math.ceil(frames.length('slots') / this.#frames.cells.width / this.#fieldCount));
    this.#frames.restore(frames, this);
    const { laneCount } = this.#frames;
    this.#tails.reserve(laneCount);
    this.#shaper.reserve(laneCount);
    for (let lane = 0; lane < laneCount; lane++) this.#models[lane] = state.f64(`models/${lane}`);
    restoreSlots(state, 'tails', laneCount, this.#tails);
    restoreSlots(state, 'shaper', laneCount, this.#shaper);
  }

  describe(series: number): Json {
    return Array.from({ length: this.#fieldCount }, (_, field) => {
      const lane = this.#frames.laneOf(series * this.#fieldCount + field);
      return {
        channels: lane < 0 ? 0 : Math.min(MOST_CHANNELS, this.#frames.membersOf(lane).length),
        last_alert: lane < 0 ? null : this.#shaper.describe(lane),
      };
    });
  }
}

const EMPTY = new Float64Array(0);
