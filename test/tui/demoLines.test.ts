import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DemoAlert, DemoSnapshot } from '../../src/observe/demoSnapshot.ts';
import { textWidth } from '../../src/output/table.ts';
import { demoLines } from '../../src/tui/demoLines.ts';

function alert(over: Partial<DemoAlert> = {}): DemoAlert {
  return {
    id: 'kpi@value/realKnownCause/machine_temperature_system_failure/1',
    series: 'realKnownCause/machine_temperature_system_failure',
    timeMs: Date.UTC(2013, 11, 16, 9, 5),
    value: 21.123456,
    score: 3.456,
    labelled: true,
    ...over,
  };
}

function snapshot(over: Partial<DemoSnapshot> = {}): DemoSnapshot {
  return {
    elapsedMs: 12_300,
    produced: 23_000,
    total: 46_000,
    rate: 2400,
    rates: [0, 1200, 2400],
    windows: 22_500,
    alerts: 2,
    late: 0,
    lagRecords: 3,
    p50Ms: 1.25,
    p95Ms: 4,
    p99Ms: 12,
    recent: [alert(), alert({ labelled: false, series: 'realTraffic/speed_6005', value: 1.5e7 })],
    phase: 'running',
    ...over,
  };
}

test('the frame at 100 columns', () => {
  const lines = demoLines(snapshot(), 100, 40).map((line) => line.text.trimEnd());
  assert.deepEqual(lines.slice(0, 5), [
    'anomaly demo  12.3 s  ^C stops  files > topic > windows > kpi detector > alerts',
    `produced    ${'█'.repeat(36)}${'░'.repeat(36)} 23,000 / 46,000`,
    `events/s    ${'▁▅█'.padStart(72)} 2,400/s`,
    'pipeline    windows 22,500  alerts 2  late 0  lag 3',
    'to alert    p50 1.3 ms  p95 4 ms  p99 12 ms',
  ]);
  assert.match(lines[5]!, /^EVENT TIME {7}SERIES +VALUE +SCORE {2}LABEL$/);
  assert.match(
    lines[6]!,
    /^2013-12-16 09:05 realKnownCause\/machine_temperature_system_failure +21\.123 +3\.5 {2}anomaly$/,
  );
  assert.match(lines[7]!, /^2013-12-16 09:05 realTraffic\/speed_6005 +1\.50e\+7 +3\.5 {2}false alarm$/);
});

test('a frame is lower than the terminal, as wide at most, and of one height from start to end', () => {
  for (const columns of [1, 10, 39, 60, 71, 72, 80, 120, 300]) {
    for (const rows of [1, 2, 5, 8, 12, 24, 50]) {
      const first = demoLines(
        snapshot({ recent: [], p50Ms: null, p95Ms: null, p99Ms: null, rates: [] }),
        columns,
        rows,
      );
      const last = demoLines(snapshot({ recent: Array.from({ length: 20 }, () => alert()) }), columns, rows);
      assert.equal(first.length, last.length);
      assert.ok(last.length < Math.max(2, rows), `${last.length} lines at ${rows} rows`);
      assert.ok(last.length <= 14);
      for (const line of [...first, ...last]) {
        assert.ok(textWidth(line.text) <= columns, `${line.key} at ${columns} columns`);
        // An empty line would be no line for Ink.
        assert.ok(line.text.length > 0);
      }
    }
  }
});

test('a narrow terminal keeps the end of the series name, the score and the verdict', () => {
  const line = demoLines(snapshot(), 50, 24).find(({ key }) => key === 'alert 0')!;
  assert.match(line.text, /^…[\w/]*system_failure +3\.5 {2}anomaly$/);
});

test('colour follows the label and the budget of 100 ms', () => {
  const color = (over: Partial<DemoSnapshot>, key: string) =>
    demoLines(snapshot(over), 100, 40).find((line) => line.key === key)?.color;
  assert.equal(color({}, 'alert 0'), 'green');
  assert.equal(color({}, 'alert 1'), 'yellow');
  assert.equal(color({ p99Ms: 20 }, 'latency'), 'green');
  assert.equal(color({ p99Ms: 21 }, 'latency'), 'yellow');
  assert.equal(color({ p99Ms: 101 }, 'latency'), 'red');
});
