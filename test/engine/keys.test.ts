import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { SnapshotReader, SnapshotWriter } from '../../src/engine/state.ts';

const key = fc.oneof(
  fc.uint8Array({ maxLength: 6 }),
  fc.uint8Array({ minLength: 7, maxLength: 40 }),
  fc.integer({ min: 0, max: 5 }).map((n) => new TextEncoder().encode(`sensor-${n}`)),
);

/** The keys back to back with a byte between, and their ranges; a null key has start -1. */
function column(keys: readonly (Uint8Array | null)[]) {
  const bytes = new Uint8Array(3 + keys.reduce((sum, each) => sum + (each?.length ?? 0) + 1, 0));
  const starts = new Int32Array(keys.length);
  const ends = new Int32Array(keys.length);
  let at = 3;
  keys.forEach((each, i) => {
    starts[i] = each === null ? -1 : at;
    bytes.set(each ?? [], at);
    at += each?.length ?? 0;
    ends[i] = at++;
  });
  // A view with an offset, as a range of a fetched buffer is.
  return { bytes: bytes.subarray(1), starts: starts.map((s) => (s < 0 ? s : s - 1)), ends: ends.map((e) => e - 1) };
}

function idsByMap(keys: readonly (Uint8Array | null)[]) {
  const map = new Map<string, number>();
  return keys.map((each) => {
    if (each === null) return -1;
    const text = each.join();
    if (!map.has(text)) map.set(text, map.size);
    return map.get(text)!;
  });
}

test('ids are those of a Map, one by one and by column, wherever a column ends', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(key, { freq: 10 }), { maxLength: 200 }),
      fc.array(fc.nat(200), { maxLength: 5 }),
      fc.integer(),
      (keys, cuts, seed) => {
        const { bytes, starts, ends } = column(keys);
        const expected = idsByMap(keys);
        const single = new KeyDictionary(seed);
        const one = keys.map((each, i) => (each === null ? -1 : single.intern(bytes, starts[i]!, ends[i]!)));
        assert.deepEqual(one, expected);
        const columns = new KeyDictionary();
        const ids = new Int32Array(keys.length);
        const edges = [0, ...cuts.filter((cut) => cut < keys.length).sort((a, b) => a - b), keys.length];
        for (let e = 1; e < edges.length; e++) {
          columns.internColumn(bytes, starts, ends, edges[e - 1]!, edges[e]!, ids);
        }
        assert.deepEqual([...ids], expected);
        assert.equal(single.size, new Set(expected.filter((id) => id >= 0)).size);
        keys.forEach((each, i) => {
          if (each === null) return;
          const id = expected[i]!;
          assert.deepEqual(single.arena.slice(single.startOf(id), single.endOf(id)), each);
          assert.equal(columns.find(bytes, starts[i]!, ends[i]!), id);
        });
      },
    ),
  );
});

test('a key that was never interned is not found', () => {
  const dictionary = new KeyDictionary();
  const bytes = new TextEncoder().encode('abcdefgh');
  assert.equal(dictionary.find(bytes, 0, 8), -1);
  assert.equal(dictionary.find(bytes, 0, 0), -1);
  dictionary.intern(bytes, 0, 7);
  assert.equal(dictionary.find(bytes, 0, 8), -1);
  assert.equal(dictionary.find(bytes, 0, 7), 0);
  assert.equal(dictionary.size, 1);
});

test('grows past its first tables, in any order, and comes back from a snapshot', () => {
  const count = 20_000;
  const keys = Array.from({ length: count }, (_, i) => new TextEncoder().encode(`sensor-${i % 7}-${i}`));
  const { bytes, starts, ends } = column(keys);
  const dictionary = new KeyDictionary();
  const ids = new Int32Array(count);
  dictionary.internColumn(bytes, starts, ends, 0, count, ids);
  assert.deepEqual(
    [...ids],
    keys.map((_, i) => i),
  );
  const writer = new SnapshotWriter();
  dictionary.snapshot(writer.scope('keys'));
  const restored = new KeyDictionary(99);
  restored.restore(new SnapshotReader(writer.encode()).scope('keys'));
  assert.equal(restored.size, count);
  for (let i = count - 1; i >= 0; i -= 7) assert.equal(restored.intern(bytes, starts[i]!, ends[i]!), i);
  assert.equal(restored.text(12_345), `sensor-${12_345 % 7}-12345`);
  const more = new TextEncoder().encode('new');
  assert.equal(restored.intern(more, 0, 3), count);
  assert.equal(restored.find(more, 0, 3), count);
});

test('an empty dictionary comes back from a snapshot', () => {
  const writer = new SnapshotWriter();
  new KeyDictionary().snapshot(writer);
  const restored = new KeyDictionary();
  restored.intern(new Uint8Array(5), 0, 5);
  restored.restore(new SnapshotReader(writer.encode()));
  assert.equal(restored.size, 0);
  assert.equal(restored.find(new Uint8Array(5), 0, 5), -1);
});

test('text is the key as UTF-8', () => {
  const dictionary = new KeyDictionary();
  const bytes = new TextEncoder().encode('pompe-é');
  assert.equal(dictionary.text(dictionary.intern(bytes, 0, bytes.length)), 'pompe-é');
});

test('a key that is no text has a name in hexadecimal, after a snapshot too', () => {
  const keys = [[0, 0, 0, 200], [0, 0, 0, 201], [0xc3, 0x28], [0xef, 0xbb, 0xbf, 97], [97]].map((bytes) =>
    Uint8Array.from(bytes),
  );
  const dictionary = new KeyDictionary();
  for (const key of keys) dictionary.intern(key, 0, key.length);
  const names = ['0x000000c8', '0x000000c9', '0xc328', '\ufeffa', 'a'];
  assert.deepEqual(
    keys.map((_, id) => dictionary.text(id)),
    names,
  );
  const state = new SnapshotWriter();
  dictionary.snapshot(state);
  const restored = new KeyDictionary();
  restored.restore(new SnapshotReader(state.encode()));
  assert.deepEqual(
    keys.map((_, id) => restored.text(id)),
    names,
  );
  assert.equal(restored.hexName(4), undefined);
});

test('freed ids are given again, and what is found is what a Map would find', () => {
  const step = fc.record({ free: fc.boolean(), n: fc.nat(300), long: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, minLength: 10, size: 'max' }), fc.integer(), (steps, seed) => {
      let dictionary = new KeyDictionary(seed);
      const ids = new Map<string, number>();
      steps.forEach(({ free, n, long }, at) => {
        const name = long ? `${n}-${'x'.repeat(n)}` : String(n);
        const bytes = new TextEncoder().encode(name);
        const known = ids.get(name);
        assert.equal(dictionary.find(bytes, 0, bytes.length), known ?? -1);
        if (!free) {
          const id = dictionary.intern(bytes, 0, bytes.length);
          if (known !== undefined) assert.equal(id, known);
          else assert.ok(![...ids.values()].includes(id));
          ids.set(name, id);
          assert.equal(dictionary.text(id), name);
        } else if (known !== undefined) {
          dictionary.free(known);
          ids.delete(name);
          assert.equal(dictionary.has(known), false);
        }
        assert.equal(dictionary.count, ids.size);
        if (at % 500 !== 499) return;
        const state = new SnapshotWriter();
        dictionary.snapshot(state);
        dictionary = new KeyDictionary(seed + 1);
        dictionary.restore(new SnapshotReader(state.encode()));
      });
      for (const [name, id] of ids) assert.equal(dictionary.text(id), name);
      assert.ok(dictionary.size <= 602, 'no more ids than keys at once');
    }),
    { numRuns: 20 },
  );
});

test('the arena of a dictionary whose keys come and go stays as small as its keys', () => {
  const dictionary = new KeyDictionary();
  for (let i = 0; i < 200_000; i++) {
    const bytes = new TextEncoder().encode(`session-${i}`);
    dictionary.intern(bytes, 0, bytes.length);
    if (i < 100) continue;
    const old = new TextEncoder().encode(`session-${i - 100}`);
    dictionary.free(dictionary.find(old, 0, old.length));
  }
  assert.equal(dictionary.count, 100);
  assert.ok(dictionary.size <= 101);
  assert.ok(dictionary.arena.length < 300_000, String(dictionary.arena.length));
});

test('with many keys in scattered order, columns that are read ahead have the ids of a Map', () => {
  const count = 60_000;
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  // The last third has keys that were seen, new ones, and records without a key.
  const keys = Array.from({ length: 2 * count }, (_, i) => {
    if (i >= count && i % 11 === 0) return null;
    return new TextEncoder().encode(`sensor-${i < count ? i : random() % (2 * count)}`);
  });
  const { bytes, starts, ends } = column(keys);
  // What stands beside a start below 0 has no meaning.
  for (let i = 0; i < ends.length; i++) if (starts[i]! < 0) ends[i] = 2 ** 30;
  const dictionary = new KeyDictionary();
  const ids = new Int32Array(keys.length);
  for (let from = 0; from < keys.length; ) {
    const to = Math.min(keys.length, from + 1 + (random() % 3000));
    dictionary.internColumn(bytes, starts, ends, from, to, ids);
    from = to;
  }
  assert.deepEqual([...ids], idsByMap(keys));
});
