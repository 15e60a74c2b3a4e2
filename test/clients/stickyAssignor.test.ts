import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { MemberSubscription } from '../../src/clients/membership/assignors.ts';
import { keyOf } from '../../src/clients/membership/partitionSets.ts';
import { balanced, cooperativeStickyAssignor, ownersOf } from '../../src/clients/membership/stickyAssignor.ts';
import type { TopicPartition } from '../../src/clients/topicPartition.ts';

type Held = ReadonlyMap<string, readonly TopicPartition[]>;

const TOPICS = ['a', 'b', 'c'];
const MEMBERS: readonly string[] = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'];

/** Members that hold what they say, by generation 1; a member that is new holds nothing. */
function group(subscriptions: ReadonlyMap<string, readonly string[]>, held: Held): MemberSubscription[] {
  return [...subscriptions].map(([memberId, topics]) => ({
    memberId,
    instanceId: null,
    subscription: { topics, owned: held.get(memberId) ?? [], generation: 1 },
  }));
}

/** The rebalances that follow each other until nobody has to give anything back; how many it took. */
function settle(
  subscriptions: ReadonlyMap<string, readonly string[]>,
  counts: ReadonlyMap<string, number>,
  held: Held,
) {
  let now = held;
  for (let rounds = 1; ; rounds++) {
    const before = now;
    now = cooperativeStickyAssignor.assign(group(subscriptions, before), counts);
    const given = [...before].filter(([id]) => now.has(id)).flatMap(([id, list]) => without(list, now.get(id)!));
    if (given.length === 0) return { held: now, rounds };
    assert.ok(rounds < 3, 'one rebalance in which partitions are given back, and one in which they are given on');
  }
}

const without = (list: readonly TopicPartition[], others: readonly TopicPartition[]) => {
  const known = new Set(others.map(keyOf));
  return list.filter((each) => !known.has(keyOf(each)));
};

const sizes = (held: Held) => [...held.values()].map((list) => list.length);

const counts = fc
  .array(fc.nat(12), { minLength: 3, maxLength: 3 })
  .map((list) => new Map(TOPICS.map((topic, i) => [topic, list[i]!])));
const memberIds = fc.uniqueArray(fc.constantFrom(...MEMBERS), { minLength: 1 });
const subscribed = memberIds.chain((ids) =>
  fc
    .array(fc.uniqueArray(fc.constantFrom(...TOPICS), { minLength: 1 }), {
      minLength: ids.length,
      maxLength: ids.length,
    })
    .map((topics) => new Map(ids.map((id, i) => [id, topics[i]!]))),
);
const all = (ids: readonly string[]) => new Map(ids.map((id) => [id, TOPICS]));

describe('cooperative-sticky', () => {
  test('from nothing each gets its share at once', () => {
    const { held, rounds } = settle(all(['x', 'y', 'z']), new Map([['a', 7]]), new Map());
    assert.equal(rounds, 1);
    assert.deepEqual(sizes(held).sort(), [2, 2, 3]);
  });

  test('a partition that moves is nobody\u2019s for one rebalance, and the others stay where they are', () => {
    const counts = new Map([['a', 4]]);
    const held = new Map([['x', [0, 1, 2, 3].map((partition) => ({ topic: 'a', partition }))]]);
    const first = cooperativeStickyAssignor.assign(group(all(['x', 'y']), held), counts);
    assert.deepEqual([first.get('x')!.length, first.get('y')!.length], [2, 0]);
    const second = cooperativeStickyAssignor.assign(group(all(['x', 'y']), first), counts);
    assert.deepEqual([second.get('x'), second.get('y')!.length], [first.get('x'), 2]);
  });

  test('of two that claim a partition the later generation has it; in the same neither has', () => {
    const claim = (memberId: string, generation: number): MemberSubscription => ({
      memberId,
      instanceId: null,
      subscription: { topics: ['a'], owned: [{ topic: 'a', partition: 0 }], generation },
    });
    const counts = new Map([['a', 1]]);
    assert.deepEqual([...ownersOf([claim('x', 4), claim('y', 5)], counts)], [['a/0', 'y']]);
    assert.deepEqual([...ownersOf([claim('x', 5), claim('y', 5)], counts)], []);
  });

  test('every partition ends at one member that wants it, in two rebalances at most, and then all is quiet', () => {
    fc.assert(
      fc.property(counts, subscribed, subscribed, (partitions, before, after) => {
        const first = settle(before, partitions, new Map()).held;
        const { held } = settle(after, partitions, first);
        const seen = new Set<string>();
        for (const [id, list] of held) {
          for (const each of list) {
            assert.ok(after.get(id)!.includes(each.topic));
            assert.ok(!seen.has(keyOf(each)));
            seen.add(keyOf(each));
          }
        }
        const wanted = new Set([...after.values()].flat());
        assert.equal(
          seen.size,
          [...wanted].reduce((sum, topic) => sum + partitions.get(topic)!, 0),
        );
        const again = settle(after, partitions, held);
        assert.equal(again.rounds, 1);
        for (const [id, list] of held)
          assert.deepEqual(without(list, again.held.get(id)!), [], 'nothing moves by itself');
      }),
    );
  });

  test('nobody is given what another still holds', () => {
    fc.assert(
      fc.property(counts, subscribed, subscribed, (partitions, before, after) => {
        const { held } = settle(before, partitions, new Map());
        const owner = new Map([...held].flatMap(([id, list]) => list.map((each) => [keyOf(each), id] as const)));
        for (const [id, list] of cooperativeStickyAssignor.assign(group(after, held), partitions)) {
          for (const each of list) {
            const holder = owner.get(keyOf(each));
            if (holder !== undefined && after.has(holder)) assert.equal(id, holder);
          }
        }
      }),
    );
  });

  test('balanced: no move of a partition to another member that wants it would even two of them out', () => {
    fc.assert(
      fc.property(counts, subscribed, subscribed, (partitions, before, after) => {
        const { held } = settle(after, partitions, settle(before, partitions, new Map()).held);
        for (const list of held.values()) {
          for (const { topic } of list) {
            for (const [other, wants] of after) {
              if (wants.includes(topic)) assert.ok(held.get(other)!.length + 2 > list.length);
            }
          }
        }
      }),
    );
  });

  test('minimal: where all want the same, as much stays as any balanced assignment lets stay', () => {
    fc.assert(
      fc.property(counts, memberIds, memberIds, (partitions, before, after) => {
        const held = settle(all(before), partitions, new Map()).held;
        const members = group(all(after), held);
        const target = balanced(members, partitions, ownersOf(members, partitions));
        const total = [...partitions.values()].reduce((sum, count) => sum + count, 0);
        const [least, extra] = [Math.floor(total / after.length), total % after.length];
        const had = after.map((id) => held.get(id)?.length ?? 0);
        // The best: everybody keeps up to the share, and those that had more take the larger shares.
        const larger = Math.min(extra, had.filter((count) => count > least).length);
        const best = had.reduce((sum, count) => sum + Math.min(count, least), 0) + larger;
        const kept = after.reduce((sum, id) => {
          const mine = new Set((held.get(id) ?? []).map(keyOf));
          return sum + target.get(id)!.filter((each) => mine.has(keyOf(each))).length;
        }, 0);
        assert.equal(kept, best);
        assert.ok(Math.max(...sizes(target)) - Math.min(...sizes(target)) <= 1);
      }),
    );
  });
});
