import { randomUUID } from 'node:crypto';
import type { BrokerOptions } from './broker.ts';
import type { Clock } from './clock.ts';
import type { BrokerContext, BrokerSettings } from './context.ts';
import { GroupCoordinator } from './groups/coordinator.ts';
import type { MemoryBudget } from './log/segmentBytes.ts';
import { MemorySegments } from './log/segmentStore.ts';
import type { Profile } from './profiles.ts';
import { DataDir, DEFAULT_FSYNC } from './storage/dataDir.ts';
import { Metadata } from './storage/metadata.ts';
import { NO_HOME, type TopicHome, TopicStore } from './topics.ts';
import { TransactionCoordinator } from './transactions/coordinator.ts';

export const NODE_ID = 0;
const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * The state of a broker that starts: empty, or as `data` has it.
 * @throws AnomalyError ANM_DATA_DIRECTORY, ANM_DATA_LOCKED, ANM_DATA_CORRUPT
 */
export function makeContext(
  options: BrokerOptions,
  profile: Profile,
  clock: Clock,
  budget: MemoryBudget,
): BrokerContext {
  const newId = options.newId ?? (() => randomUUID().replaceAll('-', ''));
  const settings = settingsOf(options);
  const startedMs = clock.now();
  const { data: path, fsync = DEFAULT_FSYNC, logger } = options;
  const data = path === undefined ? null : new DataDir({ path, fsync, clock, logger });
  const metadata = data === null ? null : new Metadata(data);
  const memory: TopicHome = { ...NO_HOME, segments: () => new MemorySegments(budget) };
  const topics = new TopicStore({ newId, clock, home: metadata?.home ?? memory });
  const groups = new GroupCoordinator(
    {
      clock,
      rebalanceDelayMs: settings.rebalanceDelayMs,
      newMemberId: (clientId) => `${clientId}-${newId()}`,
    },
    metadata?.offsets,
  );
  let lastProducerId = 0;
  const nextProducerId = () => metadata?.newProducerId() ?? ++lastProducerId;
  const transactions = new TransactionCoordinator({
    clock,
    nextProducerId,
    partition: (topic, partition) => topics.partition(topic, partition),
    group: (groupId) => groups.get(groupId),
    maxTimeoutMs: settings.maxTransactionTimeoutMs,
    idExpirationMs: settings.transactionalIdExpirationMs,
    hasFences: options.transactionFences ?? true,
    markerDelayMs: options.markerDelayMs ?? 0,
    ...(metadata === null ? {} : { journal: metadata.transactions }),
  });
  let clusterId = `redpanda.${newId()}`;
  try {
    clusterId = metadata?.clusterId(clusterId) ?? clusterId;
    metadata?.restore(topics, groups, transactions);
  } catch (error) {
    transactions.close();
    data?.abandon();
    throw error;
  }
  return {
    nodeId: NODE_ID,
    clusterId,
    profile,
    clock,
    settings,
    topics,
    groups,
    transactions,
    data,
    isCoordinatorLoading: () => clock.now() - startedMs < (options.coordinatorLoadMs ?? 0),
    nextProducerId,
    storageFailed: (error) => logger?.error('the storage refused a request', { error: error.message }),
  };
}

function settingsOf(options: BrokerOptions): BrokerSettings {
  return {
    autoCreate: options.autoCreate ?? true,
    defaultPartitions: options.defaultPartitions ?? 1,
    rebalanceDelayMs: options.rebalanceDelayMs ?? 0,
    minSessionTimeoutMs: options.minSessionTimeoutMs ?? 6000,
    maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? 300_000,
    maxTransactionTimeoutMs: options.maxTransactionTimeoutMs ?? 900_000,
    transactionalIdExpirationMs: WEEK_MS,
  };
}
