import { KafkaError } from '../protocol/errorCodes.ts';
import type { Member } from './member.ts';

/** The members of a group by their ids, and the static ones by their group.instance.id too (KIP-345). */
export class Roster {
  readonly members = new Map<string, Member>();
  private readonly staticIds = new Map<string, string>();

  /** Whether a request speaks for a member as it is now: an instance that came back fences its former self. */
  identityError(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const current = this.staticIds.get(instanceId);
      if (current === undefined) return KafkaError.UNKNOWN_MEMBER_ID;
      if (current !== memberId) return KafkaError.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? KafkaError.NONE : KafkaError.UNKNOWN_MEMBER_ID;
  }

  /** The most patient member's. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0;
    for (const member of this.members.values()) longestMs = Math.max(longestMs, member.rebalanceTimeoutMs);
    return longestMs;
  }

  /** Whether every member waits for the end of the rebalance. */
  get haveAllJoined(): boolean {
    for (const member of this.members.values()) if (member.join === null) return false;
    return true;
  }

  idOfInstance(instanceId: string): string | undefined {
    return this.staticIds.get(instanceId);
  }

  add(member: Member): void {
    this.members.set(member.memberId, member);
    if (member.instanceId !== null) this.staticIds.set(member.instanceId, member.memberId);
  }

  /** The member goes on under another id. */
  rename(member: Member, memberId: string): void {
    this.members.delete(member.memberId);
    member.memberId = memberId;
    this.add(member);
  }

  remove(member: Member): void {
    this.members.delete(member.memberId);
    if (member.instanceId !== null) this.staticIds.delete(member.instanceId);
  }
}
