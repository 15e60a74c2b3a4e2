import type { Clock, Timer } from '../clock.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import {
  acceptedJoin,
  type Joiner,
  type JoinResult,
  Member,
  NO_ASSIGNMENT,
  refusedJoin,
  refusedSync,
  type SyncResult,
} from './member.ts';
import { GroupOffsets } from './offsets.ts';
import { PendingIds } from './pendingIds.ts';
import { acceptsProtocols, electProtocol } from './protocols.ts';
import { Roster } from './roster.ts';
import { Sessions } from './sessions.ts';

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

export interface GroupSettings {
  readonly clock: Clock;
  /** How long an empty group waits for more members than the first. */
  readonly rebalanceDelayMs: number;
  /** Gives a new member id for a client. */
  readonly newMemberId: (clientId: string) => string;
}

/**
 * The state machine of one classic consumer group: Empty -> PreparingRebalance (members join) -> CompletingRebalance
 * (the leader assigns) -> Stable, and back to PreparingRebalance whenever a member comes, goes or changes.
 *
 * Source: Kafka's "Consumer Group Protocol"; KIP-62 (rebalance timeout), KIP-134 (initial delay), KIP-345 (static
 * members), KIP-394 (member id required).
 */
export class Group {
  readonly groupId: string;
  readonly offsets = new GroupOffsets();
  state: GroupState = 'Empty';
  generationId = 0;
  protocolType = '';
  protocolName = '';
  leaderId = '';
  private readonly roster = new Roster();
  private readonly pending: PendingIds;
  private readonly settings: GroupSettings;
  private readonly sessions: Sessions;
  /** Ends the phase under way: joining, or waiting for every member's SyncGroup. */
  private phaseTimer: Timer | null = null;
  /** While true the first rebalance waits its delay out even when all have joined. */
  private isInitialDelay = false;
  /** Whether a member came since the delay began: then it begins again, within the rebalance timeout. */
  private hasNewcomer = false;

  constructor(groupId: string, settings: GroupSettings) {
    this.groupId = groupId;
    this.settings = settings;
    this.sessions = new Sessions(settings.clock, (member) => this.remove(member));
    this.pending = new PendingIds(settings.clock, () => this.completeJoinIfReady());
  }

  get members(): ReadonlyMap<string, Member> {
    return this.roster.members;
  }

  /** Resolves when the rebalance ends, or at once where none is needed or the join is refused. */
  join(joiner: Joiner): Promise<JoinResult> | JoinResult {
    const { memberId, instanceId } = joiner;
    if (this.state === 'Dead') return refusedJoin(KafkaError.COORDINATOR_NOT_AVAILABLE, memberId);
    if (!acceptsProtocols(this.members.values(), this.protocolType, joiner))
      return refusedJoin(KafkaError.INCONSISTENT_GROUP_PROTOCOL, memberId);
    if (memberId === '') return this.joinUnknown(joiner);
    if (this.pending.take(memberId)) return this.addAndRebalance(memberId, joiner);
    const errorCode = this.roster.identityError(memberId, instanceId);
    if (errorCode !== KafkaError.NONE) return refusedJoin(errorCode, memberId);
    return this.rejoin(this.members.get(memberId)!, joiner);
  }

  sync(
    memberId: string,
    instanceId: string | null,
    generationId: number,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<SyncResult> | SyncResult {
    const errorCode = this.memberError(memberId, instanceId, generationId);
    if (errorCode !== KafkaError.NONE) return refusedSync(errorCode);
    const member = this.members.get(memberId)!;
    if (this.state === 'PreparingRebalance') return refusedSync(KafkaError.REBALANCE_IN_PROGRESS);
    member.hasSynced = true;
    this.sessions.touch(member);
    if (this.state === 'Stable') return { errorCode: KafkaError.NONE, assignment: member.assignment };
    // A SyncGroup sent again replaces the one before, whose connection may be gone.
    member.answerSync(refusedSync(KafkaError.REBALANCE_IN_PROGRESS));
    const answer = new Promise<SyncResult>((resolve) => {
      member.sync = resolve;
    });
    if (memberId === this.leaderId) this.assign(assignments);
    return answer;
  }

  heartbeat(memberId: string, instanceId: string | null, generationId: number): number {
    const errorCode = this.memberError(memberId, instanceId, generationId);
    if (errorCode !== KafkaError.NONE) return errorCode;
    this.sessions.touch(this.members.get(memberId)!);
    return this.state === 'PreparingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE;
  }

  /** Returns the error code. A static member may be named by its instance id alone. */
  leave(memberId: string, instanceId: string | null): number {
    if (this.state === 'Dead') return KafkaError.UNKNOWN_MEMBER_ID;
    if (this.pending.take(memberId)) {
      this.completeJoinIfReady();
      return KafkaError.NONE;
    }
    const named = memberId === '' && instanceId !== null ? this.roster.idOfInstance(instanceId) : memberId;
    if (named === undefined) return KafkaError.UNKNOWN_MEMBER_ID;
    const errorCode = this.roster.identityError(named, instanceId);
    if (errorCode !== KafkaError.NONE) return errorCode;
    this.remove(this.members.get(named)!);
    return KafkaError.NONE;
  }

  /** Whether a commit by this member at this generation is taken; heartbeats come with it. */
  commitError(memberId: string, instanceId: string | null, generationId: number): number {
    // Without a generation the client manages its partitions by itself: allowed while nobody is a member.
    if (generationId < 0 && memberId === '' && this.state === 'Empty') return KafkaError.NONE;
    const errorCode = this.memberError(memberId, instanceId, generationId);
    if (errorCode !== KafkaError.NONE) return errorCode;
    this.sessions.touch(this.members.get(memberId)!);
    // The next generation's members may own the partitions already.
    return this.state === 'CompletingRebalance' ? KafkaError.REBALANCE_IN_PROGRESS : KafkaError.NONE;
  }

  /**
   * Whether offsets may be committed here within a transaction. Before version 3 the request names no member, and then
   * only the producer's epoch fences (KIP-447).
   */
  txnCommitError(memberId: string, instanceId: string | null, generationId: number): number {
    if (this.state === 'Dead') return KafkaError.COORDINATOR_NOT_AVAILABLE;
    const isNamed = generationId >= 0 || memberId !== '' || instanceId !== null;
    if (isNamed && !(generationId < 0 && this.state === 'Empty')) {
      const errorCode = this.memberError(memberId, instanceId, generationId);
      if (errorCode !== KafkaError.NONE) return errorCode;
    }
    // As Redpanda: the generation is not settled yet, and may fence this very commit.
    return this.state === 'CompletingRebalance' ? KafkaError.CONCURRENT_TRANSACTIONS : KafkaError.NONE;
  }

  /** Ends the group; it has no members. */
  die(): void {
    this.state = 'Dead';
    this.close();
  }

  /** Stops every timer. */
  close(): void {
    this.phaseTimer?.cancel();
    this.pending.close();
    for (const member of this.members.values()) this.sessions.end(member);
  }

  private memberError(memberId: string, instanceId: string | null, generationId: number): number {
    if (this.state === 'Dead') return KafkaError.COORDINATOR_NOT_AVAILABLE;
    const errorCode = this.roster.identityError(memberId, instanceId);
    if (errorCode !== KafkaError.NONE) return errorCode;
    return generationId === this.generationId ? KafkaError.NONE : KafkaError.ILLEGAL_GENERATION;
  }

  private joinUnknown(joiner: Joiner): Promise<JoinResult> | JoinResult {
    const memberId = this.settings.newMemberId(joiner.instanceId ?? joiner.clientId);
    if (joiner.instanceId !== null) {
      const current = this.roster.idOfInstance(joiner.instanceId);
      return current === undefined
        ? this.addAndRebalance(memberId, joiner)
        : this.replaceStatic(this.members.get(current)!, memberId, joiner);
    }
    if (!joiner.requiresMemberId) return this.addAndRebalance(memberId, joiner);
    this.pending.add(memberId, joiner.sessionTimeoutMs);
    return refusedJoin(KafkaError.MEMBER_ID_REQUIRED, memberId);
  }

  private rejoin(member: Member, joiner: Joiner): Promise<JoinResult> | JoinResult {
    const isSame = member.offersSame(joiner.protocols);
    // A repeated JoinGroup in the same generation just gets its answer again; a leader that joins again wants to assign.
    const isRepeated =
      (this.state === 'CompletingRebalance' && isSame) ||
      (this.state === 'Stable' && isSame && member.memberId !== this.leaderId);
    member.update(joiner);
    if (this.members.size === 1) this.protocolType = joiner.protocolType;
    this.sessions.touch(member);
    if (isRepeated) return this.joinResultOf(member);
    const answer = this.waitForJoin(member);
    this.prepareRebalance();
    return answer;
  }

  private addAndRebalance(memberId: string, joiner: Joiner): Promise<JoinResult> {
    if (this.members.size === 0) this.protocolType = joiner.protocolType;
    const member = new Member(memberId, joiner);
    this.roster.add(member);
    this.hasNewcomer = true;
    const answer = this.waitForJoin(member);
    this.sessions.touch(member);
    this.prepareRebalance();
    return answer;
  }

  /**
   * A static member that comes back takes the old one's place. As in Kafka, a stable group is disturbed only where it
   * would choose another protocol now; a changed subscription shows with the next rebalance.
   */
  private replaceStatic(old: Member, memberId: string, joiner: Joiner): Promise<JoinResult> | JoinResult {
    const previousId = old.memberId;
    old.answerJoin(refusedJoin(KafkaError.FENCED_INSTANCE_ID, previousId));
    old.answerSync(refusedSync(KafkaError.FENCED_INSTANCE_ID));
    this.roster.rename(old, memberId);
    old.update(joiner);
    const wasLeader = this.leaderId === previousId;
    if (wasLeader) this.leaderId = memberId;
    this.sessions.touch(old);
    if (this.state === 'Stable' && electProtocol([...this.members.values()]) === this.protocolName) {
      // Under its old id as leader it would assign anew; so it is told another's name, as Kafka does.
      const leader = wasLeader ? previousId : this.leaderId;
      return { ...this.joinResultOf(old), leader, members: [] };
    }
    const answer = this.waitForJoin(old);
    this.prepareRebalance();
    return answer;
  }

  private waitForJoin(member: Member): Promise<JoinResult> {
    member.answerJoin(refusedJoin(KafkaError.REBALANCE_IN_PROGRESS, member.memberId));
    return new Promise((resolve) => {
      member.join = resolve;
    });
  }

  private prepareRebalance(): void {
    if (this.state === 'PreparingRebalance') {
      this.completeJoinIfReady();
      return;
    }
    if (this.members.size === 0) {
      this.becomeEmpty();
      return;
    }
    const wasEmpty = this.state === 'Empty';
    this.state = 'PreparingRebalance';
    for (const member of this.members.values()) {
      member.answerSync(refusedSync(KafkaError.REBALANCE_IN_PROGRESS));
    }
    this.phaseTimer?.cancel();
    this.isInitialDelay = wasEmpty && this.settings.rebalanceDelayMs > 0;
    if (this.isInitialDelay) this.startInitialDelay(this.roster.rebalanceTimeoutMs);
    else this.startJoining();
  }

  private startInitialDelay(leftMs: number): void {
    const delayMs = Math.min(this.settings.rebalanceDelayMs, leftMs);
    this.hasNewcomer = false;
    this.phaseTimer = this.settings.clock.after(delayMs, () => {
      if (this.hasNewcomer && leftMs > delayMs) {
        this.startInitialDelay(leftMs - delayMs);
        return;
      }
      this.isInitialDelay = false;
      this.startJoining();
    });
  }

  private startJoining(): void {
    this.phaseTimer = this.settings.clock.after(this.roster.rebalanceTimeoutMs, () => this.completeJoin());
    this.completeJoinIfReady();
  }

  private completeJoinIfReady(): void {
    if (this.state !== 'PreparingRebalance' || this.isInitialDelay || !this.pending.isEmpty) return;
    if (this.roster.haveAllJoined) this.completeJoin();
  }

  /** Members that did not rejoin in time are out; static ones stay until their session ends (KIP-345). */
  private completeJoin(): void {
    this.phaseTimer?.cancel();
    for (const member of [...this.members.values()]) {
      if (member.join === null && member.instanceId === null) this.drop(member);
    }
    const joined = [...this.members.values()].filter((member) => member.join !== null);
    if (this.members.size === 0) {
      this.becomeEmpty();
      return;
    }
    if (joined.length === 0) {
      this.startJoining();
      return;
    }
    this.generationId++;
    this.state = 'CompletingRebalance';
    if (!joined.some((member) => member.memberId === this.leaderId)) this.leaderId = joined[0]!.memberId;
    this.protocolName = electProtocol([...this.members.values()]);
    for (const member of this.members.values()) {
      member.hasSynced = false;
      member.assignment = NO_ASSIGNMENT;
    }
    this.phaseTimer = this.settings.clock.after(this.roster.rebalanceTimeoutMs, () => this.dropUnsynced());
    for (const member of joined) {
      member.answerJoin(this.joinResultOf(member));
      this.sessions.touch(member);
    }
  }

  private joinResultOf(member: Member): JoinResult {
    return acceptedJoin(member, [...this.members.values()], this.generationId, this.protocolName, this.leaderId);
  }

  private assign(assignments: ReadonlyMap<string, Buffer>): void {
    this.phaseTimer?.cancel();
    this.state = 'Stable';
    for (const member of this.members.values()) {
      member.assignment = assignments.get(member.memberId) ?? NO_ASSIGNMENT;
      member.answerSync({ errorCode: KafkaError.NONE, assignment: member.assignment });
    }
  }

  private dropUnsynced(): void {
    const late = [...this.members.values()].filter((member) => !member.hasSynced);
    for (const member of late) this.drop(member);
    if (late.length > 0) this.prepareRebalance();
  }

  private remove(member: Member): void {
    this.drop(member);
    this.prepareRebalance();
  }

  private drop(member: Member): void {
    this.sessions.end(member);
    this.roster.remove(member);
    if (this.leaderId === member.memberId) this.leaderId = '';
    member.answerJoin(refusedJoin(KafkaError.UNKNOWN_MEMBER_ID, member.memberId));
    member.answerSync(refusedSync(KafkaError.UNKNOWN_MEMBER_ID));
  }

  private becomeEmpty(): void {
    this.phaseTimer?.cancel();
    this.generationId++;
    this.state = 'Empty';
    this.protocolName = '';
    this.leaderId = '';
  }
}
