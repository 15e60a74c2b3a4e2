import type { KeptSnapshot } from '../checkpoints/keptSnapshot.ts';
import type { CrashRecord, EffectRecord, JournalDraft, ModelRecord, ScoresRecord } from '../journal/journalRecord.ts';
import type { Task } from '../task.ts';

/** What a partition goes on from. */
export interface Recovered {
  readonly task: Task;
  /** Next offset to read. */
  readonly position: number;
  /** Outputs of records below it are committed. */
  readonly suppressBelow: number;
  /** Journaled effects from `position` on, by offset. */
  readonly effects: readonly (EffectRecord & { readonly at: number })[];
  /** What a model said of the records from `position` on. */
  readonly scores: readonly ScoresRecord[];
  /** The last model that was put in another's place. */
  readonly model?: ModelRecord | undefined;
  /** Records at or after `position` that crashed before. */
  readonly crashes: readonly CrashRecord[];
  /** For the first commit. */
  readonly drafts: readonly JournalDraft[];
  /** Snapshots that count, oldest first. */
  readonly kept: readonly KeptSnapshot[];
  /** Where the journal's partition ended. */
  readonly journalEnd: number;
  /** A recovery would meet the same trouble again until there is a snapshot. */
  readonly wantsSnapshot: boolean;
}
