import { array, between, bool, bytes, int8, int16, int32, int64, nullable, or, since, string } from './schema.ts';

/** Requests and responses of the classic consumer group protocol. */
const authorizedOperationsUnknown = -2147483648;

export const findCoordinatorRequest = {
  key: between(0, 3, string),
  keyType: since(1, int8),
  coordinatorKeys: since(4, array(string)),
};

export const findCoordinatorResponse = {
  throttleTimeMs: since(1, int32),
  errorCode: between(0, 3, int16),
  errorMessage: between(1, 3, nullable(1, string), null),
  nodeId: between(0, 3, int32),
  host: between(0, 3, string),
  port: between(0, 3, int32),
  coordinators: since(
    4,
    array({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: or(nullable(4, string), null),
    }),
  ),
};

export const joinGroupRequest = {
  groupId: string,
  sessionTimeoutMs: int32,
  rebalanceTimeoutMs: since(1, int32, -1),
  memberId: string,
  groupInstanceId: since(5, nullable(5, string), null),
  protocolType: string,
  protocols: array({ name: string, metadata: bytes }),
};

export const joinGroupResponse = {
  throttleTimeMs: since(2, int32),
  errorCode: int16,
  generationId: or(int32, -1),
  protocolName: string,
  leader: string,
  memberId: string,
  members: array({ memberId: string, groupInstanceId: since(5, nullable(5, string), null), metadata: bytes }),
};

export const syncGroupRequest = {
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, nullable(3, string), null),
  assignments: array({ memberId: string, assignment: bytes }),
};

export const syncGroupResponse = { throttleTimeMs: since(1, int32), errorCode: int16, assignment: bytes };

export const heartbeatRequest = {
  groupId: string,
  generationId: int32,
  memberId: string,
  groupInstanceId: since(3, nullable(3, string), null),
};

export const heartbeatResponse = { throttleTimeMs: since(1, int32), errorCode: int16 };

export const leaveGroupRequest = {
  groupId: string,
  memberId: between(0, 2, string),
  members: since(3, array({ memberId: string, groupInstanceId: or(nullable(3, string), null) })),
};

export const leaveGroupResponse = {
  throttleTimeMs: since(1, int32),
  errorCode: int16,
  members: since(3, array({ memberId: string, groupInstanceId: or(nullable(3, string), null), errorCode: int16 })),
};

export const offsetCommitRequest = {
  groupId: string,
  generationId: or(int32, -1),
  memberId: string,
  groupInstanceId: since(7, nullable(7, string), null),
  retentionTimeMs: between(2, 4, int64, -1),
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      committedOffset: int64,
      committedLeaderEpoch: since(6, int32, -1),
      commitTimestamp: between(1, 1, int64, -1),
      committedMetadata: nullable(0, string),
    }),
  }),
};

export const offsetCommitResponse = {
  throttleTimeMs: since(3, int32),
  topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
};

export const offsetFetchRequest = {
  groupId: between(1, 7, string),
  topics: between(1, 7, nullable(2, array({ name: string, partitionIndexes: array(int32) }))),
  groups: since(
    8,
    array({
      groupId: string,
      topics: nullable(8, array({ name: string, partitionIndexes: array(int32) })),
    }),
  ),
  requireStable: since(7, bool),
};

const fetchedOffset = {
  partitionIndex: int32,
  committedOffset: int64,
  committedLeaderEpoch: since(5, int32, -1),
  metadata: nullable(0, string),
  errorCode: int16,
};

export const offsetFetchResponse = {
  throttleTimeMs: since(3, int32),
  topics: between(1, 7, array({ name: string, partitions: array(fetchedOffset) })),
  errorCode: between(2, 7, int16),
  groups: since(
    8,
    array({ groupId: string, topics: array({ name: string, partitions: array(fetchedOffset) }), errorCode: int16 }),
  ),
};

export const describeGroupsRequest = { groups: array(string), includeAuthorizedOperations: since(3, bool) };

export const describeGroupsResponse = {
  throttleTimeMs: since(1, int32),
  groups: array({
    errorCode: int16,
    groupId: string,
    groupState: string,
    protocolType: string,
    protocolData: string,
    members: array({
      memberId: string,
      groupInstanceId: since(4, nullable(4, string), null),
      clientId: string,
      clientHost: string,
      memberMetadata: bytes,
      memberAssignment: bytes,
    }),
    authorizedOperations: since(3, int32, authorizedOperationsUnknown),
  }),
};

export const listGroupsRequest = { statesFilter: since(4, array(string)) };

export const listGroupsResponse = {
  throttleTimeMs: since(1, int32),
  errorCode: int16,
  groups: array({ groupId: string, protocolType: string, groupState: since(4, string) }),
};

export const deleteGroupsRequest = { groupsNames: array(string) };

export const deleteGroupsResponse = {
  throttleTimeMs: int32,
  results: array({ groupId: string, errorCode: int16 }),
};

export const offsetDeleteRequest = {
  groupId: string,
  topics: array({ name: string, partitions: array({ partitionIndex: int32 }) }),
};

export const offsetDeleteResponse = {
  errorCode: int16,
  throttleTimeMs: int32,
  topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
};
