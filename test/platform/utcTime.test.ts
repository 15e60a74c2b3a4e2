import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUtcTime, utcTime } from '../../src/platform/utcTime.ts';

test('a time without a zone is UTC wherever this runs', () => {
  const at = Date.UTC(2026, 10, 27, 22, 0);
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    for (const text of [
      '2026-11-27T22:00',
      '2026-11-27 22:00:00',
      '2026-11-27T22:00Z',
      '2026-11-27T17:00:00.000-05:00',
    ])
      assert.equal(parseUtcTime(text), at, text);
    assert.equal(parseUtcTime('2026-11-27'), Date.UTC(2026, 10, 27));
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('what is no time is none', () => {
  for (const text of ['', 'tomorrow', '2026-13-01', '2026-11-27T25:00', '1795694400000', '2026-11-27T22'])
    assert.equal(parseUtcTime(text), null, text);
});

test('a time beyond any calendar is its number', () => {
  assert.equal(utcTime(0), '1970-01-01T00:00:00.000Z');
  assert.equal(utcTime(8.64e15), '+275760-09-13T00:00:00.000Z');
  assert.equal(utcTime(1_795_694_400_000_000_000), '1795694400000000000');
});
