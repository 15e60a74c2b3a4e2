import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALERT_WIDTH, AlertHistory, KEPT_ALERTS, NAMED_ALERTS } from '../../src/engine/alertHistory.ts';
import { StateRow } from '../../src/engine/stateRow.ts';

function historyOf(times: readonly number[]): AlertHistory {
  const history = new AlertHistory();
  history.reserve(3);
  for (const time of times) history.add(1, time, time * 10, 3);
  return history;
}

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}`);

test('each false alert raises the threshold by a tenth, each true one lowers it by a twenty-fifth, within bounds', () => {
  const history = historyOf([1, 2, 3, 4, 5, 6, 7, 8]);
  for (let time = 1; time <= 6; time++) assert.equal(history.judge(1, time, false, time - 1), 'applied');
  near(history.moved(1, 2.5), 3.5);
  assert.equal(history.judge(1, 7, true, 6), 'applied');
  near(history.moved(1, 2.5), 3.4);
  assert.equal(history.moved(0, 2.5), 2.5);
  const other = historyOf([1, 2, 3, 4, 5, 6, 7, 8]);
  for (let time = 1; time <= 8; time++) other.judge(1, time, true, time - 1);
  near(other.moved(1, 2.5), 2);
});

test('another verdict on the same alert takes the former one back; the same one changes nothing', () => {
  const history = historyOf([1, 2]);
  history.judge(1, 1, false, 0);
  assert.equal(history.judge(1, 1, false, 1), 'unchanged');
  near(history.moved(1, 1), 1.1);
  assert.equal(history.judge(1, 1, true, 1), 'applied');
  near(history.moved(1, 1), 0.96);
  assert.deepEqual(history.describe(1), { count: 2, true: 1, false: 0 });
});

test('a verdict of the journal that is in the state already changes nothing', () => {
  const history = historyOf([1, 2]);
  history.judge(1, 1, false, 0);
  history.judge(1, 2, false, 1);
  assert.equal(history.judge(1, 1, false, 0), 'unchanged');
  assert.equal(history.judge(1, 2, false, 1), 'unchanged');
  near(history.moved(1, 1), 1.2);
});

test('an alert before the last eight moves nothing', () => {
  const history = historyOf(Array.from({ length: 9 }, (_, i) => i));
  assert.equal(history.judge(1, 0, false, 0), 'forgotten');
  assert.equal(history.judge(0, 0, false, 0), 'forgotten');
  assert.equal(history.judge(1, 1, false, 0), 'applied');
});

test('an alert names those of the last eight whose values are nearest, the newer of two as near first', () => {
  const values = fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 20 });
  fc.assert(
    fc.property(values, fc.integer({ min: -4, max: 4 }), (list, value) => {
      const history = new AlertHistory();
      history.reserve(1);
      list.forEach((each, i) => {
        history.add(0, i, each, 1);
      });
      const out = new Float64Array(NAMED_ALERTS * ALERT_WIDTH + 2);
      const count = history.nearest(0, value, out, 2);
      const wanted = list
        .map((each, i) => ({ i, far: Math.abs(each - value) }))
        .slice(-KEPT_ALERTS)
        .sort((a, b) => a.far - b.far || b.i - a.i)
        .slice(0, NAMED_ALERTS);
      assert.deepEqual(
        Array.from({ length: count }, (_, i) => out[2 + i * ALERT_WIDTH]),
        wanted.map(({ i }) => i),
      );
    }),
  );
});

test('a slot that was packed and unpacked goes on as if it had not been', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('alert'), value: fc.nat(9) }),
      fc.record({ kind: fc.constant('verdict'), value: fc.nat(20) }),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, fc.array(fc.nat(30)), (list, cuts) => {
      const run = (moves: readonly number[]) => {
        let history = new AlertHistory();
        history.reserve(2);
        history.add(0, 1, 1, 1);
        const seen: unknown[] = [];
        list.forEach(({ kind, value }, i) => {
          if (kind === 'alert') history.add(1, i, value, value);
          else seen.push(history.judge(1, value, value % 2 === 0, history.applied(1)));
          if (moves.includes(i)) {
            const row = new StateRow();
            history.pack(1, row);
            history = new AlertHistory();
            history.reserve(2);
            history.unpack(1, row);
          }
          const out = new Float64Array(NAMED_ALERTS * ALERT_WIDTH);
          seen.push(history.nearest(1, 4, out, 0), [...out], history.moved(1, 2), history.describe(1));
        });
        return seen;
      };
      assert.deepEqual(run(cuts), run([]));
    }),
  );
});
