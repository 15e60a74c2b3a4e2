import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isIntegerText, parseDecimal } from '../../../src/inputs/text/numbers.ts';

const parse = (text: string): number => parseDecimal(Buffer.from(`1${text}1`), 1, Buffer.byteLength(text) + 1);

test('every finite double reads back from its shortest text', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(parse(String(value)), Number(String(value)));
    }),
    { numRuns: 5000 },
  );
});

test('decimals of any length round as Number rounds them', () => {
  const digits = fc.stringMatching(/^[0-9]{1,25}$/);
  fc.assert(
    fc.property(fc.constantFrom('', '-', '+'), digits, fc.option(digits), (sign, whole, fraction) => {
      const text = `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`;
      assert.equal(parse(text), Number(text));
    }),
    { numRuns: 5000 },
  );
});

test('exponents, bare points, and what is no number', () => {
  assert.deepEqual(['1e3', '-1.5E-2', '.5', '5.', '+7'].map(parse), [1000, -0.015, 0.5, 5, 7]);
  for (const text of ['', '-', '.', '1e', '1.2.3', 'NaN', 'inf', '0x10', '1,5', ' 1', '1 ', '--1', '1e999', '1_000']) {
    assert.equal(parse(text), Number.NaN, text);
  }
});

test('integers are digits with an optional sign', () => {
  const check = (text: string): boolean => isIntegerText(Buffer.from(text), 0, text.length);
  assert.deepEqual(['0', '-12', '+3', '12345678901234567890'].map(check), [true, true, true, true]);
  assert.deepEqual(['', '-', '1.0', '1e3', 'a'].map(check), [false, false, false, false, false]);
});
