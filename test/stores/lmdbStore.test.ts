import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { StateRow } from '../../src/engine/stateRow.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { LmdbStore } from '../../src/stores/lmdbStore.ts';
import { definitionOf, Fed, readings } from '../engine/helpers/seriesStream.ts';

const directory = mkdtempSync(join(tmpdir(), 'anomaly-lmdb-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const open = await LmdbStore.load();

function rowOf(...bytes: number[]): StateRow {
  const row = new StateRow();
  for (const byte of bytes) row.putU8(byte);
  return row;
}

function get(store: LmdbStore, series: number): number[] | undefined {
  const out = rowOf(9, 9, 9);
  let found = false;
  store.batch(() => {
    found = store.get(series, out);
  });
  return found ? [...out.bytes.subarray(0, out.length)] : undefined;
}

test('rows are there in the batch that put them and after it; partitions are apart', async () => {
  const store = open(directory, 't-0');
  const other = open(directory, 't-1');
  store.batch(() => {
    store.put(7, rowOf(1, 2, 3));
    store.batch(() => store.put(8, rowOf()));
    store.put(7, rowOf(4));
    store.put(4_000_000_000, rowOf(5));
    store.put(9, rowOf(6));
    store.remove(9);
    store.remove(10);
    assert.ok(store.get(7, new StateRow()));
  });
  assert.deepEqual(
    [7, 8, 9, 4_000_000_000].map((id) => get(store, id)),
    [[4], [], undefined, [5]],
  );
  assert.equal(get(other, 7), undefined);
  store.clear();
  assert.equal(get(store, 7), undefined);
  await Promise.all([store.close(), other.close()]);
  const again = open(directory, 't-0');
  assert.equal(get(again, 8), undefined, 'a store begins empty');
  await again.close();
});

test('its files have no names once it is open, and what a kill left is cleared away', {
  skip: process.platform === 'win32',
}, async () => {
  const place = join(directory, 'left');
  const first = open(place, 't-0');
  assert.deepEqual(readdirSync(place), []);
  await first.close();
  writeFileSync(join(place, 't-0-dead'), '');
  const { utimesSync } = await import('node:fs');
  utimesSync(join(place, 't-0-dead'), 1, 1);
  const second = open(place, 't-0');
  assert.equal(existsSync(join(place, 't-0-dead')), false);
  await second.close();
});

test('a pipeline with its series in lmdb puts out what one with all of them in memory does', async () => {
  const store = open(directory, 'pipeline-0');
  fc.assert(
    fc.property(readings(40, 200), (list) => {
      const fed = new Fed(definitionOf('record'), { store, hotSeries: 6 });
      const plain = new Fed(definitionOf('record'));
      for (const each of [fed, plain]) {
        for (let i = 0; i < list.length; i += 17) each.feed(list.slice(i, i + 17));
        each.close();
      }
      assert.equal(fed.output, plain.output);
    }),
    { numRuns: 30 },
  );
  await store.close();
});

test('without the package, or a place for the files, it says what to do', async () => {
  const refusal = async (act: () => unknown) => {
    try {
      await act();
    } catch (error) {
      assert.ok(isAnomalyError(error));
      return `${error.code} ${error.message} ${error.hint}`;
    }
    return assert.fail('it worked');
  };
  const missing = await refusal(() => LmdbStore.load(() => Promise.reject(new Error('Cannot find package'))));
  assert.match(missing, /ANM_UNSUPPORTED .*lmdb cannot be loaded: Cannot find package .*state\.backend: memory/);
  writeFileSync(join(directory, 'file'), '');
  assert.match(await refusal(() => open(join(directory, 'file'), 't-0')), /ANM_STATE_DIRECTORY .*file/);
});
