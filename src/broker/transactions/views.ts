import { LEADER_EPOCH } from '../log/partitionLog.ts';
import type { TransactionCoordinator } from './coordinator.ts';
import type { TransactionStatus } from './transaction.ts';

/** Redpanda's names in the Admin API. */
const ADMIN_STATUS: Readonly<Record<TransactionStatus, string>> = {
  Empty: 'empty',
  Ongoing: 'ongoing',
  PrepareCommit: 'preparing_commit',
  PrepareAbort: 'preparing_abort',
  PrepareEpochFence: 'expired',
  CompleteCommit: 'completed_commit',
  CompleteAbort: 'completed_abort',
};

/** Every transactional id as GET /v1/transactions shows it. */
export function transactionViews(coordinator: TransactionCoordinator, nowMs: number) {
  return [...coordinator.all()].map((transaction) => ({
    transactional_id: transaction.transactionalId,
    pid: { id: transaction.producerId, epoch: transaction.producerEpoch },
    tx_seq: transaction.sequence,
    etag: LEADER_EPOCH,
    status: ADMIN_STATUS[transaction.status],
    timeout_ms: transaction.timeoutMs,
    staleness_ms: nowMs - transaction.lastUpdateMs,
    partitions: [...transaction.partitions].flatMap(([topic, indexes]) =>
      [...indexes].map((partition_id) => ({ ns: 'kafka', topic, partition_id, etag: LEADER_EPOCH })),
    ),
    groups: [...transaction.groups].map((group_id) => ({ group_id, etag: LEADER_EPOCH })),
  }));
}
