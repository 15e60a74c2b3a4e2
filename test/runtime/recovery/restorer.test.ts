import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';
import { Restorer, type RestorerOptions } from '../../../src/runtime/recovery/restorer.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { LogLines } from '../helpers/config.ts';
import { MemoryCheckpoints } from '../helpers/memoryCheckpoints.ts';

const LOG = { start: 0, end: 0 };

/** A restorer of an empty journal; each step waits until the test lets it go on. */
function stepwise() {
  const steps: { name: string; goOn: () => void }[] = [];
  const claims: JournalRecord[] = [];
  const tasks: Task[] = [];
  const step = (name: string) => new Promise<void>((goOn) => steps.push({ name, goOn }));
  const options = {
    client: {
      admin: {
        listOffsets: async ([place]: readonly { topic: string; partition: number }[], at: string) => {
          if (at === 'earliest') await step('journal');
          return [{ ...place!, offset: 0 }];
        },
      },
    },
    consumer: {
      committed: async () => {
        await step('committed');
        return [];
      },
    },
    rule: {
      ...{ store: new MemoryCheckpoints(), start: 'earliest', definition: 'd', version: '1', logger: new LogLines() },
      ...{ allow: new Set<string>(), fresh: false, acceptGap: false },
      createTask: () => {
        tasks.push({} as Task);
        return tasks.at(-1)!;
      },
    },
    committer: { claim: async (records: readonly JournalRecord[]) => void claims.push(...records) },
    ...{ journalTopic: 'j', generation: () => 1, member: 'm', transactionTimeoutMs: 1000, ticks: () => 0 },
  } as unknown as RestorerOptions;
  const next = async (name: string) => {
    while (steps.length === 0) await new Promise(setImmediate);
    const first = steps.shift()!;
    assert.equal(first.name, name);
    first.goOn();
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  };
  return { restorer: new Restorer(options), claims, tasks, next };
}

test('a partition that went to another while its offset was awaited is neither claimed nor given a task', async () => {
  const { restorer, claims, tasks, next } = stepwise();
  const partition = new PartitionAtWork({ topic: 't', partition: 0 }, {} as Task);
  restorer.add(partition, LOG);
  partition.isGone = true;
  await next('committed');
  assert.deepEqual([claims, tasks, restorer.take()], [[], [], []]);
});

test('one that went and came back is given one task: that of its new life', async () => {
  const { restorer, claims, tasks, next } = stepwise();
  const before = new PartitionAtWork({ topic: 't', partition: 0 }, {} as Task);
  restorer.add(before, LOG);
  await next('committed');
  before.isGone = true;
  const now = new PartitionAtWork({ topic: 't', partition: 0 }, {} as Task);
  restorer.add(now, LOG);
  await next('journal');
  assert.deepEqual(tasks, []);
  await next('committed');
  await next('journal');
  assert.equal(claims.length, 2);
  assert.deepEqual(
    restorer.take().map(({ partition, recovered }) => [partition === now, recovered.task === tasks[0], tasks.length]),
    [[true, true, 1]],
  );
});
