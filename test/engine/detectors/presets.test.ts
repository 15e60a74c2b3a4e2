import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { CompositeDetector } from '../../../src/engine/detectors/composite.ts';
import { createDetector, defaultThreshold } from '../../../src/engine/detectors/create.ts';
import { MAX_SCORE } from '../../../src/engine/detectors/parts/part.ts';
import { PRESETS, type PresetName } from '../../../src/engine/detectors/presets.ts';
import { newMaxima } from '../../../src/eval/nab/refractory.ts';
import { NAB_PROFILES, NabScorer } from '../../../src/eval/nab/scorer.ts';
import { loadNab } from '../../helpers/nabData.ts';
import { regular, type SeenAlert, scoreAcrossSnapshot, scoreAll } from '../../helpers/scoring.ts';
import { bells, uniforms } from '../../helpers/statistics.ts';

const NO_LIMITS = () => ({ min: -Infinity, max: Infinity });
const OPTIONS = { stepMs: 900_000 };
const PER_DAY = 288;

interface Lists {
  readonly slots: readonly number[];
  readonly times: readonly number[];
  readonly values: readonly number[];
}

const makeOf = (name: PresetName) => new CompositeDetector(PRESETS[name], OPTIONS, NO_LIMITS);
const make = () => makeOf('kpi');

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

test('is quiet where nothing happens, with or without a rhythm: values above 2.5 in 20 days of noise', () => {
  const most = { kpi: 16, sensor: 6, auto: 6 } as const;
  for (const seed of [1, 2, 3, 4]) {
    const bell = bells(seed);
    const noise = Float64Array.from({ length: 20 * PER_DAY }, () => 50 + bell());
    for (const values of [wave(20, seed), noise]) {
      for (const name of ['kpi', 'sensor', 'auto'] as const) {
        const { length } = scoreAll(makeOf(name), regular(values));
        assert.ok(length <= most[name], `${name}: ${length} in 20 days, seed ${seed}`);
      }
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
  assert.equal(alert.parts[1], MAX_SCORE);
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
  const detector = new CompositeDetector(PRESETS.kpi, OPTIONS, () => ({ min: 0, max: 90 }));
  const alerts = scoreAll(detector, regular([50, 91, 50, -1]));
  assert.deepEqual(
    alerts.map(({ index, score, parts }) => [index, score, parts[4]]),
    [
      [1, MAX_SCORE, MAX_SCORE],
      [3, MAX_SCORE, MAX_SCORE],
    ],
  );
});

test('the step over missing data counts for nothing', () => {
  const bell = bells(8);
  const values = Float64Array.from({ length: 400 }, (_, i) => 10 + 0.1 * bell() + (i >= 300 ? 0.5 : 0));
  const columns = regular(values);
  const scores = (columnsOf: typeof columns) => scoreAll(make(), columnsOf, -1)[300]!.parts[0]!;
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
    return scoreAll(createDetector(parameters, NO_LIMITS), regular(wave(30, 2)), defaultThreshold(parameters)).length;
  };
  assert.ok(count('high') > count('medium') && count('medium') >= count('low'));
  const columns = regular(wave(2, 2));
  const slots = Int32Array.from(columns.slots, (_, i) => i % 2);
  const alerts = scoreAll(make(), { ...columns, slots }, (slot) => (slot === 1 ? 0.5 : 99));
  assert.ok(alerts.length > 20);
  assert.ok(alerts.every((alert) => slots[alert.index] === 1));
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
  const alerts = scoreAll(make(), { ...columns, times }, -1);
  for (const { index, score, parts } of alerts) {
    assert.ok(score >= 0 && score <= MAX_SCORE, `score ${score} at ${index}`);
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
  for (const name of Object.keys(PRESETS) as PresetName[]) assertUncut(name, series, columns);
});

function assertUncut(name: PresetName, series: readonly Float64Array[], columns: Lists): void {
  const { slots, times, values } = columns;
  const sensitive = () => new CompositeDetector(PRESETS[name], { ...OPTIONS, tailSize: 300 }, NO_LIMITS);
  const whole = scoreAll(sensitive(), columns, 0.8);
  assert.ok(whole.length > 50, `${whole.length} scores of ${name}`);
  assert.deepEqual(scoreAll(sensitive(), columns, 0.8, [1, 2, 700, 701, 2500]), whole);
  for (const cut of [0, 1, 100, 1800, 3001]) assert.deepEqual(scoreAcrossSnapshot(sensitive, columns, cut, 0.8), whole);
  series.forEach((_, slot) => {
    const own = slots.map((each, i) => ({ i, each })).filter(({ each }) => each === slot * 70);
    const pick = (column: readonly number[]) => own.map(({ i }) => column[i]!);
    const alone = scoreAll(sensitive(), { slots: own.map(() => 0), times: pick(times), values: pick(values) }, 0.8);
    const renumbered = alone.map((alert): SeenAlert => ({ ...alert, index: own[alert.index]!.i }));
    assert.deepEqual(
      renumbered,
      whole.filter((alert) => slots[alert.index] === slot * 70),
    );
  });
}

test('the bits are fixed: scores of a NAB file may not change between runtimes or versions', () => {
  const file = loadNab().find((each) => each.name === 'realKnownCause/nyc_taxi.csv')!;
  const slots = new Int32Array(file.values.length);
  const alerts = scoreAll(makeOf('auto'), { ...file, slots }, 0);
  const rows = alerts.map(({ score, expected, lower, upper, parts }) => [score, expected, lower, upper, ...parts]);
  // A NaN has many bit patterns, and engines may choose.
  const numbers = Float64Array.from(rows.flat(), (each) => (Number.isNaN(each) ? -1 : each));
  assert.equal(alerts.length, 10_259);
  assert.equal(createHash('sha256').update(numbers).digest('hex').slice(0, 16), 'd85336b21f3be7b2');
});

test('NAB: one configuration, causal, thresholds from the other folders', () => {
  const files = loadNab();
  const maxima = files.map(({ times, values }) => {
    const scores = new Float64Array(values.length);
    const detector = makeOf('auto');
    detector.reserve(1);
    detector.setFloor(0, 0);
    detector.score(new Int32Array(values.length), times, values, 0, values.length, {
      onScore: (index, { current }) => {
        scores[index] = current.score;
      },
    });
    return newMaxima(scores);
  });
  const scorer = new NabScorer(files, (index) => maxima[index]!);
  const figures = NAB_PROFILES.map((profile) => scorer.best(profile).normalized);
  const least = [66.1, 58.5, 71];
  figures.forEach((figure, k) => {
    assert.ok(figure >= least[k]!, `${NAB_PROFILES[k]!.name} is ${figure}, below ${least[k]}`);
  });
  const logo = scorer.logo(NAB_PROFILES[0]!).normalized;
  assert.ok(logo >= 63, `${logo} with the thresholds of the other folders`);
});

test('a value of a hundred thousand series costs few bytes', () => {
  assert.ok(makeOf('auto').slotBytes < 12_500, `${makeOf('auto').slotBytes}`);
  assert.ok(makeOf('kpi').slotBytes < 11_000);
});

test('auto weighs the context once a rhythm is known, and the season before and without one', () => {
  const bell = bells(17);
  const noise = Float64Array.from({ length: 6 * PER_DAY }, () => 50 + bell());
  for (const [values, isRhythmic] of [
    [wave(6, 17), true],
    [noise, false],
  ] as const) {
    const detector = makeOf('auto');
    for (const { score, parts } of scoreAll(detector, regular(values), 0).slice(4 * PER_DAY)) {
      const [diff, , ctx, lasting, range] = parts as [number, number, number, number, number];
      const mixed = isRhythmic ? (diff + ctx + 0.7 * lasting + range) / 2.7 : (diff + ctx / 2 + lasting + range) / 2.5;
      assert.ok(Math.abs(score - Math.min(MAX_SCORE, mixed)) < 1e-12);
    }
    assert.equal(detector.describe(0, 2.5).rhythm, isRhythmic);
  }
});

test('values five times as often score half of log10 of five less', () => {
  const values = wave(3, 41);
  const preset = { ...PRESETS.difference, countsChances: true };
  const scores = (intervalMs: number) =>
    scoreAll(new CompositeDetector(preset, OPTIONS, NO_LIMITS), regular(values, intervalMs), 0);
  const usual = new Map(scores(300_000).map(({ index, score }) => [index, score]));
  const often = scores(60_000);
  assert.ok(often.length > 100);
  for (const { index, score } of often) {
    assert.ok(Math.abs(score - (usual.get(index)! - 0.5 * Math.log10(5))) < 1e-12);
  }
});

test('the band says where a value would score the threshold, also where values come often', () => {
  for (const intervalMs of [60_000, 300_000]) {
    const values = wave(1, 43);
    const columns = regular(values, intervalMs);
    const preset = { ...PRESETS.difference, countsChances: true };
    const at = (value: number) => {
      const changed = Float64Array.from(values);
      changed[250] = value;
      const detector = new CompositeDetector(preset, OPTIONS, NO_LIMITS);
      return scoreAll(detector, { ...columns, values: changed }).find(({ index }) => index === 250);
    };
    const { upper, lower } = at(1e6)!;
    assert.ok(at(upper + 1e-6) !== undefined && at(upper - 1e-6) === undefined, `${upper} at ${intervalMs}`);
    assert.ok(at(lower - 1e-6) !== undefined && at(lower + 1e-6) === undefined, `${lower} at ${intervalMs}`);
  }
});
