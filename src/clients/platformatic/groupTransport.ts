import type { ConsumerOptions } from '../client.ts';
import { kafkaError, protocolFailure } from '../kafkaErrors.ts';
import type { Assignments } from '../membership/assignors.ts';
import type { GroupTransport, OfferedProtocol } from '../membership/driver.ts';
import type { JoinAnswer } from '../membership/machine.ts';
import { decodeAssignment, encodeAssignment } from '../membership/protocol.ts';
import type { TopicPartition } from '../topicPartition.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster } from './cluster.ts';
import { type DescribedGroup, describedGroup } from './describedGroup.ts';

const PROTOCOL_TYPE = 'consumer';

export interface SessionTimes {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** The group APIs by the library's codecs, on a connection of the member's own: a join waits for the others. */
export class PlatformaticGroupTransport implements GroupTransport {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  readonly #instanceId: string | null;
  readonly #times: SessionTimes;
  #opening: Promise<BrokerSocket> | null = null;

  constructor(cluster: Cluster, groupId: string, options: ConsumerOptions, times: SessionTimes) {
    this.#cluster = cluster;
    this.#groupId = groupId;
    this.#instanceId = options.instanceId ?? null;
    this.#times = times;
  }

  async join(memberId: string, protocols: readonly OfferedProtocol[]): Promise<JoinAnswer> {
    const cluster = this.#cluster;
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#times;
    const answer = await cluster.callWithin(
      rebalanceTimeoutMs + cluster.requestTimeoutMs,
      await this.#socket(),
      cluster.apis.joinGroup,
      this.#groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId,
      this.#instanceId,
      PROTOCOL_TYPE,
      protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      null,
    );
    return {
      errorCode: answer.errorCode,
      memberId: answer.memberId ?? '',
      generation: answer.generationId,
      protocol: answer.protocolName ?? '',
      leader: answer.leader,
      members: (answer.members ?? []).map((member) => ({
        memberId: member.memberId,
        instanceId: member.groupInstanceId ?? null,
        metadata: member.metadata ?? new Uint8Array(0),
      })),
    };
  }

  async sync(
    member: { memberId: string; generation: number; protocol: string },
    assignments: Assignments | null,
  ): Promise<{ errorCode: number; partitions: TopicPartition[] }> {
    const cluster = this.#cluster;
    const answer = await cluster.callWithin(
      this.#times.rebalanceTimeoutMs + cluster.requestTimeoutMs,
      await this.#socket(),
      cluster.apis.syncGroup,
      this.#groupId,
      member.generation,
      member.memberId,
      this.#instanceId,
      PROTOCOL_TYPE,
      member.protocol,
      [...(assignments ?? [])].map(([memberId, partitions]) => ({
        memberId,
        assignment: encodeAssignment(partitions),
      })),
    );
    const partitions = answer.errorCode === 0 ? decodeAssignment(answer.assignment) : [];
    return { errorCode: answer.errorCode, partitions };
  }

  async heartbeat(memberId: string, generation: number): Promise<number> {
    const cluster = this.#cluster;
    const socket = await this.#socket();
    const answer = await cluster.call(
      socket,
      cluster.apis.heartbeat,
      this.#groupId,
      generation,
      memberId,
      this.#instanceId,
    );
    return answer.errorCode;
  }

  async leave(memberId: string): Promise<void> {
    const cluster = this.#cluster;
    // A join in flight would hold the answer back: leave on the shared connection.
    const socket = await cluster.connection(await cluster.coordinator(this.#groupId, 'report'), 'control');
    await cluster.call(socket, cluster.apis.leaveGroup, this.#groupId, [
      { memberId, groupInstanceId: this.#instanceId, reason: 'the consumer is closed' },
    ]);
  }

  async partitionCounts(topics: readonly string[]): Promise<Map<string, number>> {
    await this.#cluster.metadata(topics, 'report');
    return new Map(topics.map((topic) => [topic, this.#cluster.partitionCount(topic)]));
  }

  async assigned(): Promise<TopicPartition[] | null> {
    const cluster = this.#cluster;
    const answer = await cluster.call(await this.#socket(), cluster.apis.describeGroups, [this.#groupId], false);
    const group = answer.groups[0] as DescribedGroup | undefined;
    if (group === undefined) return null;
    if (kafkaError(group.errorCode).retry !== 'no') throw protocolFailure(group.errorCode, 'describe a group');
    if (group.errorCode !== 0 || group.groupState !== 'Stable') return null;
    return describedGroup(group).members.flatMap(({ partitions }) => partitions);
  }

  forgetCoordinator(): void {
    this.close();
  }

  close(): void {
    const opening = this.#opening;
    this.#opening = null;
    opening?.then(
      (socket) => socket.close(),
      () => {
        // It never opened, and whoever waited for it was told.
      },
    );
  }

  async #socket(): Promise<BrokerSocket> {
    if (this.#opening !== null) {
      const socket = await this.#opening;
      if (!socket.closed && !socket.expiring) return socket;
      this.close();
    }
    this.#opening = this.#cluster.coordinator(this.#groupId, 'report').then((nodeId) => this.#cluster.open(nodeId));
    return this.#opening;
  }
}
