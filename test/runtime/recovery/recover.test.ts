import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { AnomalyError, isAnomalyError } from '../../../src/errors.ts';
import type { JournalEntry } from '../../../src/runtime/journal/journalRecord.ts';
import { type RecoveryRule, recover } from '../../../src/runtime/recovery/recover.ts';
import type { SourceLog } from '../../../src/runtime/recovery/sourceGap.ts';
import type { Task } from '../../../src/runtime/task.ts';
import type { Snapshot } from '../../../src/stores/checkpointStore.ts';
import { LogLines } from '../helpers/config.ts';
import { MemoryCheckpoints } from '../helpers/memoryCheckpoints.ts';

const PLACE = { topic: 't', partition: 0 };
const WATERMARK = Date.UTC(2026, 0, 1);
let store: MemoryCheckpoints;
let log: LogLines;
/** Operators that a restore was given, by their first byte. */
let restored: number[];
let incompatible: boolean;
beforeEach(() => {
  store = new MemoryCheckpoints();
  log = new LogLines();
  restored = [];
  incompatible = false;
});

const rule = (more: Partial<RecoveryRule> = {}): RecoveryRule => ({
  store,
  createTask: () =>
    ({
      restore: ([state]: Snapshot['operators']) => {
        if (incompatible) throw new AnomalyError('ANM_STATE_INCOMPATIBLE', 'window/w1m changed');
        restored.push(state!.bytes[0]!);
      },
    }) as unknown as Task,
  start: 'earliest',
  definition: 'd',
  version: '1',
  allow: new Set(),
  fresh: false,
  acceptGap: false,
  logger: log,
  ...more,
});
const source = (start: number, end = 1000): SourceLog => ({
  start,
  end,
  firstTimeMs: async () => WATERMARK + 3_600_000,
});

/** A journal of one owner, with snapshots at these offsets and what else is given. */
async function journal(snapshots: readonly number[], ...more: object[]) {
  const entries: object[] = [{ type: 'owner', offset: 0, start: 0, definition: 'd', version: '1' }];
  for (const offset of snapshots) {
    const { name, sha256 } = await store.save({
      ...{ pipeline: 'p', group: 'p', cluster: 'c', ...PLACE, offset, watermark: WATERMARK, checkpoint: `c${offset}` },
      ...{ createdMs: 0, toolVersion: '1', definition: 'd', schemaIds: [] },
      operators: [{ id: 'time', definition: {}, bytes: Uint8Array.of(offset) }],
    });
    entries.push({ type: 'snapshot', offset, name, sha256, checkpoint: `c${offset}`, journal: offset });
  }
  entries.push(...more);
  return {
    entries: entries.map(
      (each, at) => ({ ...PLACE, generation: 1, member: 'a', at, writtenMs: at, ...each }) as JournalEntry,
    ),
    begin: 0,
    end: entries.length,
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isAnomalyError(error), String(error));
    return `${error.code} ${error.message}; ${error.hint}`;
  }
  return assert.fail('it was not refused');
}

test('the newest snapshot at or below the commit, and the effects from there on by offset', async () => {
  const effects = [120, 50, 90].map((offset) => ({ type: 'idle', offset, watermark: offset }));
  const found = await recover(PLACE, 100, 3, await journal([20, 60, 110], ...effects), source(0), rule());
  assert.deepEqual(restored, [60]);
  assert.deepEqual([found.position, found.suppressBelow], [60, 100]);
  assert.deepEqual(
    found.effects.map(({ offset }) => offset),
    [90, 120],
  );
  assert.deepEqual(found.drafts, [{ type: 'owner', definition: 'd', version: '1', offset: 100 }]);
  assert.deepEqual(
    found.kept.map(({ offset }) => offset),
    [20, 60, 110],
  );
});

test('without a commit it begins at the start of the log, or at its end, whatever the journal says', async () => {
  for (const [start, offset] of [['earliest', 5] as const, ['latest', 1000] as const]) {
    const found = await recover(PLACE, -1, 9, await journal([20]), source(5), rule({ start }));
    assert.deepEqual([found.position, found.suppressBelow, found.effects, found.kept], [offset, offset, [], []]);
    assert.deepEqual(found.drafts, [{ type: 'owner', definition: 'd', version: '1', offset, start: offset }]);
  }
  assert.match(log.lines[0]!, /t\/0 begins anew.*offsets\.retention\.minutes/);
  assert.deepEqual(restored, []);
});

test('a group that began anew says so, or its records would be taken for those of a zombie', async () => {
  const found = await recover(PLACE, -1, 0, await journal([20]), source(0), rule());
  assert.equal((found.drafts[0] as { reset?: boolean }).reset, true);
});

test('after a client that knows the generation one that does not says so as well: what it writes counts', async () => {
  const before = await journal([20]);
  const [owner] = (await recover(PLACE, 20, -1, before, source(0), rule())).drafts;
  const after = { ...PLACE, generation: -1, member: 'b', writtenMs: 0 };
  const idle = { ...after, at: 11, type: 'idle', offset: 30, watermark: 30 };
  const entries = [...before.entries, { ...after, at: 10, ...owner }, idle] as JournalEntry[];
  const found = await recover(PLACE, 40, -1, { ...before, entries, end: 12 }, source(0), rule());
  assert.deepEqual(
    found.effects.map(({ offset }) => offset),
    [30],
  );
});

test('a snapshot is of no use where the journal was cut off behind it: what took effect since may be gone', async () => {
  // Of the snapshots at 20 and 60, whose entries need the journal from its offsets 20 and 60 on.
  const whole = await journal([20, 60]);
  const found = await recover(PLACE, 70, 3, { ...whole, begin: 60, end: 70 }, source(0), rule());
  assert.deepEqual([found.position, restored], [60, [60]]);
  const cut = recover(PLACE, 70, 3, { ...whole, begin: 61, end: 70 }, source(0), rule());
  assert.match(
    await refusal(cut),
    /ANM_STATE_MISSING .*none of the 2 checkpoints.*from offset 60 on, and that begins at 61/,
  );
});

test('a corrupt snapshot is left aside with a warning, and the one before taken', async () => {
  const entries = await journal([20, 60]);
  const newest = [...store.snapshots.values()].at(-1)!;
  newest.operators[0]!.bytes[0] = 99;
  const found = await recover(PLACE, 100, 1, entries, source(0), rule());
  assert.deepEqual([restored, found.position], [[20], 20]);
  assert.match(log.lines.join(), /warn left aside checkpoint t-0.*60-c60.*altered/);
});

test('none that can be used: refused, and begun empty only when asked for', async () => {
  const entries = await journal([20, 60]);
  for (const each of store.snapshots.values()) each.operators[0]!.bytes[0] = 99;
  const corrupt = await refusal(recover(PLACE, 100, 1, entries, source(0), rule()));
  assert.match(corrupt, /ANM_STATE_CORRUPT cannot go on with t\/0 at offset 100 as none of the 2 checkpoints.*--fresh/);
  store.snapshots.clear();
  const missing = await refusal(recover(PLACE, 100, 1, entries, source(0), rule()));
  assert.match(missing, /ANM_STATE_MISSING.*memory:.*--fresh/);
  const fresh = await recover(PLACE, 100, 1, entries, source(0), rule({ fresh: true }));
  assert.deepEqual([fresh.position, fresh.suppressBelow, fresh.kept], [100, 100, []]);
  assert.deepEqual(fresh.drafts, [{ type: 'owner', definition: 'd', version: '1', offset: 100, start: 100 }]);
});

test('a store that does not answer is no reason to take an older state', async () => {
  const entries = await journal([20, 60]);
  store.load = async () => {
    throw new AnomalyError('ANM_STORE_UNREACHABLE', 'nobody there');
  };
  assert.match(
    await refusal(recover(PLACE, 100, 1, entries, source(0), rule({ fresh: true }))),
    /ANM_STORE_UNREACHABLE/,
  );
});

test('before the first snapshot the records are run from where the partition began', async () => {
  const idle = { type: 'idle', offset: 40, watermark: 1 };
  const found = await recover(PLACE, 100, 1, await journal([], idle), source(0), rule());
  assert.deepEqual([found.position, found.suppressBelow, found.effects.length], [0, 100, 1]);
  assert.deepEqual(found.drafts, [{ type: 'owner', definition: 'd', version: '1', offset: 100 }]);
  // All of the snapshots lie behind a commit that was moved back.
  const moved = await recover(PLACE, 10, 1, await journal([20, 60]), source(0), rule());
  assert.deepEqual([moved.position, moved.suppressBelow, restored], [0, 10, []]);
});

test('commits that no journal knows of are refused', async () => {
  const nothing = { entries: [], begin: 0, end: 0 };
  assert.match(await refusal(recover(PLACE, 100, 1, nothing, source(0), rule())), /ANM_STATE_MISSING.*offset 100/);
  const begun = await recover(PLACE, 0, 1, nothing, source(0), rule());
  assert.equal(begun.position, 0);
});

test('another definition is refused with what changed, and an older snapshot of it is not tried', async () => {
  incompatible = true;
  const entries = await journal([20, 60]);
  const text = await refusal(recover(PLACE, 100, 1, entries, source(0), rule()));
  assert.match(text, /ANM_STATE_INCOMPATIBLE.*t\/0.*window\/w1m changed; .*--allow.*--fresh/);
  const fresh = await recover(PLACE, 100, 1, entries, source(0), rule({ fresh: true }));
  assert.equal(fresh.position, 100);
});

test('a snapshot that is not of the place that the journal names is none', async () => {
  const entries = await journal([60]);
  const moved = entries.entries.map((each) => (each.type === 'snapshot' ? { ...each, offset: 61 } : each));
  const text = await refusal(recover(PLACE, 100, 1, { entries: moved, begin: 0, end: 2 }, source(0), rule()));
  assert.match(text, /ANM_STATE_CORRUPT.*t\/0 at offset 60, and the journal says t\/0 at offset 61/);
});

test('records gone by retention: named in number and time, and gone over when accepted, once for all', async () => {
  const unread = await refusal(recover(PLACE, 100, 1, await journal([60]), source(150), rule()));
  assert.match(
    unread,
    /ANM_SOURCE_GAP cannot go on as 90 records of t\/0 are gone from the log \(offsets 60 to 149, from about 2026-01-01T00:00:00\.000Z to 2026-01-01T01:00:00\.000Z\), 50 of them never read; .*--accept-gap/,
  );
  const read = await refusal(recover(PLACE, 100, 1, await journal([60]), source(80), rule()));
  assert.match(read, /20 records .* all of them read before, and needed to rebuild the windows/);
  const accepted = await recover(PLACE, 100, 1, await journal([60]), source(150), rule({ acceptGap: true }));
  assert.deepEqual([accepted.position, accepted.suppressBelow, accepted.wantsSnapshot], [150, 100, true]);
  assert.deepEqual(accepted.drafts.at(-1), { type: 'gap', offset: 60, to: 150 });
  const again = await recover(
    PLACE,
    160,
    1,
    await journal([60], { type: 'gap', offset: 60, to: 150 }),
    source(150),
    rule(),
  );
  assert.equal(again.position, 150);
  // What was accepted is not what retention took since.
  const more = await journal([60], { type: 'gap', offset: 60, to: 150 });
  assert.match(await refusal(recover(PLACE, 160, 1, more, source(155), rule())), /ANM_SOURCE_GAP/);
});

test('what learns first is live at the end of the log; its first commit is of there, and says so', async () => {
  const warm = async () => ({ kind: 'log', from: 300 }) as const;
  const found = await recover(PLACE, -1, 1, await journal([]), source(5), rule({ warm, start: 'latest' }));
  assert.deepEqual([found.position, found.suppressBelow], [300, 1000]);
  assert.deepEqual(found.drafts, [
    { type: 'owner', definition: 'd', version: '1', offset: 300, start: 300, live: 1000 },
  ]);
  // Killed before any checkpoint, with the commit through: the same records again, without outputs.
  const owner = { ...found.drafts[0], generation: 1, member: 'a' };
  const again = await recover(PLACE, 1000, 2, await journal([], owner), source(5, 1200), rule({ warm }));
  assert.deepEqual([again.position, again.suppressBelow], [300, 1000]);
  assert.match(log.lines.at(-1)!, /t\/0 goes on at its commit, offset 1000: it has no need of --warm/);
});

test('a state that was learnt from files counts as restored from where it goes live', async () => {
  const task = {} as Task;
  const reference = { name: 'n', sha256: 's' };
  const warm = async () => ({ kind: 'state', task, reference, checkpoint: 'c' }) as const;
  const found = await recover(PLACE, -1, 1, await journal([20]), source(5), rule({ warm }));
  assert.equal(found.task, task);
  assert.deepEqual([found.position, found.suppressBelow], [1000, 1000]);
  assert.deepEqual(found.drafts, [
    { type: 'restore', offset: 1000, name: 'n', sha256: 's', checkpoint: 'c' },
    { type: 'owner', definition: 'd', version: '1', offset: 1000, live: 1000 },
  ]);
  assert.deepEqual(
    found.kept.map(({ name, offset }) => [name, offset]),
    [['n', 1000]],
  );
});
