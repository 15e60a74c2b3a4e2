import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ObjectStore } from '../../src/stores/objectStore.ts';

export interface OpenedStore {
  /** Two clients of one empty place. */
  readonly store: ObjectStore;
  readonly other: ObjectStore;
  close(): Promise<void>;
}

const text = (value: string) => new TextEncoder().encode(value);

/** Bytes that tell places apart. */
function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed | 1;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** What every object store promises. */
export function objectStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  const withStore = (title: string, run: (opened: OpenedStore) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close();
      }
    });

  withStore('what was put is got, by another client too; what is replaced is gone', async ({ store, other }) => {
    assert.equal(await store.get('a/b'), undefined);
    await store.put('a/b', [text('first')]);
    assert.deepEqual(await other.get('a/b'), text('first'));
    await other.put('a/b', [text('sec'), text(''), text('ond')]);
    assert.deepEqual(await store.get('a/b'), text('second'));
    assert.equal(await store.get('a'), undefined);
    assert.equal(await store.get('a/b/c'), undefined);
  });

  withStore('an object is created by one writer only, and stays as it was', async ({ store, other }) => {
    assert.equal(await store.create('c/1', text('mine')), true);
    assert.equal(await other.create('c/1', text('yours')), false);
    assert.equal(await store.create('c/1', text('mine')), true);
    assert.deepEqual(await other.get('c/1'), text('mine'));
    const writers = Array.from({ length: 12 }, (_, i) => text(`writer ${i}`));
    const won = await Promise.all(writers.map((each, i) => (i % 2 === 0 ? store : other).create('c/2', each)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await store.get('c/2'), writers[won.indexOf(true)]);
    assert.deepEqual(
      (await other.list('')).map((each) => each.name),
      ['c/1', 'c/2'],
    );
    await store.put('c/2', [text('replaced')]);
    await other.remove(['c/1']);
    assert.equal(await store.create('c/1', text('anew')), true);
    await store.removeUnfinished('', Date.now() + 3_600_000);
    assert.deepEqual(await other.get('c/1'), text('anew'));
  });

  withStore('an object may be empty', async ({ store, other }) => {
    await store.put('empty', []);
    await store.put('empty-too', [new Uint8Array(0)]);
    assert.deepEqual(await other.get('empty'), new Uint8Array(0));
    assert.deepEqual(
      (await other.list('')).map((each) => [each.name, each.bytes]),
      [
        ['empty', 0],
        ['empty-too', 0],
      ],
    );
  });

  withStore('names may have any letter', async ({ store, other }) => {
    const names = ['my pump/1+1=2.bin', 'q?x=1&y#z', 'a%2Fb/c%20', 'größe/日本', "it's (one)*!~", '00/1e5'];
    for (const each of names) await store.put(each, [text(each)]);
    for (const each of names) assert.deepEqual(await other.get(each), text(each));
    assert.deepEqual(
      (await other.list('')).map((each) => each.name),
      [...names].sort(),
    );
    await store.remove(names);
    assert.deepEqual(await other.list(''), []);
  });

  withStore('a name that leads out of the store is refused', async ({ store }) => {
    for (const each of ['../up', 'a/../../up', '/root', 'a//b', '', '.hidden', 'a\\b', 'a/'])
      await assert.rejects(store.put(each, [text('x')]), { code: 'ANM_INTERNAL' });
  });

  withStore('a large object of arrays of any length comes back whole', async ({ store, other }) => {
    const parts = [3_000_001, 0, 9_437_184, 17, 8_388_608, 1].map((length, i) => pattern(length, i + 1));
    const whole = Buffer.concat(parts);
    await store.put('large.bin', parts);
    const back = await other.get('large.bin');
    assert.ok(back !== undefined && Buffer.compare(whole, back) === 0);
    const [listed] = await store.list('large');
    assert.equal(listed?.bytes, whole.length);
  });

  withStore('lists are by prefix and in order, with sizes and times', async ({ store, other }) => {
    const before = Date.now();
    const names = ['p/10', 'p/2', 'p/a/x', 'p/a-b', 'p/a/y/z', 'pq', 'other'];
    await Promise.all(names.map((each, i) => store.put(each, [new Uint8Array(i)])));
    const listed = async (prefix: string) => (await other.list(prefix)).map((each) => each.name);
    assert.deepEqual(await listed(''), [...names].sort());
    assert.deepEqual(await listed('p/'), ['p/10', 'p/2', 'p/a-b', 'p/a/x', 'p/a/y/z']);
    assert.deepEqual(await listed('p/a'), ['p/a-b', 'p/a/x', 'p/a/y/z']);
    assert.deepEqual(await listed('p/a/'), ['p/a/x', 'p/a/y/z']);
    assert.deepEqual(await listed('p'), ['p/10', 'p/2', 'p/a-b', 'p/a/x', 'p/a/y/z', 'pq']);
    assert.deepEqual(await listed('nothing/here'), []);
    for (const { name: each, bytes, modifiedMs } of await other.list('')) {
      assert.equal(bytes, names.indexOf(each));
      // Some stores tell time by the second.
      assert.ok(modifiedMs >= before - 2000 && modifiedMs <= Date.now() + 2000, `${each} at ${modifiedMs}`);
    }
  });

  withStore('what is removed is gone, what is not there does not matter', async ({ store, other }) => {
    for (const each of ['f/1', 'f/2', 'f/g/3']) await store.put(each, [text(each)]);
    await other.remove(['f/1', 'f/g/3', 'f/none', 'none/at/all']);
    assert.deepEqual(
      (await store.list('')).map((each) => each.name),
      ['f/2'],
    );
    await other.remove(['f/2', 'f/2']);
    assert.deepEqual(await store.list(''), []);
    await store.put('f/2', [text('again')]);
    assert.deepEqual(await other.get('f/2'), text('again'));
  });

  withStore('a reader sees the former object, the new one, or none, never a part', async ({ store, other }) => {
    const versions = [1, 2, 3, 4].map((seed) => pattern(700_000 * seed, seed));
    let isOver = false;
    const writer = (async () => {
      for (let round = 0; round < 3; round++) for (const each of versions) await store.put('hot', [each]);
      isOver = true;
    })();
    let seen = 0;
    while (!isOver) {
      const got = await other.get('hot');
      if (got === undefined) continue;
      seen++;
      const whole = versions.find((each) => each.length === got.length);
      assert.ok(
        whole !== undefined && Buffer.compare(whole, got) === 0,
        `${got.length} bytes are none of the versions`,
      );
    }
    await writer;
    assert.ok(seen > 0);
    assert.deepEqual(
      (await other.list('')).map((each) => each.name),
      ['hot'],
    );
  });

  withStore('the write test leaves nothing behind', async ({ store, other }) => {
    await store.probe();
    assert.deepEqual(await other.list(''), []);
    await store.removeUnfinished('', Date.now());
  });

  withStore('the removal of unfinished writes takes nothing that is whole', async ({ store, other }) => {
    await store.put('w/1', [text('one')]);
    await other.removeUnfinished('', Date.now() + 3_600_000);
    assert.deepEqual(await store.get('w/1'), text('one'));
  });

  withStore('any order of puts, removes and lists is that of a map', async ({ store, other }) => {
    const names = ['a', 'b/a', 'b/b', 'b/c/a', 'ba'];
    const step = fc.oneof(
      fc.record({ put: fc.constantFrom(...names), bytes: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ remove: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }) }),
      fc.record({ list: fc.constantFrom('', 'b', 'b/', 'b/c', 'x') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await store.remove(names);
        const model = new Map<string, Uint8Array>();
        for (const each of steps) {
          if ('put' in each) {
            // A name cannot be a file and a folder in a file system, and none of these is both.
            await store.put(each.put, [each.bytes]);
            model.set(each.put, each.bytes);
          } else if ('remove' in each) {
            await other.remove(each.remove);
            for (const gone of each.remove) model.delete(gone);
          } else {
            const wanted = [...model.keys()].filter((key) => key.startsWith(each.list)).sort();
            assert.deepEqual(
              (await other.list(each.list)).map((found) => found.name),
              wanted,
            );
          }
        }
        for (const each of names) assert.deepEqual(await other.get(each), model.get(each));
      }),
      { numRuns: 25 },
    );
  });
}
