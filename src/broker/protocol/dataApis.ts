import {
  array,
  between,
  int8,
  int16,
  int32,
  int64,
  nullable,
  or,
  records,
  since,
  string,
  struct,
  tagged,
  uuid,
} from './schema.ts';

/** Requests and responses that carry or find records. Fields in wire order; versions as Redpanda advertises them. */
export const produceRequest = {
  transactionalId: since(3, nullable(3, string), null),
  acks: int16,
  timeoutMs: int32,
  topicData: array({
    name: string,
    partitionData: array({ index: int32, records: nullable(0, records) }),
  }),
};

export const produceResponse = {
  responses: array({
    name: string,
    partitionResponses: array({
      index: int32,
      errorCode: int16,
      baseOffset: int64,
      logAppendTimeMs: since(2, int64, -1),
      logStartOffset: since(5, int64, -1),
    }),
  }),
  throttleTimeMs: since(1, int32),
};

export const fetchRequest = {
  clusterId: tagged(0, 12, nullable(12, string)),
  replicaId: or(int32, -1),
  maxWaitMs: int32,
  minBytes: int32,
  maxBytes: or(int32, 0x7fffffff),
  isolationLevel: int8,
  sessionId: since(7, int32),
  sessionEpoch: since(7, int32, -1),
  topics: array({
    topic: between(0, 12, string),
    topicId: since(13, uuid),
    partitions: array({
      partition: int32,
      currentLeaderEpoch: since(9, int32, -1),
      fetchOffset: int64,
      lastFetchedEpoch: since(12, int32, -1),
      logStartOffset: since(5, int64, -1),
      partitionMaxBytes: int32,
    }),
  }),
  forgottenTopicsData: since(
    7,
    array({ topic: between(7, 12, string), topicId: since(13, uuid), partitions: array(int32) }),
  ),
  rackId: since(11, string),
};

export const fetchResponse = {
  throttleTimeMs: int32,
  errorCode: since(7, int16),
  sessionId: since(7, int32),
  responses: array({
    topic: between(0, 12, string),
    topicId: since(13, uuid),
    partitions: array({
      partitionIndex: int32,
      errorCode: int16,
      highWatermark: int64,
      lastStableOffset: or(int64, -1),
      logStartOffset: since(5, int64, -1),
      divergingEpoch: tagged(0, 12, struct({ epoch: or(int32, -1), endOffset: or(int64, -1) })),
      currentLeader: tagged(1, 12, struct({ leaderId: or(int32, -1), leaderEpoch: or(int32, -1) })),
      snapshotId: tagged(2, 12, struct({ endOffset: or(int64, -1), epoch: or(int32, -1) })),
      abortedTransactions: or(nullable(4, array({ producerId: int64, firstOffset: int64 })), null),
      preferredReadReplica: since(11, int32, -1),
      records: nullable(0, records),
    }),
  }),
};

export const listOffsetsRequest = {
  replicaId: or(int32, -1),
  isolationLevel: since(2, int8),
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      currentLeaderEpoch: since(4, int32, -1),
      timestamp: int64,
      maxNumOffsets: between(0, 0, int32, 1),
    }),
  }),
};

export const listOffsetsResponse = {
  throttleTimeMs: since(2, int32),
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      errorCode: int16,
      oldStyleOffsets: between(0, 0, array(int64)),
      timestamp: since(1, int64, -1),
      offset: since(1, int64, -1),
      leaderEpoch: since(4, int32, -1),
    }),
  }),
};

export const offsetForLeaderEpochRequest = {
  replicaId: since(3, int32, -2),
  topics: array({
    topic: string,
    partitions: array({ partition: int32, currentLeaderEpoch: since(2, int32, -1), leaderEpoch: int32 }),
  }),
};

export const offsetForLeaderEpochResponse = {
  throttleTimeMs: since(2, int32),
  topics: array({
    topic: string,
    partitions: array({
      errorCode: int16,
      partition: int32,
      leaderEpoch: since(1, int32, -1),
      endOffset: or(int64, -1),
    }),
  }),
};

export const deleteRecordsRequest = {
  topics: array({ name: string, partitions: array({ partitionIndex: int32, offset: int64 }) }),
  timeoutMs: int32,
};

export const deleteRecordsResponse = {
  throttleTimeMs: int32,
  topics: array({
    name: string,
    partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
  }),
};

export const initProducerIdRequest = {
  transactionalId: nullable(0, string),
  transactionTimeoutMs: int32,
  producerId: since(3, int64, -1),
  producerEpoch: since(3, int16, -1),
};

export const initProducerIdResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  producerId: or(int64, -1),
  producerEpoch: int16,
};
