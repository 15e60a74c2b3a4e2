import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeAlert } from '../../src/engine/alertVerdict.ts';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import type { SeriesFacts } from '../../src/engine/seriesKnowledge.ts';
import { SeriesKnowledge } from '../../src/engine/seriesKnowledge.ts';
import { definitionOf, Fed, MapStore, type Reading, readings } from './helpers/seriesStream.ts';

const FACTS: SeriesFacts = {
  ...{ min: -Infinity, max: Infinity, threshold: 2, origin: 0, direction: 'both' },
  ...{ minDeviation: 0, minDeviationRatio: 0, calendars: [], muted: 0 },
};

function isWorth(facts: Partial<SeriesFacts>, value: number, expected: number, lower = NaN, upper = NaN): boolean {
  const knowledge = new SeriesKnowledge(() => ({ ...FACTS, ...facts }));
  knowledge.reserve(1);
  return knowledge.isWorth(0, value, expected, lower, upper);
}

test('direction and deviation rule out what is on the other side, or near', () => {
  assert.equal(isWorth({ direction: 'above' }, 5, 6), false);
  assert.equal(isWorth({ direction: 'above' }, 7, 6), true);
  assert.equal(isWorth({ direction: 'below' }, 7, 6), false);
  assert.equal(isWorth({ minDeviation: 2 }, 7, 6), false);
  assert.equal(isWorth({ minDeviation: 1 }, 7, 6), true);
  assert.equal(isWorth({ minDeviationRatio: 0.1 }, -105, -100), false);
  assert.equal(isWorth({ minDeviationRatio: 0.1 }, -110, -100), true);
  assert.equal(isWorth({ minDeviationRatio: 9 }, 1, 0), true);
});

test('where nothing is expected the band tells the side, and without a band nothing is ruled out', () => {
  assert.equal(isWorth({ direction: 'above' }, 1, NaN, 5, 9), false);
  assert.equal(isWorth({ direction: 'above' }, 10, NaN, 5, 9), true);
  assert.equal(isWorth({ minDeviation: 2 }, 10, NaN, 5, 9), false);
  assert.equal(isWorth({ direction: 'above', minDeviation: 2 }, 10, NaN), true);
});

test('what leaves the valid range is worth an alert on either side, however near', () => {
  assert.equal(isWorth({ direction: 'above', min: 0, minDeviation: 50 }, -1, 1), true);
  assert.equal(isWorth({ direction: 'below', max: 10 }, 11, 1), true);
});

/** s0 and s1 quiet now and then, s2 one-sided, s3 with a part muted, the others plain. */
function known(base: PipelineDefinition): PipelineDefinition {
  const facts: Readonly<Record<string, Partial<SeriesFacts>>> = {
    s0: { calendars: [0] },
    s1: { calendars: [0, 1], threshold: 0.5, origin: 1 },
    s2: { direction: 'below', minDeviation: 1.5 },
    s3: { muted: 1 },
    s4: { min: -5, max: 80, minDeviationRatio: 0.5 },
  };
  const calendars = [Float64Array.of(0, 300, 900, 1_400), Float64Array.of(200, 420)];
  const factsOf = (series: string) => ({ ...FACTS, threshold: 1, ...facts[series] });
  return { ...base, score: { ...base.score!, factsOf, limits: factsOf, calendars, origins: ['a', 'b'] } };
}

interface Said {
  readonly at: number;
  readonly nth: number;
  readonly isTrue: boolean;
}

function outputOf(list: readonly Reading[], definition: PipelineDefinition, said: readonly Said[], cut: Cut): string {
  const cold = cut.hot === undefined ? undefined : { store: new MapStore(), hotSeries: cut.hot };
  const fed = new Fed(definition, cold);
  const judged: unknown[] = [];
  let from = 0;
  for (let i = 0; i < list.length; i++) {
    const verdicts = said.filter(({ at }) => at === i);
    if (i + 1 < list.length && !cut.cuts.has(i) && !cut.restarts.has(i) && verdicts.length === 0) continue;
    fed.feed(list.slice(from, i + 1));
    from = i + 1;
    const given: (() => void)[] = [];
    for (const { nth, isTrue } of verdicts) {
      const alert = fed.alerts[fed.alerts.length - 1 - nth] as [string, number] | undefined;
      if (alert === undefined) continue;
      const verdict = { rule: 'z@a', series: alert[0], timeMs: alert[1], isTrue };
      const answer = judgeAlert(fed.pipeline, verdict);
      judged.push(answer);
      if (answer?.outcome === 'applied') {
        given.push(() => judgeAlert(fed.pipeline, { ...verdict, before: answer.before }));
      }
    }
    if (!cut.restarts.has(i)) continue;
    const state = fed.pipeline.snapshot();
    fed.pipeline = new Fed(definition, cold).pipeline;
    fed.pipeline.restore(state, new Set());
    // As a recovery does with what the journal has of the snapshot's offset.
    for (const again of given) again();
  }
  fed.close();
  return fed.output + JSON.stringify(judged);
}

interface Cut {
  readonly cuts: ReadonlySet<number>;
  readonly restarts: ReadonlySet<number>;
  readonly hot: number | undefined;
}

test('what is known, remembered and said of series does not show where a batch or a snapshot ended', () => {
  const positions = fc.array(fc.nat(150)).map((list) => new Set(list));
  const said = fc.array(fc.record({ at: fc.nat(150), nth: fc.nat(4), isTrue: fc.boolean() }), { maxLength: 8 });
  fc.assert(
    fc.property(
      readings(6, 150),
      said,
      fc.constantFrom('record' as const, 'window' as const),
      fc.constantFrom('rolling-z' as const, 'kpi' as const, 'range' as const),
      fc.record({ cuts: positions, restarts: positions, hot: fc.constantFrom(undefined, 3, 5) }),
      (list, verdicts, on, detector, cut) => {
        const definition = known(definitionOf(on, detector));
        const whole = outputOf(list, definition, verdicts, { cuts: new Set(), restarts: new Set(), hot: undefined });
        assert.equal(outputOf(list, definition, verdicts, cut), whole);
      },
    ),
    { numRuns: 200 },
  );
});

function steady(series: string, values: readonly number[], from = 0): Reading[] {
  return values.map((value, i) => ({ series, time: (from + i) * 10, value }));
}

function scoring(facts: Partial<SeriesFacts>, calendars: Float64Array[] = []): Fed {
  const base = definitionOf('record');
  const factsOf = () => ({ ...FACTS, threshold: 4, ...facts });
  const detector = { ...base.score!.detector, window: 50, minCount: 10 };
  const score = { ...base.score!, on: null, factsOf, limits: factsOf, calendars, detector, origins: ['x'] };
  return new Fed({ ...base, windows: [], features: [], score });
}

const BASE = Array.from({ length: 20 }, (_, i) => i % 2);

test('what is inside of a calendar neither alerts nor is learnt', () => {
  const values = [...BASE, 90, 90, 90, ...BASE, 90];
  const calendar = Float64Array.of(200, 230);
  const plain = scoring({});
  plain.feed(steady('a', values));
  const quiet = scoring({ calendars: [0] }, [calendar]);
  quiet.feed(steady('a', values));
  const without = scoring({});
  without.feed(steady('a', values).filter(({ time }) => time < 200 || time >= 230));
  const shown = (fed: Fed) => fed.alerts.map((alert) => (alert as unknown[]).slice(1, 5));
  assert.deepEqual(
    shown(plain).map(([time]) => time),
    [200],
  );
  assert.deepEqual(
    shown(quiet).map(([time]) => time),
    [430],
  );
  // With the same score: nothing was learnt of what was left out.
  assert.deepEqual(shown(quiet), shown(without));
});

test('a series is learning until it can alert by its score, and says how many values it misses', () => {
  const fed = scoring({});
  fed.feed([...steady('a', BASE.slice(0, 7)), ...steady('b', BASE)]);
  const { score, state, keys } = fed.pipeline;
  assert.equal(
    score!.learning((series) => keys.has(series)),
    1,
  );
  const statusOf = (series: number) => {
    const [own] = state.describe(series).find(({ id }) => id === 'score')!.state as Record<string, unknown>[];
    return [own!['status'], own!['missing_values']];
  };
  assert.deepEqual(
    [statusOf(0), statusOf(1)],
    [
      ['learning', 3],
      ['ready', undefined],
    ],
  );
});

test('a muted part has no say', () => {
  const run = (muted: number) => {
    const base = definitionOf('record', 'kpi');
    const factsOf = () => ({ ...FACTS, threshold: 2.5, max: 23, muted });
    const detector = { ...base.score!.detector, tailSize: 200 };
    const score = { ...base.score!, on: null, detector, factsOf, limits: factsOf };
    const fed = new Fed({ ...base, windows: [], features: [], score });
    // 0b10000 is the valid range.
    fed.feed(steady('a', [...Array.from({ length: 100 }, (_, i) => 10 + ((i * 7) % 13)), 24]));
    return fed.alerts.map((alert) => (alert as unknown[])[3]);
  };
  assert.deepEqual(run(0), [8]);
  const [alone] = run(0b10000) as number[];
  assert.ok(alone! > 2.5 && alone! < 8, `${alone}`);
  assert.deepEqual(run(0b11111), []);
});

test('a verdict moves the threshold of the one series', () => {
  const fed = scoring({});
  fed.feed([...steady('a', [...BASE, 90]), ...steady('b', [...BASE, 90])]);
  assert.equal(fed.alerts.length, 2);
  const judged = judgeAlert(fed.pipeline, { rule: 'z@a', series: 'a', timeMs: 200, isTrue: false });
  assert.deepEqual(judged, { outcome: 'applied', before: 0, from: 4, to: 4.4 });
  fed.feed([...steady('a', [9e9], 30), ...steady('b', [9e9], 30)]);
  const thresholds = fed.alerts.slice(2).map((alert) => (alert as unknown[])[4]);
  assert.deepEqual(thresholds, [4.4, 4]);
  assert.equal(judgeAlert(fed.pipeline, { rule: 'z@a', series: 'c', timeMs: 200, isTrue: false }), undefined);
  assert.equal(judgeAlert(fed.pipeline, { rule: 'other', series: 'a', timeMs: 200, isTrue: false }), undefined);
});
