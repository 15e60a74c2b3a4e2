import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRounded, quoteLongIntegers } from '../../../src/engine/decode/exactJson.ts';

test('long whole numbers keep their digits, and nothing else changes', () => {
  const json =
    '{"id":9007199254740993,"s":"12345678901234567890, \\"99999999999999999\\"","f":1.2345678901234567e20,"n":-12345678901234567}';
  const value = JSON.parse(quoteLongIntegers(json));
  assert.deepEqual(value, {
    id: '9007199254740993',
    s: '12345678901234567890, "99999999999999999"',
    f: 1.2345678901234567e20,
    n: '-12345678901234567',
  });
});

test('any JSON without long numbers stays as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      if (/\d{16}/.test(json)) return;
      assert.equal(quoteLongIntegers(json), json);
    }),
  );
});

test('only whole numbers beyond 2^53 may be rounded', () => {
  assert.deepEqual([2 ** 53 - 1, 2 ** 53, 0.5, '9007199254740993', null].map(isRounded), [
    false,
    true,
    false,
    false,
    false,
  ]);
});
