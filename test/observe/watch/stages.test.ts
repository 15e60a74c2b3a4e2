import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistogramBuilder } from '../../../src/observe/histogram.ts';
import { type MemberStatus, type ModelStatus, NO_TOTALS, type StatusTopics } from '../../../src/observe/status.ts';
import { NO_RATES, ratesBetween } from '../../../src/observe/watch/memberRates.ts';
import { modelsOf } from '../../../src/observe/watch/models.ts';
import { backPressureBand, stagesOf } from '../../../src/observe/watch/stages.ts';
import { statusOf } from '../../helpers/status.ts';

const TOPICS: StatusTopics = {
  ...{ sources: ['t'], windows: 't.windows', anomalies: 't.anomalies', late: 't.late', deadLetters: 't.dlq' },
};

function model(changes: Partial<ModelStatus>): ModelStatus {
  const latencyMs = new HistogramBuilder([10, 100]);
  latencyMs.add(50);
  return {
    ...{ name: 'lstm', version: '4', sha256: null, asked: 100, scored: 95, fallbacks: { deadline: 5 } },
    ...{ latencyMs: latencyMs.plain(), rollbacks: 0, shadow: null, canary: null, ...changes },
  };
}

const names = (members: readonly MemberStatus[]) =>
  stagesOf(members.map((status) => ({ status, rates: NO_RATES }))).map(({ name }) => name);

test('the bands of back-pressure are those of Flink', () => {
  assert.deepEqual([0, 0.1, 0.11, 0.5, 0.51, 1].map(backPressureBand), ['OK', 'OK', 'LOW', 'LOW', 'HIGH', 'HIGH']);
});

test('a pipeline has the stages that its members run, whatever groups they are of', () => {
  const windowing = statusOf({ group: 'p.window', topics: { ...TOPICS, anomalies: null } });
  const scoring = statusOf({ group: 'p.score', topics: { ...TOPICS, windows: null, late: null } });
  assert.deepEqual(names([windowing]), ['source', 'decode', 'windows', 'sink']);
  assert.deepEqual(names([scoring]), ['source', 'decode', 'score', 'sink', 'alerts']);
  assert.deepEqual(names([windowing, scoring]), ['source', 'decode', 'windows', 'score', 'sink', 'alerts']);
  assert.deepEqual(names([statusOf({ topics: TOPICS, model: model({}) })])[4], 'model');
  assert.deepEqual(names([]), []);
  // Of a version that did not tell: what it has counted says it.
  assert.deepEqual(names([statusOf({ totals: { ...NO_TOTALS, alerts: 1 } })]), [
    ...['source', 'decode', 'score', 'sink', 'alerts'],
  ]);
});

test('queues, errors and notes are summed over members; what nobody knows is null', () => {
  const totals = { ...NO_TOTALS, deadLetters: 3, late: 2, poison: 1 };
  const one = statusOf({ topics: TOPICS, totals, backPressure: 0.62, queues: { sink: 40, model: null } });
  const other = statusOf({ member: 'n', topics: TOPICS, totals, queues: { sink: 2, model: null }, state: 'paused' });
  const rates = { ...NO_RATES, records: 100, outputs: 7 };
  const stages = stagesOf([
    { status: one, rates },
    { status: other, rates: NO_RATES },
  ]);
  const of = (name: string) => stages.find((each) => each.name === name)!;
  assert.deepEqual([of('source').rate, of('source').queue, of('source').note], [100, 4, 'paused in 1 of 2 members']);
  assert.deepEqual([of('decode').errors, of('decode').note], [6, '2 put aside after crashes']);
  assert.deepEqual([of('windows').queue, of('windows').note], [2, '4 late records']);
  assert.equal(of('windows').rate, null);
  assert.deepEqual([of('sink').queue, of('sink').rate, of('sink').note], [42, 7, 'no room 62 % of the time']);
  // What is before the sink waits for it; the sink itself waits for nobody here.
  assert.deepEqual(
    [of('source').backPressure, of('score').backPressure, of('sink').backPressure],
    ['HIGH', 'HIGH', null],
  );
});

test('what waits for people and what could not be brought to them is of the member that does that', () => {
  const sink = {
    ...{ name: 'pager', type: 'pagerduty', outcomes: { failed: 2 }, retries: 3, queue: 4, waitingSinceMs: 1 },
    ...{ circuit: 'open' as const, retryMs: 2, lastSuccessMs: null, lastFailureMs: 1, problem: 'answered 500' },
  };
  const telling = statusOf({
    topics: TOPICS,
    alerts: { outcomes: { delivered: 9, failed: 2 }, open: 3, sinks: [sink] },
  });
  const alertsOf = (...members: MemberStatus[]) =>
    stagesOf(members.map((status) => ({ status, rates: NO_RATES }))).at(-1)!;
  const { queue, errors, note, backPressure } = alertsOf(telling, statusOf({ member: 'n', topics: TOPICS }));
  assert.deepEqual([queue, errors, backPressure], [4, 5, 'HIGH']);
  assert.equal(note, 'sink pager fails: answered 500; 4 wait, 3 incidents open');
  const well = { ...sink, circuit: 'closed' as const, problem: null, retries: 0, outcomes: {}, queue: 0 };
  const calm = alertsOf(statusOf({ topics: TOPICS, alerts: { outcomes: {}, open: 0, sinks: [well] } }));
  assert.deepEqual([calm.errors, calm.backPressure, calm.note], [0, 'OK', null]);
  const one = statusOf({ topics: TOPICS, alerts: { outcomes: {}, open: 1, sinks: [] } });
  assert.equal(alertsOf(one).note, '1 incident open');
  const { queue: unknown, errors: none } = alertsOf(statusOf({ topics: TOPICS }));
  assert.deepEqual([unknown, none], [null, 0]);
});

test('a model that gives no scores shows so, though it is asked', () => {
  const before = statusOf({ topics: TOPICS, atMs: 0, model: model({}) });
  const fallbacks = { deadline: 5, 'breaker-open': 50 };
  const now = statusOf({ topics: TOPICS, atMs: 10_000, model: model({ asked: 160, scored: 105, fallbacks }) });
  const [stage] = stagesOf([{ status: now, rates: ratesBetween(before, now)! }]).filter(({ name }) => name === 'model');
  const { rate, errors, note, backPressure } = stage!;
  assert.deepEqual([rate, errors, note, backPressure], [1, 55, 'breaker open, lstm 4', 'HIGH']);
  const well = statusOf({ topics: TOPICS, atMs: 10_000, model: model({ asked: 160, scored: 155 }) });
  const good = stagesOf([{ status: well, rates: ratesBetween(before, well)! }]).find(({ name }) => name === 'model')!;
  assert.deepEqual([good.rate, good.note, good.backPressure], [6, 'lstm 4', 'OK']);
});

test('models by role: availability, latency, why values have no score', () => {
  const challenger = { ...model({ name: 'gru', version: null, asked: 0, scored: 0, fallbacks: {} }) };
  const shadow = { ...challenger, compared: 50, disagreed: 2, skipped: 1 };
  const views = modelsOf('p', [
    statusOf({ model: model({ shadow, rollbacks: 1 }) }),
    statusOf({ member: 'n', model: model({}) }),
    statusOf({ member: 'o' }),
  ]);
  assert.deepEqual(
    views.map(({ role, name, version, availability, asked, note }) => [role, name, version, availability, asked, note]),
    [
      ['live', 'lstm', '4', 0.95, 200, '1 taken out again, 10 deadline'],
      ['shadow', 'gru', null, null, 0, 'disagrees in 2 of 50, 1 skipped'],
    ],
  );
  assert.ok(views[0]!.p99Ms! > 10 && views[0]!.p99Ms! <= 100, `p99 ${views[0]!.p99Ms} ms is inside its bucket`);
});
