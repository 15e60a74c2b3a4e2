import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { LateRows, WindowRows } from '../../../src/engine/rows.ts';
import { SnapshotReader, SnapshotWriter } from '../../../src/engine/state.ts';
import { FixedAligner } from '../../../src/engine/windows/aligner.ts';
import { Layout } from '../../../src/engine/windows/layout.ts';
import { WindowOutput } from '../../../src/engine/windows/output.ts';
import { TumblingWindow } from '../../../src/engine/windows/tumbling.ts';

type Reading = readonly [series: number, time: number, value: number];

function batchOf(readings: readonly Reading[]): ColumnBatch {
  const batch = new ColumnBatch(1, Math.max(1, readings.length));
  batch.count = readings.length;
  readings.forEach(([series, time, value], i) => {
    batch.series[i] = series;
    batch.eventTimes[i] = time;
    batch.fields[0]![i] = value;
  });
  return batch;
}

function rowsOf(rows: WindowRows) {
  return Array.from({ length: rows.count }, (_, i) => ({
    series: rows.series[i],
    start: rows.start[i],
    end: rows.end[i],
    count: rows.values[i],
    mean: rows.mean[i],
    min: rows.min[i],
    max: rows.max[i],
    stddev: rows.stddev[i],
  }));
}

const NONE = new Float64Array(0);

function tumbling(index = 0, latenessMs = 0): TumblingWindow {
  const window = new TumblingWindow(new Layout(index, 1, [], []), new FixedAligner(100), {
    latenessMs,
    emitEveryMs: 0,
  });
  window.reserve(8);
  return window;
}

/** Adds readings under one watermark. */
function update(window: TumblingWindow, readings: readonly Reading[], watermark: number, late = new LateRows()) {
  const out = new WindowOutput(new WindowRows(), late);
  const marks = { before: new Float64Array(readings.length).fill(watermark), after: NONE, floor: NONE };
  window.update(batchOf(readings), 0, readings.length, marks, NONE, out);
  return out;
}

function open(readings: readonly Reading[]) {
  const window = tumbling();
  const { late } = update(window, readings, -Infinity);
  return { window, late };
}

function close(window: TumblingWindow, rows: WindowRows, offset = 0): void {
  const out = new WindowOutput(rows);
  out.offset = offset;
  window.fireNext(out);
}

test('a window holds its start and not its end, and rows come in order of first appearance', () => {
  const { window } = open([
    [3, 0, 1],
    [1, 99, 5],
    [3, 99, 3],
    [2, 100, 7],
  ]);
  const rows = new WindowRows();
  assert.equal(window.nextDue, 100);
  close(window, rows, 42);
  assert.deepEqual(rowsOf(rows), [
    { series: 3, start: 0, end: 100, count: 2, mean: 2, min: 1, max: 3, stddev: 1 },
    { series: 1, start: 0, end: 100, count: 1, mean: 5, min: 5, max: 5, stddev: 0 },
  ]);
  assert.equal(rows.offset[0], 42);
  assert.equal(window.nextDue, 200);
});

test('windows before the epoch are aligned downwards', () => {
  const { window } = open([[0, -1, 1]]);
  assert.equal(window.nextDue, 0);
});

test('a record whose window the watermark has closed is late by the distance to its end', () => {
  const window = tumbling(2);
  const { late } = update(window, [[0, 50, 1]], 130);
  assert.deepEqual([late.count, late.index[0], late.window[0], late.lateByMs[0]], [1, 0, 2, 30]);
  assert.equal(window.openCount, 0);
});

test('a null value opens no row, and a pane used again starts empty', () => {
  const { window } = open([
    [0, 0, Number.NaN],
    [1, 0, 4],
  ]);
  const rows = new WindowRows();
  close(window, rows);
  assert.equal(rows.count, 1);
  rows.clear();
  update(window, [[1, 250, 9]], 100);
  close(window, rows);
  assert.deepEqual(rowsOf(rows), [{ series: 1, start: 200, end: 300, count: 1, mean: 9, min: 9, max: 9, stddev: 0 }]);
});

test('mean and deviation of values of 1e8 +- 0.5 keep nine digits over a million of them', () => {
  const count = 1_000_000;
  let state = 1;
  const values = Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return 1e8 + (state >>> 0) / 4294967296 - 0.5;
  });
  const { window } = open(Array.from(values, (value) => [0, 0, value] as const));
  const rows = new WindowRows();
  close(window, rows);
  const mean = values.reduce((sum, v) => sum + (v - 1e8), 0) / count + 1e8;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count;
  assert.ok(Math.abs(rows.mean[0]! - mean) / mean < 1e-9);
  assert.ok(Math.abs(rows.stddev[0]! - Math.sqrt(variance)) < 1e-9 * Math.sqrt(variance) * 10);
});

test('a snapshot in the middle of open windows changes nothing', () => {
  const reading = fc.tuple(
    fc.nat(5),
    fc.integer({ min: -300, max: 300 }),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
  );
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 60 }), fc.nat(60), (readings, at) => {
      const cut = Math.min(at, readings.length);
      const whole = open(readings).window;
      const first = open(readings.slice(0, cut)).window;
      const state = new SnapshotWriter();
      first.snapshot(state);
      const second = tumbling();
      second.restore(new SnapshotReader(state.encode()));
      const rest = readings.slice(cut);
      update(second, rest, -Infinity);
      const [a, b] = [new WindowRows(), new WindowRows()];
      while (whole.openCount > 0) close(whole, a);
      while (second.openCount > 0) close(second, b);
      assert.deepEqual(rowsOf(b), rowsOf(a));
    }),
  );
});

test('among many series, which are read ahead, rows are those of plain objects, also of a pane used again', () => {
  const many = 40_000;
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const readingsAt = (time: number): Reading[] =>
    Array.from({ length: 3 * many }, () => {
      return [random(50) === 0 ? -1 : random(many), time, random(40) === 0 ? Number.NaN : random(1000)];
    });
  const plain = (readings: readonly Reading[]) => {
    const values = new Map<number, number[]>();
    for (const [series, , value] of readings) {
      if (series < 0) continue;
      if (!values.has(series)) values.set(series, []);
      if (!Number.isNaN(value)) values.get(series)!.push(value);
    }
    return [...values]
      .filter(([, own]) => own.length > 0)
      .map(([series, own]) => [series, own.length, Math.min(...own), Math.max(...own)]);
  };
  const closed = (window: TumblingWindow) => {
    const rows = new WindowRows();
    close(window, rows);
    return Array.from({ length: rows.count }, (_, i) => [rows.series[i], rows.values[i], rows.min[i], rows.max[i]]);
  };
  const window = tumbling();
  window.reserve(many);
  for (const time of [0, 250]) {
    const readings = readingsAt(time);
    update(window, readings, -Infinity);
    const cut = new SnapshotWriter();
    window.snapshot(cut);
    const restored = tumbling();
    restored.reserve(many);
    restored.restore(new SnapshotReader(cut.encode()));
    const expected = plain(readings);
    assert.ok(expected.length > 32_768, `only ${expected.length} series have a row`);
    assert.deepEqual(closed(window), expected);
    assert.deepEqual(closed(restored), expected);
  }
});
