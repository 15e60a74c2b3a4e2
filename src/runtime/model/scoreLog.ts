import type { ModelName } from '../../engine/definition.ts';
import type { JournalDraft } from '../journal/journalRecord.ts';

/** Scores of a journal record: with their offsets some 400 kB as base64, below the limit of any broker. */
const PART_ROWS = 50_000;

/** Scores of rows that were asked at these offsets. */
export interface ScoredRows {
  /** Ascending. */
  readonly offsets: Float64Array;
  readonly scores: Float32Array;
  /** How many rows of the partition were asked before the first of them. */
  readonly first: number;
  readonly models: readonly ModelName[];
  /** Which of the models, one a row; absent where there is one. */
  readonly by?: Uint8Array | undefined;
}

/** The scores that a partition has taken in since its last commit, as the journal keeps them. */
export class ScoreLog {
  #from: number;
  #offsets: number[] = [];
  #scores: number[] = [];
  #by: number[] = [];
  #models: ModelName[] = [];
  #first = 0;

  /** @param from next offset at which the log begins */
  constructor(from: number) {
    this.#from = from;
  }

  add({ offsets, scores, first, models, by }: ScoredRows): void {
    if (this.#offsets.length === 0) this.#first = first;
    const indexes = models.map((model) => this.#indexOf(model));
    for (let row = 0; row < scores.length; row++) {
      this.#offsets.push(offsets[row]!);
      this.#scores.push(scores[row]!);
      this.#by.push(indexes[by === undefined ? 0 : by[row]!]!);
    }
  }

  /** What was added since the last call, up to next offset `to`; begins anew from there. */
  take(to: number): JournalDraft[] {
    const drafts: JournalDraft[] = [];
    const models = this.#models.map(({ name, version, sha256 }) => {
      return { name, ...(version !== undefined && { version }), ...(sha256 !== undefined && { sha256 }) };
    });
    const from = this.#from;
    for (let at = 0, part = 0; at < this.#offsets.length; at += PART_ROWS, part++) {
      const end = at + PART_ROWS;
      drafts.push({
        ...{ type: 'scores', offset: to, from, part, first: this.#first + at, models },
        ...(models.length > 1 && { by: Buffer.from(this.#by.slice(at, end)).toString('base64') }),
        offsets: packOffsets(this.#offsets.slice(at, end), from),
        scores: packScores(this.#scores.slice(at, end)),
      });
    }
    this.#from = to;
    this.#offsets = [];
    this.#scores = [];
    this.#by = [];
    this.#models = [];
    return drafts;
  }

  #indexOf(model: ModelName): number {
    const found = this.#models.indexOf(model);
    return found >= 0 ? found : this.#models.push(model) - 1;
  }
}

/** Differences as zigzag varints, as Avro and Protobuf write them; the first to `from`. */
function packOffsets(offsets: readonly number[], from: number): string {
  const bytes: number[] = [];
  let before = from;
  for (const offset of offsets) {
    const difference = offset - before;
    let left = difference < 0 ? -2 * difference - 1 : 2 * difference;
    for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
    bytes.push(left);
    before = offset;
  }
  return Buffer.from(bytes).toString('base64');
}

export function unpackOffsets(text: string, from: number): number[] {
  const offsets: number[] = [];
  let before = from;
  let [value, scale] = [0, 1];
  for (const byte of Buffer.from(text, 'base64')) {
    value += (byte % 128) * scale;
    scale *= 128;
    if (byte > 127) continue;
    before += value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    offsets.push(before);
    [value, scale] = [0, 1];
  }
  return offsets;
}

/** Little-endian single precision. */
function packScores(scores: readonly number[]): string {
  const bytes = Buffer.alloc(4 * scores.length);
  for (let row = 0; row < scores.length; row++) bytes.writeFloatLE(scores[row]!, 4 * row);
  return bytes.toString('base64');
}

export function unpackScores(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length >> 2 }, (_, row) => bytes.readFloatLE(4 * row));
}
