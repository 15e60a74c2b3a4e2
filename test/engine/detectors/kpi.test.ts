import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createDetector } from '../../../src/engine/detectors/create.ts';
import { KPI_MAX_SCORE, KpiDetector } from '../../../src/engine/detectors/kpi.ts';
import { loadNab } from '../../helpers/nabData.ts';
import { regular, type SeenAlert, scoreAcrossSnapshot, scoreAll } from '../../helpers/scoring.ts';
import { bells, uniforms } from '../../helpers/statistics.ts';

const NO_LIMITS = () => ({ min: -Infinity, max: Infinity });
const OPTIONS = { threshold: 2.5, stepMs: 900_000 };
const PER_DAY = 288;
const make = () => new KpiDetector(OPTIONS, NO_LIMITS);

/** A daily wave with noise, a value each 5 minutes. */
function wave(days: number, seed: number, base = 100): Float64Array {
  const bell = bells(seed);
  return Float64Array.from({ length: days * PER_DAY }, (_, i) => {
    return base + 20 * Math.sin((2 * Math.PI * i) / PER_DAY) + bell();
  });
}

test('finds a spike at a time of day where such a value is not usual, and says what to expect', () => {
  for (const base of [100, 1e8]) {
    const values = wave(10, 1, base);
    // At noon of day 9 the wave goes through its base; its usual peak is at 6 h.
    const at = 9 * PER_DAY + PER_DAY / 2;
    values[at] = base + 18;
    const alert = scoreAll(make(), regular(values)).find((each) => each.index === at);
    assert.ok(alert !== undefined, 'the spike alerts');
    assert.ok(Math.abs(alert.expected - base) < 1.5, `expected ${alert.expected}`);
    assert.ok(alert.upper < base + 18 && alert.upper > base + 2, `upper ${alert.upper}`);
    assert.ok(Math.abs(alert.expected - alert.lower - (alert.upper - alert.expected)) < 1e-6);
    assert.ok([...alert.parts.slice(0, 3)].every((part) => part > 2.5));
    assert.equal(alert.parts[3], 0);
    assert.ok(Math.abs(alert.score - (alert.parts[0]! + alert.parts[1]! + alert.parts[2]!) / 3) < 1e-12);
  }
});

test('is quiet where nothing happens: about 0.4 alerts a day on noise, with or without a rhythm', () => {
  for (const seed of [1, 2, 3, 4]) {
    const bell = bells(seed);
    const noise = Float64Array.from({ length: 20 * PER_DAY }, () => 50 + bell());
    for (const values of [wave(20, seed), noise]) {
      const alerts = scoreAll(make(), regular(values));
      assert.ok(alerts.length <= 12, `${alerts.length} alerts in 20 days`);
    }
  }
});

test('says nothing before it has seen 60 values', () => {
  const values = wave(1, 3).slice(0, 60);
  values[59] = 1e6;
  assert.deepEqual(scoreAll(make(), regular(values)), []);
});

test('before the season is known, the distance is in MADs of the last values', () => {
  const bell = bells(4);
  const values = Float64Array.from({ length: 200 }, () => 10 + bell());
  values[150] = 25;
  const alert = scoreAll(make(), regular(values)).find((each) => each.index === 150)!;
  assert.ok(Math.abs(alert.expected - 10) < 0.5);
  assert.ok(alert.upper > 12 && alert.upper < 25, `upper ${alert.upper}`);
  assert.equal(alert.parts[1], KPI_MAX_SCORE);
});

test('a value outside all that was seen alerts for that alone, with the reason range', () => {
  // Wide and uniform, so that the tails have nothing to say about a value just outside.
  const uniform = uniforms(6);
  const values = Float64Array.from({ length: 1000 }, () => 100 * uniform());
  values[900] = 108;
  const alert = scoreAll(make(), regular(values)).find((each) => each.index === 900)!;
  assert.ok(alert.parts[3]! > 2.5 && alert.parts[3]! < 5, `range ${alert.parts[3]}`);
  assert.equal(alert.score, alert.parts[3]);
});

test('configured limits alert at once, also while learning, with the reason limits', () => {
  const detector = new KpiDetector(OPTIONS, () => ({ min: 0, max: 90 }));
  const alerts = scoreAll(detector, regular([50, 91, 50, -1]));
  assert.deepEqual(
    alerts.map(({ index, score, parts }) => [index, score, parts[4]]),
    [
      [1, KPI_MAX_SCORE, KPI_MAX_SCORE],
      [3, KPI_MAX_SCORE, KPI_MAX_SCORE],
    ],
  );
});

test('the step over missing data counts for nothing', () => {
  const bell = bells(8);
  const values = Float64Array.from({ length: 400 }, (_, i) => 10 + 0.1 * bell() + (i >= 300 ? 0.5 : 0));
  const columns = regular(values);
  const scores = (columnsOf: typeof columns) =>
    scoreAll(new KpiDetector({ ...OPTIONS, threshold: -1 }, NO_LIMITS), columnsOf)[300]!.parts[0]!;
  assert.ok(scores(columns) > 2);
  const times = Float64Array.from(columns.times, (time, i) => time + (i >= 300 ? 900_000 : 0));
  assert.ok(Number.isNaN(scores({ ...columns, times })));
});

test('after a lasting change of level it is quiet again, also when the change is a millionfold', () => {
  for (const size of [50, 1e6]) {
    const bell = bells(12);
    const values = Float64Array.from({ length: 12 * PER_DAY }, (_, i) => 100 + bell() + (i >= 4 * PER_DAY ? size : 0));
    const alerts = scoreAll(make(), regular(values));
    assert.ok(alerts.some((alert) => alert.index === 4 * PER_DAY));
    const late = alerts.filter((alert) => alert.index > 8 * PER_DAY);
    assert.ok(late.length <= 3, `${late.length} alerts in the last 4 of 12 days, change of ${size}`);
  }
});

test('sensitivity is the threshold: high finds more than low, an override rules its slot', () => {
  const count = (sensitivity: 'low' | 'medium' | 'high') => {
    const parameters = { detector: 'kpi', sensitivity, window: 64, minCount: 8, stepMs: 900_000 } as const;
    return scoreAll(createDetector(parameters, NO_LIMITS), regular(wave(30, 2))).length;
  };
  assert.ok(count('high') > count('medium') && count('medium') >= count('low'));
  const detector = new KpiDetector({ ...OPTIONS, threshold: 99 }, NO_LIMITS, (slot) => (slot === 1 ? 0.5 : undefined));
  const columns = regular(wave(2, 2));
  const slots = Int32Array.from(columns.slots, (_, i) => i % 2);
  const alerts = scoreAll(detector, { ...columns, slots });
  assert.ok(alerts.length > 20);
  assert.ok(alerts.every((alert) => slots[alert.index] === 1 && alert.threshold === 0.5));
});

test('flat, infinite and enormous values, and times that stand still or go back, never break it', () => {
  const uniform = uniforms(2);
  const odd = [Infinity, -Infinity, NaN, 1e308, -1e308, 0, -0, 5e-324];
  const values = Float64Array.from({ length: 3000 }, (_, i) => {
    if (i > 200 && uniform() < 0.02) return odd[Math.floor(uniform() * odd.length)]!;
    return i % 1000 < 500 ? 7 : uniform();
  });
  const columns = regular(values);
  const times = Float64Array.from(columns.times, (time) => (uniform() < 0.1 ? time - uniform() * 1e7 : time));
  const alerts = scoreAll(new KpiDetector({ ...OPTIONS, threshold: -1 }, NO_LIMITS), { ...columns, times });
  for (const { index, score, parts } of alerts) {
    assert.ok(score >= 0 && score <= KPI_MAX_SCORE, `score ${score} at ${index}`);
    if (index > 100) assert.ok(!Number.isNaN(parts[1]) || index < 700);
  }
  const tail = alerts.filter((alert) => alert.index > 2600 && values[alert.index]! < 1 && values[alert.index]! > 0);
  assert.ok(tail.every((alert) => Number.isFinite(alert.expected)));
});

test('batches and snapshots may end anywhere, and slots do not see each other', () => {
  const uniform = uniforms(21);
  const series = [wave(4, 31), wave(4, 32, 1e8), wave(4, 33).fill(3)];
  const slots: number[] = [];
  const times: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < 4 * PER_DAY; i++) {
    series.forEach((each, slot) => {
      slots.push(slot * 70);
      times.push(Date.UTC(2024, 0, 5) + i * 300_000);
      values.push(each[i]! + (uniform() < 0.01 ? 30 : 0));
    });
  }
  const columns = { slots, times, values };
  const sensitive = () => new KpiDetector({ ...OPTIONS, threshold: 0.8, tailSize: 300 }, NO_LIMITS);
  const whole = scoreAll(sensitive(), columns);
  assert.ok(whole.length > 50);
  assert.deepEqual(scoreAll(sensitive(), columns, [1, 2, 700, 701, 2500]), whole);
  for (const cut of [0, 1, 100, 1800, 3001]) assert.deepEqual(scoreAcrossSnapshot(sensitive, columns, cut), whole);
  series.forEach((_, slot) => {
    const own = slots.map((each, i) => ({ i, each })).filter(({ each }) => each === slot * 70);
    const pick = (column: readonly number[]) => own.map(({ i }) => column[i]!);
    const alone = scoreAll(sensitive(), { slots: own.map(() => 0), times: pick(times), values: pick(values) });
    const renumbered = alone.map((alert): SeenAlert => ({ ...alert, index: own[alert.index]!.i }));
    assert.deepEqual(
      renumbered,
      whole.filter((alert) => slots[alert.index] === slot * 70),
    );
  });
});

test('the bits are fixed: scores of a NAB file may not change between runtimes or versions', () => {
  const file = loadNab().find((each) => each.name === 'realKnownCause/nyc_taxi.csv')!;
  const slots = new Int32Array(file.values.length);
  const alerts = scoreAll(new KpiDetector({ ...OPTIONS, threshold: 0 }, NO_LIMITS), { ...file, slots });
  const rows = alerts.map(({ score, expected, lower, upper, parts }) => [score, expected, lower, upper, ...parts]);
  // A NaN has many bit patterns, and engines may choose.
  const numbers = Float64Array.from(rows.flat(), (each) => (Number.isNaN(each) ? -1 : each));
  assert.equal(alerts.length, 10_259);
  assert.equal(createHash('sha256').update(numbers).digest('hex').slice(0, 16), '89672056a320a707');
});
