import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnomalyError } from '../../../src/errors.ts';
import { lineageOf } from '../../../src/runtime/journal/lineage.ts';
import { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';
import { sourceGap } from '../../../src/runtime/recovery/sourceGap.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { LogLines } from '../helpers/config.ts';

test('a gap is told by its place and numbers, and by nothing of the state of the partition at work', async () => {
  const partition = new PartitionAtWork({ topic: 't', partition: 3 }, { secret: 1 } as unknown as Task);
  const log = { start: 150, end: 200, firstTimeMs: async () => undefined };
  const rule = { acceptGap: false, logger: new LogLines() };
  await assert.rejects(sourceGap(partition, 60, 100, lineageOf([], partition), log, rule, null), (error) => {
    assert.ok(isAnomalyError(error), String(error));
    assert.equal(error.code, 'ANM_SOURCE_GAP');
    assert.deepEqual(error.details, { topic: 't', partition: 3, from: 60, to: 150, records: 90, unread: 50 });
    return true;
  });
});
