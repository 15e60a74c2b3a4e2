import type { StateReader, StateWriter } from '../state.ts';
import type { StateRow } from '../stateRow.ts';

const BLOCK_BITS = 6;
const BLOCK_SLOTS = 1 << BLOCK_BITS;

/**
 * `width` floats for each slot, in blocks of 64 slots made as slots appear: growing copies nothing, and there is no
 * array a slot. Element k of a slot is `block(slot)[base(slot) + k]`.
 */
export class SlotBlocks {
  readonly width: number;
  readonly #blocks: Float32Array[] = [];
  #slots = 0;

  constructor(width: number) {
    this.width = width;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots;
    while (this.#blocks.length * BLOCK_SLOTS < slots) this.#blocks.push(new Float32Array(BLOCK_SLOTS * this.width));
  }

  block(slot: number): Float32Array {
    return this.#blocks[slot >>> BLOCK_BITS]!;
  }

  base(slot: number): number {
    return (slot & (BLOCK_SLOTS - 1)) * this.width;
  }

  pack(slot: number, out: StateRow): void {
    const base = this.base(slot);
    out.putFloats(this.block(slot), base, base + this.width);
  }

  unpack(slot: number, from: StateRow): void {
    const base = this.base(slot);
    from.floats(this.block(slot), base, base + this.width);
  }

  reset(slot: number): void {
    const base = this.base(slot);
    this.block(slot).fill(0, base, base + this.width);
  }

  snapshot(state: StateWriter, name: string): void {
    state.number(`${name}Slots`, this.#slots);
    for (let k = 0; k < this.#blocks.length; k++) {
      const slots = Math.min(BLOCK_SLOTS, this.#slots - k * BLOCK_SLOTS);
      if (slots > 0) state.array(`${name}/${k}`, this.#blocks[k]!, slots * this.width);
    }
  }

  restore(state: StateReader, name: string): void {
    const slots = state.number(`${name}Slots`);
    this.reserve(slots);
    for (let k = 0; k * BLOCK_SLOTS < slots; k++) {
      this.#blocks[k] = state.f32(`${name}/${k}`, BLOCK_SLOTS * this.width);
    }
  }
}

/** `width` doubles for each slot, next to each other: the few numbers of a slot that need all their digits. */
export class SlotCells {
  readonly width: number;
  values: Float64Array = new Float64Array(0);
  #slots = 0;

  constructor(width: number) {
    this.width = width;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Makes room for slots below `slots`; new cells are 0. */
  reserve(slots: number): void {
    if (slots > this.#slots) this.#slots = slots;
    if (slots * this.width <= this.values.length) return;
    const values = new Float64Array(Math.max(slots * this.width, 2 * this.values.length));
    values.set(this.values);
    this.values = values;
  }

  pack(slot: number, out: StateRow): void {
    out.putDoubles(this.values, slot * this.width, (slot + 1) * this.width);
  }

  unpack(slot: number, from: StateRow): void {
    from.doubles(this.values, slot * this.width, (slot + 1) * this.width);
  }

  reset(slot: number): void {
    this.values.fill(0, slot * this.width, (slot + 1) * this.width);
  }
  snapshot(state: StateWriter, name: string): void {
    state.array(name, this.values, this.#slots * this.width);
  }

  restore(state: StateReader, name: string): void {
    this.reserve(state.length(name) / this.width);
    this.values.set(state.f64(name));
  }
}
