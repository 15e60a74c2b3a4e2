import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AlertGrader } from '../../../src/commands/demo/labels.ts';
import { readLabels } from '../../../src/commands/labelFile.ts';

const HOUR_MS = 3_600_000;
const labels = new Map([
  [
    'pump',
    [
      { startMs: 10 * HOUR_MS, endMs: 20 * HOUR_MS },
      { startMs: 50 * HOUR_MS, endMs: 60 * HOUR_MS },
    ],
  ],
]);

test('alerts inside a labelled window find it, borders included', () => {
  for (const [timeMs, found] of [
    [10 * HOUR_MS, 1],
    [20 * HOUR_MS, 1],
    [10 * HOUR_MS - 1, 0],
    [20 * HOUR_MS + 1, 0],
  ] as const) {
    const grader = new AlertGrader(labels, HOUR_MS);
    grader.add('a', 'pump', timeMs);
    const [grade] = grader.grades(['pump'], 100 * HOUR_MS);
    assert.deepEqual(
      [grade!.found, grade!.missed, grade!.falseAlarms],
      [found, 2 - found, 1 - found],
      `alert at ${timeMs}`,
    );
  }
});

test('false alarms count once within the refractory time, in any order, and a repeated alert not at all', () => {
  const times = [0, 0.5, 0.9, 1.0, 1.5, 30].map((hour) => hour * HOUR_MS);
  for (const order of [times, [...times].reverse()]) {
    const grader = new AlertGrader(labels, HOUR_MS);
    for (const timeMs of order) assert.equal(grader.add(`id ${timeMs}`, 'pump', timeMs), true);
    assert.equal(grader.add('id 0', 'pump', 0), false);
    const [grade] = grader.grades(['pump'], 100 * HOUR_MS);
    // Counted at 0, 1 and 30 hours.
    assert.deepEqual(grade, { series: 'pump', alerts: 6, labelled: 2, found: 0, missed: 2, falseAlarms: 3 });
    assert.equal(grader.count, 6);
  }
});

test('windows that the stream did not come to are neither found nor missed; series without labels have none', () => {
  const grader = new AlertGrader(labels, HOUR_MS);
  grader.add('a', 'valve', 5 * HOUR_MS);
  const grades = grader.grades(['valve', 'pump'], 49 * HOUR_MS);
  assert.deepEqual(
    grades.map(({ series, labelled, missed, falseAlarms }) => [series, labelled, missed, falseAlarms]),
    [
      ['pump', 1, 1, 0],
      ['valve', 0, 0, 1],
    ],
  );
});

test("the demo's labels are read as UTC", async () => {
  const path = fileURLToPath(new URL('../../../fixtures/nab/demo/combined_windows.json', import.meta.url));
  const read = await readLabels(path, '/');
  assert.equal(read.size, 9);
  assert.equal(
    [...read.values()].reduce((sum, windows) => sum + windows.length, 0),
    24,
  );
  const [jump] = read.get('artificialWithAnomaly/art_daily_jumpsup')!;
  assert.equal(new Date(jump!.startMs).toISOString(), '2014-04-10T16:15:00.000Z');
  assert.equal(new Date(jump!.endMs).toISOString(), '2014-04-12T01:45:00.000Z');
});
