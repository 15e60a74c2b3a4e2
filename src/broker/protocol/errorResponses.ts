import type { ApiName, Request, Response } from './apis.ts';

/** How each API says that a request failed as a whole: the code in every place where its response has one. */
type ErrorResponses = {
  readonly [N in ApiName]: (request: Request<N>, errorCode: number, version: number) => Response<N>;
};

interface NamedPartitions<P> {
  readonly name: string;
  readonly partitions: readonly P[];
}

function perPartition<P>(topics: readonly NamedPartitions<P>[], indexOf: (partition: P) => number, errorCode: number) {
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => ({ partitionIndex: indexOf(partition), errorCode })),
  }));
}

const byIndex = ({ partitionIndex }: { readonly partitionIndex: number }) => partitionIndex;
const itself = (partition: number) => partition;

function perResource(
  resources: readonly { readonly resourceType: number; readonly resourceName: string }[],
  errorCode: number,
) {
  return resources.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, errorCode }));
}

const whole = (_request: unknown, errorCode: number) => ({ errorCode });

const ERROR_RESPONSES: ErrorResponses = {
  Produce: (request, errorCode) => ({
    responses: request.topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
  Fetch: (request, errorCode) => ({
    responses: request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1,
        records: [],
      })),
    })),
  }),
  ListOffsets: (request, errorCode) => ({ topics: perPartition(request.topics, byIndex, errorCode) }),
  Metadata: (request, errorCode) => ({
    topics: (request.topics ?? []).map(({ name, topicId }) => ({ name: name ?? '', topicId, errorCode })),
  }),
  OffsetCommit: (request, errorCode) => ({ topics: perPartition(request.topics, byIndex, errorCode) }),
  OffsetFetch: (request, errorCode, version) => ({
    errorCode,
    groups: request.groups.map(({ groupId }) => ({ groupId, errorCode })),
    // Version 1 has no code for the whole.
    topics:
      version > 1
        ? []
        : (request.topics ?? []).map(({ name, partitionIndexes }) => ({
            name,
            partitions: partitionIndexes.map((partitionIndex) => ({
              partitionIndex,
              errorCode,
              committedOffset: -1,
              metadata: '',
            })),
          })),
  }),
  FindCoordinator: (request, errorCode) => ({
    errorCode,
    nodeId: -1,
    port: -1,
    coordinators: request.coordinatorKeys.map((key) => ({ key, errorCode, nodeId: -1, port: -1 })),
  }),
  JoinGroup: (request, errorCode) => ({ errorCode, memberId: request.memberId }),
  Heartbeat: whole,
  LeaveGroup: whole,
  SyncGroup: whole,
  DescribeGroups: (request, errorCode) => ({ groups: request.groups.map((groupId) => ({ groupId, errorCode })) }),
  ListGroups: whole,
  SaslHandshake: whole,
  ApiVersions: whole,
  CreateTopics: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) }),
  DeleteTopics: (request, errorCode, version) => ({
    responses:
      version >= 6
        ? request.topics.map(({ name, topicId }) => ({ name, topicId, errorCode }))
        : request.topicNames.map((name) => ({ name, errorCode })),
  }),
  DeleteRecords: (request, errorCode) => ({ topics: perPartition(request.topics, byIndex, errorCode) }),
  InitProducerId: (_request, errorCode) => ({ errorCode, producerId: -1, producerEpoch: -1 }),
  OffsetForLeaderEpoch: (request, errorCode) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
  AddPartitionsToTxn: (request, errorCode) => ({ results: perPartition(request.topics, itself, errorCode) }),
  AddOffsetsToTxn: whole,
  EndTxn: whole,
  TxnOffsetCommit: (request, errorCode) => ({ topics: perPartition(request.topics, byIndex, errorCode) }),
  DescribeAcls: whole,
  CreateAcls: (request, errorCode) => ({ results: request.creations.map(() => ({ errorCode })) }),
  DeleteAcls: (request, errorCode) => ({ filterResults: request.filters.map(() => ({ errorCode })) }),
  DescribeConfigs: (request, errorCode) => ({ results: perResource(request.resources, errorCode) }),
  AlterConfigs: (request, errorCode) => ({ responses: perResource(request.resources, errorCode) }),
  IncrementalAlterConfigs: (request, errorCode) => ({ responses: perResource(request.resources, errorCode) }),
  DescribeLogDirs: (_request, errorCode) => ({ results: [{ errorCode }] }),
  SaslAuthenticate: whole,
  CreatePartitions: (request, errorCode) => ({ results: request.topics.map(({ name }) => ({ name, errorCode })) }),
  DeleteGroups: (request, errorCode) => ({
    results: request.groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
  AlterPartitionReassignments: whole,
  ListPartitionReassignments: whole,
  OffsetDelete: whole,
  DescribeClientQuotas: (_request, errorCode) => ({ errorCode, entries: null }),
  AlterClientQuotas: (request, errorCode) => ({
    entries: request.entries.map(({ entity }) => ({ entity, errorCode })),
  }),
  DescribeUserScramCredentials: whole,
  AlterUserScramCredentials: (request, errorCode) => ({
    results: [...new Set([...request.deletions, ...request.upsertions].map(({ name }) => name))].map((user) => ({
      user,
      errorCode,
    })),
  }),
  DescribeCluster: whole,
  DescribeProducers: (request, errorCode) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })),
    })),
  }),
  DescribeTransactions: (request, errorCode) => ({
    transactionStates: request.transactionalIds.map((transactionalId) => ({ transactionalId, errorCode })),
  }),
  ListTransactions: whole,
};

/** The response that says `errorCode` for everything that `request` names. */
export function errorResponse<N extends ApiName>(
  name: N,
  request: Request<N>,
  errorCode: number,
  version: number,
): Response<N> {
  return ERROR_RESPONSES[name](request, errorCode, version);
}
