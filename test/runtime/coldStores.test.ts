import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ColdStore } from '../../src/engine/coldStore.ts';
import { StateRow } from '../../src/engine/stateRow.ts';
import { ColdStores } from '../../src/runtime/coldStores.ts';
import { configOf } from './helpers/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'anomaly-cold-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const YAML = `pipeline: p
source: {topics: [t], key: k, fields: {value: value}}
score: {detector: rolling-z}
state: {backend: lmdb}
`;
const openAll = async () => ColdStores.of(await configOf(YAML), directory);

function isOpen(store: ColdStore): boolean {
  try {
    store.get(1, new StateRow());
    return true;
  } catch (error) {
    assert.match(String(error), /closed database/);
    return false;
  }
}

test('the store of a partition that was given away is closed when nothing reads it any more', async () => {
  const stores = await openAll();
  const [going, staying] = [stores.open('t', 0)!.store, stores.open('t', 1)!.store];
  let end = () => {};
  const unused = new Promise<void>((resolve) => {
    end = resolve;
  });
  const dropped = stores.drop({ topic: 't', partition: 0 }, unused);
  // It comes back while a snapshot of its former life is being taken.
  const back = stores.open('t', 0)!.store;
  await new Promise(setImmediate);
  assert.deepEqual([going, staying, back].map(isOpen), [true, true, true]);
  end();
  await dropped;
  assert.deepEqual([going, staying, back].map(isOpen), [false, true, true]);
  await stores.close();
  assert.deepEqual([staying, back].map(isOpen), [false, false]);
});

test('the end of a run waits for no snapshot: what was given away is closed with the rest', async () => {
  const stores = await openAll();
  const { store } = stores.open('t', 0)!;
  void stores.drop({ topic: 't', partition: 0 }, new Promise(() => {}));
  await stores.drop({ topic: 't', partition: 7 }, Promise.resolve());
  await stores.close();
  assert.equal(isOpen(store), false);
});
