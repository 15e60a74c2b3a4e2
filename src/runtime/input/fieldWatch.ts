import type { ColumnBatch } from '../../engine/batch.ts';
import type { Logger } from '../../output/logger.ts';

/** Records after which a field without a number is worth a word. */
const ENOUGH_RECORDS = 1000;

/** Notices fields that never hold a number: a name misspelt looks like a series of nulls, and nothing comes out. */
export class FieldWatch {
  readonly #names: readonly string[];
  readonly #logger: Logger;
  readonly #unseen: Set<number>;
  #records = 0;

  /** @param fields name to path, as source.fields */
  constructor(fields: Readonly<Record<string, string>>, logger: Logger) {
    this.#names = Object.entries(fields).map(([name, path]) => (name === path ? name : `${name} (${path})`));
    this.#unseen = new Set(this.#names.keys());
    this.#logger = logger;
  }

  /** Costs a look at one value a batch once every field was seen. */
  add(batch: ColumnBatch): void {
    if (this.#unseen.size === 0) return;
    for (const field of this.#unseen) {
      const values = batch.fields[field]!;
      for (let i = 0; i < batch.count; i++) {
        if (Number.isNaN(values[i]!)) continue;
        this.#unseen.delete(field);
        break;
      }
    }
    const before = this.#records;
    for (let i = 0; i < batch.count; i++) if (batch.series[i]! >= 0) this.#records++;
    if (before < ENOUGH_RECORDS && this.#records >= ENOUGH_RECORDS) this.#report();
  }

  /** At the end of the input, where it was too short to be told before. */
  end(): void {
    if (this.#records > 0 && this.#records < ENOUGH_RECORDS) this.#report();
  }

  #report(): void {
    for (const field of this.#unseen) {
      this.#logger.warn(
        `field ${this.#names[field]} had no number in ${this.#records} records, so nothing is computed on it: check source.fields (--field)`,
      );
    }
  }
}
