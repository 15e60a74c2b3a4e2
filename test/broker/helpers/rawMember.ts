import type { Broker } from '../../../src/broker/broker.ts';
import { RawClient } from './rawClient.ts';

export interface RawMemberOptions {
  readonly instanceId?: string | null;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly protocols?: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** A member of a classic group on a connection of its own, driven one request at a time. */
export class RawMember {
  readonly client: RawClient;
  readonly groupId: string;
  memberId = '';
  generationId = -1;
  leader = '';
  assignment = '';
  /** As the leader sees them. */
  memberIds: readonly string[] = [];
  private readonly options: RawMemberOptions;

  private constructor(client: RawClient, groupId: string, options: RawMemberOptions) {
    this.client = client;
    this.groupId = groupId;
    this.options = options;
  }

  static async to(broker: Broker, groupId: string, options: RawMemberOptions = {}): Promise<RawMember> {
    return new RawMember(await RawClient.to(broker), groupId, options);
  }

  get isLeader(): boolean {
    return this.leader === this.memberId;
  }

  private get identity() {
    const { groupId, memberId, generationId } = this;
    return { groupId, memberId, generationId, groupInstanceId: this.options.instanceId ?? null };
  }

  /** JoinGroup 5, again where the broker first wants its id used. Resolves when the rebalance ends. */
  async join(): Promise<number> {
    const answer = await this.client.send('JoinGroup', 5, {
      ...this.identity,
      sessionTimeoutMs: this.options.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: this.options.rebalanceTimeoutMs ?? 60_000,
      protocolType: 'consumer',
      protocols: this.options.protocols ?? [{ name: 'range', metadata: Buffer.from('all') }],
    });
    if (answer.errorCode === 79) {
      this.memberId = answer.memberId;
      return this.join();
    }
    if (answer.errorCode === 0) {
      this.memberId = answer.memberId;
      this.generationId = answer.generationId;
      this.leader = answer.leader;
      this.memberIds = answer.members.map(({ memberId }) => memberId);
    }
    return answer.errorCode;
  }

  /** SyncGroup 3. The leader gives each member its own id for an assignment. */
  async sync(): Promise<number> {
    const assigned = this.isLeader ? this.memberIds : [];
    const answer = await this.client.send('SyncGroup', 3, {
      ...this.identity,
      assignments: assigned.map((memberId) => ({ memberId, assignment: Buffer.from(memberId) })),
    });
    if (answer.errorCode === 0) this.assignment = answer.assignment.toString();
    return answer.errorCode;
  }

  async heartbeat(): Promise<number> {
    return (await this.client.send('Heartbeat', 3, this.identity)).errorCode;
  }

  async commit(topic: string, offset: number): Promise<number> {
    const { topics } = await this.client.send('OffsetCommit', 7, {
      ...this.identity,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }] }],
    });
    return topics[0]!.partitions[0]!.errorCode;
  }

  /** By its member id, or with `byInstance` by its instance id alone. */
  async leave(byInstance = false): Promise<number> {
    const { memberId, groupInstanceId } = this.identity;
    const { members } = await this.client.send('LeaveGroup', 3, {
      groupId: this.groupId,
      members: [{ memberId: byInstance ? '' : memberId, groupInstanceId }],
    });
    return members[0]!.errorCode;
  }

  close(): void {
    this.client.close();
  }
}
