import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { PlacementWatch } from '../../../src/runtime/input/placementWatch.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { LogLines } from '../helpers/config.ts';

/** A task with nothing but series. */
function taskOf(partition: number, ...series: readonly string[]): Task {
  const keys = new KeyDictionary();
  for (const each of series) {
    const bytes = new TextEncoder().encode(each);
    keys.intern(bytes, 0, bytes.length);
  }
  return { topic: 't', partition, pipeline: { keys } } as unknown as Task;
}

test('a series of a partition that was given away may come in another, and is watched there', () => {
  const watch = new PlacementWatch(new Map(), new LogLines());
  watch.note(taskOf(0, 'a', 'b'), 0, 3);
  watch.note(taskOf(1, 'c'), 0, 3);
  assert.throws(() => watch.note(taskOf(2, 'b'), 0, 3), { code: 'ANM_SERIES_SPLIT' });
  watch.drop([
    { topic: 't', partition: 0 },
    { topic: 't', partition: 9 },
  ]);
  watch.note(taskOf(2, 'b'), 0, 2);
  assert.throws(() => watch.note(taskOf(2, 'c'), 0, 2), { code: 'ANM_SERIES_SPLIT' }, 'those that stay are watched');
  // It comes back, with what it holds.
  watch.note(taskOf(0, 'a'), 0, 3);
  assert.throws(() => watch.note(taskOf(0, 'b'), 0, 3), { code: 'ANM_SERIES_SPLIT', message: /t\/0 and in t\/2/ });
});
