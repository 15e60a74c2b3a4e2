import type { MemberStatus } from '../status.ts';
import type { CheckpointView } from './snapshot.ts';

/** The last checkpoint of each member. */
export function checkpointsOf(pipeline: string, members: readonly MemberStatus[]): CheckpointView[] {
  return members.map(({ member, checkpoint }) => ({
    ...{ pipeline, member },
    id: checkpoint.lastId,
    atMs: checkpoint.lastMs,
    durationMs: checkpoint.durationMs,
    bytes: checkpoint.bytes,
    failures: checkpoint.failures,
    failure: checkpoint.failure,
  }));
}
