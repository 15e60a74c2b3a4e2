import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAnomalyError } from '../../../src/errors.ts';
import type { Snapshot, SnapshotReference } from '../../../src/stores/checkpointStore.ts';
import { findCheckpoint, readCatalog } from '../../../src/stores/checkpoints/catalog.ts';
import { ObjectCheckpointStore } from '../../../src/stores/checkpoints/objectCheckpointStore.ts';
import { type PruneRule, planPrune, pruneStore } from '../../../src/stores/checkpoints/prune.ts';
import { SAFE_AGE_MS } from '../../../src/stores/checkpoints/retention.ts';
import { MemoryStore } from '../helpers/memoryStore.ts';

const open = (store: MemoryStore, reuseFromBytes = 1000) =>
  new ObjectCheckpointStore({ store, group: 'pump/room', cluster: 'c1', reuseFromBytes });

function snapshot(offset: number, given: Partial<Snapshot> = {}): Snapshot {
  return {
    pipeline: 'pump-room',
    group: 'pump/room',
    cluster: 'c1',
    topic: 'raw-sensors',
    partition: 3,
    offset,
    watermark: 1_700_000_000_000,
    checkpoint: `k${offset}`,
    createdMs: 1_700_000_000_000 + offset,
    toolVersion: '0.1.0',
    definition: 'abc',
    schemaIds: [7, 9],
    operators: [
      { id: 'time', definition: { outOfOrdernessMs: 5000 }, bytes: Uint8Array.of(offset & 255) },
      { id: 'keys', definition: null, bytes: new Uint8Array(2000).fill(7) },
      { id: 'window/w5m', definition: { type: 'tumbling', sizeMs: 300_000 }, bytes: new Uint8Array(1500).fill(offset) },
    ],
    ...given,
  };
}

/** As a run removes what it no longer keeps; `keep` is what it still needs. */
async function retain(store: ObjectCheckpointStore, count: number, keep: readonly SnapshotReference[] = []) {
  const automatic = (await store.manifests('raw-sensors', 3)).filter(
    ({ manifest }) => manifest.savepoint === undefined,
  );
  const old = automatic.slice(0, -count).map(({ reference }) => reference);
  await store.remove(old.filter(({ name }) => !keep.some((kept) => kept.name === name)));
}

/** As `anomaly checkpoint prune` does, beside the run. */
async function prune(objects: MemoryStore, rule: PruneRule) {
  await pruneStore(objects, await planPrune(objects, await readCatalog(objects), rule));
}

const PARTITION = 'pump%2Froom/c1/raw-sensors-3/';

test('a snapshot is loaded as it was saved, by another process too', async () => {
  const objects = new MemoryStore();
  for (const each of [
    snapshot(0, { watermark: null, operators: [] }),
    snapshot(42),
    snapshot(43, { savepoint: 'before upgrade', model: { version: 3, sha256: 'ff' }, schemaIds: [] }),
    snapshot(44, { watermark: -1.5, journal: 12 }),
  ]) {
    const { name, sha256 } = await open(objects).save(each);
    assert.deepEqual(await open(objects).load({ name, sha256 }), each);
  }
});

test('a folder a snapshot, a file an operator, and the manifest last', async () => {
  const objects = new MemoryStore();
  const { name, bytes } = await open(objects).save(snapshot(42));
  const folder = `${PARTITION}00000000000000000042-k42/`;
  assert.equal(name, `${folder}manifest.json`);
  assert.deepEqual([...objects.objects.keys()].sort(), [
    `${folder}00-time.bin`,
    `${folder}01-keys.bin`,
    `${folder}02-window-w5m.bin`,
    `${folder}manifest.json`,
  ]);
  assert.equal(objects.puts.at(-1), name);
  assert.equal(
    bytes,
    [...objects.objects.values()].reduce((sum, each) => sum + each.bytes.length, 0),
  );
  const manifest = JSON.parse(Buffer.from(objects.objects.get(name)!.bytes).toString());
  assert.equal(manifest.format, 2);
  assert.equal(manifest.watermark, '2023-11-14T22:13:20.000Z');
  assert.deepEqual(
    manifest.operators.map((each: { id: string; bytes: number }) => [each.id, each.bytes]),
    [
      ['time', 1],
      ['keys', 2000],
      ['window/w5m', 1500],
    ],
  );
});

test('an upload that ends anywhere before its manifest is no checkpoint', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const first = await store.save(snapshot(1));
  for (const at of ['time', 'keys', 'window', 'manifest']) {
    objects.onPut = (name) => {
      if (name.includes(at)) throw new Error('the process is killed');
    };
    await assert.rejects(store.save(snapshot(2, { checkpoint: `torn-${at}` })));
  }
  assert.deepEqual(await open(objects).list('raw-sensors', 3), [{ name: first.name, sha256: first.sha256 }]);
});

test('any changed, cut or missing byte of any file is refused by name', async () => {
  const objects = new MemoryStore();
  const reference = await open(objects).save(snapshot(42));
  const names = [...objects.objects.keys()];
  const damage = fc.record({
    name: fc.constantFrom(...names),
    at: fc.nat(),
    how: fc.constantFrom('flip', 'cut', 'gone'),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ name, at, how }) => {
      const kept = objects.objects.get(name)!;
      const i = at % kept.bytes.length;
      const flipped = kept.bytes.slice();
      flipped[i] = flipped[i]! ^ 1;
      if (how === 'gone') objects.objects.delete(name);
      else objects.objects.set(name, { ...kept, bytes: how === 'flip' ? flipped : kept.bytes.slice(0, i) });
      try {
        await open(objects).load(reference);
        assert.fail(`${name} was taken`);
      } catch (error) {
        assert.ok(isAnomalyError(error), String(error));
        const isManifest = name.endsWith('manifest.json');
        assert.equal(error.code, isManifest && how === 'gone' ? 'ANM_STATE_MISSING' : 'ANM_STATE_CORRUPT');
        assert.ok(error.message.includes(isManifest ? reference.name : name), error.message);
      } finally {
        objects.objects.set(name, kept);
      }
    }),
    { numRuns: 200 },
  );
  assert.equal((await open(objects).load(reference)).offset, 42);
});

test('a manifest that leads out of the store, or is of a format to come, is refused', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const { name } = await store.save(snapshot(1));
  const good = JSON.parse(Buffer.from(objects.objects.get(name)!.bytes).toString());
  const operator = good.operators[0];
  for (const [change, message] of [
    [{ format: 3 }, /its format is 3, and this version reads 1 and 2/],
    [
      { operators: [{ ...operator, parts: [{ ...operator.parts[0], file: '../../../etc/passwd' }] }] },
      /parts of operators\[0\]/,
    ],
    [{ operators: [{ ...operator, parts: [{ ...operator.parts[0], base: '..' }] }] }, /parts of operators\[0\]/],
    [{ operators: [{ ...operator, bytes: 7 }] }, /bytes of operators\[0\] are not those/],
    [
      { operators: [{ ...operator, definition: { outOfOrdernessMs: 1 } }] },
      /definition of operator time does not match/,
    ],
    [{ offset: -1 }, /offset of its manifest/],
  ] as const) {
    const bytes = Buffer.from(JSON.stringify({ ...good, ...change }));
    objects.objects.set(name, { bytes, modifiedMs: 0 });
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await assert.rejects(open(objects).load({ name, sha256 }), { code: 'ANM_STATE_CORRUPT', message });
    assert.deepEqual(await open(objects).list('raw-sensors', 3), []);
  }
});

test('a large file that stays the same is written once, and named by the later snapshots', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const first = await store.save(snapshot(1));
  const second = await store.save(snapshot(2));
  assert.ok(second.bytes < first.bytes - 1900, `${second.bytes} of ${first.bytes} bytes`);
  assert.deepEqual(await open(objects).load(second), snapshot(2));
  const savepoint = await store.save(snapshot(3, { savepoint: 'x' }));
  assert.ok(savepoint.bytes > 3500, 'a savepoint is whole');
  const whole = [];
  for (let offset = 4; offset < 30; offset++) whole.push((await store.save(snapshot(offset))).bytes > 3500);
  assert.deepEqual(whole.indexOf(true), 7, 'a file is written anew now and then');
});

test('changes go on from an earlier snapshot, which stays as long as they do', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const rows = (offset: number, ...bytes: number[]) =>
    snapshot(offset, {
      operators: [
        { id: 'time', definition: 1, bytes: Uint8Array.of(offset) },
        { id: 'score', definition: { detector: 'kpi' }, bytes: Uint8Array.from(bytes) },
      ],
    });
  const first = await store.save(rows(1, 1, 2, 3));
  const second = await store.save({ ...rows(2, 4), base: { reference: first, operators: ['score'] } });
  const third = await open(objects).save({ ...rows(3, 5, 6), base: { reference: second, operators: ['score'] } });
  assert.deepEqual(await open(objects).load(third), rows(3, 1, 2, 3, 4, 5, 6));
  assert.deepEqual(await open(objects).load(second), rows(2, 1, 2, 3, 4));
  await retain(store, 1);
  assert.deepEqual(
    (await store.manifests('raw-sensors', 3)).map(({ manifest }) => manifest.offset),
    [1, 2, 3],
  );
  const whole = await store.save(rows(4, 9));
  await retain(store, 1);
  assert.deepEqual(await store.list('raw-sensors', 3), [{ name: whole.name, sha256: whole.sha256 }]);
  const changed = {
    ...rows(5, 1),
    operators: [{ id: 'score', definition: { detector: 'range' }, bytes: Uint8Array.of(1) }],
  };
  const onto = (reference: typeof whole) => ({ base: { reference, operators: ['score'] } });
  await assert.rejects(store.save({ ...changed, ...onto(whole) }), { code: 'ANM_INTERNAL' });
  await assert.rejects(open(objects).save({ ...rows(5, 1), ...onto(first) }), { code: 'ANM_STATE_MISSING' });
  await assert.rejects(store.save({ ...rows(5, 1), savepoint: 'x', ...onto(whole) }), { code: 'ANM_INTERNAL' });
});

test('retention keeps the newest, savepoints, what is in use, and what those build on', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const all = [];
  for (let offset = 1; offset <= 12; offset++) {
    const savepoint = offset === 2 ? { savepoint: 'kept' } : {};
    all.push(await store.save(snapshot(offset, savepoint)));
    await retain(store, 3, all.length > 4 ? [all[3]!] : []);
  }
  const kept = await open(objects).manifests('raw-sensors', 3);
  const offsets = kept.map(({ manifest }) => manifest.offset);
  // 1 is the base of 4 and 10; the file was written anew with 11.
  assert.deepEqual(offsets, [1, 2, 4, 10, 11, 12]);
  for (const { reference } of kept) await open(objects).load(reference);
  await prune(objects, { savepoint: 'kept' });
  await retain(store, 1);
  assert.deepEqual(
    (await store.manifests('raw-sensors', 3)).map(({ manifest }) => manifest.offset),
    [11, 12],
  );
  assert.equal([...objects.objects.keys()].filter((name) => /000(1|2|4|10)-k/.test(name)).length, 0);
});

test('a group that was set back keeps what it wrote last, though its offsets are lower', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  for (const offset of [100, 200, 300]) await store.save(snapshot(offset));
  const after = await store.save(snapshot(150, { createdMs: 1_700_000_001_000 }));
  await retain(store, 1);
  const left = await store.manifests('raw-sensors', 3);
  assert.equal(left.at(-1)?.reference.name, after.name);
});

test('the newest is told by the journal, not by the clocks of the owners', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const HOUR = 3_600_000;
  // The first owner's clock is an hour ahead, the second's is right; then the group is set back.
  const owners = [
    { journal: 5, ahead: HOUR, offsets: [100, 200] },
    { journal: 9, ahead: 0, offsets: [300, 400] },
    { journal: 14, ahead: -HOUR, offsets: [150, 250] },
  ];
  const names: string[] = [];
  for (const { journal, ahead, offsets } of owners) {
    for (const offset of offsets) {
      const createdMs = 1_700_000_000_000 + names.length * 1000 + ahead;
      names.push((await store.save(snapshot(offset, { journal, createdMs, checkpoint: `c${names.length}` }))).name);
    }
  }
  const listed = await open(objects).list('raw-sensors', 3);
  assert.deepEqual(
    listed.map(({ name }) => name),
    names,
  );
  const catalog = await readCatalog(objects);
  assert.equal(findCheckpoint(catalog, 'latest', objects.url)[0]?.reference.name, names[5]);
  const plan = await planPrune(objects, catalog, { retain: 2 });
  const going = plan.going.map(({ reference }) => reference.name);
  // The first one's file of keys is what the later ones build on.
  assert.deepEqual(going, names.slice(1, 4));
  await retain(store, 2);
  const left = (await store.list('raw-sensors', 3)).map(({ name }) => name);
  assert.deepEqual(left, [names[0], names[4], names[5]]);
});

test('leftovers of uploads go when they are old, and what is under way stays', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const first = await store.save(snapshot(1));
  objects.onPut = (name) => {
    if (name.endsWith('manifest.json')) throw new Error('killed');
  };
  await assert.rejects(store.save(snapshot(5)));
  objects.onPut = () => {};
  const torn = () => [...objects.objects.keys()].filter((name) => name.includes('-k5/')).length;
  assert.equal(torn(), 2, 'the keys are those of the first');
  await prune(objects, { retain: 5 });
  assert.equal(torn(), 2);
  // The store's clock counts, which the newest object tells: no other clock may be compared with it.
  objects.nowMs += SAFE_AGE_MS;
  await store.save(snapshot(6, { operators: [] }));
  await prune(objects, { retain: 5 });
  assert.deepEqual((await planPrune(objects, await readCatalog(objects), { retain: 5 })).leftovers, []);
  assert.equal(torn(), 2);
  objects.nowMs += 1;
  await store.save(snapshot(7, { operators: [] }));
  assert.equal((await planPrune(objects, await readCatalog(objects), { retain: 5 })).leftovers.length, 2);
  await prune(objects, { retain: 5 });
  assert.equal(torn(), 0);
  assert.equal((await store.load(first)).offset, 1);
});

test('any history of saves, kills and retention leaves only checkpoints that load', async () => {
  const step = fc.record({
    size: fc.nat(3),
    killAt: fc.option(fc.nat(4)),
    kept: fc.option(fc.integer({ min: 1, max: 3 })),
    isSavepoint: fc.boolean(),
    isRestarted: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const objects = new MemoryStore();
      let store = open(objects);
      const saved: Snapshot[] = [];
      for (const [i, { size, killAt, kept, isSavepoint, isRestarted }] of steps.entries()) {
        if (isRestarted) store = open(objects);
        let left = killAt ?? Infinity;
        objects.onPut = () => {
          if (left-- <= 0) throw new Error('killed');
        };
        const operators = [0, 1].map((o) => ({
          id: `o${o}`,
          definition: o,
          bytes: new Uint8Array(1000 + (o === 0 ? 0 : size)).fill(o),
        }));
        const next = snapshot(i + 1, { operators, ...(isSavepoint && { savepoint: `s${i}` }) });
        const isSaved = await store.save(next).then(
          () => true,
          () => false,
        );
        if (isSaved) saved.push(next);
        else store = open(objects);
        objects.onPut = () => {};
        objects.nowMs += SAFE_AGE_MS / 2;
        if (kept !== null) await retain(store, kept);
        const listed = await open(objects).list('raw-sensors', 3);
        for (const reference of listed) {
          const loaded = await open(objects).load(reference);
          assert.deepEqual(
            loaded,
            saved.find(({ offset }) => offset === loaded.offset),
          );
        }
        const newest = saved.filter(({ savepoint }) => savepoint === undefined).at(-1);
        if (newest !== undefined) assert.ok(listed.some(({ name }) => name.includes(`-k${newest.offset}/`)));
      }
    }),
    { numRuns: 60 },
  );
});

test('nothing builds on what another process has removed', async () => {
  const objects = new MemoryStore();
  const store = open(objects);
  const first = await store.save(snapshot(1));
  const removed = () => {
    for (const name of objects.objects.keys()) if (name.includes('-k1/')) objects.objects.delete(name);
  };
  removed();
  const base = { reference: { name: first.name, sha256: first.sha256 }, operators: ['window/w5m'] };
  await assert.rejects(store.save(snapshot(2, { base })), { code: 'ANM_STATE_MISSING' });
  const { name, sha256 } = await store.save(snapshot(3));
  assert.deepEqual(await open(objects).load({ name, sha256 }), snapshot(3));
});

test('a partition that was away: what its new owner removed meanwhile is written again', async () => {
  const objects = new MemoryStore();
  const [here, there] = [open(objects), open(objects)];
  const first = await here.save(snapshot(1));
  const second = await there.save(snapshot(2));
  await there.remove([first]);
  // Back again: it is restored from the other's snapshot, and the keys are what they were before.
  await here.load(second);
  const third = await here.save(snapshot(3));
  assert.deepEqual(await open(objects).load(third), snapshot(3));
});
