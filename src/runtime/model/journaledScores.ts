import type { ModelName } from '../../engine/definition.ts';
import { AnomalyError } from '../../errors.ts';
import type { ScoresRecord } from '../journal/journalRecord.ts';
import { unpackOffsets, unpackScores } from './scoreLog.ts';

/** The scores that the journal has of a partition from an offset on, in the order in which rows ask for them. */
export class JournaledScores {
  readonly #offsets: number[] = [];
  readonly #scores: number[] = [];
  readonly #models: ModelName[] = [];
  /** How many scores the partition had before each. */
  readonly #before: number[] = [];
  #next = 0;
  /** Of the last `take` that found one. */
  score = NaN;
  model: ModelName | undefined;

  /**
   * A commit that did not come through may have journaled its scores all the same: what its successor journaled of the
   * same offsets stands in their place.
   *
   * @param records as they stand in the journal
   * @param had scores that the state has which is gone on from: where windows closed in a silence, the journal may have
   * some of them behind its offset
   * @throws ANM_JOURNAL_CORRUPT
   */
  constructor(records: readonly ScoresRecord[], had = 0) {
    for (const record of records) this.#add(record);
    while (this.#next < this.#before.length && this.#before[this.#next]! < had) this.#next++;
  }

  get isEmpty(): boolean {
    return this.#next === this.#offsets.length;
  }

  /** Whether there is a score for the next row, which was asked at record `offset`; those of earlier ones are passed over. */
  take(offset: number): boolean {
    const offsets = this.#offsets;
    while (this.#next < offsets.length && offsets[this.#next]! < offset) this.#next++;
    if (offsets[this.#next] !== offset) return false;
    this.score = this.#scores[this.#next]!;
    this.model = this.#models[this.#next]!;
    this.#next++;
    return true;
  }

  #add({ topic, partition, offset, from, part, first, models, by, ...packed }: ScoresRecord): void {
    const offsets = unpackOffsets(packed.offsets, from);
    const scores = unpackScores(packed.scores);
    const indexes = by === undefined ? undefined : Buffer.from(by, 'base64');
    const isWhole = offsets.length === scores.length && (indexes === undefined || indexes.length === scores.length);
    if (!isWhole || models.length === 0) {
      throw new AnomalyError(
        'ANM_JOURNAL_CORRUPT',
        `cannot use the journal of ${topic}/${partition} as its scores for offsets ${from} to ${offset - 1} are ${scores.length} for ${offsets.length} rows`,
      );
    }
    if (part === 0) while (this.#offsets.length > 0 && this.#offsets.at(-1)! >= from) this.#pop();
    for (let row = 0; row < scores.length; row++) {
      this.#offsets.push(offsets[row]!);
      this.#scores.push(scores[row]!);
      this.#before.push(first + row);
      this.#models.push(models[indexes === undefined ? 0 : indexes[row]!] ?? models[0]!);
    }
  }

  #pop(): void {
    this.#offsets.pop();
    this.#scores.pop();
    this.#models.pop();
    this.#before.pop();
  }
}
