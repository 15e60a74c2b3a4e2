import type { TopicPartition } from '../topicPartition.ts';
import type { GroupMachine } from './machine.ts';
import { keyOf } from './partitionSets.ts';

/** What is there, and who has it, as the brokers say. */
export interface AssignmentFacts {
  /** Number of partitions of each topic, as of now. */
  partitionCounts(topics: readonly string[]): Promise<Map<string, number>>;
  /** What all members have, as the coordinator says; null where it does not, as in a rebalance. */
  assigned(): Promise<TopicPartition[] | null>;
}

/**
 * Whether a group has to assign anew, as partitions were added, or nobody has a topic that is subscribed to. The leader looks.
 * So does a static member under a new id: a coordinator that takes it for its former self rebalances nothing, though its
 * topics may be others now, and up to JoinGroup v8 names the former self as the leader, so that nobody would know that he
 * leads (KIP-345, KIP-814). Once it has joined again it is told who does, and looks no more: one join for one change.
 */
export class AssignmentWatch {
  readonly #topics: readonly string[];
  readonly #facts: AssignmentFacts;
  readonly #intervalMs: number;
  #counts: ReadonlyMap<string, number> = new Map();
  #countedMs = 0;
  /** Generation in which what the group has was compared with what the topics have. */
  #comparedIn = -1;

  constructor(topics: readonly string[], facts: AssignmentFacts, intervalMs: number) {
    this.#topics = topics;
    this.#facts = facts;
    this.#intervalMs = intervalMs;
  }

  /** What is assigned by, or was: from here on a change shows. */
  async count(topics: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    this.#counts = await this.#facts.partitionCounts([...new Set(topics)]);
    this.#countedMs = performance.now();
    return this.#counts;
  }

  /** @param isBack a static member under a new id */
  async isOutdated(machine: GroupMachine, isBack: boolean): Promise<boolean> {
    const { generation, isLeader } = machine;
    if (machine.state !== 'stable' || !(isLeader || isBack)) return false;
    const isFirst = isBack && this.#comparedIn !== generation;
    if (!isFirst && performance.now() - this.#countedMs < this.#intervalMs) return false;
    const isOutdated = isFirst ? await this.#lacksSome(machine) : await this.#hasGrown();
    // A rebalance meanwhile has seen to it.
    return isOutdated && machine.generation === generation;
  }

  /** The counts before are of before a restart, so the coordinator is asked what everybody has. */
  async #lacksSome({ generation, isLeader }: GroupMachine): Promise<boolean> {
    const assigned = await this.#facts.assigned();
    const counts = await this.count([...(isLeader ? this.#counts.keys() : []), ...this.#topics]);
    this.#comparedIn = generation;
    if (assigned === null) return false;
    const keys = new Set(assigned.map(keyOf));
    return this.#topics.some((topic) => {
      const partitions = Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition }));
      return partitions.some((each) => !keys.has(keyOf(each)));
    });
  }

  async #hasGrown(): Promise<boolean> {
    const before = this.#counts;
    this.#countedMs = performance.now();
    const now = await this.#facts.partitionCounts([...before.keys()]);
    return [...now].some(([topic, count]) => count !== before.get(topic));
  }
}
