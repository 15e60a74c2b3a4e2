import type { Snapshot } from '../../stores/checkpointStore.ts';

/** What every snapshot of a run has in common. */
export type SnapshotHead = Pick<Snapshot, 'pipeline' | 'group' | 'cluster' | 'toolVersion' | 'definition' | 'model'>;
