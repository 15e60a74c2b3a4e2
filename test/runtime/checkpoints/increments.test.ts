import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Increments, type SnapshotParts, type Taking } from '../../../src/runtime/checkpoints/increments.ts';
import type { Task } from '../../../src/runtime/task.ts';
import type { Snapshot, SnapshotReference } from '../../../src/stores/checkpointStore.ts';
import { ObjectCheckpointStore } from '../../../src/stores/checkpoints/objectCheckpointStore.ts';
import { FileObjectStore } from '../../../src/stores/fileObjectStore.ts';
import { definitionOf, Fed } from '../../engine/helpers/seriesStream.ts';
import { quickPolicy } from '../../stores/helpers/policy.ts';

const directory = mkdtempSync(join(tmpdir(), 'anomaly-increments-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const HEAD = {
  pipeline: 'p',
  group: 'p',
  cluster: 'c',
  topic: 't',
  partition: 0,
  watermark: null,
  createdMs: 1_700_000_000_000,
  toolVersion: '0',
  definition: 'd',
  schemaIds: [],
};

function world() {
  const files = new FileObjectStore(directory, directory, quickPolicy());
  const store = new ObjectCheckpointStore({ store: files, group: 'p', cluster: 'c' });
  const fed = new Fed(definitionOf('record'));
  const task = { cut: (kind: 'full') => fed.pipeline.cut(kind) } as unknown as Task;
  let offset = 0;
  const feed = (from: number, to: number) => {
    for (let i = from; i < to; i++) fed.feed([{ series: `s${i}`, time: 10_000 + (offset % 50), value: offset++ % 7 }]);
  };
  const save = async (parts: SnapshotParts, savepoint?: string): Promise<SnapshotReference & { bytes: number }> => {
    const snapshot: Snapshot = {
      ...HEAD,
      offset,
      checkpoint: `c${offset}`,
      ...(savepoint !== undefined && { savepoint }),
      ...parts,
    };
    return await store.save(snapshot);
  };
  const taken = async (taking: Taking, savepoint?: string) => {
    const parts = await taking.parts();
    const reference = await save(parts, savepoint);
    taking.stored(reference);
    return { ...reference, isWhole: parts.base === undefined };
  };
  /** What a restart from the reference puts out for some more readings is what the pipeline itself does. */
  const goesOn = async (reference: SnapshotReference) => {
    const restarted = new Fed(definitionOf('record'), undefined, offset);
    restarted.pipeline.restore((await store.load(reference)).operators, new Set());
    const here = new Fed(definitionOf('record'), undefined, offset);
    here.pipeline.restore(fed.pipeline.snapshot(), new Set());
    for (const each of [restarted, here]) {
      for (let i = 0; i < 300; i++) each.feed([{ series: `s${i}`, time: 10_020 + i, value: i % 5 === 0 ? 50 : i % 3 }]);
      each.close();
    }
    assert.ok(restarted.alerts.length > 0);
    assert.equal(restarted.output, here.output);
  };
  return { fed, task, feed, taken, goesOn, save };
}

test('changes go on from the base in the store, and what is loaded goes on as the pipeline itself', async () => {
  const { task, feed, taken, goesOn } = world();
  const increments = new Increments();
  feed(0, 300);
  feed(0, 300);
  const base = await taken(increments.take(task, false));
  assert.ok(base.isWhole);
  await goesOn(base);
  for (let round = 0; round < 5; round++) {
    feed(round * 10, round * 10 + 10);
    const changes = await taken(increments.take(task, false));
    assert.equal(changes.isWhole, false);
    await goesOn(changes);
  }
  // A savepoint stands alone, and the changes go on being counted from what was stored before it.
  feed(100, 110);
  const savepoint = await taken(increments.take(task, true), 'before');
  assert.ok(savepoint.isWhole);
  feed(120, 130);
  const next = await taken(increments.take(task, false));
  assert.equal(next.isWhole, false);
  await goesOn(next);
});

test('after one that was not stored, and when most has changed, the next is whole', async () => {
  const { task, feed, taken, goesOn } = world();
  const increments = new Increments();
  feed(0, 100);
  await taken(increments.take(task, false));
  feed(0, 3);
  const lost = increments.take(task, false);
  assert.ok((await lost.parts()).base !== undefined);
  lost.abandon();
  feed(4, 5);
  const whole = await taken(increments.take(task, false));
  assert.ok(whole.isWhole);
  await goesOn(whole);
  feed(0, 2);
  assert.equal((await taken(increments.take(task, false))).isWhole, false);
  feed(0, 90);
  assert.ok((await taken(increments.take(task, false))).isWhole);
  let wholes = 0;
  for (let round = 0; round < 40; round++) {
    feed(0, 1);
    if ((await taken(increments.take(task, false))).isWhole) wholes++;
  }
  assert.equal(wholes, 1, 'a chain has an end');
});

test('what is processed while a snapshot is taken is not in it', async () => {
  const { fed, task, feed, goesOn, save } = world();
  const increments = new Increments();
  for (let round = 0; round < 3; round++) feed(0, 2_500);
  const state = fed.pipeline.snapshot().map((each) => ({ ...each, bytes: each.bytes.slice() }));
  const taking = increments.take(task, false);
  const parts = taking.parts();
  feed(0, 2_500);
  const sorted = (bytes: Uint8Array) => bytes.length;
  assert.deepEqual(
    (await parts).operators.map(({ id, bytes }) => [id, sorted(bytes)]),
    state.map(({ id, bytes }) => [id, sorted(bytes)]),
  );
  const later = new Fed(definitionOf('record'));
  later.pipeline.restore((await parts).operators, new Set());
  const before = new Fed(definitionOf('record'));
  before.pipeline.restore(state, new Set());
  assert.deepEqual(later.pipeline.snapshot(), before.pipeline.snapshot());
  taking.stored(await save(await parts));
  feed(3, 9);
  const next = increments.take(task, false);
  const reference = await save(await next.parts());
  await goesOn(reference);
});

test('a slow upload that a later one overtook is no base of what comes after', async () => {
  const { task, feed, taken, goesOn, save } = world();
  const increments = new Increments();
  feed(0, 300);
  await taken(increments.take(task, false));
  feed(0, 10);
  const slow = increments.take(task, false);
  const slowParts = await slow.parts();
  const slowReference = await save(slowParts);
  // A savepoint ends meanwhile, so that the next one may begin.
  await taken(increments.take(task, true), 'meanwhile');
  feed(20, 30);
  const next = increments.take(task, false);
  await next.parts();
  slow.stored(slowReference);
  next.abandon();
  feed(40, 50);
  const last = await taken(increments.take(task, false));
  assert.ok(last.isWhole);
  await goesOn(last);
});
