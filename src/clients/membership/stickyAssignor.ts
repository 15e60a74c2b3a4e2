import type { TopicPartition } from '../topicPartition.ts';
import { type Assignments, type Assignor, inOrder, type MemberSubscription } from './assignors.ts';
import { keyOf } from './partitionSets.ts';

interface Share {
  readonly memberId: string;
  readonly topics: ReadonlySet<string>;
  /** Partitions that it has had, and then those that it gets. */
  readonly partitions: TopicPartition[];
}

/**
 * Balanced, and otherwise as it was: members keep what they hold, what nobody holds goes to those with the least, and
 * only where two members that may both have a partition differ by two or more it moves. A partition that moves is given
 * to nobody in this rebalance: its holder gives it back first, and rejoins at once (KIP-429).
 *
 * Members of other clients that know the name are told by the same rules as by Java's CooperativeStickyAssignor; which
 * partitions move may differ.
 */
export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  assign(members, partitionCounts) {
    const owners = ownersOf(members, partitionCounts);
    const target = balanced(members, partitionCounts, owners);
    const result: Assignments = new Map();
    for (const [memberId, partitions] of target) {
      result.set(
        memberId,
        partitions.filter((each) => (owners.get(keyOf(each)) ?? memberId) === memberId),
      );
    }
    return result;
  },
};

/**
 * Who holds which partition. Of two that say so the one of the later generation does: the other was away while it was
 * given on. In the same generation neither can be believed.
 */
export function ownersOf(
  members: readonly MemberSubscription[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, string> {
  const claims = new Map<string, { memberId: string; generation: number; isDisputed: boolean }>();
  for (const { memberId, subscription } of inOrder(members)) {
    const { generation } = subscription;
    for (const each of subscription.owned) {
      if (each.partition >= (partitionCounts.get(each.topic) ?? 0)) continue;
      const key = keyOf(each);
      const other = claims.get(key);
      if (other === undefined || generation > other.generation) {
        claims.set(key, { memberId, generation, isDisputed: false });
      } else if (generation === other.generation) other.isDisputed = true;
    }
  }
  const owners = new Map<string, string>();
  for (const [key, { memberId, isDisputed }] of claims) if (!isDisputed) owners.set(key, memberId);
  return owners;
}

/** The assignment to arrive at, moves included. */
export function balanced(
  members: readonly MemberSubscription[],
  partitionCounts: ReadonlyMap<string, number>,
  owners: ReadonlyMap<string, string>,
): Map<string, TopicPartition[]> {
  const shares = inOrder(members).map(({ memberId, subscription }) => ({
    memberId,
    topics: new Set(subscription.topics),
    partitions: [] as TopicPartition[],
  }));
  const byId = new Map(shares.map((share) => [share.memberId, share]));
  const free: TopicPartition[] = [];
  for (const topic of [...new Set(shares.flatMap((share) => [...share.topics]))].sort()) {
    for (let partition = 0; partition < (partitionCounts.get(topic) ?? 0); partition++) {
      const owner = byId.get(owners.get(keyOf({ topic, partition })) ?? '');
      if (owner?.topics.has(topic)) owner.partitions.push({ topic, partition });
      else free.push({ topic, partition });
    }
  }
  // Those that fewer members may have come first: they have the least choice.
  const choices = (topic: string) => shares.reduce((count, share) => count + (share.topics.has(topic) ? 1 : 0), 0);
  const choicesOf = new Map([...new Set(free.map(({ topic }) => topic))].map((topic) => [topic, choices(topic)]));
  free.sort((a, b) => choicesOf.get(a.topic)! - choicesOf.get(b.topic)!);
  for (const each of free) least(shares, each.topic)!.partitions.push(each);
  while (moveOne(shares, owners));
  return new Map(shares.map(({ memberId, partitions }) => [memberId, partitions]));
}

/** Moves one partition from a member with more to one with less by two at least; false when none differ so. */
function moveOne(shares: readonly Share[], owners: ReadonlyMap<string, string>): boolean {
  const byLoad = [...shares].sort((a, b) => b.partitions.length - a.partitions.length);
  for (const from of byLoad) {
    let best = -1;
    let target: Share | null = null;
    // What it did not hold costs nothing to move; else the newest.
    for (let i = from.partitions.length - 1; i >= 0; i--) {
      const each = from.partitions[i]!;
      const to = least(shares, each.topic)!;
      if (to.partitions.length + 2 > from.partitions.length) continue;
      const isFree = owners.get(keyOf(each)) !== from.memberId;
      if (target === null || isFree) {
        best = i;
        target = to;
      }
      if (isFree) break;
    }
    if (target === null) continue;
    target.partitions.push(...from.partitions.splice(best, 1));
    return true;
  }
  return false;
}

/** The first of those with the fewest partitions that subscribe to the topic. */
function least(shares: readonly Share[], topic: string): Share | null {
  let found: Share | null = null;
  for (const share of shares) {
    if (!share.topics.has(topic)) continue;
    if (found === null || share.partitions.length < found.partitions.length) found = share;
  }
  return found;
}
