import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { usualIntervalMs } from '../../src/eval/labelledSeries.ts';
import { SYNTHETIC_SEED, syntheticSuite } from '../../src/eval/synthetic/suite.ts';

const suite = syntheticSuite();
const events = suite.flatMap((series) => series.events.map((event) => ({ series, event })));
const ofKind = (kind: string) => events.filter(({ event }) => event.kind === kind);

test('the suite is what it was when the first detector was measured by it', () => {
  const digest = createHash('sha256');
  for (const { name, times, values, events } of suite) {
    digest.update(name).update(times).update(values).update(JSON.stringify(events));
  }
  assert.equal(SYNTHETIC_SEED, 20_260_105);
  assert.equal(digest.digest('hex'), '273241794a98ebbf7fe5172953a94556eecdddb6612bc31fba5b93a1a89cc7ec');
});

test('half of the series have six anomalies each, the others none, and names are unique', () => {
  assert.equal(new Set(suite.map(({ name }) => name)).size, 96);
  for (const series of suite) {
    assert.equal(series.events.length, series.name.startsWith('clean-') ? 0 : 6, series.name);
  }
  const counts = ['spike', 'shift', 'drift', 'freeze', 'gap'].map((kind) => ofKind(kind).length);
  assert.deepEqual(counts, [96, 48, 48, 48, 48]);
});

test('times ascend by the interval that the name says, values are finite', () => {
  const intervals: Record<string, number> = { '1m': 60_000, '5m': 300_000, '1h': 3_600_000 };
  for (const { name, times, values } of suite) {
    assert.equal(times.length, values.length);
    assert.equal(usualIntervalMs(times), intervals[name.slice(name.indexOf('-') + 1, name.indexOf('/'))], name);
    for (let i = 1; i < times.length; i++) assert.ok(times[i]! > times[i - 1]!, name);
    assert.ok(values.every(Number.isFinite), name);
  }
});

test('labels are in order, after the first fifth, apart, and rows and times say the same', () => {
  for (const { name, times, events } of suite) {
    let endMs = times[0]! + 0.19 * (times.at(-1)! - times[0]!);
    for (const event of events) {
      assert.ok(event.startMs > endMs && event.endMs > event.startMs, name);
      endMs = event.endMs;
      const inside = [...times.keys()].filter((i) => times[i]! >= event.startMs && times[i]! < event.endMs);
      assert.equal(inside.length, event.to - event.from, name);
      if (inside.length > 0) assert.equal(inside[0], event.from, name);
      else assert.equal(times[event.from], event.endMs, name);
    }
    assert.ok(endMs <= times.at(-1)!, name);
  }
});

test('a freeze repeats the value before it, and a gap has no rows', () => {
  for (const { series, event } of ofKind('freeze')) {
    const before = series.values[event.from - 1];
    for (let i = event.from; i < event.to; i++) assert.equal(series.values[i], before, series.name);
    assert.notEqual(series.values[event.to], before);
  }
  for (const { event } of ofKind('gap')) assert.equal(event.from, event.to);
  for (const kind of ['spike', 'shift', 'drift', 'freeze']) {
    assert.ok(ofKind(kind).every(({ event }) => event.to > event.from));
  }
});

test('another seed gives other values', () => {
  const other = syntheticSuite(1);
  assert.deepEqual(
    other.map(({ name }) => name),
    suite.map(({ name }) => name),
  );
  assert.ok(other.every((series, i) => series.values[0] !== suite[i]!.values[0]));
});
