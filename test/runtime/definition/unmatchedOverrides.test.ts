import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyDictionary } from '../../../src/engine/keys.ts';
import { unmatchedOverrides } from '../../../src/runtime/definition/unmatchedOverrides.ts';

function keysOf(...names: string[]): KeyDictionary {
  const keys = new KeyDictionary();
  for (const name of names) keys.intern(Buffer.from(name), 0, name.length);
  return keys;
}

test('overrides that match no series of any partition are named, those that match one are not', () => {
  const overrides = [{ series: 'pump-*' }, { series: 'fan-1' }, { series: 'fun-*' }];
  const partitions = [keysOf('pump-1', 'valve'), keysOf('fan-1')];
  assert.deepEqual(unmatchedOverrides(overrides, partitions), ['fun-*']);
  partitions[1]!.free(0);
  assert.deepEqual(
    unmatchedOverrides(overrides, partitions),
    ['fan-1', 'fun-*'],
    'a series that is gone matches nothing',
  );
});
