import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AlertOrder, decodeOrder, encodeOrder } from '../../../src/runtime/alerts/alertOrders.ts';

const whole = fc.integer({ min: 0, max: 2 ** 50 });
const order: fc.Arbitrary<AlertOrder> = fc.oneof(
  fc.record({
    type: fc.constant('silence' as const),
    silence: fc.record({
      ...{ id: fc.uuid(), startsMs: whole, endsMs: whole, by: fc.string(), comment: fc.string() },
      matchers: fc.constant([{ name: 'series' as const, value: 'a', isRegex: false, isEqual: true }]),
    }),
  }),
  fc.record({ type: fc.constant('silence removed' as const), id: fc.uuid() }),
  fc.record({
    type: fc.constant('review' as const),
    review: fc.record({ incident: fc.uuid(), verb: fc.constantFrom('deliver', 'hold'), by: fc.string(), atMs: whole }),
  }),
);

test('an order comes back as it was', () => {
  fc.assert(
    fc.property(order, (given) => {
      const { key, value } = encodeOrder(given);
      assert.deepEqual(decodeOrder(new TextDecoder().decode(key), value), JSON.parse(JSON.stringify(given)));
    }),
  );
});

test('what is no order of this version is none', () => {
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"version":2}',
    '{"version":1}',
    '{"version":1,"verb":"drop","atMs":1}',
  ]) {
    for (const key of ['silence a', 'review a', 'other']) {
      assert.equal(decodeOrder(key, new TextEncoder().encode(text)), null, `${key} ${text}`);
    }
  }
});
