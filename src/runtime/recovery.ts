import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import type { StoredSnapshot } from '../stores/snapshotStore.ts';

export interface RecoveryRule {
  /** Where snapshots are kept, for messages. */
  readonly location: string;
  /** Hash of what is computed: a snapshot of another one is refused. */
  readonly definition: string;
  /** A snapshot of another cluster belongs to other records. */
  readonly cluster: string;
  readonly start: 'earliest' | 'latest';
  readonly logger: Logger;
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
  const own = belongs(name, committed, snapshot, rule) ? snapshot : undefined;
  if (own?.definition === definition) return own;
  if (startEmpty || (own === undefined && committed <= 0)) return undefined;
  if (own === undefined) {
    throw new AnomalyError(
      'ANM_STATE_MISSING',
      `cannot go on with ${name} at offset ${committed} as there is no snapshot of it in ${location}`,
    );
  }
  throw new AnomalyError(
    'ANM_STATE_INCOMPATIBLE',
    `cannot go on with ${name} as its snapshot in ${location} is of another definition of the pipeline (${own.definition}, now ${definition})`,
    {
      hint: `give the changed pipeline another --pipeline name, which reads from the start, or go on at offset ${Math.max(committed, 0)} with empty windows by --start-empty`,
    },
  );
}

/**
 * Whether a snapshot is of the records that are read here. One of another cluster is not; and without a commit of the
 * group there is nothing that it must go on from, so that the start is the safe place (a topic made anew, a group
 * deleted), unless the start is the end of the log.
 */
function belongs(name: string, committed: number, snapshot: StoredSnapshot | undefined, rule: RecoveryRule): boolean {
  if (snapshot === undefined) return false;
  const { cluster, location, logger, start } = rule;
  const isForeign = snapshot.cluster !== cluster && snapshot.cluster !== '' && cluster !== '';
  if (isForeign) logger.warn(`left aside the snapshot of ${name} in ${location}: it is of another cluster`);
  return !isForeign && (committed >= 0 || start === 'latest');
}
