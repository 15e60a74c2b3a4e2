import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { isAnomalyError } from '../../src/errors.ts';
import { FileStore } from '../../src/stores/fileStore.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'anomaly-store-')), 'state');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

const snapshot = (offset: number, state: Uint8Array) => ({ offset, definition: 'd1', cluster: 'c1', state });
const bytes = (length: number, fill = 1) => new Uint8Array(length).fill(fill);

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_STATE_CORRUPT', String(error));
    return error.message;
  }
  return assert.fail('it was taken');
}

test('what was saved last is loaded, by another store too; nothing is undefined', async () => {
  const store = new FileStore(directory);
  assert.equal(await store.load('t', 0), undefined);
  await store.save('t', 0, snapshot(10, bytes(100_000)));
  await store.save('t', 1, snapshot(11, bytes(0)));
  await store.save('t', 0, snapshot(20, Uint8Array.of(10, 0, 123)));
  const other = new FileStore(directory);
  assert.deepEqual(await other.load('t', 0), snapshot(20, Uint8Array.of(10, 0, 123)));
  assert.deepEqual(await other.load('t', 1), snapshot(11, bytes(0)));
  assert.equal(await other.load('t', 2), undefined);
  assert.deepEqual(readdirSync(directory).sort(), ['t-0.snapshot', 't-1.snapshot']);
});

test('any cut and any changed byte of the file is refused by name', async () => {
  const store = new FileStore(directory);
  await store.save('t', 0, snapshot(10, bytes(300)));
  const path = join(directory, 't-0.snapshot');
  const whole = readFileSync(path);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
      writeFileSync(path, whole.subarray(0, length));
      assert.match(await refusal(store.load('t', 0)), /t-0\.snapshot/);
    }),
  );
  const body = whole.indexOf(10) + 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: body, max: whole.length - 1 }), async (at) => {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x40;
      writeFileSync(path, changed);
      assert.match(await refusal(store.load('t', 0)), /sha256 does not match/);
    }),
  );
});

test('a file under the name of another partition is refused', async () => {
  const store = new FileStore(directory);
  await store.save('t', 0, snapshot(10, bytes(3)));
  renameSync(join(directory, 't-0.snapshot'), join(directory, 't-1.snapshot'));
  assert.match(await refusal(store.load('t', 1)), /it is of t\/0, not t\/1/);
});

test('a format of another version is refused', async () => {
  const store = new FileStore(directory);
  await store.save('t', 0, snapshot(10, bytes(3)));
  const path = join(directory, 't-0.snapshot');
  writeFileSync(path, readFileSync(path, 'latin1').replace('"format":1', '"format":9'), 'latin1');
  assert.match(await refusal(store.load('t', 0)), /its format is 9/);
});

test('two stores that save the same partition at once leave one of the two, whole', async () => {
  const [a, b] = [new FileStore(directory), new FileStore(directory)];
  for (let round = 1; round <= 10; round++) {
    await Promise.all([
      a.save('t', 0, snapshot(round, bytes(200_000, round))),
      b.save('t', 0, snapshot(round, bytes(100_000, round + 100))),
    ]);
    const { offset, state } = (await a.load('t', 0))!;
    assert.equal(offset, round);
    assert.deepEqual([state.length, state[0]], state.length === 200_000 ? [200_000, round] : [100_000, round + 100]);
  }
});

test('what a killed writer left is cleared away, and only of the partition that is loaded', async () => {
  const store = new FileStore(directory);
  await store.save('t', 0, snapshot(10, bytes(3)));
  for (const name of ['t-0.snapshot.aa.new', 't-1.snapshot.bb.new']) writeFileSync(join(directory, name), 'half');
  assert.equal((await store.load('t', 0))!.offset, 10);
  assert.deepEqual(readdirSync(directory).sort(), ['t-0.snapshot', 't-1.snapshot.bb.new']);
});
