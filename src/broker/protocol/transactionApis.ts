import { array, bool, int16, int32, int64, nullable, or, since, string } from './schema.ts';

/** Requests and responses of transactions, and those that show what producers do. */
export const addPartitionsToTxnRequest = {
  transactionalId: string,
  producerId: int64,
  producerEpoch: int16,
  topics: array({ name: string, partitions: array(int32) }),
};

export const addPartitionsToTxnResponse = {
  throttleTimeMs: int32,
  results: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
};

export const addOffsetsToTxnRequest = {
  transactionalId: string,
  producerId: int64,
  producerEpoch: int16,
  groupId: string,
};

export const addOffsetsToTxnResponse = { throttleTimeMs: int32, errorCode: int16 };

export const endTxnRequest = { transactionalId: string, producerId: int64, producerEpoch: int16, committed: bool };

export const endTxnResponse = { throttleTimeMs: int32, errorCode: int16 };

export const txnOffsetCommitRequest = {
  transactionalId: string,
  groupId: string,
  producerId: int64,
  producerEpoch: int16,
  generationId: since(3, int32, -1),
  memberId: since(3, string),
  groupInstanceId: since(3, nullable(3, string), null),
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      committedOffset: int64,
      committedLeaderEpoch: since(2, int32, -1),
      committedMetadata: nullable(0, string),
    }),
  }),
};

export const txnOffsetCommitResponse = {
  throttleTimeMs: int32,
  topics: array({ name: string, partitions: array({ partitionIndex: int32, errorCode: int16 }) }),
};

export const describeProducersRequest = { topics: array({ name: string, partitionIndexes: array(int32) }) };

export const describeProducersResponse = {
  throttleTimeMs: int32,
  topics: array({
    name: string,
    partitions: array({
      partitionIndex: int32,
      errorCode: int16,
      errorMessage: or(nullable(0, string), null),
      activeProducers: array({
        producerId: int64,
        producerEpoch: int32,
        lastSequence: or(int32, -1),
        lastTimestamp: or(int64, -1),
        coordinatorEpoch: int32,
        currentTxnStartOffset: or(int64, -1),
      }),
    }),
  }),
};

export const describeTransactionsRequest = { transactionalIds: array(string) };

export const describeTransactionsResponse = {
  throttleTimeMs: int32,
  transactionStates: array({
    errorCode: int16,
    transactionalId: string,
    transactionState: string,
    transactionTimeoutMs: int32,
    transactionStartTimeMs: int64,
    producerId: int64,
    producerEpoch: int16,
    topics: array({ topic: string, partitions: array(int32) }),
  }),
};

export const listTransactionsRequest = { stateFilters: array(string), producerIdFilters: array(int64) };

export const listTransactionsResponse = {
  throttleTimeMs: int32,
  errorCode: int16,
  unknownStateFilters: array(string),
  transactionStates: array({ transactionalId: string, producerId: int64, transactionState: string }),
};
