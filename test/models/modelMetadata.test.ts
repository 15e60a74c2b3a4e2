import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeSpec, specFromMetadata } from '../../src/models/modelMetadata.ts';
import type { ModelSpec } from '../../src/models/modelSpec.ts';
import { specMetadata } from '../../src/models/specMetadata.ts';

const metadataOf = (spec: ModelSpec) => new Map(Object.entries(specMetadata(spec)));

const FULL: ModelSpec = {
  kind: 'class',
  length: 31,
  channels: ['flow', 'pressure, bar'],
  scaling: 'standard',
  layout: 'batch-channels-length',
  input: 'x',
  output: 'p',
  direction: 'low',
  classIndex: 2,
};

test('a spec goes into the metadata of a file and back', () => {
  assert.deepEqual(specFromMetadata('m', metadataOf(FULL)), FULL);
  const least: ModelSpec = { kind: 'score', length: 0, channels: ['v'], scaling: 'none' };
  assert.deepEqual(
    [...metadataOf(least).keys()],
    ['anomaly.kind', 'anomaly.length', 'anomaly.channels', 'anomaly.scaling'],
  );
  assert.deepEqual(completeSpec('m', metadataOf(least)), least);
});

test('the configuration goes over the file, and what neither says is named', () => {
  const metadata = metadataOf(FULL);
  assert.deepEqual(completeSpec('m', metadata, { length: 7, layout: undefined }), { ...FULL, length: 7 });
  assert.throws(
    () => completeSpec('m', new Map(), { kind: 'score', length: 0 }),
    /neither m nor the configuration says the channels/,
  );
});

test('metadata that cannot be is named by its key', () => {
  const cases: [string, string, RegExp][] = [
    ['kind', 'guess', /anomaly\.kind 'guess', which is not one of forecast, reconstruction, score, class/],
    ['length', '-1', /anomaly\.length '-1', which is not a count/],
    ['channels', 'flow', /anomaly\.channels 'flow', which is not a JSON list of names/],
    ['channels', '[]', /not a JSON list of names/],
    ['class_index', '1.5', /not a count/],
  ];
  for (const [key, value, message] of cases) {
    assert.throws(() => specFromMetadata('m', new Map([[`anomaly.${key}`, value]])), message);
  }
});
