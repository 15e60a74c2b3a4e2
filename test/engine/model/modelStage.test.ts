import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ModelDefinition, PipelineDefinition } from '../../../src/engine/definition.ts';
import { ModelTails } from '../../../src/engine/model/modelTails.ts';
import type { AskedRows } from '../../../src/engine/model/pendingScores.ts';
import type { WatchDefinition } from '../../../src/engine/watches/definition.ts';
import { definitionOf, MapStore, type Reading, type Scored } from '../helpers/seriesStream.ts';
import { distanceModel, ModelFed } from './modelFed.ts';

const MODEL: ModelDefinition = { length: 2, channels: [0], scaling: 'none', stepMs: 60_000 };

function withModel(on: Scored, model: Partial<ModelDefinition> = {}, more: Partial<PipelineDefinition> = {}) {
  const base = definitionOf(on, 'kpi');
  const score = {
    ...base.score!,
    detector: { ...base.score!.detector, threshold: 0.3 },
    model: { ...MODEL, ...model },
  };
  return { ...base, ...more, score: on === 'record' ? { ...score, on: null } : score };
}

/** One record at a time, each scored at once. */
function atOnce(list: readonly Reading[], definition: PipelineDefinition): ModelFed {
  const fed = new ModelFed(definition);
  for (const reading of list) {
    fed.feed([reading]);
    fed.ask(1);
    fed.answer();
  }
  fed.close();
  fed.ask(1);
  fed.answer();
  return fed;
}

interface Turns {
  /** After this many records a batch ends; then so many rows are asked for at a time, and so many answers are taken. */
  readonly records: number;
  readonly most: number;
  readonly answers: number;
  /** A snapshot is taken and restored, once nothing waits. */
  readonly restarts: boolean;
}

const turns: fc.Arbitrary<Turns[]> = fc.array(
  fc.record({
    records: fc.integer({ min: 1, max: 60 }),
    most: fc.integer({ min: 1, max: 9 }),
    answers: fc.nat(6),
    restarts: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

function inTurns(
  list: readonly Reading[],
  definition: PipelineDefinition,
  all: readonly Turns[],
  hotSeries?: number,
  model?: (asked: AskedRows) => Float32Array,
): ModelFed {
  const cold = hotSeries === undefined ? undefined : { store: new MapStore(), hotSeries };
  const fed = new ModelFed(definition, cold, 0, model);
  for (let from = 0, k = 0; from < list.length; k++) {
    const turn = all[k % all.length]!;
    fed.feed(list.slice(from, from + turn.records));
    from += turn.records;
    fed.ask(turn.most);
    fed.answer(turn.answers);
    if (!turn.restarts) continue;
    fed.answer();
    const state = fed.pipeline.snapshot();
    fed.pipeline = new ModelFed(definition, cold).pipeline;
    fed.pipeline.restore(state, new Set());
  }
  fed.close();
  fed.ask(5);
  fed.answer();
  return fed;
}

/** A tail speaks after sixty scores of its series, so one of them has most of the readings. */
const long: fc.Arbitrary<Reading[]> = fc
  .array(
    fc.record({
      series: fc.oneof({ weight: 8, arbitrary: fc.constant('s0') }, fc.constantFrom('s1', 's2')),
      step: fc.oneof({ weight: 30, arbitrary: fc.integer({ min: -40, max: 60 }) }, fc.constant(700)),
      value: fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: -9, max: 9 }) },
        fc.constant(Number.NaN),
        fc.integer({ min: 90, max: 99 }),
      ),
    }),
    { minLength: 300, maxLength: 400, size: 'max' },
  )
  .map((steps) => {
    let time = 0;
    return steps.map(({ series, step, value }) => {
      time += step;
      return { series, time, value };
    });
  });
const scored = fc.constantFrom<Scored>('record', 'window');
const models = fc.constantFrom<Partial<ModelDefinition>>(
  {},
  { when: 'detector > 0.2' },
  { scaling: 'standard', length: 3 },
  { scaling: 'residual' },
);
const limits = fc.constantFrom<Partial<PipelineDefinition>>(
  {},
  { limits: { ttlMs: 250, maxSeries: Infinity, onFull: 'reject', operatorTtlMs: new Map() } },
  { limits: { ttlMs: Infinity, maxSeries: 2, onFull: 'evict', operatorTtlMs: new Map() } },
  {
    limits: {
      ...{ ttlMs: 1_000, maxSeries: 3, onFull: 'evict' },
      operatorTtlMs: new Map([
        ['score', 400],
        ['model', 400],
      ]),
    },
  },
);

test('alerts do not depend on batches, on when answers come, on snapshots, or on where the state is', () => {
  let alerts = 0;
  let byModel = 0;
  fc.assert(
    fc.property(long, turns, scored, models, limits, (list, all, on, model, some) => {
      const definition = withModel(on, model, some);
      const whole = atOnce(list, definition);
      alerts += whole.alerts.length;
      byModel += (whole.alerts as unknown[][]).filter((row) => row[7] === 0).length;
      for (const hot of [undefined, 2]) {
        const cut = inTurns(list, definition, all, hot);
        assert.equal(String(cut.asked), String(whole.asked));
        const at = differing(cut.alerts, whole.alerts);
        assert.deepEqual(cut.alerts[at], whole.alerts[at]);
        // A diff of all of it takes longer than the test, and so does the message of assert.ok.
        assert.equal(cut.output === whole.output, true);
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
  assert.ok(alerts > 30, `${alerts} alerts`);
  assert.ok(byModel > 0, `${byModel} of them with the model`);
});

function differing(a: readonly unknown[], b: readonly unknown[]): number {
  const most = Math.max(a.length, b.length);
  for (let i = 0; i < most; i++) if (JSON.stringify(a[i]) !== JSON.stringify(b[i])) return i;
  return most;
}

function steady(count: number, spikes: ReadonlySet<number> = new Set(), everyMs = 300_000): Reading[] {
  return Array.from({ length: count }, (_, i) => {
    return { series: 's0', time: i * everyMs, value: ((i * 7919) % 101) / 10 + (spikes.has(i) ? 60 : 0) };
  });
}

function alone(definition: PipelineDefinition): PipelineDefinition {
  const { model: _, ...score } = definition.score!;
  return { ...definition, score };
}

/** Alerts by offset, with the parts as numbers. */
function alertAt(fed: ModelFed, offset: number) {
  const row = (fed.alerts as unknown[][]).find((each) => each[5] === offset)!;
  return { score: row[3] as number, model: row[7] as number, parts: (row[8] as string[]).map(Number) };
}

test('the score is the mean of the detector and the model, and the part is named', () => {
  const list = steady(400, new Set([303]));
  const fed = atOnce(list, withModel('record'));
  const detector = new ModelFed(alone(withModel('record')));
  detector.feed(list);
  assert.equal(fed.pipeline.rules[0]!.partNames.at(-1), 'model');
  const { score, model, parts } = alertAt(fed, 303);
  assert.equal(model, 0);
  assert.ok(parts.at(-1)! > 4, `${parts.at(-1)}`);
  const due = (alertAt(detector, 303).score + parts.at(-1)!) / 2;
  assert.ok(Math.abs(score - due) < 1e-6, `${score}, not ${due}`);
});

test('a configured limit is no matter of opinion', () => {
  const base = withModel('record');
  const definition = { ...base, score: { ...base.score, limits: () => ({ min: -Infinity, max: 9.5 }) } };
  const fed = new ModelFed(definition, undefined, 0, ({ rows }) => new Float32Array(rows).fill(1));
  fed.feed(steady(300));
  fed.ask(64);
  fed.answer();
  const beyond = (fed.alerts as unknown[][]).filter((row) => (row[2] as number) > 9.5);
  const scores = beyond.map((row) => row[3]);
  assert.ok(scores.length > 3, `${scores.length}`);
  assert.deepEqual(new Set(scores), new Set([8]));
});

test('scores of any sign are calibrated: what matters is how far one lies above what is usual', () => {
  for (const [scale, shift] of [
    [1, 0],
    [0.01, -3],
    [1000, -1e6],
  ] as const) {
    const tails = new ModelTails();
    tails.reserve(1);
    for (let i = 0; i < 500; i++) assert.ok(!(tails.next(0, shift + scale * ((i * 7919) % 101), 1) > 4), 'usual');
    assert.ok(tails.next(0, shift + scale * 900, 1) > 5, 'far above');
    assert.ok(tails.next(0, shift - scale * 900, 1) < 0.5, 'below');
    assert.ok(tails.next(0, shift + scale * 900, 1) > 3, 'it is not learnt at its full size');
  }
});

test('where the model gives no score, the alert is the one of the detector alone', () => {
  const list = steady(400, new Set([305]));
  const silent = atOnce(list, { ...withModel('record') });
  const none = new ModelFed(withModel('record'), undefined, 0, ({ rows }) => new Float32Array(rows).fill(NaN));
  const plain = new ModelFed({
    ...withModel('record'),
    score: { ...withModel('record').score, model: MODEL, on: null },
  });
  none.feed(list);
  none.ask(64);
  none.answer();
  const detector = new ModelFed(alone(withModel('record')));
  detector.feed(list);
  const shown = (rows: readonly unknown[]) => (rows as unknown[][]).map((row) => row.slice(0, 8));
  assert.deepEqual(shown(none.alerts), shown(detector.alerts));
  assert.notDeepEqual(shown(silent.alerts), shown(detector.alerts));
  assert.equal(plain.alerts.length, 0);
});

test('score.when: the model is asked where it holds, and nothing else waits', () => {
  const fed = new ModelFed(withModel('record', { when: "detector > 0.8 and a < 50 and series ~ 's*'" }));
  fed.feed(steady(400));
  const { pending } = fed.pipeline.model!;
  assert.ok(pending.askedCount > 0 && pending.askedCount < 60, `${pending.askedCount}`);
  // Beside those asked for, only what the detector tells by itself.
  assert.ok(pending.waiting < 250, `${pending.waiting}`);
  const others = new ModelFed(withModel('record', { when: "series == 'other'" }));
  others.feed(steady(400));
  assert.equal(others.pipeline.model!.pending.askedCount, 0);
});

test('a window that lacks a value is made of those before it, and nothing is asked while it is not whole', () => {
  const fed = new ModelFed(withModel('record'));
  const list = steady(6).map((reading, i) => (i === 3 ? { ...reading, value: NaN } : reading));
  fed.feed(list);
  const asked = fed.pipeline.model!.pending.take(10)!;
  assert.deepEqual([...asked.offsets], [2, 4, 5]);
  const value = (i: number) => Math.fround(list[i]!.value);
  assert.deepEqual(
    [...asked.windows],
    [value(0), value(1), value(2), value(1), value(2), value(4), value(2), value(4), value(5)],
  );
});

test('what a calendar holds is in no window that the model is asked with', () => {
  const base = withModel('record');
  const facts = { min: -Infinity, max: Infinity, threshold: 0.9, origin: 0, direction: 'both' } as const;
  const factsOf = () => ({ ...facts, minDeviation: 0, minDeviationRatio: 0, calendars: [0], muted: 0 });
  const calendars = [Float64Array.of(2 * 300_000, 4 * 300_000)];
  const fed = new ModelFed({ ...base, score: { ...base.score, factsOf, calendars, origins: ['x'] } });
  const list = steady(6);
  fed.feed(list);
  const asked = fed.pipeline.model!.pending.take(10)!;
  assert.deepEqual([...asked.offsets], [4, 5]);
  const value = (i: number) => Math.fround(list[i]!.value);
  assert.deepEqual([...asked.windows], [0, 1, 4, 1, 4, 5].map(value));
});

test('a state is not cut while values wait', () => {
  const fed = new ModelFed(withModel('record'));
  fed.feed(steady(10));
  assert.throws(() => fed.pipeline.snapshot(), /while 10 values wait for a model/);
  fed.ask(3);
  fed.answer();
  assert.equal(fed.pipeline.pendingCount, 0);
  fed.pipeline.snapshot();
});

const WATCHES: readonly WatchDefinition[] = (['missing', 'flat', 'shift'] as const).map((watch) => ({
  ...{ watch, rules: [`${watch}@a`], threshold: 0.3, shaping: { refractoryMs: 50 } },
  ...(watch === 'missing' && { afterMs: 80 }),
}));

test('alerts of watches keep their turn among what waits for a model', () => {
  let told = 0;
  fc.assert(
    fc.property(long, turns, scored, limits, fc.constantFrom(undefined, 2), (list, all, on, some, hot) => {
      const definition = withModel(on, {}, some);
      const watched = { ...definition, score: { ...definition.score, watches: WATCHES } };
      const silent = inTurns(list, watched, all, hot, ({ rows }) => new Float32Array(rows).fill(NaN));
      const { model: _, ...score } = watched.score;
      const alone = new ModelFed({ ...watched, score });
      alone.feed(list);
      alone.close();
      const shown = (rows: readonly unknown[]) => (rows as unknown[][]).map((row) => row.slice(0, 8));
      const at = differing(shown(silent.alerts), shown(alone.alerts));
      assert.deepEqual(shown(silent.alerts)[at], shown(alone.alerts)[at]);
      assert.equal(silent.alerts.length, alone.alerts.length);
      told += shown(alone.alerts).filter((row) => (row[6] as unknown[])[0] === -1).length;
    }),
    { numRuns: 15, endOnFailure: true },
  );
  assert.ok(told > 20, `${told} alerts of watches`);
});

test("another model's scores are calibrated anew", () => {
  const list = steady(301);
  const spike = { series: 's0', time: 301 * 300_000, value: 90 };
  const scoreOf = (name: string) => {
    const fed = new ModelFed(withModel('record'));
    fed.feed(list);
    fed.ask(64);
    fed.answer();
    const other = new ModelFed(withModel('record'), undefined, 301, distanceModel, { name, sha256: name });
    other.pipeline.restore(fed.pipeline.snapshot(), new Set());
    other.feed([spike]);
    other.ask(1);
    other.answer();
    return (other.alerts as unknown[][])[0]![7];
  };
  assert.equal(scoreOf('abc'), 0);
  assert.equal(scoreOf('another'), -1);
});
