import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  daysSinceEpoch,
  epochUnitByMagnitude,
  epochUnitByName,
  parseEpochTime,
  parseIsoTime,
} from '../../../src/inputs/time/time.ts';

const iso = (text: string): number => {
  // Other bytes around the range show that only the range is read.
  const bytes = Buffer.from(`9${text}9`);
  return parseIsoTime(bytes, 1, bytes.length - 1);
};

test('every instant that Date prints reads back, with T or a space, with Z or without', () => {
  const instants = fc.date({
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(
      instants,
      fc.constantFrom('T', ' ', 't'),
      fc.constantFrom('Z', '', 'z', ' UTC', '+00:00'),
      (date, joint, zone) => {
        const text = date.toISOString();
        assert.equal(iso(text.slice(0, 10) + joint + text.slice(11, 23) + zone), date.getTime());
        assert.equal(iso(text.slice(0, 10)), Math.floor(date.getTime() / 86_400_000) * 86_400_000);
      },
    ),
    { numRuns: 2000 },
  );
});

test('offsets of every spelling move the time as Date moves it', () => {
  const zones = fc.tuple(fc.constantFrom('+', '-'), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
  fc.assert(
    fc.property(zones, fc.boolean(), ([sign, hours, minutes], colon) => {
      const hh = String(hours).padStart(2, '0');
      const mm = String(minutes).padStart(2, '0');
      const want = Date.parse(`2024-02-29T12:34:56${sign}${hh}:${mm}`);
      assert.equal(iso(`2024-02-29 12:34:56${sign}${hh}${colon ? ':' : ''}${mm}`), want);
    }),
  );
  assert.equal(iso('2024-02-29T12:34:56-07'), Date.parse('2024-02-29T12:34:56-07:00'));
});

test('a date exists or it is no time', () => {
  fc.assert(
    fc.property(fc.nat(9999), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }), (year, month, day) => {
      const text = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
      const date = new Date(`${text}T00:00:00Z`);
      // Date rolls 30 February over to March: such a date does not exist.
      const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
      assert.equal(iso(text), exists ? date.getTime() : Number.NaN);
    }),
    { numRuns: 3000 },
  );
});

test('fractions go down to microseconds, finer digits are cut', () => {
  const base = Date.parse('2014-04-01T00:00:00Z');
  assert.equal(iso('2014-04-01 00:00:00.5'), base + 500);
  assert.equal(iso('2014-04-01 00:00:00,123'), base + 123);
  assert.equal(Math.round(iso('2014-04-01T00:00:00.123456789Z') * 1000), base * 1000 + 123456);
  assert.equal(iso('2014-04-01 00:05'), base + 300_000);
  assert.equal(iso('2014/04/01 00:05:00'), base + 300_000);
});

test('what is no time is NaN', () => {
  for (const text of [
    '',
    '2014',
    '2014-04-0',
    '2014-04-01 0',
    '2014-04-01 00:0',
    '2014-04-01 24:00:00',
    '2014-04-01 00:60:00',
    '2014-04-01 00:00:60',
    '2014-04-01 00:00:0',
    '2014-04-01 00:00:00.',
    '2014-04-01 00:00:00.5x',
    '2014-04-01 00:00:00+1',
    '2014-04-01 00:00:00 CET',
    '2014-04-01x00:00:00',
    '2014-4-1 00:00:00',
    'abcd-ef-gh',
    '2014-04/01',
    '2014-04-01 00:00:00+24:00',
    '2014-04-01 00-00:00',
  ]) {
    assert.equal(iso(text), Number.NaN, text);
  }
});

test('epoch numbers of each unit give milliseconds', () => {
  const epoch = (unit: 's' | 'ms' | 'us' | 'ns', text: string) =>
    parseEpochTime(unit, Buffer.from(text), 0, text.length);
  assert.equal(epoch('s', '1396310400'), 1396310400000);
  assert.equal(epoch('s', '1396310400.25'), 1396310400250);
  assert.equal(epoch('s', '-86400'), -86400000);
  assert.equal(epoch('ms', '1396310400123'), 1396310400123);
  assert.equal(epoch('us', '1396310400123456'), 1396310400123.456);
  assert.equal(epoch('ns', '1396310400123456789'), 1396310400123.456);
  assert.equal(epoch('s', 'soon'), Number.NaN);
  assert.equal(epoch('s', '1e300'), Number.NaN);
});

test('the unit of an epoch comes from its name, else from its magnitude', () => {
  assert.deepEqual(['ts_ms', 'epochSeconds', 'time-us', 'ns', 'time', 'status', 'ts'].map(epochUnitByName), [
    'ms',
    's',
    'us',
    'ns',
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual([1396310400, 1396310400e3, 1396310400e6, 1396310400e9].map(epochUnitByMagnitude), [
    's',
    'ms',
    'us',
    'ns',
  ]);
});

test('days follow the calendar across centuries', () => {
  for (const [year, month, day] of [
    [1970, 1, 1],
    [2000, 2, 29],
    [1900, 3, 1],
    [2100, 2, 28],
    [1, 1, 1],
  ] as const) {
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    assert.equal(daysSinceEpoch(year, month, day), date.getTime() / 86_400_000);
  }
});
