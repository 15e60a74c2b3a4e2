import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnomalyError } from '../../../src/errors.ts';
import { CommitCycle } from '../../../src/runtime/commit/commitCycle.ts';
import type { Committer } from '../../../src/runtime/commit/committer.ts';
import { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { LogLines } from '../helpers/config.ts';

/** A partition whose records below `position` are put out. */
function partitionAt(position: number): PartitionAtWork {
  const task = {} as Task;
  const partition = new PartitionAtWork({ topic: 't', partition: 0 }, task, 0);
  const nothing = { effects: [], scores: [], crashes: [], drafts: [], kept: [], journalEnd: 0, wantsSnapshot: false };
  partition.begin({ task, position: 0, suppressBelow: 0, ...nothing });
  partition.position = position;
  return partition;
}

test('while outputs are thrown away nothing commits the offsets that they are of', async () => {
  const events: string[] = [];
  let throwAway = () => {};
  const thrownAway = new Promise<void>((resolve) => {
    throwAway = resolve;
  });
  let isRefusing = true;
  const committer: Committer = {
    isNeededToRead: true,
    isFull: false,
    commit: async (_, [first]) => {
      events.push(`commit ${first!.offset}`);
      if (isRefusing) throw new AnomalyError('ANM_GROUP_REBALANCED', 'cannot commit');
    },
    claim: async () => {},
    discard: async () => {
      await thrownAway;
      events.push('thrown away');
      return true;
    },
  };
  let partitions = [partitionAt(10)];
  const commits = new CommitCycle({
    ...{ committer, checkpointer: undefined, holding: undefined },
    ...{ partitions: () => partitions, generation: () => 1, member: 'm', everyMs: 1000, onCommit: () => {} },
    ...{ logger: new LogLines(), ticks: () => 0 },
  });
  assert.equal(await commits.now(), false);
  isRefusing = false;
  const discarded = commits.discard(() => {
    events.push('given up');
    partitions = [partitionAt(3)];
  });
  // As the one that names a savepoint, at any moment.
  assert.equal(await commits.now(), false);
  throwAway();
  await discarded;
  assert.equal(await commits.now(), true);
  assert.deepEqual(events, ['commit 10', 'thrown away', 'given up', 'commit 3']);
});
