import type { BrokerContext, Call, Handlers } from '../context.ts';
import type { Request } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

const GROUP_COORDINATOR = 0;
const TRANSACTION_COORDINATOR = 1;

/** Membership of classic consumer groups. */
export function groupHandlers(
  broker: BrokerContext,
): Pick<
  Handlers,
  | 'FindCoordinator'
  | 'JoinGroup'
  | 'SyncGroup'
  | 'Heartbeat'
  | 'LeaveGroup'
  | 'DescribeGroups'
  | 'ListGroups'
  | 'DeleteGroups'
> {
  return {
    FindCoordinator: (request, call) => {
      const keys = call.version >= 4 ? request.coordinatorKeys : [request.key];
      const coordinators = keys.map((key) => ({ key, ...coordinatorFor(broker, key, request.keyType, call) }));
      return { ...coordinators[0], coordinators };
    },

    JoinGroup: (request, call) => {
      const { sessionTimeoutMs } = request;
      const { minSessionTimeoutMs, maxSessionTimeoutMs } = broker.settings;
      if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
        return { errorCode: KafkaError.INVALID_SESSION_TIMEOUT, memberId: request.memberId };
      }
      return broker.groups.join(request.groupId, joinerOf(request, call));
    },

    SyncGroup: (request) => {
      const group = broker.groups.get(request.groupId);
      if (group === undefined) return { errorCode: KafkaError.UNKNOWN_MEMBER_ID };
      // Kept for as long as the generation: the frame they came in should not be.
      const assignments = new Map(
        request.assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]),
      );
      return group.sync(request.memberId, request.groupInstanceId, request.generationId, assignments);
    },

    Heartbeat: (request) => {
      const group = broker.groups.get(request.groupId);
      if (group === undefined) return { errorCode: KafkaError.UNKNOWN_MEMBER_ID };
      return { errorCode: group.heartbeat(request.memberId, request.groupInstanceId, request.generationId) };
    },

    LeaveGroup: (request, call) => {
      const group = broker.groups.get(request.groupId);
      const leave = (memberId: string, instanceId: string | null) =>
        group === undefined ? KafkaError.UNKNOWN_MEMBER_ID : group.leave(memberId, instanceId);
      if (call.version < 3) return { errorCode: leave(request.memberId, null) };
      return {
        errorCode: KafkaError.NONE,
        members: request.members.map(({ memberId, groupInstanceId }) => ({
          memberId,
          groupInstanceId,
          errorCode: leave(memberId, groupInstanceId),
        })),
      };
    },

    DescribeGroups: (request) => ({ groups: request.groups.map((groupId) => described(broker, groupId)) }),

    ListGroups: (request) => {
      const wanted = request.statesFilter.map((state) => state.toLowerCase());
      const groups = [...broker.groups.all()]
        .filter(({ state }) => wanted.length === 0 || wanted.includes(state.toLowerCase()))
        .map(({ groupId, protocolType, state }) => ({ groupId, protocolType, groupState: state }));
      return { errorCode: KafkaError.NONE, groups };
    },

    DeleteGroups: (request) => ({
      results: request.groupsNames.map((groupId) => ({ groupId, errorCode: broker.groups.delete(groupId) })),
    }),
  };
}

/** One node coordinates all groups and all transactions. */
function coordinatorFor(broker: BrokerContext, key: string, keyType: number, call: Call) {
  const isKnownType = keyType === GROUP_COORDINATOR || keyType === TRANSACTION_COORDINATOR;
  if (isKnownType && !(keyType === TRANSACTION_COORDINATOR && key === '')) {
    return { errorCode: KafkaError.NONE, nodeId: broker.nodeId, host: call.host, port: call.port };
  }
  const errorMessage = isKnownType ? 'the transactional id is empty' : `there is no coordinator of type ${keyType}`;
  return { errorCode: KafkaError.INVALID_REQUEST, errorMessage, nodeId: -1, host: '', port: -1 };
}

function joinerOf(request: Request<'JoinGroup'>, call: Call) {
  return {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    clientId: call.clientId,
    clientHost: call.clientHost,
    sessionTimeoutMs: request.sessionTimeoutMs,
    // Version 0 knows one timeout for both.
    rebalanceTimeoutMs: request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
    protocolType: request.protocolType,
    protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    requiresMemberId: call.version >= 4,
  };
}

function described(broker: BrokerContext, groupId: string) {
  const group = broker.groups.get(groupId);
  if (group === undefined) return { errorCode: KafkaError.NONE, groupId, groupState: 'Dead' };
  const isSettled = group.state === 'Stable';
  return {
    errorCode: KafkaError.NONE,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: isSettled ? group.protocolName : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      ...(isSettled
        ? { memberMetadata: member.metadataOf(group.protocolName), memberAssignment: member.assignment }
        : {}),
    })),
  };
}
