import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '../../../src/output/logger.ts';
import { KeptSnapshots } from '../../../src/runtime/checkpoints/keptSnapshots.ts';
import type { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';

const snapshot = (name: string, offset: number) => ({ name, sha256: name, offset, journal: offset });
const silent = { debug: assert.fail, info: assert.fail, warn: assert.fail, error: assert.fail } as unknown as Logger;

test('what is stored while older ones go, and waits to be named, stays wherever the store lists it', async () => {
  const removed: string[] = [];
  const partition = { topic: 't', partition: 0, name: 't/0' } as PartitionAtWork;
  const options = {
    store: {
      // As by a clock that was ahead when a was made.
      list: async () => ['orphan', 'waiting', 'a', 'b', 'c'].map((name) => ({ name, sha256: name })),
      remove: async (references: readonly { readonly name: string }[]) => {
        removed.push(...references.map(({ name }) => name));
      },
    },
    retain: 2,
    logger: silent,
    trimJournal: async () => kept.stored(snapshot('waiting', 40)),
    othersNeed: async () => Number.POSITIVE_INFINITY,
    journalEnd: async () => 50,
  };
  const retention = { running: new Set<Promise<void>>(), isOver: false };
  const kept = new KeptSnapshots(partition, [snapshot('a', 10), snapshot('b', 20)], 0, options, retention);
  kept.stored(snapshot('c', 30));
  kept.named(new Set(['c']));
  await Promise.all(retention.running);
  assert.deepEqual(removed, ['a', 'orphan']);
  assert.deepEqual(
    kept.list.map(({ name }) => name),
    ['b', 'c'],
  );
  assert.equal(kept.journalEnd, 50);
});
