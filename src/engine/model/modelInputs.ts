import type { ModelDefinition } from '../definition.ts';
import { SlotBlocks, SlotCells } from '../detectors/slotBlocks.ts';
import { InputScaler } from '../modelInput/inputScaler.ts';
import type { StateRow } from '../stateRow.ts';

/**
 * The windows that a model is asked with: by series a ring of the last length + 1 values of each channel, scaled, in
 * single precision. A record that lacks one of the channels is passed over, as in training. Memory a series: 4 bytes a
 * value, and the scaler's.
 */
export class ModelInputs {
  /** Numbers of a window: (length + 1) x channels. */
  readonly size: number;
  readonly #steps: number;
  readonly #channels: number;
  readonly #scaler: InputScaler;
  readonly #rings: SlotBlocks;
  /** Number of steps so far while the ring is not full, from there on `steps` plus the place of the oldest. */
  readonly #cursors = new SlotCells(1);

  constructor({ length, channels, scaling, stepMs }: ModelDefinition) {
    this.#steps = length + 1;
    this.#channels = channels.length;
    this.size = this.#steps * this.#channels;
    this.#scaler = new InputScaler(scaling, stepMs);
    this.#rings = new SlotBlocks(this.size);
  }

  /** Bytes of state a series. */
  get seriesBytes(): number {
    return 4 * this.size + 8 + this.#channels * this.#scaler.slotBytes;
  }

  /** Makes room for series below `count`. */
  reserve(count: number): void {
    this.#scaler.reserve(count * this.#channels);
    this.#rings.reserve(count);
    this.#cursors.reserve(count);
  }

  /** Takes in columns[c][index] of each channel at time `timeMs`; returns whether a window ends with them. */
  push(series: number, timeMs: number, columns: readonly Float64Array[], index: number): boolean {
    const channels = this.#channels;
    for (let c = 0; c < channels; c++) if (!Number.isFinite(columns[c]![index]!)) return false;
    const ring = this.#rings.block(series);
    const cursors = this.#cursors.values;
    const cursor = cursors[series]!;
    const steps = this.#steps;
    const step = cursor < steps ? cursor : cursor - steps;
    let known = true;
    // Where a channel is not known yet, what is written here is written again by the next record.
    for (let c = 0; c < channels; c++) {
      const at = this.#rings.base(series) + step * channels + c;
      ring[at] = this.#scaler.scale(series * channels + c, timeMs, columns[c]![index]!);
      if (!Number.isFinite(ring[at]!)) known = false;
    }
    if (!known) {
      // The oldest step of a full ring is lost by it: what is not finite in single precision is no step of a window.
      if (cursor >= steps) this.#restart(series, step);
      return false;
    }
    cursors[series] = cursor + 1 < 2 * steps ? cursor + 1 : steps;
    return cursor + 1 >= steps;
  }

  /** Copies the window of a series, oldest step first, to out[at, at + size). Only where it is whole. */
  copy(series: number, out: Float32Array, at: number): void {
    const ring = this.#rings.block(series);
    const base = this.#rings.base(series);
    const first = (this.#cursors.values[series]! - this.#steps) * this.#channels;
    let to = at;
    for (let k = first; k < this.size; k++) out[to++] = ring[base + k]!;
    for (let k = 0; k < first; k++) out[to++] = ring[base + k]!;
  }

  pack(series: number, out: StateRow): void {
    for (let c = 0; c < this.#channels; c++) this.#scaler.pack(series * this.#channels + c, out);
    this.#cursors.pack(series, out);
    const base = this.#rings.base(series);
    out.putFloats(this.#rings.block(series), base, base + this.#held(series));
  }

  unpack(series: number, from: StateRow): void {
    for (let c = 0; c < this.#channels; c++) this.#scaler.unpack(series * this.#channels + c, from);
    this.#cursors.unpack(series, from);
    const base = this.#rings.base(series);
    from.floats(this.#rings.block(series), base, base + this.#held(series));
  }

  reset(series: number): void {
    for (let c = 0; c < this.#channels; c++) this.#scaler.reset(series * this.#channels + c);
    this.#cursors.reset(series);
  }

  /** Number of steps in the ring, and of those that a window has. */
  count(series: number): { readonly values: number; readonly of: number } {
    return { values: Math.min(this.#cursors.values[series]!, this.#steps), of: this.#steps };
  }

  #held(series: number): number {
    return Math.min(this.#cursors.values[series]!, this.#steps) * this.#channels;
  }

  /** Begins the ring anew with all steps but the oldest, whose place was written over. */
  #restart(series: number, lost: number): void {
    const ring = this.#rings.block(series);
    const base = this.#rings.base(series);
    const kept: number[] = [];
    for (let k = (lost + 1) * this.#channels; k < this.size; k++) kept.push(ring[base + k]!);
    for (let k = 0; k < lost * this.#channels; k++) kept.push(ring[base + k]!);
    ring.set(kept, base);
    this.#cursors.values[series] = this.#steps - 1;
  }
}
