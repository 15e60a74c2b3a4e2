import { TailScores } from '../detectors/tail.ts';
import type { StateRow } from '../stateRow.ts';
import type { Mahalanobis } from './mahalanobis.ts';
import { takeMagnitude } from './takeMagnitude.ts';

const TAIL_SIZE = 500;
/** What lasts is told as long as it is not learnt. */
const LEARN_SCORE = 2.5;
/** No tail says more, so that one alone can never carry the mean too far. */
const MOST_TAIL = 12;
/** So many channels are named. */
const NAMED = 3;

/** The mean of the calibrated tails of both distances of a row, and the channels that have most of them. */
export class VectorTails {
  readonly #values = new TailScores(TAIL_SIZE);
  readonly #differences = new TailScores(TAIL_SIZE);
  #ofValues = NaN;
  #ofDifferences = NaN;

  get slotBytes(): number {
    return this.#values.slotBytes + this.#differences.slotBytes;
  }

  reserve(slots: number): void {
    this.#values.reserve(slots);
    this.#differences.reserve(slots);
  }

  /** -log10 p of the distances just measured; NaN while learning. Then they are learnt. */
  score(slot: number, distances: Mahalanobis): number {
    if (Number.isNaN(distances.ofValues)) return NaN;
    this.#ofValues = Math.min(MOST_TAIL, takeMagnitude(this.#values, slot, distances.ofValues, LEARN_SCORE));
    this.#ofDifferences = Math.min(
      MOST_TAIL,
      takeMagnitude(this.#differences, slot, distances.ofDifferences, LEARN_SCORE),
    );
    return (this.#ofValues + this.#ofDifferences) / 2;
  }

  /**
   * Within the same row: fills `parts` with the score's shares of the three channels that have most of it, NaN for the rest;
   * returns the first of them.
   */
  share(distances: Mahalanobis, model: Float64Array, base: number, parts: Float64Array): number {
    parts.fill(0);
    distances.addShares(model, base, parts, this.#ofValues / 2, this.#ofDifferences / 2);
    const { channels } = distances;
    let top = 0;
    for (let c = 1; c < channels; c++) if (parts[c]! > parts[top]!) top = c;
    let least = 0;
    // The third largest; ties may name more.
    for (let c = 0; c < channels; c++) if (rankOf(parts, channels, c) === NAMED - 1) least = parts[c]!;
    if (channels > NAMED) for (let c = 0; c < channels; c++) if (parts[c]! < least) parts[c] = NaN;
    return top;
  }

  pack(slot: number, out: StateRow): void {
    this.#values.pack(slot, out);
    this.#differences.pack(slot, out);
  }

  unpack(slot: number, from: StateRow): void {
    this.#values.unpack(slot, from);
    this.#differences.unpack(slot, from);
  }

  clear(slot: number): void {
    this.#values.clear(slot);
    this.#differences.clear(slot);
  }
}

/** Number of channels before this one, by size and then by place. */
function rankOf(parts: Float64Array, channels: number, channel: number): number {
  let before = 0;
  for (let c = 0; c < channels; c++) {
    if (parts[c]! > parts[channel]! || (parts[c] === parts[channel] && c < channel)) before++;
  }
  return before;
}
