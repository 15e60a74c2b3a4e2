import type { GroupInfo } from '../client.ts';
import { KafkaCode } from '../kafkaErrors.ts';
import { decodeAssignment } from '../membership/protocol.ts';

/** What DescribeGroups answers of one group. */
export interface DescribedGroup {
  readonly errorCode: number;
  readonly groupId: string;
  readonly groupState: string;
  readonly protocolType: string;
  readonly protocolData: string;
  readonly members: Iterable<DescribedMember>;
}

interface DescribedMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  readonly memberAssignment: Uint8Array;
}

/** An answer without an error, or with the one that newer brokers give for a group that is not there. */
export function describedGroup(group: DescribedGroup): GroupInfo {
  const { groupId } = group;
  if (group.errorCode === KafkaCode.groupIdNotFound) return { groupId, state: 'Dead', protocol: '', members: [] };
  const members = [...group.members].map((member) => ({
    memberId: member.memberId,
    clientId: member.clientId,
    host: member.clientHost,
    partitions: group.protocolType === 'consumer' ? decodeAssignment(member.memberAssignment) : [],
  }));
  return { groupId, state: group.groupState, protocol: group.protocolData, members };
}
