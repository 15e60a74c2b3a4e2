import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultAlerts } from '../../../src/config/alerts.ts';
import { type SketchData, sketchBucket } from '../../../src/observe/latencySketch.ts';
import type { MemberStatus, ModelStatus } from '../../../src/observe/status.ts';
import { BreachMonitor, recentQuantile } from '../../../src/runtime/alerts/breachMonitor.ts';
import { statusOf } from '../../helpers/status.ts';

const WITH_LAG = { ...defaultAlerts().breaches, afterMs: 30_000 };
/** The test's member commits nothing. */
const RULES = { ...WITH_LAG, lagMs: Infinity };
const EVERY_MS = 10_000;
const SECOND = 1000;

/** Looks once a second at what `at` gives; what was told, with the second of it. */
function watch(at: (second: number) => readonly MemberStatus[], seconds: number, rules = RULES): string[] {
  const monitor = new BreachMonitor(rules, EVERY_MS);
  const told: string[] = [];
  for (let second = 0; second < seconds; second++) {
    for (const { rule, series, state, severity } of monitor.look(at(second), second * SECOND)) {
      told.push(`${second} ${rule} ${series} ${state} ${severity}`);
    }
  }
  return told;
}

function sketch(counts: Readonly<Record<number, number>>): SketchData {
  const buckets = Object.entries(counts).flatMap(([ms, count]) => [sketchBucket(Number(ms)), count]);
  const count = Object.values(counts).reduce((sum, each) => sum + each, 0);
  return { buckets, count, sumMs: 0, maxMs: Math.max(...Object.keys(counts).map(Number)) };
}

function latencyOf(toAlert: SketchData): NonNullable<MemberStatus['latency']> {
  return { hops: {}, toAlert, windowWait: sketch({}), clockSkewMs: null } as NonNullable<MemberStatus['latency']>;
}

test('latency: the p95 of the last minute opens a breach that lasts, and is over at four fifths of the limit', () => {
  // Two alerts a second: 10 ms, from second 100 to 300 they take 3 s.
  const at = (second: number) => {
    const slow = Math.max(0, Math.min(second, 300) - 100);
    const toAlert = sketch({ 10: 1000 + 2 * (second - slow), 3000: 2 * slow });
    return [statusOf({ atMs: second * SECOND, latency: latencyOf(toAlert) })];
  };
  const told = watch(at, 500);
  assert.equal(told.length, 2, told.join('\n'));
  assert.match(told[0]!, /^13\d breach@latency m open error$/);
  assert.match(told[1]!, /^38\d breach@latency m resolved error$/);
});

test('a quantile is of what came since; too few say nothing, and a sketch that began anew is all new', () => {
  const before = sketch({ 10: 1000 });
  assert.equal(recentQuantile(before, before, 0.95), null);
  const recent = recentQuantile(sketch({ 10: 1000, 500: 100 }), before, 0.95)!;
  assert.ok(Math.abs(recent - 500) < 10, `${recent}`);
  assert.ok(recentQuantile(sketch({ 10: 100 }), before, 0.95)! < 11, 'anew');
});

test('inference: a model that answers less than 95 in a hundred', () => {
  const model = (asked: number, scored: number) =>
    ({ name: 'lstm', asked, scored, fallbacks: {} }) as unknown as ModelStatus;
  const at = (second: number) => [
    statusOf({
      atMs: second * SECOND,
      model: model(100 * second, second < 100 ? 100 * second : 10_000 + 90 * (second - 100)),
    }),
  ];
  const [first, ...rest] = watch(at, 300);
  assert.match(first!, /breach@inference m open error/);
  assert.deepEqual(rest, []);
});

test('checkpoint: too old while records come; where nothing comes nothing is due', () => {
  const at = (records: number) => (second: number) => [
    statusOf({
      atMs: second * SECOND,
      rates: { records, bytes: 0, outputs: 0 },
      checkpoint: { ...statusOf({}).checkpoint, lastMs: 0 },
    }),
  ];
  assert.match(watch(at(5), 200).join(), /^91 breach@checkpoint m open warning$/);
  assert.deepEqual(watch(at(0), 200), []);
});

test('a member that says nothing is in breach, and no more where it left in order', () => {
  const at = (second: number) => [
    statusOf({ member: 'a', atMs: Math.min(second, 50) * SECOND }),
    statusOf({ member: 'b', atMs: second * SECOND }),
  ];
  const gone = watch(at, 800);
  assert.match(gone[0]!, /^101 breach@member a open error$/);
  assert.match(gone[1]!, /^6[78]\d breach@member a resolved error$/, 'after ten minutes it is no news');
  const left = watch((second) => at(second).filter(({ member }) => member === 'b' || second < 150), 300);
  assert.match(left[1]!, /breach@member a resolved/);
  const failed = watch((second) => [statusOf({ atMs: second * SECOND, state: 'failed' })], 100);
  assert.match(failed[0]!, /breach@member m open critical/);
});

test('a breach that becomes worse is told at once, and only then', () => {
  // The other one goes silent after a minute, and is missed 20 s later.
  const at = (second: number) => [
    statusOf({ member: 'a', atMs: second * SECOND, state: 'failed' }),
    statusOf({ member: 'b', atMs: Math.min(second, 60) * SECOND }),
  ];
  const worse = watch(at, 300).filter((each) => / a /.test(each));
  assert.equal(worse.length, 2, worse.join('\n'));
  assert.match(worse[0]!, /^30 breach@member a open error$/);
  assert.match(worse[1]!, /^\d+ breach@member a open critical$/);
});

test('lag: a partition with lag that commits nothing, by ten looks', () => {
  const at = (isStuck: boolean) => (second: number) => {
    const status = statusOf({ atMs: second * SECOND });
    const committed = isStuck ? 5 : 5 + second;
    const partitions = [
      { ...status.partitions[0]!, committed, end: 10 + second, lag: isStuck ? 5 + second : second % 3 },
    ];
    return [{ ...status, partitions }];
  };
  const told = watch(at(true), 500, WITH_LAG);
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0]!, /^3\d\d breach@lag {2}open error$/);
  assert.deepEqual(watch(at(false), 500, WITH_LAG), []);
});

/** The reasons of the first breach of this rule. */
function reasonsOf(rule: string, at: (second: number) => readonly MemberStatus[], rules = RULES): readonly string[] {
  const monitor = new BreachMonitor(rules, EVERY_MS);
  for (let second = 0; second < 500; second++) {
    const found = monitor.look(at(second), second * SECOND).find((each) => each.rule === `breach@${rule}`);
    if (found !== undefined) return found.reasons ?? [];
  }
  return [];
}

test('a breach says what is behind it', () => {
  const model = (second: number) => {
    const fallbacks = { error: 3 * second, 'breaker-open': 10 * second, deadline: 0 };
    return { name: 'lstm', version: '4', asked: 20 * second, scored: 7 * second, fallbacks } as unknown as ModelStatus;
  };
  const failing = reasonsOf('inference', (second) => [statusOf({ atMs: second * SECOND, model: model(second) })]);
  assert.match(failing[0]!, /^values without a score: (\d+)0 breaker-open, \d+ error$/);
  assert.equal(failing[1], 'model lstm version 4');
  const checkpoint = { ...statusOf({}).checkpoint, lastMs: 0, failure: 'no space left on device' };
  const old = reasonsOf('checkpoint', (second) => [statusOf({ atMs: second * SECOND, checkpoint })]);
  assert.deepEqual(old, ['no space left on device']);
  const stuck = (second: number) => {
    const status = statusOf({ atMs: second * SECOND });
    return [{ ...status, partitions: [{ ...status.partitions[0]!, end: 10 + second, lag: 5 + second }] }];
  };
  assert.match(reasonsOf('lag', stuck, WITH_LAG).join(), /^t\/0 is \w+, \d+ records behind$/);
  const a = (second: number) => statusOf({ member: 'a', atMs: Math.min(second, 50) * SECOND });
  assert.deepEqual(
    reasonsOf('member', (second) => [a(second)]),
    ['no other member is live'],
  );
  const b = (second: number) => statusOf({ member: 'b', atMs: second * SECOND });
  assert.deepEqual(
    reasonsOf('member', (second) => [a(second), b(second)]),
    ['b has taken over 1 of its 1 partitions'],
  );
  assert.deepEqual(
    reasonsOf('member', (second) => [a(second), { ...b(second), partitions: [] }]),
    ['nobody has 1 of its 1 partitions; live: b'],
  );
});

test('a member that is gone is over once another has come for it and has all of its partitions', () => {
  const at = (partitionsFrom: number) => (second: number) => {
    const a = statusOf({ member: 'a', atMs: Math.min(second, 50) * SECOND });
    const c = statusOf({ member: 'c', atMs: second * SECOND, startedMs: 150 * SECOND });
    if (second < 150) return [a];
    return [a, second < partitionsFrom ? { ...c, partitions: [] } : c];
  };
  const told = watch(at(200), 400).filter((each) => / a /.test(each));
  assert.match(told[0]!, /^101 breach@member a open critical$/);
  assert.match(told[1]!, /^230 breach@member a resolved error$/);
  assert.equal(told.length, 2, told.join('\n'));
  assert.match(watch(at(Infinity), 800).at(-1)!, /^6[78]\d breach@member a resolved/, 'its partitions are left alone');
});

test('a member that died while it was restarted is over as any other, and one that is restarted goes on', () => {
  const error = { code: 'ANM_WORKER', message: 'boom' } as const;
  const restarting = { member: 'a', state: 'restarting', error } as const;
  const dead = { ...statusOf({ ...restarting, atMs: 50 * SECOND }), partitions: [] };
  const b = (second: number, startedMs = 0) => statusOf({ member: 'b', atMs: second * SECOND, startedMs });
  const beside = watch((second) => [dead, b(second)], 3000);
  assert.deepEqual(beside, ['30 breach@member a open error', '680 breach@member a resolved error']);
  const replaced = watch((second) => [dead, b(second, 51 * SECOND)], 800);
  // Up to 20 s after its last word it may be restarted yet.
  assert.deepEqual(replaced, ['30 breach@member a open error', '101 breach@member a resolved error']);
  const alone = watch(() => [dead], 800);
  assert.deepEqual(alone, ['30 breach@member a open error', '71 breach@member a open critical']);
  const lives = watch((second) => [statusOf({ ...restarting, atMs: second * SECOND }), b(second)], 1500);
  assert.deepEqual(lives, ['30 breach@member a open error'], 'it says so itself');
});

test('what is off is not looked at, and a breach that an earlier process told is resolved', () => {
  const off = {
    ...RULES,
    latencyMs: Infinity,
    members: false,
    lagMs: Infinity,
    checkpoint: Infinity,
    inference: Infinity,
  };
  const stuck = (second: number) => [statusOf({ atMs: 0, latency: latencyOf(sketch({ 9000: second })) })];
  assert.deepEqual(watch(stuck, 400, off), []);
  const monitor = new BreachMonitor(off, EVERY_MS);
  monitor.restore('latency', 'm', 0, 'error');
  const told = Array.from({ length: 60 }, (_, second) => monitor.look([], second * SECOND)).flat();
  assert.deepEqual(
    told.map(({ rule, state }) => [rule, state]),
    [['breach@latency', 'resolved']],
  );
});
