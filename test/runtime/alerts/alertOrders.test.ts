import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  type AlertOrder,
  alertOrdersTopic,
  decodeOrder,
  encodeOrder,
  OrderReader,
  readOrders,
  writeOrder,
} from '../../../src/runtime/alerts/alertOrders.ts';
import { startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

const whole = fc.integer({ min: 0, max: 2 ** 50 });
const order: fc.Arbitrary<AlertOrder> = fc.oneof(
  fc.record({
    type: fc.constant('silence' as const),
    silence: fc.record({
      ...{ id: fc.uuid(), startsMs: whole, endsMs: whole, by: fc.string(), comment: fc.string() },
      matchers: fc.constant([{ name: 'series' as const, value: 'a', isRegex: false, isEqual: true }]),
    }),
  }),
  fc.record({
    type: fc.constant('removed' as const),
    of: fc.constantFrom('silence' as const, 'review' as const, 'verdict' as const),
    id: fc.uuid(),
  }),
  fc.record({
    type: fc.constant('verdict' as const),
    verdict: fc.record({
      ...{ alert: fc.string(), series: fc.string(), rule: fc.string(), startMs: whole, atMs: whole },
      ...{ score: fc.integer({ min: 0, max: 300 }), isTrue: fc.boolean() },
    }),
  }),
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
    for (const key of ['silence a', 'review a', 'verdict a', 'other']) {
      assert.equal(decodeOrder(key, new TextEncoder().encode(text)), null, `${key} ${text}`);
    }
  }
});

const DAY = 86_400_000;
const WEEKS = 20;
/** A broker takes no stamps of the future. */
const T0 = Date.now() - WEEKS * 7 * DAY;

function silenceOf(id: string, startsMs: number): AlertOrder {
  return {
    type: 'silence',
    silence: { id, matchers: [], startsMs, endsMs: startsMs + DAY, by: 'ada@plant', comment: '' },
  };
}

test('who writes an order removes what is done with: years of silences and decisions leave a few keys', async () => {
  const pipeline = 'years';
  for (let week = 0; week < WEEKS; week++) {
    const atMs = T0 + week * 7 * DAY;
    await writeOrder(world.client, pipeline, silenceOf(`s${week}`, atMs), atMs);
    const review = { incident: `i${week}`, verb: 'hold', by: 'ada@plant', atMs } as const;
    await writeOrder(world.client, pipeline, { type: 'review', review }, atMs);
  }
  const kept = await readOrders(world.client, pipeline);
  const silences = kept.flatMap((order) => (order.type === 'silence' ? [order.silence.id] : []));
  const reviews = kept.flatMap((order) => (order.type === 'review' ? [order.review.incident] : []));
  assert.deepEqual(silences, ['s18', 's19'], 'a silence is kept for a week after its end');
  assert.deepEqual(reviews, ['i15', 'i16', 'i17', 'i18', 'i19'], 'a decision for four weeks');
  // Each key that went has one tombstone: what compaction leaves is what is kept.
  const reader = await OrderReader.open(world.client, pipeline);
  const removed: string[] = [];
  while (!reader.isCurrent) {
    for (const order of await reader.poll(100)) if (order.type === 'removed') removed.push(`${order.of} ${order.id}`);
  }
  await reader.close();
  assert.equal(removed.length, new Set(removed).size);
  assert.equal(removed.length, 2 * WEEKS - kept.length);
  assert.equal((await world.client.admin.topics([alertOrdersTopic(pipeline)])).length, 1);
});
