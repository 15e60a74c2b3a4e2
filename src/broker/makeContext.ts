import { randomUUID } from 'node:crypto';
import { AnswerBudget } from './answerBudget.ts';
import type { BrokerOptions, BrokerSasl } from './brokerOptions.ts';
import type { Clock } from './clock.ts';
import { ClusterConfig, type ClusterConfigOptions } from './clusterConfig.ts';
import type { BrokerContext } from './context.ts';
import { GroupCoordinator } from './groups/coordinator.ts';
import type { MemoryBudget } from './log/segmentBytes.ts';
import { MemorySegments } from './log/segmentStore.ts';
import { BrokerMetrics } from './metrics.ts';
import { ProducerIds } from './producerIds.ts';
import type { Profile } from './profiles.ts';
import { CredentialStore } from './security/credentials.ts';
import type { SaslPolicy } from './security/saslSession.ts';
import { DataDir, DEFAULT_FSYNC, usable } from './storage/dataDir.ts';
import { Metadata } from './storage/metadata.ts';
import { NO_HOME, type TopicHome, TopicStore } from './topics.ts';
import { TransactionCoordinator } from './transactions/coordinator.ts';

export const NODE_ID = 0;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

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
  const startedMs = clock.now();
  const { data: path, fsync = DEFAULT_FSYNC, logger } = options;
  const data = path === undefined ? null : new DataDir({ path, fsync, clock, logger });
  const metadata = data === null ? null : new Metadata(data);
  const credentials = new CredentialStore(metadata?.credentials);
  for (const [user, password] of Object.entries(options.sasl?.users ?? {})) credentials.addUser(user, password);
  metadata?.restoreCredentials(credentials);
  const config = new ClusterConfig({
    initial: initialConfig(options),
    ...(metadata === null
      ? {}
      : { kept: metadata.clusterConfig(), changed: (name, value) => metadata.clusterConfigChanged(name, value) }),
  });
  const settings = config.settings();
  const memory: TopicHome = { ...NO_HOME, segments: () => new MemorySegments(budget) };
  const producerIds = metadata?.producerIds ?? new ProducerIds();
  const topics = new TopicStore({ newId, clock, home: metadata?.home ?? memory, producerIds });
  const groups = new GroupCoordinator(
    {
      clock,
      get rebalanceDelayMs() {
        return settings.rebalanceDelayMs;
      },
      newMemberId: (clientId) => `${clientId}-${newId()}`,
    },
    metadata?.offsets,
  );
  const nextProducerId = () => producerIds.next();
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
    if (metadata !== null) {
      usable(path!, () => {
        clusterId = metadata.clusterId(clusterId);
        metadata.restore(topics, groups, transactions);
      });
    }
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
    credentials,
    sasl: saslPolicy(options.sasl),
    config,
    metrics: new BrokerMetrics(),
    answers: new AnswerBudget(options.maxAnswerBytes ?? MAX_ANSWER_BYTES),
    topics,
    groups,
    transactions,
    data,
    isCoordinatorLoading: () => clock.now() - startedMs < (options.coordinatorLoadMs ?? 0),
    nextProducerId,
    storageFailed: (error) => logger?.error('the storage refused a request', { error: error.message }),
  };
}

function saslPolicy(sasl: BrokerSasl | undefined): SaslPolicy | null {
  if (sasl === undefined) return null;
  return { mechanisms: sasl.mechanisms ?? ['SCRAM-SHA-256', 'SCRAM-SHA-512'], maxReauthMs: sasl.maxReauthMs ?? 0 };
}

function initialConfig(options: BrokerOptions): ClusterConfigOptions['initial'] {
  return {
    auto_create_topics_enabled: options.autoCreate ?? true,
    default_topic_partitions: options.defaultPartitions ?? 1,
    group_initial_rebalance_delay: options.rebalanceDelayMs ?? 0,
    group_min_session_timeout_ms: options.minSessionTimeoutMs ?? 6000,
    group_max_session_timeout_ms: options.maxSessionTimeoutMs ?? 300_000,
    transaction_max_timeout_ms: options.maxTransactionTimeoutMs ?? 900_000,
  };
}
