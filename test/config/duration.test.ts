import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

test('durations in Go notation with days and weeks', () => {
  const cases: readonly [string, number][] = [
    ['250ms', 250],
    ['5s', 5000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['1d12h', 129_600_000],
    ['500us', 0.5],
    ['0', 0],
    ['-10m', -600_000],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

test('what is no duration is null', () => {
  for (const text of ['', '5', 'm', '5 m', '5mm', '1h-5m', 'five', '5m3', '--5m', '1e3s']) {
    assert.equal(parseDuration(text), null, text);
  }
});

test('a formatted duration parses back to itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), (durationMs) => {
      assert.equal(parseDuration(formatDuration(durationMs)), durationMs);
    }),
  );
  assert.equal(formatDuration(300_000), '5m');
  assert.equal(formatDuration(90_000), '1m30s');
  assert.equal(formatDuration(Infinity), 'off');
});
