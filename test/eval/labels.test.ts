import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabelledSeries } from '../../src/eval/labelledSeries.ts';
import { attachLabels, eventsOfRows, type Label } from '../../src/eval/labels.ts';

const MINUTE = 60_000;
const series = (name: string, minutes: readonly number[]): LabelledSeries => ({
  ...{ name, events: [] },
  times: Float64Array.from(minutes, (minute) => minute * MINUTE),
  values: new Float64Array(minutes.length),
});
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const label = (from: number, to: number, kind?: string): Label => ({
  ...{ startMs: from * MINUTE, endMs: to * MINUTE },
  ...(kind !== undefined && { kind }),
});
const attach = (one: LabelledSeries, ...labels: Label[]) =>
  attachLabels([one], new Map([[one.name, labels]]), { source: 'labels.json', isInclusive: false })[0]!.events.map(
    ({ from, to }) => [from, to],
  );

test('an end is not inside, a label without a length is its row, a gap is the row after it', () => {
  assert.deepEqual(attach(series('a', range(0, 100)), label(10, 20)), [[10, 20]]);
  assert.deepEqual(attach(series('a', range(0, 100)), label(10, 10)), [[10, 11]]);
  assert.deepEqual(attach(series('a', [...range(0, 40), ...range(60, 100)]), label(45, 55)), [[40, 40]]);
});

test('labels come by start, and those that overlap are one event', () => {
  const events = attach(series('a', range(0, 100)), label(50, 60), label(10, 20), label(15, 30));
  assert.deepEqual(events, [
    [10, 30],
    [50, 60],
  ]);
});

test('what does not match is named with its series and times', () => {
  const labels = new Map([
    ['a', [label(500, 600)]],
    ['b', [label(1, 2)]],
    ['c', [label(9, 3)]],
  ]);
  const all = [series('a', range(0, 100)), series('c', range(0, 100))];
  assert.throws(() => attachLabels(all, labels, { source: 'labels.json', isInclusive: false }), {
    code: 'ANM_LABELS',
    message:
      'cannot hold the series against labels.json as no series b, which is labelled at 1970-01-01T00:01:00.000Z; ' +
      'series a: the label 1970-01-01T08:20:00.000Z to 1970-01-01T10:00:00.000Z lies outside of its times, ' +
      '1970-01-01T00:00:00.000Z to 1970-01-01T01:39:00.000Z; ' +
      'series c: the label 1970-01-01T00:09:00.000Z to 1970-01-01T00:03:00.000Z ends before it begins',
  });
});

test('series that were left out, and labels outside of the range that was read, are no mistake', () => {
  const labels = new Map([
    ['a', [label(10, 12), label(500, 600)]],
    ['b', [label(1, 2)]],
  ]);
  const options = { source: 'labels.json', isInclusive: false, leftOut: new Set(['b']) };
  const rangeMs = [0, 100 * MINUTE] as const;
  const [a] = attachLabels([series('a', range(0, 100))], labels, { ...options, rangeMs });
  assert.equal(a!.events.length, 1);
});

test("NAB's labels are times of rows, both inside", () => {
  const labels = (to: number) => new Map([['a', [label(10, to)]]]);
  const options = { source: 'windows.json', isInclusive: true };
  const [a] = attachLabels([series('a', range(0, 100))], labels(20), options);
  assert.deepEqual([a!.events[0]!.from, a!.events[0]!.to], [10, 21]);
  assert.throws(
    () => attachLabels([series('a', range(0, 100))], labels(20.5), options),
    /no row at 1970-01-01T00:20:30/,
  );
});

test('a column of 0 and 1 gives an event a run', () => {
  const { times } = series('a', range(0, 8));
  const events = eventsOfRows(times, [0, 1, 1, 0, 0, 0, 0, 1], MINUTE);
  assert.deepEqual(events, [
    { startMs: MINUTE, endMs: 3 * MINUTE, from: 1, to: 3 },
    { startMs: 7 * MINUTE, endMs: 8 * MINUTE, from: 7, to: 8 },
  ]);
});
