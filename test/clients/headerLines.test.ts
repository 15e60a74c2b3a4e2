import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headersOf as read } from '../../src/clients/headerLines.ts';

const headersOf = (text: string) => read(text, 'score.model.headers');

test('headers are lines of name: value, and what is none is told without its value', () => {
  const text = '# mine\r\nAuthorization: Bearer a:b\r\n\nX-Key:k\n';
  assert.deepEqual(headersOf(text), { authorization: 'Bearer a:b', 'x-key': 'k' });
  assert.deepEqual(headersOf(''), {});
  for (const line of ['Bearer-only-secret', ': secret', 'a b: secret', 'x-key:', 'x-key: secret\u0001']) {
    assert.throws(
      () => headersOf(`x-a: 1\n${line}`),
      (error: Error) =>
        /cannot use line 2 of score\.model\.headers/.test(error.message) && !error.message.includes('secret'),
    );
  }
  assert.throws(() => headersOf('X-A: 1\nx-a: 2'), { code: 'ANM_CONFIG', message: /has x-a a second time/ });
});
