import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KpiWindows } from '../../../src/alerts/stage/kpi.ts';
import { MINUTE, MONDAY } from './fixtures.ts';

const RULES = { patterns: ['checkout*'], topics: ['traffic'], windows: 24, correlation: 0.6 };
const AT = MONDAY + 40 * 5 * MINUTE;

/** Windows of five minutes; the event is at the 40th. */
function filled(series: Record<string, (i: number) => number>, count = 44, topic = 'w'): KpiWindows {
  const kpi = new KpiWindows(RULES);
  for (let i = 0; i < count; i++) {
    for (const [name, value] of Object.entries(series)) {
      const startMs = MONDAY + i * 5 * MINUTE;
      const at = { startMs, endMs: startMs + 5 * MINUTE, mean: value(i) };
      kpi.take({ topic, series: name, window: 'w5m', field: 'value', ...at });
    }
  }
  return kpi;
}

const noise = (seed: number) => (i: number) => ((i * 7919 + seed * 104_729) % 1000) / 1000;
const fallsAt40 = (i: number) => (i >= 40 ? -30 : 0);

test('what falls when traffic falls moves with it: a severity up', () => {
  const kpi = filled({ errors: (i) => noise(1)(i) - fallsAt40(i), checkout: (i) => noise(2)(i) + fallsAt40(i) });
  const { step, kpi: name, correlation, reason } = kpi.verdict('errors', AT);
  assert.deepEqual([step, name], [1, 'checkout']);
  assert.ok(correlation! < -0.9, `${correlation}`);
  assert.match(reason, /^errors moves with user traffic \(checkout, correlation -[01]\.\d+, one severity up\)$/);
});

test('what jumps while traffic stays does not move with it: a severity down', () => {
  const kpi = filled({ disk: (i) => noise(3)(i) - fallsAt40(i), checkout: noise(5) });
  const { step, reason } = kpi.verdict('disk', AT);
  assert.equal(step, -1, reason);
});

test('where windows are missing it says so, and when it is worth to ask again', () => {
  const kpi = filled({ errors: noise(1) }, 44);
  const none = kpi.verdict('errors', AT);
  assert.deepEqual([none.step, none.correlation], [0, null]);
  assert.match(none.reason, /user traffic is not known: fewer than 12 windows/);
  assert.equal(none.againMs, AT + 4 * 5 * MINUTE);
  assert.match(kpi.verdict('pump', AT).reason, /there are no windows of pump/);
});

test('a KPI is user traffic itself, by pattern or by its topic', () => {
  assert.equal(filled({ checkout: noise(1) }).verdict('checkout', AT).step, 1);
  assert.equal(filled({ visits: noise(1) }, 44, 'traffic').verdict('visits', AT).step, 1);
});

test('windows that come again replace their mean, and what is kept is bounded', () => {
  const kpi = filled({ errors: (i) => noise(1)(i) - fallsAt40(i), checkout: noise(2) });
  for (let i = 36; i < 44; i++) {
    const startMs = MONDAY + i * 5 * MINUTE;
    const at = { startMs, endMs: startMs + 5 * MINUTE, mean: noise(2)(i) + fallsAt40(i) };
    kpi.take({ topic: 'w', series: 'checkout', window: 'w5m', field: 'value', ...at });
  }
  assert.equal(kpi.verdict('errors', AT).step, 1);
  for (let s = 0; s < 11_000; s++) {
    kpi.take({ topic: 'w', series: `s${s}`, window: 'w5m', field: 'value', startMs: 0, endMs: 1, mean: 1 });
  }
  assert.match(kpi.verdict('errors', AT).reason, /there are no windows of errors/);
});
