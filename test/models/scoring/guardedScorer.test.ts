import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FallbackReason, ModelScores } from '../../../src/models/modelScorer.ts';
import { GuardedScorer, type GuardSettings } from '../../../src/models/scoring/guardedScorer.ts';
import { ManualScoringClock, rowSums, ScriptedModel } from './scriptedModel.ts';

const SETTINGS: Partial<GuardSettings> = {
  batch: 4,
  inFlight: 2,
  timeoutMs: 20,
  breaker: { failures: 3, firstPauseMs: 1000, longestPauseMs: 2000 },
};

function setUp(settings: Partial<GuardSettings> = {}) {
  const clock = new ManualScoringClock();
  const model = new ScriptedModel();
  return { clock, model, scorer: new GuardedScorer(model, { ...SETTINGS, ...settings }, clock) };
}

/** Rows of two values: row i is [first + i, 0.5]. */
function request(rows: number, first = 1) {
  return { rows, windows: Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 1 ? 0.5 : first + i / 2)) };
}

const settled = async (promise: Promise<ModelScores>): Promise<ModelScores | 'pending'> =>
  Promise.race([promise, new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))]);

function only(counts: Readonly<Record<FallbackReason, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, rows]) => rows > 0));
}

test('rows are sent in micro-batches, bounded in flight, and come back in their order', async () => {
  const { model, scorer } = setUp();
  const whole = request(11);
  const result = scorer.score(whole);
  whole.windows.fill(-1);
  assert.deepEqual(
    model.calls.map(({ rows }) => rows),
    [4, 4],
  );
  await model.calls[1]!.answer();
  assert.deepEqual(
    model.calls.map(({ rows }) => rows),
    [4, 4, 3],
  );
  await model.calls[2]!.answer();
  assert.equal(await settled(result), 'pending');
  await model.calls[0]!.answer();
  const { scores, fallback } = await result;
  assert.deepEqual(
    [...scores],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((value) => value + 0.5),
  );
  assert.equal(fallback, undefined);
  const { asked, scored, availability, calls } = scorer.counters();
  assert.deepEqual({ asked, scored, availability, calls }, { asked: 11, scored: 11, availability: 1, calls: 3 });
});

test('rows of several callers that wait share a call', async () => {
  const { model, scorer } = setUp({ inFlight: 1 });
  const results = [scorer.score(request(1, 10)), scorer.score(request(2, 20)), scorer.score(request(3, 30))];
  await model.calls[0]!.answer();
  assert.deepEqual(
    model.calls.map(({ rows }) => rows),
    [1, 4],
  );
  await model.calls[1]!.answer();
  await model.calls[2]!.answer();
  const scores = (await Promise.all(results)).map((each) => [...each.scores]);
  assert.deepEqual(scores, [[10.5], [20.5, 21.5], [30.5, 31.5, 32.5]]);
});

test('the deadline is kept whatever the model does, and tells rows in a call from rows that waited', async () => {
  const { clock, model, scorer } = setUp({ inFlight: 1 });
  const result = scorer.score(request(6));
  clock.advance(19);
  assert.equal(await settled(result), 'pending');
  clock.advance(1);
  const { scores, fallback, latencyMs } = (await settled(result)) as ModelScores;
  assert.ok(scores.every(Number.isNaN));
  assert.equal(fallback, 'deadline');
  assert.equal(latencyMs, 20);
  assert.deepEqual(only(scorer.counters().fallbacks), { deadline: 4, 'queue-full': 2 });
  assert.equal(model.calls[0]!.signal.aborted, true);
  await model.calls[0]!.answer();
  assert.equal(model.calls.length, 1, 'what nobody waits for is not sent');
  assert.equal(scorer.counters().scored, 0);
  assert.equal(clock.timers, 0);
});

test('rows that are late keep nobody else from a score', async () => {
  const { clock, model, scorer } = setUp({ inFlight: 1 });
  const first = scorer.score(request(2));
  clock.advance(10);
  const second = scorer.score(request(2, 5));
  clock.advance(10);
  assert.equal(((await settled(first)) as ModelScores).fallback, 'deadline');
  await model.calls[0]!.answer();
  await model.calls[1]!.answer();
  assert.deepEqual([...(await second).scores], [5.5, 6.5]);
});

test('a queue that holds more rows than it may refuses at once', async () => {
  const { scorer } = setUp({ inFlight: 1, mostWaiting: 5 });
  void scorer.score(request(4));
  void scorer.score(request(5));
  const refused = (await settled(scorer.score(request(1)))) as ModelScores;
  assert.equal(refused.fallback, 'queue-full');
  assert.ok(Number.isNaN(refused.scores[0]));
});

test('numbers that are not finite, and too few, are counted as invalid output', async () => {
  const { model, scorer } = setUp();
  const partly = scorer.score(request(3));
  await model.calls[0]!.answerWith(Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY));
  const { scores, fallback } = await partly;
  assert.equal(fallback, 'invalid-output');
  assert.deepEqual([...scores], [1, Number.NaN, Number.NaN]);
  const few = scorer.score(request(3));
  await model.calls[1]!.answerWith(Float32Array.of(1));
  assert.equal((await few).fallback, 'invalid-output');
  const { asked, scored, fallbacks, lastError } = scorer.counters();
  assert.deepEqual({ asked, scored, ...only(fallbacks) }, { asked: 6, scored: 1, 'invalid-output': 5 });
  assert.equal(lastError, '1 scores for 3 rows');
});

test('failures in a row open the breaker; after its pause one call is tried, and decides', async () => {
  const { clock, model, scorer } = setUp();
  for (let i = 0; i < 3; i++) {
    const result = scorer.score(request(1));
    await model.calls.at(-1)!.fail(`boom ${i}`);
    assert.equal((await result).fallback, 'error');
  }
  assert.equal(scorer.counters().breaker, 'open');
  assert.equal(scorer.counters().lastError, 'boom 2');
  assert.equal((await scorer.score(request(2))).fallback, 'breaker-open');
  assert.equal(model.calls.length, 3);

  clock.advance(1000);
  const tried = scorer.score(request(1));
  assert.equal((await scorer.score(request(1))).fallback, 'breaker-open', 'only one is tried');
  await model.calls.at(-1)!.fail('still');
  assert.equal((await tried).fallback, 'error');
  assert.equal(scorer.counters().breaker, 'open');

  clock.advance(1999);
  assert.equal((await scorer.score(request(1))).fallback, 'breaker-open', 'it rests longer than before');
  clock.advance(1);
  const again = scorer.score(request(1));
  await model.calls.at(-1)!.answer();
  assert.equal((await again).fallback, undefined);
  const { breaker, breakerOpened, fallbacks } = scorer.counters();
  assert.deepEqual([breaker, breakerOpened], ['closed', 2]);
  assert.deepEqual(only(fallbacks), { error: 4, 'breaker-open': 4 });
});

test('rests of the breaker grow to a bound while tries fail, and are short again after a success', async () => {
  const { clock, model, scorer } = setUp();
  const fail = async () => {
    const result = scorer.score(request(1));
    await model.calls.at(-1)!.fail('boom');
    return (await result).fallback;
  };
  /** How long it rests now, by tries. */
  const rest = async (): Promise<number> => {
    for (let ms = 0; ; ms += 250) {
      const calls = model.calls.length;
      const result = scorer.score(request(1));
      if (model.calls.length > calls) {
        await model.calls.at(-1)!.fail('boom');
        await result;
        return ms;
      }
      clock.advance(250);
    }
  };
  for (let i = 0; i < 3; i++) assert.equal(await fail(), 'error');
  assert.deepEqual([await rest(), await rest(), await rest()], [1000, 2000, 2000]);
  clock.advance(2000);
  const answered = scorer.score(request(1));
  await model.calls.at(-1)!.answer();
  await answered;
  for (let i = 0; i < 3; i++) assert.equal(await fail(), 'error');
  assert.equal(await rest(), 1000);
});

test('a model that hangs opens the breaker by its deadlines, and is tried again when it answers', async () => {
  const { clock, model, scorer } = setUp({ inFlight: 3 });
  for (let i = 0; i < 3; i++) void scorer.score(request(1));
  clock.advance(20);
  assert.equal(scorer.counters().breaker, 'open');
  clock.advance(1000);
  const hung = scorer.score(request(1));
  clock.advance(20);
  assert.equal((await hung).fallback, 'queue-full', 'all calls are taken by the ones that hang');
  assert.equal(scorer.counters().breaker, 'open');
  for (const call of model.calls) await call.answer();
  assert.equal(scorer.counters().breaker, 'open', 'answers from before decide nothing');
  clock.advance(2000);
  const tried = scorer.score(request(1));
  await model.calls.at(-1)!.answer();
  assert.equal((await tried).fallback, undefined);
  assert.equal(scorer.counters().breaker, 'closed');
});

test('an opening breaker takes along what waits, and a score between failures counts them anew', async () => {
  const { model, scorer } = setUp({ inFlight: 1, batch: 1 });
  const results = [1, 2, 3, 4].map((first) => scorer.score(request(1, first)));
  for (let i = 0; i < 3; i++) await model.calls.at(-1)!.fail('boom');
  assert.deepEqual(
    (await Promise.all(results)).map(({ fallback }) => fallback),
    ['error', 'error', 'error', 'breaker-open'],
  );

  const other = setUp({ inFlight: 1 });
  for (const end of ['fail', 'fail', 'answer', 'fail', 'fail'] as const) {
    const result = other.scorer.score(request(1));
    await other.model.calls.at(-1)![end]('boom');
    await result;
  }
  assert.equal(other.scorer.counters().breaker, 'closed');
});

test('close settles what is open and closes the model', async () => {
  const { clock, model, scorer } = setUp({ inFlight: 1 });
  const open = [scorer.score(request(6)), scorer.score(request(1))];
  await scorer.close();
  assert.deepEqual(
    (await Promise.all(open)).map(({ fallback }) => fallback),
    ['error', 'error'],
  );
  assert.equal(model.isClosed, true);
  assert.equal(model.calls[0]!.signal.aborted, true);
  assert.equal(clock.timers, 0);
  await model.calls[0]!.answer();
  assert.equal(model.calls.length, 1);
  assert.equal((await scorer.score(request(1))).fallback, 'error');
});

test('property: every row ends once, with its own score or a counted reason', async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('ask' as const), rows: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constantFrom('answer' as const, 'fail' as const, 'nan' as const), at: fc.nat(5) }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 600 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (steps, inFlight) => {
      const { clock, model, scorer } = setUp({ inFlight, mostWaiting: 12 });
      const asks: { due: Float32Array; result: Promise<ModelScores> }[] = [];
      const open = new Set<number>();
      for (const each of steps) {
        const before = model.calls.length;
        if (each.type === 'ask') {
          const asked = request(each.rows, asks.length * 100);
          asks.push({ due: rowSums(asked.windows.slice(), each.rows), result: scorer.score(asked) });
          asked.windows.fill(Number.NaN);
        } else if (each.type === 'wait') clock.advance(each.ms);
        else {
          const chosen = [...open][each.at];
          if (chosen === undefined) continue;
          open.delete(chosen);
          const call = model.calls[chosen]!;
          if (each.type === 'answer') await call.answer();
          else if (each.type === 'fail') await call.fail('boom');
          else await call.answerWith(new Float32Array(call.rows).fill(Number.NaN));
        }
        for (let i = before; i < model.calls.length; i++) open.add(i);
        assert.ok(scorer.counters().inFlight <= inFlight);
      }
      clock.advance(20);
      const results = await Promise.all(asks.map(({ result }) => result));
      let [rows, scored] = [0, 0];
      for (const [i, { scores, fallback, latencyMs }] of results.entries()) {
        assert.ok(latencyMs <= 20 || fallback !== undefined);
        rows += scores.length;
        for (const [row, score] of scores.entries()) {
          if (Number.isNaN(score)) continue;
          scored++;
          assert.equal(score, asks[i]!.due[row]);
        }
        assert.equal(fallback !== undefined, scores.some(Number.isNaN));
      }
      const { asked, scored: counted, fallbacks, waitingRows } = scorer.counters();
      const lost = Object.values(fallbacks).reduce((sum, each) => sum + each, 0);
      assert.deepEqual(
        { asked, counted, lost, waitingRows },
        { asked: rows, counted: scored, lost: rows - scored, waitingRows: 0 },
      );
    }),
    { numRuns: 300 },
  );
});
