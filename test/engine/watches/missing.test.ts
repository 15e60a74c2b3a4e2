import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reading, seeded, Watched, watching } from './helpers/watched.ts';

const MINUTE = 60_000;
const every = (series: string, intervalMs: number, count: number, from = 0): Reading[] =>
  Array.from({ length: count }, (_, i) => ({ series, time: from + i * intervalMs, values: i }));
const byTime = (...lists: Reading[][]) => lists.flat().sort((a, b) => a.time - b.time);
const shown = ({ alerts }: Watched) => alerts.map(({ rule, series, start, offset }) => [rule, series, start, offset]);

test('a series that stops is told once, by the record that is ten of its intervals past its last value', () => {
  const steady = every('fan', MINUTE, 300);
  const list = byTime(steady, every('pump', MINUTE, 101));
  const told = new Watched(watching([{ watch: 'missing' }])).feed(list);
  // The last value is at minute 100, and the record of minute 110 is at ten intervals.
  const evidence = list.findIndex(({ series, time }) => series === 'fan' && time === 110 * MINUTE);
  assert.deepEqual(shown(told), [['missing@value', 'pump', 100 * MINUTE, evidence]]);
  const [alert] = told.alerts;
  assert.deepEqual([alert!.value, alert!.expected, alert!.upper], [10 * MINUTE, MINUTE, 10 * MINUTE]);
  assert.deepEqual(alert!.parts, [
    { name: 'silence', score: 10 },
    { name: 'late', score: null },
  ]);
});

test('a series that is alone is told by the record with which it comes back, and again when it stops again', () => {
  const list = [
    ...every('pump', MINUTE, 100),
    ...every('pump', MINUTE, 100, 200 * MINUTE),
    ...every('pump', MINUTE, 1, 400 * MINUTE),
  ];
  const told = new Watched(watching([{ watch: 'missing' }])).feed(list);
  assert.deepEqual(shown(told), [
    ['missing@value', 'pump', 99 * MINUTE, 100],
    ['missing@value', 'pump', 299 * MINUTE, 200],
  ]);
});

test('a silence ends with the value with which its series comes back, where ends are told', () => {
  const list = byTime(every('fan', MINUTE, 300), every('pump', MINUTE, 101), every('pump', MINUTE, 50, 200 * MINUTE));
  const shaping = { refractoryMs: 0, tellsEnd: true };
  const told = new Watched(watching([{ watch: 'missing', shaping }])).feed(list).alerts;
  assert.deepEqual(
    told.map(({ series, start, state }) => [series, start, state]),
    [
      ['pump', 100 * MINUTE, 'open'],
      ['pump', 200 * MINUTE, 'resolved'],
      ['pump', 249 * MINUTE, 'open'],
    ],
  );
});

test('silence of the partition tells by the watermark that it is moved on to, at the last offset', () => {
  const told = new Watched(watching([{ watch: 'missing' }])).feed(every('pump', MINUTE, 100));
  assert.equal(told.pipeline.nextClosing <= 109 * MINUTE, true);
  told.pipeline.advanceWatermark(109 * MINUTE - 1);
  told.take();
  assert.deepEqual(shown(told), []);
  told.pipeline.advanceWatermark(109 * MINUTE);
  told.take();
  assert.deepEqual(shown(told), [['missing@value', 'pump', 99 * MINUTE, 99]]);
  assert.equal(told.pipeline.nextClosing, Infinity);
});

test('series that come by events, in bursts or seldom are never missing', () => {
  const random = seeded(5);
  const poisson: Reading[] = [];
  const bursts: Reading[] = [];
  for (let time = 0; time < 5_000 * MINUTE; time += -Math.log(1 - random()) * MINUTE)
    poisson.push({ series: 'door', time, values: 1 });
  for (let time = 0; time < 5_000 * MINUTE; time += (random() < 0.2 ? 40 : 1) * random() * MINUTE)
    bursts.push({ series: 'log', time, values: 1 });
  // Both end half-way, and the fan goes on.
  const half = 2_500 * MINUTE;
  const list = byTime(
    every('fan', MINUTE, 5_000),
    [...poisson, ...bursts].filter(({ time }) => time < half),
  );
  assert.deepEqual(shown(new Watched(watching([{ watch: 'missing' }])).feed(list)), []);
});

test('intervals that jitter by a half, and one record of ten lost, are regular; pauses that were seen are no silence', () => {
  const random = seeded(9);
  const jittered: Reading[] = [];
  for (let i = 0; i < 3_000; i++) {
    // Every six hours a pause of eight minutes.
    const isPause = i % 360 > 352;
    if (random() > 0.1 && !isPause) jittered.push({ series: 'pump', time: (i + random() / 2) * MINUTE, values: 1 });
  }
  const told = new Watched(watching([{ watch: 'missing' }])).feed(byTime(jittered, every('fan', MINUTE, 3_200)));
  assert.equal(told.alerts.length, 1);
  assert.equal(
    told.alerts[0]!.start,
    jittered.at(-1)!.time - (jittered.at(-1)!.time % 1 === 0 ? 0 : jittered.at(-1)!.time % 1),
  );
});

test('values that come in uploads behind those of others, or after them, are told once at most', () => {
  const live = every('fan', MINUTE, 2_000);
  // The pump's readings of each half hour come at its end.
  const uploads: Reading[] = [];
  for (const [i, each] of live.entries()) {
    uploads.push(each);
    if (i % 30 === 29) uploads.push(...every('pump', MINUTE, 30, (i - 29) * MINUTE));
  }
  assert.deepEqual(shown(new Watched(watching([{ watch: 'missing' }])).feed(uploads)), []);
  // History of one, while the other is live.
  const history = every('pump', MINUTE, 1_000);
  const mixed = [...live.slice(0, 1_000), ...live.slice(1_000).flatMap((each, i) => [each, history[i]!])];
  for (const afterMs of [undefined, 10 * MINUTE]) {
    const told = new Watched(watching([{ watch: 'missing', ...(afterMs !== undefined && { afterMs }) }])).feed(mixed);
    assert.ok(told.alerts.length <= 1, JSON.stringify(shown(told)));
  }
});

test('an outage whose readings come later is told once, and the next one as well', () => {
  const isOut = (i: number) => (i >= 300 && i < 780) || (i >= 1_500 && i < 1_700);
  const list: Reading[] = [];
  let held: Reading[] = [];
  for (let i = 0; i < 2_500; i++) {
    list.push({ series: 'fan', time: i * MINUTE, values: 1 });
    held.push({ series: 'pump', time: i * MINUTE, values: 1 });
    if (isOut(i)) continue;
    list.push(...held);
    held = [];
  }
  const told = new Watched(watching([{ watch: 'missing' }])).feed(list);
  assert.deepEqual(
    told.alerts.map(({ series, start, end }) => [series, start / MINUTE, end / MINUTE]),
    [
      ['pump', 299, 309],
      // Twice the ten intervals, less what was forgotten since.
      ['pump', 1_499, 1_515],
    ],
  );
});

test('a configured silence holds for any series, and a planned one is not told, nor learnt', () => {
  const after = watching([{ watch: 'missing', afterMs: 5 * MINUTE }]);
  const list = byTime(every('fan', MINUTE, 20), every('door', MINUTE, 1, 3 * MINUTE));
  assert.deepEqual(shown(new Watched(after).feed(list)), [['missing@value', 'door', 3 * MINUTE, 9]]);
  const mayHold = (timeMs: number) => timeMs < 300 * MINUTE;
  const holds = (series: string, timeMs: number) => series === 'pump' && timeMs < 300 * MINUTE;
  const planned = watching([{ watch: 'missing', planned: { mayHold, holds } }]);
  const pauses = byTime(
    every('fan', MINUTE, 600),
    every('pump', MINUTE, 100),
    every('pump', MINUTE, 100, 290 * MINUTE),
  );
  const told = new Watched(planned).feed(pauses);
  // The planned pause of three hours did not make the later silence one to be expected.
  assert.deepEqual(
    told.alerts.map(({ series, start, end }) => [series, start, end]),
    [['pump', 389 * MINUTE, 399 * MINUTE]],
  );
});

test('a series that runs late is told after eight late intervals, and then has that pace', () => {
  const slow = every('pump', 3 * MINUTE, 200, 103 * MINUTE);
  const told = new Watched(watching([{ watch: 'missing' }])).feed(
    byTime(every('fan', MINUTE, 700), every('pump', MINUTE, 101), slow),
  );
  assert.deepEqual(
    told.alerts.map(({ series, start, value, expected }) => [series, start, value, expected]),
    [['pump', slow[7]!.time, 3 * MINUTE, MINUTE]],
  );
});

test('a series that changes to a much slower pace is told to be missing once, then late, then is at its pace', () => {
  const slow = every('pump', 30 * MINUTE, 30, 130 * MINUTE);
  const told = new Watched(watching([{ watch: 'missing' }])).feed(
    byTime(every('fan', MINUTE, 1_100), every('pump', MINUTE, 101), slow),
  );
  assert.deepEqual(
    told.alerts.map(({ start, value }) => [start, value]),
    [
      [100 * MINUTE, 10 * MINUTE],
      [slow[7]!.time, 30 * MINUTE],
    ],
  );
});

test('fields that fall silent together are told once, one that does alone for itself', () => {
  const definition = watching([{ watch: 'missing' }], ['a', 'b']);
  const list: Reading[] = [];
  for (let i = 0; i < 400; i++) {
    list.push({ series: 'fan', time: i * MINUTE, values: [1, i < 200 ? 1 : NaN] });
    if (i < 100) list.push({ series: 'pump', time: i * MINUTE, values: [1, 1] });
  }
  assert.deepEqual(
    new Watched(definition).feed(list).alerts.map(({ rule, series }) => [rule, series]),
    [
      ['missing@a', 'pump'],
      ['missing@b', 'fan'],
    ],
  );
});

test('a series that was forgotten is not missing; what is due at the same watermark is told before', () => {
  const limits = (ttlMs: number) => ({
    limits: { ttlMs, operatorTtlMs: new Map(), maxSeries: Infinity, onFull: 'reject' as const },
  });
  const list = byTime(every('fan', MINUTE, 300), every('pump', MINUTE, 101));
  const short = new Watched({ ...watching([{ watch: 'missing' }]), ...limits(8 * MINUTE) });
  assert.deepEqual(shown(short.feed(list)), []);
  const long = new Watched({ ...watching([{ watch: 'missing' }]), ...limits(10 * MINUTE) });
  assert.equal(long.feed(list).alerts.length, 1);
});

test('with a watermark a series, time is the highest clock minus idle_after; without it a series tells its own silence only', () => {
  const base = { ...watching([{ watch: 'missing' }]), watermark: 'series' as const };
  const list = byTime(every('fan', MINUTE, 300), every('pump', MINUTE, 101), every('pump', MINUTE, 1, 250 * MINUTE));
  const idle = new Watched({ ...base, idleAfterMs: 20 * MINUTE }).feed(list);
  assert.deepEqual(
    idle.alerts.map(({ series, end }) => [series, end]),
    [['pump', 110 * MINUTE]],
  );
  assert.equal(
    idle.alerts[0]!.offset,
    list.findIndex(({ time }) => time === 130 * MINUTE),
  );
  const own = new Watched(base).feed(list);
  assert.deepEqual(
    own.alerts.map(({ series, end }) => [series, end]),
    [['pump', 250 * MINUTE]],
  );
});

test('a series that is moved to another partition is missing there', () => {
  const definition = watching([{ watch: 'missing' }, { watch: 'peers', groupBy: '*' }, { watch: 'flat' }]);
  const from = new Watched(definition).feed(byTime(every('fan', MINUTE, 100), every('pump', MINUTE, 100)));
  const to = new Watched(definition);
  const key = new TextEncoder().encode('pump');
  const id = to.pipeline.keys.intern(key, 0, key.length);
  const fromId = from.pipeline.keys.find(key, 0, key.length);
  to.pipeline.state.adopt(id, from.pipeline.state, fromId);
  to.feed(every('valve', MINUTE, 20, 100 * MINUTE));
  assert.deepEqual(shown(to), [['missing@value', 'pump', 99 * MINUTE, 9]]);
});
