import type { ColumnBatch } from '../../engine/batch.ts';
import { type Crash, type CrashMemory, crashError, crashOf, isCrash } from './crashMemory.ts';
import { singleRecords } from './singleRecords.ts';

export interface GuardedSteps {
  /** Decodes, processes and puts out. */
  process(batch: ColumnBatch, isPiece: boolean): Promise<void>;
  /** Writes the one record of the batch to dead letters and the journal, and steps over it. */
  putAside(one: ColumnBatch, crash: Crash, times: number): void;
}

/** Stands around the processing of batches: tells which record a crash was of, and keeps poison out. */
export class PoisonGuard {
  readonly #crashes: CrashMemory;
  readonly #steps: GuardedSteps;

  constructor(crashes: CrashMemory, steps: GuardedSteps) {
    this.#crashes = crashes;
    this.#steps = steps;
  }

  /** @throws ANM_RECORD_CRASH with the crash in its details: the state is half changed then, and of no more use */
  async take(batch: ColumnBatch): Promise<void> {
    if (!this.#crashes.isSuspect(batch)) return await this.#process(batch, false);
    for (const one of singleRecords(batch)) {
      if (this.#crashes.isSkipped(one.topic, one.partition, one.firstOffset)) continue;
      const poison = this.#crashes.poison(one.topic, one.partition, one.firstOffset);
      if (poison === undefined) await this.#process(one, true);
      else this.#steps.putAside(one, poison.crash, poison.times);
    }
  }

  async #process(batch: ColumnBatch, isPiece: boolean): Promise<void> {
    try {
      await this.#steps.process(batch, isPiece);
    } catch (error) {
      if (!isCrash(error)) throw error;
      throw crashError(crashOf(error, batch), error);
    }
  }
}
