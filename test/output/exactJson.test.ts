import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExactJson } from '../../src/output/exactJson.ts';

test('a number that a double would change comes as what stands there, every other value as JSON.parse gives it', () => {
  assert.deepEqual(
    parseExactJson('{"a":9007199254740993,"b":[-12345678901234567890,1e400],"c":"9007199254740993","d":0.1,"e":1.50}'),
    { a: '9007199254740993', b: ['-12345678901234567890', '1e400'], c: '9007199254740993', d: 0.1, e: 1.5 },
  );
  assert.equal(parseExactJson('3.141592653589793238462643'), '3.141592653589793238462643');
  assert.equal(parseExactJson('9007199254740992'), '9007199254740992');
  assert.equal(parseExactJson('-9007199254740991'), -9007199254740991);
  assert.equal(parseExactJson('123000000000000000000000e-3'), 123e18);
  assert.equal(parseExactJson('0e999'), 0);
  assert.deepEqual(parseExactJson('{"\\"1\\"":"\\\\"}'), { '"1"': '\\' });
  assert.throws(() => parseExactJson('{"a":01}'), SyntaxError);
  const spelled = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(String(value)) ? String(value) : value;
  fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(parseExactJson(text), JSON.parse(text, spelled))));
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (value) => {
      const back = parseExactJson(String(value));
      assert.equal(BigInt(back as string | number), value);
    }),
  );
});
