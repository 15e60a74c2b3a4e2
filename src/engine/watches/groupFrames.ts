import type { ColumnBatch } from '../batch.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';
import type { WatchDefinition } from './definition.ts';
import { groupName } from './groupName.ts';
import { isPlanned } from './planned.ts';

/** What a slot keeps: newest value and its time, its place in the frame (-1: none), and when it joined its lane. */
const TIME = 0;
const VALUE = 1;
const PLACE = 2;
/** Lane it belongs to, -1 before its first value. */
const LANE = 3;
const JOINED = 4;
const SLOT_CELLS = 5;

/** What a lane keeps: usual interval of its slots and how many were seen, and the frame, [start, end). */
const INTERVAL = 0;
const INTERVALS = 1;
const START = 2;
const END = 3;
/** 1 where all slots had their value: what else comes in the frame is left out. */
const DONE = 4;
const LANE_CELLS = 5;

const MIN_INTERVALS = 16;
const INTERVAL_WEIGHT = 1 / 64;
/** Lengths of a frame, in ms. */
const LENGTHS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6, 7.2e6,
  1.08e7, 2.16e7, 4.32e7, 8.64e7,
];

export interface FrameHandler {
  /** The frame of a lane is complete: `slotsOf(lane)` have their values in it. Record i has completed it. */
  onFrame(lane: number, i: number): void;
  /** A slot has joined the lane, or has left it. */
  onMembers(lane: number): void;
}

/**
 * Brings the values of the series of a group together, which come one by one: a frame is a span of event time, as long
 * as the usual interval of the group's series or the next of 1, 2, 5, 10, 15 or 30 of a unit. It is complete once every
 * series of the group has a value in it, or with the first record after it; then it counts if at least half of the
 * series have one. Of several values of one series in a frame the last counts, of a late or a planned one none.
 *
 * A lane is a group and field. Series of a group have to be in one partition: those of another are not seen.
 */
export class GroupFrames {
  readonly cells = new SlotCells(SLOT_CELLS);
  readonly #groupBy: string;
  readonly #planned: WatchDefinition['planned'];
  readonly #fieldCount: number;
  readonly #fields: readonly number[];
  readonly #nameOf: (series: number) => string;
  readonly #groups = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #lanes = new SlotCells(LANE_CELLS);
  /** By lane: its slots in the order in which they joined, and those in the frame in the order of their values. */
  readonly #members: number[][] = [];
  readonly #framed: number[][] = [];
  #groupCount = 0;
  #joins = 0;

  constructor(
    { groupBy, planned }: Pick<WatchDefinition, 'groupBy' | 'planned'>,
    fields: { readonly count: number; readonly watched: readonly number[] },
    nameOf: (series: number) => string,
  ) {
    this.#groupBy = groupBy!;
    this.#planned = planned;
    this.#fieldCount = fields.count;
    this.#fields = fields.watched;
    this.#nameOf = nameOf;
  }

  get laneCount(): number {
    return this.#groupCount * this.#fieldCount;
  }

  /** Slots of the lane in the order in which they joined. */
  membersOf(lane: number): readonly number[] {
    return this.#members[lane] ?? NONE;
  }

  /** Slots of the lane that have a value in the frame, in the order of those. */
  slotsOf(lane: number): readonly number[] {
    return this.#framed[lane] ?? NONE;
  }

  value(slot: number): number {
    return this.cells.values[slot * SLOT_CELLS + VALUE]!;
  }

  time(slot: number): number {
    return this.cells.values[slot * SLOT_CELLS + TIME]!;
  }

  laneOf(slot: number): number {
    return this.cells.values[slot * SLOT_CELLS + LANE]!;
  }

  reserve(slots: number): void {
    const before = this.cells.slots;
    this.cells.reserve(slots);
    for (let slot = before; slot < slots; slot++) this.#clear(slot);
  }

  ofRecords(batch: ColumnBatch, from: number, to: number, handler: FrameHandler): void {
    const { series, eventTimes, fields } = batch;
    for (let i = from; i < to; i++) {
      const id = series[i]!;
      if (id < 0 || isPlanned(this.#planned, id, this.#nameOf, eventTimes[i]!)) continue;
      for (const field of this.#fields) {
        const value = fields[field]![i]!;
        if (Math.abs(value) < LARGEST) this.#take(id * this.#fieldCount + field, eventTimes[i]!, value, i, handler);
      }
    }
  }

  #take(slot: number, time: number, value: number, i: number, handler: FrameHandler): void {
    const cells = this.cells.values;
    const cell = slot * SLOT_CELLS;
    if (cells[cell + LANE] === -1) this.#join(slot, handler);
    const lane = cells[cell + LANE]!;
    if (lane < 0) return;
    const lanes = this.#lanes.values;
    const at = lane * LANE_CELLS;
    if (time > cells[cell + TIME]!) this.#learnInterval(at, time - cells[cell + TIME]!);
    if (!(time >= lanes[at + START]!)) return;
    if (time >= lanes[at + END]!) {
      this.#complete(lane, i, handler);
      const length = this.#frameLength(at);
      lanes[at + START] = Math.floor(time / length) * length;
      lanes[at + END] = lanes[at + START]! + length;
      lanes[at + DONE] = 0;
    }
    if (lanes[at + DONE] === 1) return;
    cells[cell + TIME] = time;
    cells[cell + VALUE] = value;
    const framed = this.#framed[lane]!;
    if (cells[cell + PLACE] === -1) cells[cell + PLACE] = framed.push(slot) - 1;
    if (framed.length < this.#members[lane]!.length || lanes[at + INTERVALS]! < MIN_INTERVALS) return;
    this.#complete(lane, i, handler);
    lanes[at + DONE] = 1;
  }

  /** Hands the frame over, if it counts, and empties it. */
  #complete(lane: number, i: number, handler: FrameHandler): void {
    const framed = this.#framed[lane]!;
    const known = this.#lanes.values[lane * LANE_CELLS + INTERVALS]! >= MIN_INTERVALS;
    if (known && 2 * framed.length >= this.#members[lane]!.length) handler.onFrame(lane, i);
    for (const slot of framed) this.cells.values[slot * SLOT_CELLS + PLACE] = -1;
    framed.length = 0;
  }

  #learnInterval(at: number, elapsed: number): void {
    const lanes = this.#lanes.values;
    // The first value of a slot has none before it.
    if (!(elapsed < Infinity)) return;
    const usual = lanes[at + INTERVAL]!;
    const count = lanes[at + INTERVALS]! + 1;
    lanes[at + INTERVALS] = count;
    const bounded = count === 1 ? elapsed : Math.min(2 * usual, Math.max(usual / 2, elapsed));
    lanes[at + INTERVAL] = usual + Math.max(1 / count, INTERVAL_WEIGHT) * (bounded - usual);
  }

  /** A tenth shorter than usual is as usual: intervals jitter. */
  #frameLength(at: number): number {
    const usual = 0.9 * this.#lanes.values[at + INTERVAL]!;
    for (const length of LENGTHS) if (length >= usual) return length;
    return LENGTHS.at(-1)!;
  }

  #join(slot: number, handler: FrameHandler): void {
    const cells = this.cells.values;
    const cell = slot * SLOT_CELLS;
    const series = Math.floor(slot / this.#fieldCount);
    const name = groupName(this.#nameOf(series), this.#groupBy);
    cells[cell + JOINED] = this.#joins++;
    cells[cell + LANE] =
      name === undefined ? NO_GROUP : this.#group(name) * this.#fieldCount + (slot % this.#fieldCount);
    if (cells[cell + LANE]! < 0) return;
    this.#members[cells[cell + LANE]!]!.push(slot);
    handler.onMembers(cells[cell + LANE]!);
  }

  #group(name: string): number {
    let group = this.#groups.get(name);
    if (group !== undefined) return group;
    group = this.#free.pop() ?? this.#groupCount++;
    this.#groups.set(name, group);
    this.#lanes.reserve(this.laneCount);
    for (let field = 0; field < this.#fieldCount; field++) {
      const lane = group * this.#fieldCount + field;
      this.#lanes.reset(lane);
      this.#lanes.values[lane * LANE_CELLS + START] = -Infinity;
      this.#lanes.values[lane * LANE_CELLS + END] = -Infinity;
      this.#members[lane] = [];
      this.#framed[lane] = [];
    }
    return group;
  }

  /** The slot's series is forgotten. */
  reset(slot: number, handler: FrameHandler): void {
    const lane = this.laneOf(slot);
    this.#clear(slot);
    if (lane < 0) return;
    remove(this.#members[lane]!, slot);
    remove(this.#framed[lane]!, slot);
    for (const [place, other] of this.#framed[lane]!.entries()) this.cells.values[other * SLOT_CELLS + PLACE] = place;
    handler.onMembers(lane);
    const group = Math.floor(lane / this.#fieldCount);
    for (let field = 0; field < this.#fieldCount; field++) {
      if (this.#members[group * this.#fieldCount + field]!.length > 0) return;
    }
    for (const [name, id] of this.#groups) if (id === group) this.#groups.delete(name);
    this.#free.push(group);
  }

  /** Of a slot on its way to another partition: groups are made anew there. */
  pack(slot: number, out: StateRow): void {
    out.putF64(this.time(slot));
    out.putF64(this.value(slot));
  }

  unpack(slot: number, from: StateRow): void {
    this.cells.values[slot * SLOT_CELLS + TIME] = from.f64();
    this.cells.values[slot * SLOT_CELLS + VALUE] = from.f64();
  }

  snapshot(state: StateWriter): void {
    this.cells.snapshot(state, 'slots');
    this.#lanes.snapshot(state, 'lanes');
    state.number('joins', this.#joins);
  }

  restore(state: StateReader, handler: FrameHandler): void {
    this.reserve(state.length('slots') / SLOT_CELLS);
    this.cells.restore(state, 'slots');
    this.#lanes.restore(state, 'lanes');
    this.#joins = state.number('joins');
    this.#groupCount = this.#lanes.slots / this.#fieldCount;
    for (let lane = 0; lane < this.laneCount; lane++) {
      this.#members[lane] = [];
      this.#framed[lane] = [];
    }
    const { values, slots } = this.cells;
    for (let slot = 0; slot < slots; slot++) {
      const lane = values[slot * SLOT_CELLS + LANE]!;
      if (lane < 0) continue;
      this.#members[lane]!.push(slot);
      if (values[slot * SLOT_CELLS + PLACE]! >= 0) this.#framed[lane]!.push(slot);
      const name = groupName(this.#nameOf(Math.floor(slot / this.#fieldCount)), this.#groupBy);
      if (name !== undefined) this.#groups.set(name, Math.floor(lane / this.#fieldCount));
    }
    const by = (cell: number) => (a: number, b: number) =>
      values[a * SLOT_CELLS + cell]! - values[b * SLOT_CELLS + cell]!;
    const used = new Set(this.#groups.values());
    for (let group = 0; group < this.#groupCount; group++) if (!used.has(group)) this.#free.push(group);
    for (let lane = 0; lane < this.laneCount; lane++) {
      this.#members[lane]!.sort(by(JOINED));
      this.#framed[lane]!.sort(by(PLACE));
      if (this.#members[lane]!.length > 0) handler.onMembers(lane);
    }
  }

  #clear(slot: number): void {
    const cell = slot * SLOT_CELLS;
    this.cells.values[cell + TIME] = -Infinity;
    this.cells.values[cell + VALUE] = NaN;
    this.cells.values[cell + PLACE] = -1;
    this.cells.values[cell + LANE] = -1;
    this.cells.values[cell + JOINED] = 0;
  }
}

const NO_GROUP = -2;
const LARGEST = 1e300;
const NONE: readonly number[] = [];

function remove(list: number[], slot: number): void {
  const at = list.indexOf(slot);
  if (at >= 0) list.splice(at, 1);
}
