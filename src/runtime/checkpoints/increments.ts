import { setImmediate } from 'node:timers/promises';
import type { SnapshotCut } from '../../engine/pipelineState.ts';
import type { Snapshot, SnapshotReference } from '../../stores/checkpointStore.ts';
import type { Task } from '../task.ts';

/** A step: a few milliseconds that processing waits. */
const STEP_BYTES = 2 * 2 ** 20;
/** Changes are added to a base until there are so many of them, or they are as large as the base: then it is made anew. */
const MOST_INCREMENTS = 30;

/** The operators of a snapshot, whole or as what changed since the base. */
export type SnapshotParts = Pick<Snapshot, 'operators' | 'base'>;

/** A snapshot that is being taken. */
export interface Taking {
  /** Packs what is left, a step a turn, while processing goes on. */
  parts(): Promise<SnapshotParts>;
  /** It is in the store: the next one may hold only what changed since. */
  stored(reference: SnapshotReference): void;
  /** It will not be in the store: the next one is whole. */
  abandon(): void;
}

/** The snapshots of one partition as a chain: a whole one, then the rows that changed since the one before. */
export class Increments {
  #base: SnapshotReference | undefined;
  #count = 0;
  #baseBytes = 0;
  #changedBytes = 0;
  /** Of the newest part of the chain. */
  #turn = 0;

  /** @param isApart whole, and no part of the chain: a savepoint, or one beside another that is under way */
  take(task: Task, isApart: boolean): Taking {
    const base = isApart ? undefined : this.#base;
    const cut = task.cut(isApart ? 'copy' : base === undefined ? 'full' : 'changes');
    // The rows that it takes are not among the changes of the next: until it is stored, that one has no base.
    if (!isApart) this.#base = undefined;
    const turn = isApart ? this.#turn : ++this.#turn;
    let bytes = 0;
    return {
      parts: async () => {
        const operators = await takeRows(cut);
        bytes = operators.reduce((sum, each) => sum + (cut.rows.includes(each.id) ? each.bytes.length : 0), 0);
        const isChanges = base !== undefined && cut.kind === 'changes';
        return { operators, ...(isChanges && { base: { reference: base, operators: cut.rows } }) };
      },
      stored: (reference) => {
        // An upload that was overtaken is no base: the one after it has taken the changes that a next one would need.
        if (!isApart && turn === this.#turn) this.#stored(reference, cut, bytes);
      },
      abandon: () => cut.abandon(),
    };
  }

  #stored(reference: SnapshotReference, { kind }: SnapshotCut, bytes: number): void {
    if (kind === 'changes') {
      this.#count++;
      this.#changedBytes += bytes;
    } else {
      this.#count = 0;
      this.#baseBytes = bytes;
      this.#changedBytes = 0;
    }
    if (this.#count < MOST_INCREMENTS && this.#changedBytes < this.#baseBytes) this.#base = reference;
  }
}

async function takeRows(cut: SnapshotCut) {
  while (!cut.step(STEP_BYTES)) await setImmediate();
  return cut.operators();
}
