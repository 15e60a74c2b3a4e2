import type { BrokerContext, Handlers } from '../context.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import type { Transaction, TransactionStatus } from '../transactions/transaction.ts';

/** The first version in which clients know PRODUCER_FENCED; before, a fenced producer has an INVALID_PRODUCER_EPOCH. */
const FENCED_SINCE = 2;

const STATUSES: ReadonlySet<string> = new Set<TransactionStatus>([
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'PrepareEpochFence',
  'CompleteCommit',
  'CompleteAbort',
]);

/** Transactions by the first version of their protocol (KIP-98), and what shows them (KIP-664). */
export function transactionHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'AddPartitionsToTxn' | 'AddOffsetsToTxn' | 'EndTxn' | 'DescribeTransactions' | 'ListTransactions'> {
  const { transactions } = broker;
  return {
    AddPartitionsToTxn: (request, { version }) => {
      const codes = transactions.addPartitions(request.transactionalId, request, request.topics);
      return {
        results: request.topics.map(({ name, partitions }, topic) => ({
          name,
          partitions: partitions.map((partitionIndex, i) => ({
            partitionIndex,
            errorCode: forVersion(codes[topic]![i]!, version),
          })),
        })),
      };
    },

    AddOffsetsToTxn: (request, { version }) => ({
      errorCode: forVersion(transactions.addOffsets(request.transactionalId, request, request.groupId), version),
    }),

    EndTxn: (request, { version }) => ({
      errorCode: forVersion(transactions.end(request.transactionalId, request, request.committed), version),
    }),

    DescribeTransactions: ({ transactionalIds }) => ({
      transactionStates: transactionalIds.map((transactionalId) => {
        const transaction = transactions.get(transactionalId);
        if (transaction !== undefined) return described(transaction);
        const errorCode = KafkaError.TRANSACTIONAL_ID_NOT_FOUND;
        return { transactionalId, errorCode, producerId: -1, producerEpoch: -1 };
      }),
    }),

    ListTransactions: ({ stateFilters, producerIdFilters }) => ({
      errorCode: KafkaError.NONE,
      unknownStateFilters: stateFilters.filter((state) => !STATUSES.has(state)),
      transactionStates: [...transactions.all()]
        .filter(({ status }) => stateFilters.length === 0 || stateFilters.includes(status))
        .filter(({ producerId }) => producerIdFilters.length === 0 || producerIdFilters.includes(producerId))
        .map(({ transactionalId, producerId, status }) => ({ transactionalId, producerId, transactionState: status })),
    }),
  };
}

/** What a fencing is called in a version of AddPartitionsToTxn, AddOffsetsToTxn and EndTxn. */
function forVersion(errorCode: number, version: number): number {
  const isOld = errorCode === KafkaError.PRODUCER_FENCED && version < FENCED_SINCE;
  return isOld ? KafkaError.INVALID_PRODUCER_EPOCH : errorCode;
}

function described(transaction: Transaction) {
  const { transactionalId, status, timeoutMs, startTimeMs, producerId, producerEpoch, partitions } = transaction;
  return {
    errorCode: KafkaError.NONE,
    transactionalId,
    transactionState: status,
    transactionTimeoutMs: timeoutMs,
    transactionStartTimeMs: startTimeMs,
    producerId,
    producerEpoch,
    topics: [...partitions].map(([topic, indexes]) => ({ topic, partitions: [...indexes] })),
  };
}
