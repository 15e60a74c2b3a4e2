import { AnomalyError } from '../errors.ts';
import type { StoredSnapshot } from '../stores/snapshotStore.ts';

export interface RecoveryRule {
  /** Where snapshots are kept, for messages. */
  readonly location: string;
  /** Hash of what is computed: a snapshot of another one is refused. */
  readonly definition: string;
  /** Begin with empty windows where the snapshot is missing or of another definition. */
  readonly startEmpty: boolean;
}

/**
 * The snapshot that a partition goes on from, or undefined to begin empty. Refuses what would leave windows half
 * empty: committed offsets whose state is not here, or is of another pipeline.
 *
 * @param name topic and partition, for messages
 * @param committed the group's offset, -1 for none
 * @throws ANM_STATE_MISSING, ANM_STATE_CORRUPT
 */
export function usableSnapshot(
  name: string,
  committed: number,
  snapshot: StoredSnapshot | undefined,
  rule: RecoveryRule,
): StoredSnapshot | undefined {
  const { location, definition, startEmpty } = rule;
  if (snapshot?.definition === definition) return snapshot;
  if (startEmpty || (snapshot === undefined && committed <= 0)) return undefined;
  if (snapshot === undefined) {
    throw new AnomalyError(
      'ANM_STATE_MISSING',
      `cannot go on with ${name} at offset ${committed} as there is no snapshot of it in ${location}`,
    );
  }
  throw new AnomalyError(
    'ANM_STATE_CORRUPT',
    `cannot go on with ${name} as its snapshot in ${location} is of another definition of the pipeline (${snapshot.definition}, now ${definition})`,
    { hint: 'give the changed pipeline another name, or begin with empty windows by --start-empty' },
  );
}
