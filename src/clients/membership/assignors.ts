import type { TopicPartition } from '../topicPartition.ts';
import type { Subscription } from './protocol.ts';

export interface MemberSubscription {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly subscription: Subscription;
}

/** Member id -> its partitions. Every member has an entry. */
export type Assignments = Map<string, TopicPartition[]>;

export interface Assignor {
  /** The name in JoinGroup: members of other clients that know the same name compute the same assignment. */
  readonly name: string;
  /** Members keep what they hold over a rebalance (KIP-429). Default false: they give it back first. */
  readonly isCooperative?: boolean;
  assign(members: readonly MemberSubscription[], partitionCounts: ReadonlyMap<string, number>): Assignments;
}

/**
 * Each topic's partitions in consecutive ranges over its subscribers; the first members get one more when it does not
 * divide. Same result as org.apache.kafka.clients.consumer.RangeAssignor without racks.
 */
export const rangeAssignor: Assignor = {
  name: 'range',
  assign(members, partitionCounts) {
    const sorted = inOrder(members);
    const result = emptyFor(sorted);
    for (const topic of topicsOf(sorted)) {
      const subscribers = sorted.filter((member) => member.subscription.topics.includes(topic));
      const count = partitionCounts.get(topic) ?? 0;
      const share = Math.floor(count / subscribers.length);
      const extra = count % subscribers.length;
      let partition = 0;
      subscribers.forEach((member, index) => {
        const end = partition + share + (index < extra ? 1 : 0);
        for (; partition < end; partition++) result.get(member.memberId)!.push({ topic, partition });
      });
    }
    return result;
  },
};

/** All partitions of all topics dealt out one by one to the members that subscribe to the topic. */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  assign(members, partitionCounts) {
    const sorted = inOrder(members);
    const result = emptyFor(sorted);
    let turn = 0;
    for (const topic of topicsOf(sorted)) {
      for (let partition = 0; partition < (partitionCounts.get(topic) ?? 0); partition++) {
        while (!sorted[turn % sorted.length]!.subscription.topics.includes(topic)) turn += 1;
        result.get(sorted[turn % sorted.length]!.memberId)!.push({ topic, partition });
        turn += 1;
      }
    }
    return result;
  },
};

/** In the order of preference that JoinGroup states. */
export const EAGER_ASSIGNORS: readonly Assignor[] = [rangeAssignor, roundRobinAssignor];

/** Static members first, by instance id, so that a restart under a new member id changes nothing. */
export function inOrder(members: readonly MemberSubscription[]): MemberSubscription[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...members].sort((a, b) => {
    if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId);
    if (a.instanceId !== null) return -1;
    if (b.instanceId !== null) return 1;
    return compare(a.memberId, b.memberId);
  });
}

function topicsOf(members: readonly MemberSubscription[]): string[] {
  return [...new Set(members.flatMap((member) => member.subscription.topics))].sort();
}

function emptyFor(members: readonly MemberSubscription[]): Assignments {
  return new Map(members.map((member) => [member.memberId, []]));
}
