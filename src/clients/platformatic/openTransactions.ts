import type { OpenTransaction } from '../client.ts';
import { KafkaCode, protocolFailure } from '../kafkaErrors.ts';
import type { Cluster } from './cluster.ts';

/** States in which records wait for a marker: readers of committed records stop before them. */
const OPEN = new Set([
  'ongoing',
  'preparecommit',
  'prepareabort',
  'prepareepochfence',
  'preparing_commit',
  'preparing_abort',
]);

/** ListTransactions of every broker, since each coordinates some, then DescribeTransactions of those that are open. */
export async function openTransactions(cluster: Cluster): Promise<OpenTransaction[]> {
  await cluster.metadata([]);
  const open: OpenTransaction[] = [];
  // Another caller's metadata may put the brokers in anew meanwhile, which a live iterator would see twice.
  for (const nodeId of [...cluster.brokers.keys()]) {
    open.push(...(await cluster.retry('list transactions', () => openOn(cluster, nodeId))));
  }
  return open.sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1));
}

async function openOn(cluster: Cluster, nodeId: number): Promise<OpenTransaction[]> {
  const socket = await cluster.connection(nodeId, 'control');
  // No state is asked for by name: brokers do not agree on the names.
  const listed = await cluster.call(socket, cluster.apis.listTransactions, [], [], -1n, null);
  if (listed.errorCode !== 0) throw protocolFailure(listed.errorCode, 'list transactions');
  const ids = listed.transactionStates.filter(isOpen).map(({ transactionalId }) => transactionalId);
  if (ids.length === 0) return [];
  const { transactionStates } = await cluster.call(socket, cluster.apis.describeTransactions, ids);
  // One that ended or moved in between is not open here any more.
  const found = transactionStates.filter((each) => each.errorCode === KafkaCode.none && isOpen(each));
  return found.map((each) => ({
    transactionalId: each.transactionalId,
    state: each.transactionState,
    producerId: Number(each.producerId),
    timeoutMs: each.transactionTimeoutMs,
    startedMs: Number(each.transactionStartTimeMs),
    partitions: each.topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition }))),
  }));
}

function isOpen({ transactionState }: { readonly transactionState: string }): boolean {
  return OPEN.has(transactionState.toLowerCase());
}
