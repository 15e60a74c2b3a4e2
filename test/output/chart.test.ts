import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ChartOptions, renderChart } from '../../src/output/chart.ts';
import { textWidth } from '../../src/output/table.ts';

const NO_BAND = { lower: null, expected: null, upper: null };
const options = (more: Partial<ChartOptions> = {}): ChartOptions => ({
  ...{ width: 40, height: 6, ascii: true, color: false, band: NO_BAND },
  timeText: (ms) => `t${ms}`,
  ...more,
});

test('a line, its band and the marked point, in ASCII', () => {
  const points = [0, 1, 2, 3, 4].map((i) => ({ timeMs: i * 10, value: i === 3 ? 50 : 10 }));
  const mark = { timeMs: 30, value: 50 };
  const text = renderChart(points, options({ width: 26, band: { lower: 0, expected: 10, upper: 20 }, mark }));
  assert.equal(
    text,
    [
      '50 +                !',
      '   |               * *',
      '   |             **   **',
      '20 +............*.......*.',
      '10 +************---------*',
      ' 0 +......................',
      '   +----------------------',
      '    t0             t30 t40',
      '    ! the alert   - expected then   . band then',
    ]
      .map((line) => line.replace(/\s+$/, ''))
      .join('\n'),
  );
});

test('in braille a cell has eight dots, and colours are only around signs', () => {
  const points = Array.from({ length: 50 }, (_, i) => ({ timeMs: i, value: i % 10 }));
  const plain = renderChart(points, options({ ascii: false, mark: points[20]! }));
  assert.match(plain, /[\u2801-\u28ff]/);
  assert.match(plain, /●/);
  const colored = renderChart(points, options({ ascii: false, color: true, mark: points[20]! }));
  assert.notEqual(colored, plain);
  assert.equal(colored.replace(/\u001b\[\d+m/g, ''), plain);
});

test('a long pause is a gap in the line', () => {
  const points = [0, 1, 2, 50, 51, 52].map((timeMs) => ({ timeMs, value: 5 }));
  const row = renderChart(points, options({ width: 60 }))
    .split('\n')
    .find((line) => line.includes('*'))!;
  assert.match(row, /\*+ {40,}\*+/);
});

test('whatever the values, no line is wider than it may be, and each value has its place', () => {
  const value = fc.oneof(
    fc.double(),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(NaN, Infinity, -Infinity, 1e300, -1e-300),
  );
  const level = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1000), value), { maxLength: 40 }),
      fc.record({ lower: level, expected: level, upper: level }),
      fc.integer({ min: 40, max: 120 }),
      fc.boolean(),
      (list, band, width, ascii) => {
        const points = list.toSorted((a, b) => a[0] - b[0]).map(([timeMs, each]) => ({ timeMs, value: each }));
        const text = renderChart(points, options({ width, ascii, band, timeText: (ms) => String(ms) }));
        const lines = text.split('\n');
        const plot = lines.slice(0, -1);
        assert.ok(
          plot.every((line) => textWidth(line) <= width),
          text,
        );
        if (ascii) assert.doesNotMatch(text, /[^\x00-\x7f]/);
        if (points.some((each) => Number.isFinite(each.value))) assert.match(text, ascii ? /\*/ : /[\u2801-\u28ff]/);
        else assert.equal(text, 'no values to draw');
      },
    ),
    { numRuns: 300 },
  );
});
