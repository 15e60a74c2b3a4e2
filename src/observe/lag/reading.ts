/** What one look at a cluster found, as its brokers answered. Nothing is judged here. */
export interface ClusterReading {
  /** When the end offsets were asked for, epoch milliseconds. */
  readonly atMs: number;
  readonly groups: readonly GroupReading[];
  /** Topics that a group has a commit in or reads, by name. */
  readonly topics: ReadonlyMap<string, TopicReading>;
}

/** States of a group that was asked for by name and is not there: not yet, or not any more. */
export const NO_GROUP = 'none yet';
export const GONE_GROUP = 'gone';

export function isMissing(state: string): boolean {
  return state === NO_GROUP || state === GONE_GROUP;
}

export interface GroupReading {
  readonly group: string;
  /** In the words of the protocol: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead; or NO_GROUP. */
  readonly state: string;
  readonly members: readonly MemberReading[];
  readonly committed: readonly CommittedOffset[];
  /** Why members and offsets are not known; null where they are. */
  readonly problem: string | null;
}

export interface MemberReading {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
}

export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface TopicReading {
  /** Why the topic cannot be asked, as that it does not exist any more; null where it can. */
  readonly problem: string | null;
  /** In order of their numbers. */
  readonly partitions: readonly LogReading[];
}

/** A partition's log: first offset and the one after its last record; null with the reason where nobody answered. */
export interface LogReading {
  readonly partition: number;
  readonly start: number | null;
  readonly end: number | null;
  readonly problem: string | null;
}
