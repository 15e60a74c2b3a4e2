import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalEntry, JournalRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { lineageOf } from '../../../src/runtime/journal/lineage.ts';

type Given = Omit<JournalRecord, 'topic' | 'partition'> & { topic?: string; partition?: number };

const entries = (...given: Given[]): JournalEntry[] =>
  given.map((record, at) => ({ topic: 't', partition: 0, at, writtenMs: at, ...record }) as JournalEntry);
const of = (...given: Given[]) => lineageOf(entries(...given), { topic: 't', partition: 0 });
const owner = (generation: number, member: string, offset: number, more: object = {}): Given =>
  ({ type: 'owner', generation, member, offset, definition: 'd', version: '1', ...more }) as Given;
const snapshot = (generation: number, member: string, offset: number): Given =>
  ({
    type: 'snapshot',
    generation,
    member,
    offset,
    name: `s${offset}`,
    sha256: '',
    checkpoint: '',
    journal: 0,
  }) as Given;
const idle = (generation: number, member: string, offset: number, watermark = offset): Given =>
  ({ type: 'idle', generation, member, offset, watermark }) as Given;
const names = ({ snapshots }: { snapshots: readonly { name: string }[] }) => snapshots.map(({ name }) => name);

test('snapshots and effects of one owner after the other', () => {
  const found = of(
    owner(1, 'a', 0, { start: 0 }),
    idle(1, 'a', 5),
    snapshot(1, 'a', 10),
    owner(3, 'b', 12),
    idle(3, 'b', 12),
    snapshot(3, 'b', 20),
  );
  assert.deepEqual(names(found), ['s10', 's20']);
  assert.equal(found.start, 0);
  assert.deepEqual(
    found.effects.map(({ offset }) => offset),
    [5, 12],
  );
  assert.equal(found.generation, 3);
});

test('a member that goes on over a rebalance keeps its entries, in a higher generation', () => {
  const found = of(owner(1, 'a', 0, { start: 0 }), snapshot(2, 'a', 10), snapshot(5, 'a', 20));
  assert.deepEqual(names(found), ['s10', 's20']);
});

test('a zombie counts for nothing: neither by a lower generation nor by another member in the same one', () => {
  const found = of(
    owner(1, 'a', 0, { start: 0 }),
    snapshot(1, 'a', 10),
    owner(2, 'b', 12),
    snapshot(1, 'a', 14),
    idle(1, 'a', 15),
    owner(1, 'a', 0, { start: 0 }),
    snapshot(2, 'a', 16),
    snapshot(2, 'b', 18),
  );
  assert.deepEqual(names(found), ['s10', 's18']);
  assert.deepEqual(found.effects, []);
});

test('where the client knows no generation, the last owner counts', () => {
  const found = of(owner(-1, 'a', 0, { start: 0 }), owner(-1, 'b', 5), idle(-1, 'a', 6), idle(-1, 'b', 7));
  assert.deepEqual(
    found.effects.map(({ offset }) => offset),
    [7],
  );
});

test('an empty start and a restore make what was before of no use', () => {
  const before = [owner(4, 'a', 0, { start: 0 }), snapshot(4, 'a', 10), idle(4, 'a', 11)];
  const fresh = of(...before, owner(5, 'b', 12, { start: 12 }), idle(5, 'b', 13));
  assert.deepEqual([names(fresh), fresh.start, fresh.effects.length], [[], 12, 1]);
  const restore = { type: 'restore', generation: -1, member: 'cli', offset: 7, name: 'r', sha256: '', checkpoint: '' };
  const restored = of(...before, restore as Given, owner(1, 'b', 7), snapshot(1, 'b', 9));
  assert.deepEqual([names(restored), restored.start, restored.effects], [['r', 's9'], undefined, []]);
});

test('a group that began anew counts from low generations again, by the word of its owner alone', () => {
  const old = [owner(50, 'a', 0, { start: 0 }), snapshot(50, 'a', 10)];
  assert.deepEqual(names(of(...old, owner(1, 'b', 0, { start: 0, reset: true }), snapshot(1, 'b', 4))), ['s4']);
  assert.deepEqual(names(of(...old, owner(1, 'b', 0, { start: 0 }), snapshot(1, 'b', 4))), ['s10']);
});

test('effects come by offset; those of one offset as they were written; other partitions do not matter', () => {
  const found = of(
    owner(1, 'a', 0, { start: 0 }),
    idle(1, 'a', 100, 1),
    owner(2, 'b', 90),
    { ...idle(2, 'b', 95, 2) },
    { ...idle(2, 'b', 95, 3) },
    { ...idle(9, 'x', 1), topic: 'u' },
    { ...idle(9, 'x', 1), partition: 1 },
  );
  assert.deepEqual(
    found.effects.map((effect) => effect.type === 'idle' && effect.watermark),
    [2, 3, 1],
  );
});

test('a journal whose beginning was trimmed away is taken from where it begins', () => {
  const found = of(idle(7, 'a', 100), snapshot(7, 'a', 90), owner(8, 'b', 110), idle(7, 'a', 111));
  assert.deepEqual([names(found), found.start, found.effects.length], [['s90'], undefined, 1]);
});
