import type { ModelName } from '../definition.ts';
import { MAX_SCORE } from '../detectors/parts/part.ts';
import { SlotCells } from '../detectors/slotBlocks.ts';
import { TAIL_MIN_COUNT, TailScores } from '../detectors/tail.ts';
import type { StateRow } from '../stateRow.ts';

/** A raw score counts 1/e after so many further ones of its series. */
const TAIL_SIZE = 1000;
/** What a raw score weighs in the mean at least. */
const MEAN_WEIGHT = 1 / 256;

// What a series keeps in doubles.
/** Which model the tail is of: a digest of its name. */
const MODEL = 0;
const COUNT = 1;
const MEAN = 2;
const WIDTH = 3;

/**
 * A model's raw scores as -log10 p, by series, through the tails that detectors have: how far a score lies above the mean
 * of its series, whatever the model's unit and sign are. The scores of another model say nothing about this one's, so a
 * series begins anew with its first score of it.
 */
export class ModelTails {
  readonly #tails = new TailScores(TAIL_SIZE);
  readonly #cells = new SlotCells(WIDTH);

  get seriesBytes(): number {
    return this.#tails.slotBytes + 8 * WIDTH;
  }

  reserve(series: number): void {
    this.#tails.reserve(series);
    this.#cells.reserve(series);
  }

  /** -log10 p of a raw score (finite), 8 at most; NaN while the series is learning. Learns it, as no larger than that. */
  next(series: number, raw: number, model: number): number {
    const cells = this.#cells.values;
    const cell = series * WIDTH;
    if (cells[cell + MODEL] !== model) {
      this.#tails.clear(series);
      cells[cell + MODEL] = model;
      cells[cell + COUNT] = 0;
      cells[cell + MEAN] = raw;
    }
    const above = raw - cells[cell + MEAN]!;
    const magnitude = Math.max(0, above);
    const score = Math.min(MAX_SCORE, this.#tails.score(series, magnitude));
    const size = this.#tails.bounded(series, Math.abs(above), MAX_SCORE);
    const count = cells[cell + COUNT]! + 1;
    this.#tails.learn(series, above > 0 ? size : 0);
    cells[cell + COUNT] = count;
    cells[cell + MEAN] = cells[cell + MEAN]! + Math.max(1 / count, MEAN_WEIGHT) * (above > 0 ? size : -size);
    return score;
  }

  /** Scores so far, and whether they are enough. */
  describe(series: number): { readonly scores: number; readonly is_learning: boolean } {
    const scores = this.#cells.values[series * WIDTH + COUNT]!;
    return { scores, is_learning: scores < TAIL_MIN_COUNT };
  }

  pack(series: number, out: StateRow): void {
    this.#cells.pack(series, out);
    this.#tails.pack(series, out);
  }

  unpack(series: number, from: StateRow): void {
    this.#cells.unpack(series, from);
    this.#tails.unpack(series, from);
  }

  reset(series: number): void {
    this.#cells.reset(series);
    this.#tails.clear(series);
  }
}

/** Tells models apart in a number: FNV-1a of what names the version. Never 0, which stands for none. */
export function modelDigest({ name, version, sha256 }: ModelName): number {
  // The bytes are the model, wherever they lie and whatever they are called.
  const text = sha256 ?? `${name}/${version ?? ''}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash === 0 ? 1 : hash;
}
