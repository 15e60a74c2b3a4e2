import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exp, log, log10 } from '../../src/engine/math.ts';

const wide = fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true });
const nearOne = fc.double({ min: 0.5, max: 2, noNaN: true });

test('log and exp are within 2 units in the last place of those of the runtime, log10 within 3', () => {
  const near = (actual: number, expected: number, x: number, places = 2) =>
    assert.ok(
      actual === expected || Math.abs(actual - expected) <= places * lastPlace(expected),
      `${actual} for ${x}, not ${expected}`,
    );
  fc.assert(
    fc.property(fc.oneof(wide, nearOne), fc.double({ min: -746, max: 710, noNaN: true }), (x, y) => {
      near(log(x), Math.log(x), x);
      near(log10(x), Math.log10(x), x, 3);
      near(exp(y), Math.exp(y), y);
    }),
    { numRuns: 20_000 },
  );
});

test('the ends of the range', () => {
  assert.deepEqual([log(0), log(-1), log(NaN), log(Infinity), log(1)], [-Infinity, NaN, NaN, Infinity, 0]);
  assert.deepEqual([exp(NaN), exp(1000), exp(-1000), exp(0), exp(-Infinity)], [NaN, Infinity, 0, 1, 0]);
});

test('the bits are fixed: results may not change between runtimes or versions', () => {
  const inputs = [0.02, 0.1, 1 / 3, 0.999999, 1.000001, 1.5, 2, 10, 61, 1e8, 1e-300, 3e-310];
  assert.deepEqual(inputs.map(log).map(hex), LOGS);
  assert.deepEqual(inputs.map(log10).map(hex), LOG10S);
  assert.deepEqual([-700, -20.5, -1, -1e-9, 0.3, 1, 2.3, 88.7, 700].map(exp).map(hex), EXPS);
});

function lastPlace(value: number): number {
  const size = Math.max(Math.abs(value), Number.MIN_VALUE);
  return Math.max(Number.MIN_VALUE, 2 ** (Math.floor(Math.log2(size)) - 52));
}

function hex(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

const LOGS = [
  'c00f4bd2b7ac1baf',
  'c0026bb1bbb55515',
  'bff193ea7aad030b',
  'beb0c6f82d74d230',
  '3eb0c6f713f33a1d',
  '3fd9f323ecbf984c',
  '3fe62e42fefa39ef',
  '40026bb1bbb55516',
  '40107188eb126c0d',
  '40326bb1bbb55516',
  'c085963447f87fb5',
  'c086459f44103e87',
];
const LOG10S = [
  'bffb2efb2bd8217f',
  'bfeffffffffffffe',
  'bfde8927964fd5fd',
  'be9d25204937a8c5',
  '3e9d251e6030e663',
  '3fc68a288b60b7fc',
  '3fd34413509f79fe',
  '3ff0000000000000',
  '3ffc90b6045f1bef',
  '4020000000000000',
  'c072bfffffffffff',
  'c073585db61a6c0a',
];
const EXPS = [
  '00d14f2b0fb9307f',
  '3e157a3afeed00ab',
  '3fd78b56362cef38',
  '3fefffffff768fa1',
  '3ff599058c8c1a96',
  '4005bf0a8b14576a',
  '4023f2c80aef884d',
  '47ef4705bbffae5c',
  '7f0d945df4f8ec8e',
];
