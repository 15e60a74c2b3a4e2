import type { BrokerContext, Handlers } from '../context.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

/**
 * Producer ids, and the transaction APIs of a broker that runs with enable_transactions=false: UNSUPPORTED_VERSION, as
 * Redpanda then answers a search for the coordinator. No client takes that for a passing failure, so none waits.
 */
export function producerHandlers(
  broker: BrokerContext,
): Pick<
  Handlers,
  | 'InitProducerId'
  | 'AddPartitionsToTxn'
  | 'AddOffsetsToTxn'
  | 'EndTxn'
  | 'TxnOffsetCommit'
  | 'DescribeProducers'
  | 'DescribeTransactions'
  | 'ListTransactions'
> {
  const off = KafkaError.UNSUPPORTED_VERSION;
  return {
    InitProducerId: ({ transactionalId }) => {
      if (transactionalId !== null) return { errorCode: off, producerId: -1, producerEpoch: -1 };
      return { producerId: broker.nextProducerId(), producerEpoch: 0 };
    },

    AddPartitionsToTxn: (request) => ({
      results: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode: off })),
      })),
    }),

    AddOffsetsToTxn: () => ({ errorCode: off }),

    EndTxn: () => ({ errorCode: off }),

    TxnOffsetCommit: (request) => ({
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: off })),
      })),
    }),

    DescribeProducers: (request) => ({
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const log = broker.topics.partition(name, partitionIndex);
          if (log === undefined) return { partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
          const activeProducers = [...log.producers.all()].map(({ producerId, epoch, lastTimestamp, batches }) => ({
            producerId,
            producerEpoch: epoch,
            lastSequence: batches[batches.length - 1]?.lastSequence ?? -1,
            lastTimestamp,
            coordinatorEpoch: -1,
          }));
          return { partitionIndex, errorCode: KafkaError.NONE, activeProducers };
        }),
      })),
    }),

    DescribeTransactions: (request) => ({
      transactionStates: request.transactionalIds.map((transactionalId) => ({
        transactionalId,
        errorCode: KafkaError.TRANSACTIONAL_ID_NOT_FOUND,
        producerId: -1,
        producerEpoch: -1,
      })),
    }),

    // There can be none, so the empty list is the truth.
    ListTransactions: () => ({ errorCode: KafkaError.NONE }),
  };
}
