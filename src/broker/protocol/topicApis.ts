import {
  array,
  between,
  bool,
  int8,
  int16,
  int32,
  int64,
  nullable,
  or,
  since,
  string,
  tagged,
  uuid,
} from './schema.ts';

/** Requests and responses about the cluster, its topics and their configuration. */
const authorizedOperationsUnknown = -2147483648;

export const apiVersionsRequest = { clientSoftwareName: since(3, string), clientSoftwareVersion: since(3, string) };

export const apiVersionsResponse = {
  errorCode: int16,
  apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
  throttleTimeMs: since(1, int32),
  supportedFeatures: tagged(0, 3, array({ name: string, minVersion: int16, maxVersion: int16 })),
  finalizedFeaturesEpoch: tagged(1, 3, int64),
  finalizedFeatures: tagged(2, 3, array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 })),
};

export const metadataRequest = {
  topics: nullable(1, array({ topicId: since(10, uuid), name: nullable(10, string) })),
  allowAutoTopicCreation: since(4, bool, true),
  includeClusterAuthorizedOperations: between(8, 10, bool),
  includeTopicAuthorizedOperations: since(8, bool),
};

export const metadataResponse = {
  throttleTimeMs: since(3, int32),
  brokers: array({ nodeId: int32, host: string, port: int32, rack: since(1, nullable(1, string), null) }),
  clusterId: since(2, nullable(2, string), null),
  controllerId: since(1, int32, -1),
  topics: array({
    errorCode: int16,
    name: nullable(12, string),
    topicId: since(10, uuid),
    isInternal: since(1, bool),
    partitions: array({
      errorCode: int16,
      partitionIndex: int32,
      leaderId: int32,
      leaderEpoch: since(7, int32, -1),
      replicaNodes: array(int32),
      isrNodes: array(int32),
      offlineReplicas: since(5, array(int32)),
    }),
    topicAuthorizedOperations: since(8, int32, authorizedOperationsUnknown),
  }),
  clusterAuthorizedOperations: between(8, 10, int32, authorizedOperationsUnknown),
};

export const createTopicsRequest = {
  topics: array({
    name: string,
    numPartitions: int32,
    replicationFactor: int16,
    assignments: array({ partitionIndex: int32, brokerIds: array(int32) }),
    configs: array({ name: string, value: nullable(0, string) }),
  }),
  timeoutMs: or(int32, 60000),
  validateOnly: since(1, bool),
};

export const createTopicsResponse = {
  throttleTimeMs: since(2, int32),
  topics: array({
    name: string,
    topicId: since(7, uuid),
    errorCode: int16,
    errorMessage: since(1, nullable(0, string), null),
    topicConfigErrorCode: tagged(0, 5, int16),
    numPartitions: since(5, int32, -1),
    replicationFactor: since(5, int16, -1),
    configs: since(
      5,
      nullable(
        5,
        array({
          name: string,
          value: nullable(5, string),
          readOnly: bool,
          configSource: or(int8, -1),
          isSensitive: bool,
        }),
      ),
    ),
  }),
};

export const deleteTopicsRequest = {
  topics: since(6, array({ name: or(nullable(6, string), null), topicId: uuid })),
  topicNames: between(0, 5, array(string)),
  timeoutMs: int32,
};

export const deleteTopicsResponse = {
  throttleTimeMs: since(1, int32),
  responses: array({
    name: nullable(6, string),
    topicId: since(6, uuid),
    errorCode: int16,
    errorMessage: since(5, nullable(5, string), null),
  }),
};

export const createPartitionsRequest = {
  topics: array({ name: string, count: int32, assignments: nullable(0, array({ brokerIds: array(int32) })) }),
  timeoutMs: int32,
  validateOnly: bool,
};

export const createPartitionsResponse = {
  throttleTimeMs: int32,
  results: array({ name: string, errorCode: int16, errorMessage: or(nullable(0, string), null) }),
};

export const describeConfigsRequest = {
  resources: array({ resourceType: int8, resourceName: string, configurationKeys: nullable(0, array(string)) }),
  includeSynonyms: since(1, bool),
  includeDocumentation: since(3, bool),
};

export const describeConfigsResponse = {
  throttleTimeMs: int32,
  results: array({
    errorCode: int16,
    errorMessage: or(nullable(0, string), null),
    resourceType: int8,
    resourceName: string,
    configs: array({
      name: string,
      value: nullable(0, string),
      readOnly: bool,
      isDefault: between(0, 0, bool),
      configSource: since(1, int8, -1),
      isSensitive: bool,
      synonyms: since(1, array({ name: string, value: nullable(0, string), source: int8 })),
      configType: since(3, int8),
      documentation: since(3, nullable(0, string), null),
    }),
  }),
};

const alteredResource = {
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  resourceType: int8,
  resourceName: string,
};

export const alterConfigsRequest = {
  resources: array({
    resourceType: int8,
    resourceName: string,
    configs: array({ name: string, value: nullable(0, string) }),
  }),
  validateOnly: bool,
};

export const alterConfigsResponse = { throttleTimeMs: int32, responses: array(alteredResource) };

export const incrementalAlterConfigsRequest = {
  resources: array({
    resourceType: int8,
    resourceName: string,
    configs: array({ name: string, configOperation: int8, value: nullable(0, string) }),
  }),
  validateOnly: bool,
};

export const incrementalAlterConfigsResponse = { throttleTimeMs: int32, responses: array(alteredResource) };

export const describeClusterRequest = { includeClusterAuthorizedOperations: bool };

export const describeClusterResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  clusterId: string,
  controllerId: or(int32, -1),
  brokers: array({ brokerId: int32, host: string, port: int32, rack: or(nullable(0, string), null) }),
  clusterAuthorizedOperations: or(int32, authorizedOperationsUnknown),
};

export const describeLogDirsRequest = { topics: nullable(0, array({ topic: string, partitions: array(int32) })) };

export const describeLogDirsResponse = {
  throttleTimeMs: int32,
  results: array({
    errorCode: int16,
    logDir: string,
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, partitionSize: int64, offsetLag: int64, isFutureKey: bool }),
    }),
  }),
};

export const alterPartitionReassignmentsRequest = {
  timeoutMs: or(int32, 60000),
  topics: array({
    name: string,
    partitions: array({ partitionIndex: int32, replicas: or(nullable(0, array(int32)), null) }),
  }),
};

export const alterPartitionReassignmentsResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  responses: array({
    name: string,
    partitions: array({ partitionIndex: int32, errorCode: int16, errorMessage: or(nullable(0, string), null) }),
  }),
};

export const listPartitionReassignmentsRequest = {
  timeoutMs: or(int32, 60000),
  topics: or(nullable(0, array({ name: string, partitionIndexes: array(int32) })), null),
};

export const listPartitionReassignmentsResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  errorMessage: or(nullable(0, string), null),
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      replicas: array(int32),
      addingReplicas: array(int32),
      removingReplicas: array(int32),
    }),
  }),
};
