import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { SnapshotCut } from '../../../src/engine/pipelineState.ts';
import type { CutKind } from '../../../src/engine/rowSnapshot.ts';
import { AnomalyError, isAnomalyError } from '../../../src/errors.ts';
import { Checkpointer, type CheckpointerOptions } from '../../../src/runtime/checkpoints/checkpointer.ts';
import { CommitCycle } from '../../../src/runtime/commit/commitCycle.ts';
import type { Committer } from '../../../src/runtime/commit/committer.ts';
import type { JournalRecord } from '../../../src/runtime/journal/journalRecord.ts';
import { PartitionAtWork } from '../../../src/runtime/partitionAtWork.ts';
import type { Recovered } from '../../../src/runtime/recovery/recovered.ts';
import type { Task } from '../../../src/runtime/task.ts';
import { LogLines } from '../helpers/config.ts';
import { MemoryCheckpoints } from '../helpers/memoryCheckpoints.ts';

let store: MemoryCheckpoints;
let log: LogLines;
let time: number;
let trims: string[];
let ids: number;
beforeEach(() => {
  store = new MemoryCheckpoints();
  log = new LogLines();
  time = 0;
  trims = [];
  ids = 0;
});

function checkpointer(more: Partial<CheckpointerOptions> = {}): Checkpointer {
  return new Checkpointer({
    store,
    head: { pipeline: 'p', group: 'p', cluster: 'c', toolVersion: '1', definition: 'd' },
    schemaIds: () => [7],
    everyMs: 1000,
    retain: 2,
    maxFailures: Number.POSITIVE_INFINITY,
    logger: log,
    ticks: () => time,
    now: () => time,
    newId: () => `c${++ids}`,
    journalEnd: async () => time,
    trimJournal: async (partition, offset) => {
      trims.push(`${partition} to ${offset} of ${store.snapshots.size}`);
    },
    sourcesWith: async () => 1,
    ...more,
  });
}

/** A partition that holds `position` as its state. `cutMs` is how long a copy of it takes. */
function partitionOf(number: number, cutMs = 0, topic = 't'): PartitionAtWork {
  const place = { topic, partition: number };
  const task = {
    pipeline: { watermark: -Infinity },
    cut: (kind: CutKind): SnapshotCut => {
      time += cutMs;
      const operators = [{ id: 'time', definition: {}, bytes: Uint8Array.of(partition.position) }];
      return { kind, rows: [], step: () => true, operators: () => operators, abandon: () => {} };
    },
  } as unknown as Task;
  const partition: PartitionAtWork = new PartitionAtWork(place, task, 0);
  partition.begin(recovered(task));
  return partition;
}

const recovered = (task: Task, more: Partial<Recovered> = {}): Recovered => ({
  ...{ task, position: 0, suppressBelow: 0, effects: [], scores: [], crashes: [], drafts: [], kept: [] },
  ...{ journalEnd: 0, wantsSnapshot: false },
  ...more,
});

function move(partition: PartitionAtWork, position: number): void {
  partition.position = position;
  partition.version++;
}

/** A commit with what is due; resolves when the background is done. */
async function commit(checkpoints: Checkpointer, partitions: readonly PartitionAtWork[]): Promise<number> {
  const cuts = checkpoints.cut(partitions, false);
  const records = partitions.flatMap(({ drafts }) => drafts);
  for (const partition of partitions) partition.drafts = [];
  checkpoints.committed(partitions, records);
  checkpoints.store(cuts);
  await checkpoints.settle();
  // The clean-up after a naming has a few awaits of its own.
  for (let i = 0; i < 20; i++) await Promise.resolve();
  return cuts.length;
}

test('partitions take turns, and one that did not change is left alone', async () => {
  const checkpoints = checkpointer();
  const partitions = [partitionOf(0), partitionOf(1), partitionOf(2)];
  for (const [i, each] of partitions.entries()) checkpoints.add(each, recovered(each.task), i, 4);
  for (const each of partitions.slice(0, 2)) move(each, 5);
  const counts: number[] = [];
  for (time = 0; time <= 1000; time += 250) counts.push(await commit(checkpoints, partitions));
  assert.deepEqual(counts, [0, 1, 1, 0, 0]);
});

test('copies that take long are spread over commits', async () => {
  const checkpoints = checkpointer();
  const partitions = [partitionOf(0, 30), partitionOf(1, 30), partitionOf(2, 1)];
  for (const each of partitions) checkpoints.add(each, recovered(each.task, { wantsSnapshot: true }), 0, 1);
  assert.equal(await commit(checkpoints, partitions), 1);
  assert.equal(await commit(checkpoints, partitions), 1);
  assert.equal(await commit(checkpoints, partitions), 1);
});

test('a snapshot is of its commit, and is named by a later one: only then it counts', async () => {
  const checkpoints = checkpointer();
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task, { journalEnd: 3 }), 0, 1);
  move(partition, 5);
  time = 1000;
  const cuts = checkpoints.cut([partition], false);
  move(partition, 9);
  checkpoints.store(cuts);
  await checkpoints.settle();
  const [name, snapshot] = [...store.snapshots][0]!;
  assert.deepEqual([snapshot.offset, [...snapshot.operators[0]!.bytes], snapshot.schemaIds], [5, [5], [7]]);
  assert.deepEqual(
    partition.drafts.map((draft) => draft.type === 'snapshot' && [draft.name, draft.offset, draft.journal]),
    [[name, 5, 3]],
  );
  assert.deepEqual(checkpoints.keptOf(partition), []);
  checkpoints.committed([partition], partition.drafts);
  assert.deepEqual(
    checkpoints.keptOf(partition).map((each) => each.name),
    [name],
  );
});

test('a commit that failed leaves no snapshot, and the next one cuts again', async () => {
  const checkpoints = checkpointer();
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task, { wantsSnapshot: true }), 0, 1);
  const cuts = checkpoints.cut([partition], false);
  checkpoints.forget(cuts);
  time = 1000;
  assert.deepEqual([cuts.length, checkpoints.cut([partition], false).length], [1, 1]);
  assert.equal(store.snapshots.size, 0);
});

test('one at a time for each partition: a slow store is not asked again meanwhile', async () => {
  const checkpoints = checkpointer();
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  let release = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.onSave = () => slow;
  move(partition, 1);
  time = 1000;
  checkpoints.store(checkpoints.cut([partition], false));
  move(partition, 2);
  time = 5000;
  assert.deepEqual(checkpoints.cut([partition], false), []);
  release();
  await checkpoints.settle();
  assert.equal(checkpoints.cut([partition], false).length, 1);
});

test('retention: the journal is trimmed first, then older ones go, and those that were never named', async () => {
  const checkpoints = checkpointer();
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  for (let n = 1; n <= 4; n++) {
    move(partition, n);
    time = n * 1000;
    await commit(checkpoints, [partition]);
    if (n === 1) {
      // Stored by somebody who died before it was named.
      const orphan = structuredClone([...store.snapshots.values()][0]!);
      await store.save({ ...orphan, checkpoint: 'orphan' });
    }
  }
  await commit(checkpoints, [partition]);
  assert.deepEqual(
    checkpoints.keptOf(partition).map(({ offset }) => offset),
    [3, 4],
  );
  assert.deepEqual(
    [...store.snapshots.values()].map(({ offset }) => offset),
    [3, 4],
  );
  // Each time while what is older was still there, to where the journal stood before the oldest that stays was cut.
  assert.equal(trims.length, 2);
  assert.match(trims[0]!, /^0 to \d+ of 4$/);
});

test('source topics share a journal: it is trimmed to what each of them needs, one without news included', async () => {
  const checkpoints = checkpointer({ sourcesWith: async () => 2 });
  const [busy, quiet] = [partitionOf(0), partitionOf(0, 0, 'u')];
  const places: number[] = [];
  const round = async (n: number, ...both: PartitionAtWork[]) => {
    time = n * 1000;
    move(busy, n);
    await commit(checkpoints, both);
    places.push(...trims.splice(0).map((text) => Number(/to (\d+) of/.exec(text)![1])));
  };
  checkpoints.add(busy, recovered(busy.task), 0, 1);
  for (let n = 1; n <= 4; n++) await round(n, busy);
  assert.deepEqual(places, [], 'who has the other topic is another member');
  assert.deepEqual(
    [...store.snapshots.values()].map(({ topic, offset }) => [topic, offset]),
    [1, 2, 3, 4].slice(-3).map((offset) => ['t', offset]),
    'old snapshots go all the same',
  );
  quiet.committed = -1;
  checkpoints.add(quiet, recovered(quiet.task), 0, 1);
  for (let n = 5; n <= 8; n++) await round(n, busy, quiet);
  assert.deepEqual(places, [], 'a partition without a commit goes on from its first record in the journal');
  quiet.committed = 0;
  for (let n = 9; n <= 20; n++) await round(n, busy, quiet);
  assert.ok(places.length >= 8, `${places}`);
  // Two are kept of each, and each is named by the commit after its own.
  assert.ok(places.at(-1)! >= 15_000, `${places}`);
  assert.deepEqual(
    places,
    [...places].sort((x, y) => x - y),
  );
  for (const at of [busy, quiet]) {
    for (const { journal } of checkpoints.keptOf(at))
      assert.ok(journal >= places.at(-1)!, `${at.name} needs ${journal}`);
  }
  for (let n = 21; n <= 24; n++) {
    time = n * 1000;
    assert.ok((await commit(checkpoints, [busy, quiet])) <= 1);
  }
  time += 1000;
  assert.equal(await commit(checkpoints, [busy, quiet]), 0, 'where nothing moves, nothing is written for ever');
});

test('while another member has one of three topics, nothing is trimmed, and one without news is not stored for ever', async () => {
  let sources = 3;
  const checkpoints = checkpointer({ sourcesWith: async () => sources });
  const [busy, quiet] = [partitionOf(0), partitionOf(0, 0, 'u')];
  for (const at of [busy, quiet]) {
    at.committed = 0;
    checkpoints.add(at, recovered(at.task), 0, 1);
  }
  const stored: number[] = [];
  const round = async (n: number, ...more: PartitionAtWork[]) => {
    time = n * 1000;
    move(busy, n);
    stored.push(await commit(checkpoints, [busy, quiet, ...more]));
  };
  for (let n = 1; n <= 20; n++) await round(n);
  assert.deepEqual([stored.slice(5), trims], [new Array(15).fill(1), []]);
  // A topic is gone, or the third partition has come here.
  sources = 2;
  for (let n = 21; n <= 40; n++) await round(n);
  assert.ok(trims.length >= 10, `${trims}`);
});

/** Commits as a run makes them, into `journal`, whose records count for its end. */
function cycle(checkpoints: Checkpointer, partitions: readonly PartitionAtWork[], journal: JournalRecord[]) {
  const commit = { isRefusing: false, count: 0 };
  const commits = new CommitCycle({
    committer: {
      isNeededToRead: false,
      isFull: false,
      commit: async (records: readonly JournalRecord[]) => {
        commit.count++;
        if (commit.isRefusing) throw new AnomalyError('ANM_GROUP_REBALANCED', 'cannot commit');
        journal.push(...records);
      },
    } as unknown as Committer,
    ...{ checkpointer: checkpoints, holding: undefined, partitions: () => partitions, generation: () => 1 },
    ...{ member: 'm', everyMs: 100, onCommit: () => {}, logger: log, ticks: () => time },
  });
  /** One after the other as time goes, each with what it stores and removes. */
  const pass = async (ms: number) => {
    for (const end = time + ms; time < end; ) {
      time += 100;
      commits.turn();
      await commits.settle();
      await checkpoints.settle();
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
  };
  return { commit, pass };
}

test('what was read before it went quiet is in a snapshot when that falls due, once: then nothing is written', async () => {
  const checkpoints = checkpointer();
  const [busy, quiet] = [partitionOf(0), partitionOf(1)];
  for (const [i, each] of [busy, quiet].entries()) checkpoints.add(each, recovered(each.task), i, 2);
  const journal: JournalRecord[] = [];
  const { commit, pass } = cycle(checkpoints, [busy, quiet], journal);
  move(busy, 50);
  await pass(200);
  assert.deepEqual([commit.count, store.snapshots.size], [1, 0]);
  await pass(10_000);
  const named = () => journal.map(({ type, topic, partition, offset }) => `${type} ${topic}/${partition} ${offset}`);
  assert.deepEqual(named(), ['snapshot t/0 50']);
  assert.deepEqual([commit.count, store.snapshots.size], [2, 1]);
  assert.equal(checkpoints.keptOf(busy).length, 1);
  // A silence closes windows: that is news.
  busy.version++;
  await pass(10_000);
  assert.deepEqual(named(), ['snapshot t/0 50', 'snapshot t/0 50']);
  // So are offsets that hold no records, as the marker of a transaction: a recovery would miss them.
  busy.position = 51;
  await pass(10_000);
  assert.deepEqual(named().slice(2), ['snapshot t/0 51']);
});

test('after a commit that was refused nothing is cut before the group has taken one', async () => {
  const checkpoints = checkpointer();
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  const { commit, pass } = cycle(checkpoints, [partition], []);
  partition.version++;
  partition.drafts.push({ type: 'idle', offset: 0, watermark: 1 });
  commit.isRefusing = true;
  await pass(5000);
  assert.deepEqual([commit.count, store.snapshots.size], [1, 0]);
  commit.isRefusing = false;
  move(partition, 1);
  await pass(5000);
  assert.equal(store.snapshots.size, 1);
});

test('source topics that share a journal and are quiet do not take snapshots in turn for ever', async () => {
  const journal: JournalRecord[] = [];
  const checkpoints = checkpointer({ sourcesWith: async () => 2, retain: 1, journalEnd: async () => journal.length });
  const [first, second] = [partitionOf(0), partitionOf(0, 0, 'u')];
  for (const [i, each] of [first, second].entries()) checkpoints.add(each, recovered(each.task), i, 2);
  const { commit, pass } = cycle(checkpoints, [first, second], journal);
  for (let n = 1; n <= 5; n++) {
    move(first, n);
    await pass(1000);
  }
  assert.ok(trims.length > 0, 'the quiet one holds the journal back');
  await pass(5000);
  const { count } = commit;
  await pass(60_000);
  assert.equal(commit.count, count);
});

test('one that is stored while a commit is under way waits for the next: that commit does not name it', async () => {
  const checkpoints = checkpointer({ retain: 1 });
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  const journal: JournalRecord[] = [];
  let endCommit = () => {};
  let isHeld = false;
  const commits = new CommitCycle({
    committer: {
      isNeededToRead: false,
      isFull: false,
      commit: async (records: readonly JournalRecord[]) => {
        if (isHeld)
          await new Promise<void>((resolve) => {
            endCommit = resolve;
          });
        journal.push(...records);
      },
    } as unknown as Committer,
    checkpointer: checkpoints,
    holding: undefined,
    partitions: () => [partition],
    generation: () => 1,
    member: 'm',
    everyMs: 100,
    onCommit: () => {},
    logger: log,
    ticks: () => time,
  });
  const commitAt = async (position: number, passedMs = 0) => {
    move(partition, position);
    time += passedMs;
    await commits.now();
  };
  const named = () => journal.flatMap((record) => (record.type === 'snapshot' ? [record.name] : []));
  // The first counts.
  await commitAt(1, 1000);
  await checkpoints.settle();
  await commitAt(2);
  const [first] = named();
  // The upload of the second ends while the next commit is on its way.
  let endUpload = () => {};
  store.onSave = () =>
    new Promise<void>((resolve) => {
      endUpload = resolve;
    });
  await commitAt(3, 1000);
  isHeld = true;
  const underWay = commitAt(4);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  endUpload();
  await checkpoints.settle();
  endCommit();
  await underWay;
  for (let i = 0; i < 20; i++) await Promise.resolve();
  // Whoever comes next knows the first only.
  assert.deepEqual(named(), [first]);
  assert.deepEqual(
    checkpoints.keptOf(partition).map(({ name }) => name),
    [first],
  );
  assert.ok(store.snapshots.has(first!));
  assert.deepEqual(trims, []);
  isHeld = false;
  await commitAt(5);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.equal(named().length, 2);
  assert.ok(!store.snapshots.has(first!));
  assert.equal(trims.length, 1);
});

test('a savepoint is of all partitions, counts for no retention, and stays', async () => {
  const checkpoints = checkpointer({ retain: 1 });
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  const [cut] = checkpoints.cutAll([partition], 'before');
  assert.equal(cut!.head.savepoint, 'before');
  await checkpoints.storeOne(cut!);
  for (let n = 1; n <= 3; n++) {
    move(partition, n);
    time = n * 1000;
    await commit(checkpoints, [partition]);
  }
  await commit(checkpoints, [partition]);
  assert.deepEqual(
    checkpoints.keptOf(partition).map((each) => [each.offset, each.savepoint]),
    [
      [0, 'before'],
      [3, undefined],
    ],
  );
});

test('a store that fails: said and counted, gone on without, until it is too much', async () => {
  const checkpoints = checkpointer({ maxFailures: 3 });
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  let fails = true;
  store.onSave = () => {
    if (fails) throw new Error('disk full');
  };
  const attempt = async (n: number) => {
    move(partition, n);
    time += 1000;
    await commit(checkpoints, [partition]);
    checkpoints.throwFailure();
  };
  await attempt(1);
  await attempt(2);
  assert.deepEqual([checkpoints.totals.failed, checkpoints.totals.failure], [2, 'disk full']);
  assert.match(log.lines.join('\n'), /warn cannot store a checkpoint of t\/0 \(failure 2 in a row\).*disk full/);
  fails = false;
  await attempt(3);
  assert.deepEqual([checkpoints.totals.stored, checkpoints.totals.failure], [1, undefined]);
  fails = true;
  await attempt(4);
  await attempt(5);
  await assert.rejects(
    attempt(6),
    (error) => isAnomalyError(error) && error.code === 'ANM_CHECKPOINT_FAILED' && /disk full/.test(error.message),
  );
});

test('a snapshot of a partition that was given up meanwhile is no failure of the store', async () => {
  const checkpoints = checkpointer({ maxFailures: 1 });
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task, { wantsSnapshot: true }), 0, 1);
  const cuts = checkpoints.cut([partition], false);
  store.onSave = () => {
    throw new Error('its state is closed');
  };
  void checkpoints.remove(partition);
  checkpoints.store(cuts);
  await checkpoints.settle();
  checkpoints.throwFailure();
  assert.deepEqual([cuts.length, checkpoints.totals.failed, log.lines], [1, 0, []]);
});

test('the state of a partition that was given up is read until its cuts are stored or forgotten, and no longer', async () => {
  const checkpoints = checkpointer();
  for (const ends of ['stored', 'failed', 'forgotten'] as const) {
    const partition = partitionOf(0);
    checkpoints.add(partition, recovered(partition.task, { wantsSnapshot: true }), 0, 1);
    let endUpload = () => {};
    store.onSave = async () => {
      await new Promise<void>((resolve) => {
        endUpload = resolve;
      });
      if (ends === 'failed') throw new Error('disk full');
    };
    // The commit that it was cut at is still under way.
    const cuts = checkpoints.cut([partition], false);
    let isUnused = false;
    const unused = checkpoints.remove(partition).then(() => {
      isUnused = true;
    });
    await new Promise(setImmediate);
    assert.ok(!isUnused, `${ends}: not before the upload`);
    if (ends === 'forgotten') checkpoints.forget(cuts);
    else {
      checkpoints.store(cuts);
      await new Promise(setImmediate);
      assert.ok(!isUnused, `${ends}: not during the upload`);
      endUpload();
    }
    await unused;
  }
  const never = partitionOf(1);
  await checkpoints.remove(never);
});

test('at an orderly end the retention is waited for; after a failure none begins, and none complains', async () => {
  let trim: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const trimJournal = () =>
    new Promise<void>((resolve, reject) => {
      trim = { resolve, reject };
    });
  const checkpoints = checkpointer({ retain: 1, trimJournal });
  const partition = partitionOf(0);
  checkpoints.add(partition, recovered(partition.task), 0, 1);
  const steps = async (from: number, to: number) => {
    for (let n = from; n <= to; n++) {
      move(partition, n);
      time = n * 1000;
      await commit(checkpoints, [partition]);
    }
  };
  await steps(1, 3);
  assert.ok(trim !== undefined);
  let isEnded = false;
  const ended = checkpoints.end(true).then(() => {
    isEnded = true;
  });
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.equal(isEnded, false);
  trim.resolve();
  await ended;
  assert.equal(store.snapshots.size, 2);

  trim = undefined;
  await steps(4, 6);
  assert.equal(trim, undefined, 'none begins after the end');

  const failing = checkpointer({ retain: 1, trimJournal });
  const other = partitionOf(1);
  failing.add(other, recovered(other.task), 0, 1);
  for (let n = 7; n <= 9; n++) {
    move(other, n);
    time = n * 1000;
    await commit(failing, [other]);
  }
  await failing.end(false);
  (trim as unknown as { reject: (error: Error) => void }).reject(new Error('the client closed the connection'));
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.deepEqual(
    log.lines.filter((line) => line.startsWith('warn')),
    [],
  );
});
