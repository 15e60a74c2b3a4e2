import type { BrokerContext, Handlers } from '../context.ts';
import type { PartitionLog } from '../log/partitionLog.ts';
import { KafkaError } from '../protocol/errorCodes.ts';

/** The first version of InitProducerId in which clients know PRODUCER_FENCED. */
const FENCED_SINCE = 4;

/** Identities of producers, and what each of them does in a partition. */
export function producerHandlers(broker: BrokerContext): Pick<Handlers, 'InitProducerId' | 'DescribeProducers'> {
  return {
    InitProducerId: (request, { version }) => {
      const { transactionalId, transactionTimeoutMs } = request;
      if (transactionalId === null) return { producerId: broker.nextProducerId(), producerEpoch: 0 };
      const result = broker.transactions.initProducerId(transactionalId, transactionTimeoutMs, request);
      const isOld = result.errorCode === KafkaError.PRODUCER_FENCED && version < FENCED_SINCE;
      return isOld ? { ...result, errorCode: KafkaError.INVALID_PRODUCER_EPOCH } : result;
    },

    DescribeProducers: (request) => ({
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const log = broker.topics.partition(name, partitionIndex);
          if (log === undefined) return { partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
          return { partitionIndex, errorCode: KafkaError.NONE, activeProducers: activeProducers(log) };
        }),
      })),
    }),
  };
}

function activeProducers(log: PartitionLog) {
  return [...log.producers.all()].map(({ producerId, epoch, lastTimestamp, batches }) => ({
    producerId,
    producerEpoch: epoch,
    lastSequence: batches[batches.length - 1]?.lastSequence ?? -1,
    lastTimestamp,
    coordinatorEpoch: -1,
    currentTxnStartOffset: log.transactions.openOf(producerId)?.firstOffset ?? -1,
  }));
}
