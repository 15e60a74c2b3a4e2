import { KafkaError } from '../protocol/errorCodes.ts';
import { Group, type GroupSettings } from './group.ts';
import { type Joiner, type JoinResult, refusedJoin } from './member.ts';
import type { OffsetListener } from './offsets.ts';

/** Told of each offset that a group commits or loses. */
export type GroupOffsetListener = (groupId: string, ...change: Parameters<OffsetListener>) => void;

/** Every group of the broker. */
export class GroupCoordinator {
  private readonly groups = new Map<string, Group>();
  private readonly settings: GroupSettings;
  private readonly offsetChanged: GroupOffsetListener | undefined;

  constructor(settings: GroupSettings, offsetChanged?: GroupOffsetListener) {
    this.settings = settings;
    this.offsetChanged = offsetChanged;
  }

  get(groupId: string): Group | undefined {
    return this.groups.get(groupId);
  }

  all(): IterableIterator<Group> {
    return this.groups.values();
  }

  /** A group comes to be when its first member joins, or with the first offset committed without a member. */
  getOrCreate(groupId: string): Group {
    let group = this.groups.get(groupId);
    if (group === undefined) {
      group = new Group(groupId, this.settings);
      group.offsets.changed = (...change) => this.offsetChanged?.(groupId, ...change);
      this.groups.set(groupId, group);
    }
    return group;
  }

  join(groupId: string, joiner: Joiner): Promise<JoinResult> | JoinResult {
    if (groupId === '') return refusedJoin(KafkaError.INVALID_GROUP_ID, joiner.memberId);
    if (joiner.memberId !== '' && !this.groups.has(groupId)) {
      return refusedJoin(KafkaError.UNKNOWN_MEMBER_ID, joiner.memberId);
    }
    return this.getOrCreate(groupId).join(joiner);
  }

  /** Returns the error code. Only a group without members goes. */
  delete(groupId: string): number {
    if (groupId === '') return KafkaError.INVALID_GROUP_ID;
    const group = this.groups.get(groupId);
    if (group === undefined) return KafkaError.GROUP_ID_NOT_FOUND;
    if (group.members.size > 0) return KafkaError.NON_EMPTY_GROUP;
    group.offsets.clear();
    group.die();
    this.groups.delete(groupId);
    return KafkaError.NONE;
  }

  forgetTopic(topic: string): void {
    for (const group of this.groups.values()) group.offsets.forgetTopic(topic);
  }

  close(): void {
    for (const group of this.groups.values()) group.close();
  }
}
