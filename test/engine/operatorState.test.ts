import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ColumnBatch } from '../../src/engine/batch.ts';
import type { PipelineDefinition } from '../../src/engine/definition.ts';
import { KeyDictionary } from '../../src/engine/keys.ts';
import { operatorDefinitions } from '../../src/engine/operatorDefinitions.ts';
import { changeText, definitionChanges, type Json, withoutOperators } from '../../src/engine/operatorState.ts';
import { PartitionPipeline } from '../../src/engine/pipeline.ts';
import { isAnomalyError } from '../../src/errors.ts';

const BASE: PipelineDefinition = {
  fields: ['value'],
  outOfOrdernessMs: 0,
  windows: [{ name: 'w1m', sizeMs: 60_000 }],
  features: [
    { name: 'mean_3', rolling: 3, statistic: 'mean', of: { kind: 'aggregate', window: 0, aggregate: 'mean' } },
    { name: 'z_9', rolling: 9, statistic: 'z', of: { kind: 'field', field: 0 } },
  ],
  score: {
    on: null,
    detector: { detector: 'rolling-z', threshold: 3, window: 9, minCount: 3, stepMs: 60_000 },
    rules: ['z'],
    shaping: { refractoryMs: 0 },
    limits: () => ({ min: -Infinity, max: Infinity }),
  },
};

function filled(definition: PipelineDefinition): PartitionPipeline {
  const pipeline = new PartitionPipeline(definition, new KeyDictionary());
  const key = new TextEncoder().encode('a');
  const batch = new ColumnBatch(definition.fields.length, 100);
  batch.count = 100;
  for (let i = 0; i < 100; i++) {
    batch.series[i] = pipeline.keys.intern(key, 0, 1);
    batch.offsets[i] = i;
    batch.eventTimes[i] = i * 1_000;
    for (const field of batch.fields) field[i] = i;
  }
  pipeline.process(batch, 0, 100);
  pipeline.clearOutput();
  return pipeline;
}

const change = (before: Json, now: Json) =>
  definitionChanges([{ id: 'x', definition: before }], [{ id: 'x', definition: now }]).map(changeText);

test('changes are told by operator, place and both values', () => {
  assert.deepEqual(change({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 }), []);
  assert.deepEqual(change({ a: 1, b: { c: [1, 2] } }, { a: 2, b: { c: [2, 1] }, d: null }), [
    'x: a was 1 and is 2',
    'x: b.c was [1,2] and is [2,1]',
    'x: d was not set and is null',
  ]);
  assert.deepEqual(definitionChanges([{ id: 'x', definition: 1 }], [{ id: 'y', definition: 1 }]).map(changeText), [
    'x is no longer there',
  ]);
});

test('a changed window is refused by name with all that reads it, and dropped where that is allowed', () => {
  const state = filled(BASE).snapshot();
  const wider = { ...BASE, windows: [{ name: 'w1m', sizeMs: 120_000 }] };
  const restored = new PartitionPipeline(wider, new KeyDictionary());
  assert.throws(
    () => restored.restore(state, new Set()),
    (error) =>
      isAnomalyError(error) &&
      error.code === 'ANM_STATE_INCOMPATIBLE' &&
      /window\/w1m, feature\/mean_3.*: size was 1m and is 2m/.test(error.message),
  );
  assert.equal(restored.keys.size, 0, 'what is refused has left nothing behind');
  restored.restore(state, new Set(['window/w1m', 'feature/mean_3']));
  assert.equal(restored.openWindows, 0);
  assert.equal(restored.watermark, 99_000);
  const kept = restored.snapshot().find(({ id }) => id === 'feature/z_9')!;
  assert.deepEqual(kept.bytes, state.find(({ id }) => id === 'feature/z_9')!.bytes);
});

test('an operator that is new starts empty, and one that is gone has to be given up by name', () => {
  const state = filled(BASE).snapshot();
  const more = { ...BASE, windows: [...BASE.windows, { name: 'w5m', sizeMs: 300_000 }] };
  const grown = new PartitionPipeline(more, new KeyDictionary());
  grown.restore(state, new Set());
  assert.equal(grown.openWindows, 1);
  const { score: _, ...less } = BASE;
  const shrunk = new PartitionPipeline(less, new KeyDictionary());
  assert.throws(() => shrunk.restore(state, new Set(['window/w1m'])), /score is no longer there/);
  shrunk.restore(state, new Set(['score']));
  assert.equal(shrunk.openWindows, 1);
});

test('series of another key take all state by series with them, where that is allowed', () => {
  const keyed = (key: string) => ({ ...BASE, source: { key, paths: ['value'] } });
  const state = filled(keyed('a')).snapshot();
  const other = new PartitionPipeline(keyed('b'), new KeyDictionary());
  assert.throws(() => other.restore(state, new Set()), /keys: key was "a" and is "b"/);
  other.restore(state, new Set(['keys']));
  assert.deepEqual([other.keys.size, other.openWindows, other.watermark], [0, 0, 99_000]);
  // What a restore stores without its keys goes on by itself, too.
  const less = new PartitionPipeline(keyed('b'), new KeyDictionary());
  less.restore(withoutOperators(state, new Set(['keys'])), new Set());
  assert.deepEqual([less.keys.size, less.openWindows, less.watermark], [0, 0, 99_000]);
  const torn = state.filter(({ id }) => id !== 'keys');
  assert.throws(
    () => new PartitionPipeline(keyed('a'), new KeyDictionary()).restore(torn, new Set()),
    /has no operator keys/,
  );
});

test('thresholds and slack may change with the state kept', () => {
  const changed = {
    ...BASE,
    outOfOrdernessMs: 5_000,
    score: {
      ...BASE.score!,
      shaping: { refractoryMs: 9 },
      detector: { ...BASE.score!.detector, threshold: 8, minCount: 5 },
    },
  };
  assert.deepEqual(definitionChanges(operatorDefinitions(BASE), operatorDefinitions(changed)), []);
});
