import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DayAligner } from '../../src/engine/windows/aligner.ts';
import { zoneTable } from '../../src/platform/timeZone.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Start and length in hours of the day window that a time is in. */
function dayOf(zone: string, time: string, days = 1, offsetMs = 0): [string, number] {
  const aligner = new DayAligner(days, offsetMs, zoneTable(zone));
  const start = aligner.startOf(Date.parse(time));
  return [new Date(start).toISOString(), (aligner.endOf(start) - start) / HOUR_MS];
}

test('days of Berlin have 23 hours in March and 25 in October', () => {
  assert.deepEqual(dayOf('Europe/Berlin', '2025-03-29T12:00:00Z'), ['2025-03-28T23:00:00.000Z', 24]);
  assert.deepEqual(dayOf('Europe/Berlin', '2025-03-30T00:59:59.999Z'), ['2025-03-29T23:00:00.000Z', 23]);
  assert.deepEqual(dayOf('Europe/Berlin', '2025-03-30T21:59:59.999Z'), ['2025-03-29T23:00:00.000Z', 23]);
  assert.deepEqual(dayOf('Europe/Berlin', '2025-03-30T22:00:00Z'), ['2025-03-30T22:00:00.000Z', 24]);
  assert.deepEqual(dayOf('Europe/Berlin', '2025-10-26T00:30:00Z'), ['2025-10-25T22:00:00.000Z', 25]);
  assert.deepEqual(dayOf('Europe/Berlin', '2025-10-26T22:59:59.999Z'), ['2025-10-25T22:00:00.000Z', 25]);
});

test('zones of half hours, and one whose summer time is half an hour', () => {
  assert.deepEqual(dayOf('Asia/Kolkata', '2025-06-01T18:29:59Z'), ['2025-05-31T18:30:00.000Z', 24]);
  assert.deepEqual(dayOf('Asia/Kolkata', '2025-06-01T18:30:00Z'), ['2025-06-01T18:30:00.000Z', 24]);
  assert.deepEqual(dayOf('Australia/Lord_Howe', '2025-04-05T20:00:00Z'), ['2025-04-05T13:00:00.000Z', 24.5]);
});

test('a midnight that does not exist, one that comes twice, and a day that was left out', () => {
  // Cairo, 2024-04-26: clocks go from 00:00 to 01:00.
  assert.deepEqual(dayOf('Africa/Cairo', '2024-04-26T10:00:00Z'), ['2024-04-25T22:00:00.000Z', 23]);
  // Havana, 2024-11-03: clocks go from 01:00 back to 00:00, which is the same day.
  assert.deepEqual(dayOf('America/Havana', '2024-11-03T12:00:00Z'), ['2024-11-03T04:00:00.000Z', 25]);
  // Asuncion, 2024-03-24: clocks go from 00:00 back to 23:00 of the day before, which ends at the second midnight.
  assert.deepEqual(dayOf('America/Asuncion', '2024-03-24T03:30:00Z'), ['2024-03-23T03:00:00.000Z', 25]);
  assert.deepEqual(dayOf('America/Asuncion', '2024-03-24T04:00:00Z'), ['2024-03-24T04:00:00.000Z', 24]);
  // Apia went from 2011-12-29 to 2011-12-31.
  assert.deepEqual(dayOf('Pacific/Apia', '2011-12-30T09:59:59Z'), ['2011-12-29T10:00:00.000Z', 24]);
  assert.deepEqual(dayOf('Pacific/Apia', '2011-12-30T10:00:00Z'), ['2011-12-30T10:00:00.000Z', 24]);
});

test('windows of seven days and an offset', () => {
  // 1970-01-01 was a Thursday; with four days more, weeks begin on Monday.
  const [start, hours] = dayOf('Europe/Berlin', '2025-03-30T12:00:00Z', 7, 4 * DAY_MS);
  assert.deepEqual([start, hours], ['2025-03-23T23:00:00.000Z', 7 * 24 - 1]);
  assert.equal(dayOf('Europe/Berlin', '2025-07-01T03:00:00Z', 1, 6 * HOUR_MS)[0], '2025-06-30T04:00:00.000Z');
});

test('days touch each other, in every zone and at every change of its offset', () => {
  const zones = ['Europe/Berlin', 'America/Havana', 'Pacific/Apia', 'Africa/Casablanca', 'Asia/Kathmandu', 'UTC'];
  for (const zone of zones) {
    const table = zoneTable(zone);
    const aligner = new DayAligner(1, 0, table);
    for (const change of table.fromMs.slice(1, 200)) {
      let start = aligner.startOf(change - 3 * DAY_MS);
      while (start < change + 3 * DAY_MS) {
        const end = aligner.endOf(start);
        assert.ok(end > start && end - start <= 26 * HOUR_MS, `${zone} ${new Date(start).toISOString()}`);
        assert.equal(aligner.startOf(start), start);
        assert.equal(aligner.startOf(end - 1), start);
        assert.equal(aligner.startOf(end), end);
        start = end;
      }
    }
  }
});

test('the table holds the offsets that Intl knows', () => {
  const { fromMs, offsetsMs } = zoneTable('Europe/Berlin');
  const at = (time: string) => offsetsMs[fromMs.findLastIndex((from) => from <= Date.parse(time))]! / HOUR_MS;
  assert.deepEqual(
    ['1975-07-01T00:00:00Z', '2025-03-30T00:59:59Z', '2025-03-30T01:00:00Z', '2025-10-26T01:00:00Z'].map(at),
    [1, 1, 2, 1],
  );
});
