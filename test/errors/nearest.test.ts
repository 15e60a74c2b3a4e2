import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, editDistance, nearest } from '../../src/errors/nearest.ts';

test('edit distance counts insertions, deletions, replacements and swaps', () => {
  assert.equal(editDistance('lag', 'lag'), 0);
  assert.equal(editDistance('lag', 'lagg'), 1);
  assert.equal(editDistance('alg', 'lag'), 1);
  assert.equal(editDistance('window', 'widow'), 1);
  assert.equal(editDistance('', 'abc'), 3);
});

test('the nearest word, or none when nothing is near', () => {
  const words = ['run', 'window', 'score', 'lag', 'schema ls'];
  assert.equal(nearest('widnow', words), 'window');
  assert.equal(nearest('socre', words), 'score');
  assert.equal(nearest('rnu', words), 'run');
  assert.equal(nearest('kubernetes', words), undefined);
});

test('a hint says what may be meant, then where to look', () => {
  assert.equal(
    didYouMean('raw-sensor', ['raw-sensors', 'pumps'], 'ls lists them'),
    'did you mean raw-sensors? ls lists them',
  );
  assert.equal(didYouMean('kubernetes', ['raw-sensors', 'pumps'], 'ls lists them'), 'ls lists them');
});
