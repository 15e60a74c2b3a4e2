import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { loadFastCrc32c } from '../wire/crc32c.ts';
import { type Clock, systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import type { BrokerContext, BrokerSettings } from './context.ts';
import { type Fault, Faults } from './faults.ts';
import { GroupCoordinator } from './groups/coordinator.ts';
import { makeHandlers } from './handlers/handlers.ts';
import { DEFAULT_PROFILE, PROFILES, profileNamed } from './profiles.ts';
import { ByteWriter } from './protocol/bytes.ts';
import { CredentialStore } from './security/credentials.ts';
import { type Listener, type ListenerTls, makeListener } from './security/listener.ts';
import type { SaslMechanism, SaslPolicy } from './security/saslSession.ts';
import { TopicStore } from './topics.ts';
import { TransactionCoordinator } from './transactions/coordinator.ts';
import { transactionViews } from './transactions/views.ts';

export interface BrokerOptions {
  /** 0 (the default) takes any free one. */
  readonly port?: number;
  /** Address to listen on, and to tell clients. Default 127.0.0.1. */
  readonly host?: string;
  /** Release of Redpanda whose API versions are advertised, as v25.3. Default the newest. */
  readonly profile?: string;
  /** A topic is made on first use, where the client's request allows it. Default true, as in a dev container. */
  readonly autoCreate?: boolean;
  /** Default 1. */
  readonly defaultPartitions?: number;
  /** How long an empty group waits for more members. Default 0, as in a dev container; production has 3000. */
  readonly rebalanceDelayMs?: number;
  /** Default 6000, Redpanda's. */
  readonly minSessionTimeoutMs?: number;
  /** Default 300000, Redpanda's. */
  readonly maxSessionTimeoutMs?: number;
  /** Clients have to speak TLS. Default: plain text. */
  readonly tls?: ListenerTls;
  /** Clients have to log in. Default: nobody has to. */
  readonly sasl?: BrokerSasl;
  /** Default 900000, Redpanda's transaction_max_timeout_ms. */
  readonly maxTransactionTimeoutMs?: number;
  /**
   * Whether each transaction takes one offset of each of its partitions, as Redpanda's do, which no fetch returns.
   * Default true; false is what Apache Kafka does.
   */
  readonly transactionFences?: boolean;
  /** How long the markers of a transaction wait after its outcome is decided and told. Default 0: before the answer. */
  readonly markerDelayMs?: number;
  /** How long after the start groups and transactions answer COORDINATOR_LOAD_IN_PROGRESS. Default 0. */
  readonly coordinatorLoadMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly faults?: readonly Fault[];
  /** Gives ids of 32 hexadecimal digits for topics, members and the cluster. Default random ones. */
  readonly newId?: () => string;
}

export interface BrokerSasl {
  /** Default SCRAM-SHA-256 and SCRAM-SHA-512, as Redpanda's. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** Passwords by user; each may log in by PLAIN and both kinds of SCRAM. */
  readonly users: Readonly<Record<string, string>>;
  /** kafka_sasl_max_reauth_ms: how long a login counts. Default 0: as long as the connection. */
  readonly maxReauthMs?: number;
}

const NODE_ID = 0;
const WEEK_MS = 7 * 24 * 3600 * 1000;
const MAX_PORT = 65535;

/**
 * A Kafka-protocol broker of one node in this process, in memory, for development and tests: it advertises what
 * Redpanda does, and speaks it over TCP. Nothing outlives it.
 *
 * @throws AnomalyError ANM_PORT_IN_USE, ANM_USAGE on an unknown profile
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new Broker(options);
  // Batches are checked by table until the addon is there, so nobody waits for it.
  void loadFastCrc32c();
  await broker.listen(options.port ?? 0);
  return broker;
}

/** A running broker. Use `startBroker`. */
export class Broker {
  readonly nodeId = NODE_ID;
  /** Faults to be met by coming requests: `broker.faults.inject({ api: 'Produce', errorCode: 6 })`. */
  readonly faults: Faults;
  readonly context: BrokerContext;
  readonly host: string;
  private readonly listener: Listener;
  private readonly connections = new Set<Connection>();
  private readonly writer = new ByteWriter();
  private readonly logger: Logger | undefined;
  private readonly handlers;
  private readonly startedMs: number;
  private listeningPort = 0;

  constructor(options: BrokerOptions) {
    const name = options.profile ?? DEFAULT_PROFILE;
    const profile = profileNamed(name);
    if (profile === undefined) {
      throw new AnomalyError('ANM_USAGE', `cannot behave like ${name} as no such profile is known`, {
        hint: `known are ${PROFILES.map((known) => known.name).join(', ')}`,
      });
    }
    const partitions = options.defaultPartitions ?? 1;
    if (!Number.isInteger(partitions) || partitions < 1) {
      throw new AnomalyError('ANM_USAGE', `cannot give topics ${partitions} partitions as it is not a count from 1 on`);
    }
    const { rebalanceDelayMs = 0 } = options;
    if (!(rebalanceDelayMs >= 0)) {
      throw new AnomalyError(
        'ANM_USAGE',
        `cannot delay rebalances by ${rebalanceDelayMs} ms as time does not run back`,
      );
    }
    const clock = options.clock ?? systemClock;
    const newId = options.newId ?? (() => randomUUID().replaceAll('-', ''));
    const settings = settingsOf(options);
    const credentials = new CredentialStore();
    for (const [user, password] of Object.entries(options.sasl?.users ?? {})) credentials.addUser(user, password);
    const startedMs = clock.now();
    let lastProducerId = 0;
    const nextProducerId = () => ++lastProducerId;
    const topics = new TopicStore(newId);
    const groups = new GroupCoordinator({
      clock,
      rebalanceDelayMs: settings.rebalanceDelayMs,
      newMemberId: (clientId) => `${clientId}-${newId()}`,
    });
    this.context = {
      nodeId: NODE_ID,
      clusterId: `redpanda.${newId()}`,
      profile,
      clock,
      settings,
      credentials,
      sasl: saslPolicy(options.sasl),
      topics,
      groups,
      transactions: new TransactionCoordinator({
        clock,
        nextProducerId,
        partition: (topic, partition) => topics.partition(topic, partition),
        group: (groupId) => groups.get(groupId),
        maxTimeoutMs: settings.maxTransactionTimeoutMs,
        idExpirationMs: settings.transactionalIdExpirationMs,
        hasFences: options.transactionFences ?? true,
        markerDelayMs: options.markerDelayMs ?? 0,
      }),
      isCoordinatorLoading: () => clock.now() - startedMs < (options.coordinatorLoadMs ?? 0),
      nextProducerId,
    };
    this.handlers = makeHandlers(this.context);
    this.faults = new Faults(options.faults);
    this.host = options.host ?? '127.0.0.1';
    this.logger = options.logger;
    this.listener = makeListener(options.tls, (socket) => this.accept(socket), options.logger);
    this.startedMs = startedMs;
  }

  get port(): number {
    return this.listeningPort;
  }

  /** host:port, as clients take it. */
  get address(): string {
    return `${this.host}:${this.listeningPort}`;
  }

  get clusterId(): string {
    return this.context.clusterId;
  }

  /** The release whose API versions are advertised. */
  get version(): string {
    return this.context.profile.name;
  }

  /** Every topic with its partitions' ends, for the Admin API. */
  topics() {
    return [...this.context.topics.all()].map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, highWatermark, recordsProduced }) => ({
        partition,
        highWatermark,
        recordsProduced,
      })),
    }));
  }

  /** Every group with what it committed, for the Admin API. */
  groups() {
    return [...this.context.groups.all()].map(({ groupId, members, offsets }) => ({
      groupId,
      memberCount: members.size,
      offsets: [...offsets.topics()].flatMap(([topic, partitions]) =>
        [...partitions].map(([partition, { offset }]) => ({ topic, partition, offset })),
      ),
    }));
  }

  /** Every transactional id, for the Admin API. */
  transactions() {
    return transactionViews(this.context.transactions, this.context.clock.now());
  }

  /** Cluster properties under Redpanda's names. */
  clusterConfig(): Record<string, unknown> {
    const { settings } = this.context;
    return {
      auto_create_topics_enabled: settings.autoCreate,
      default_topic_partitions: settings.defaultPartitions,
      group_initial_rebalance_delay: settings.rebalanceDelayMs,
      group_min_session_timeout_ms: settings.minSessionTimeoutMs,
      group_max_session_timeout_ms: settings.maxSessionTimeoutMs,
      enable_idempotence: true,
      enable_transactions: true,
      transaction_coordinator_partitions: 1,
      transaction_max_timeout_ms: settings.maxTransactionTimeoutMs,
      transactional_id_expiration_ms: settings.transactionalIdExpirationMs,
      kafka_batch_max_bytes: 1048576,
      write_caching_default: 'true',
    };
  }

  uptimeSeconds(): number {
    return (this.context.clock.now() - this.startedMs) / 1000;
  }

  listen(port: number): Promise<void> {
    if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
      throw new AnomalyError('ANM_USAGE', `cannot listen on port ${port} as it is not from 0 to ${MAX_PORT}`);
    }
    return new Promise((resolve, reject) => {
      const { server } = this.listener;
      const failed = (error: NodeJS.ErrnoException) => reject(listenError(error, this.host, port));
      server.once('error', failed);
      server.listen(port, this.host, () => {
        server.off('error', failed);
        const address = server.address();
        this.listeningPort = typeof address === 'object' && address !== null ? address.port : port;
        resolve();
      });
    });
  }

  /** Drops every connection and frees the port. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.listener.server.close(() => resolve());
    });
    this.listener.drop();
    for (const connection of this.connections) connection.close();
    this.context.groups.close();
    this.context.transactions.close();
    return closed;
  }

  private accept(socket: Socket): void {
    const isAnyAddress = this.host === '0.0.0.0' || this.host === '::';
    const connection = new Connection(socket, {
      broker: this.context,
      handlers: this.handlers,
      faults: this.faults,
      writer: this.writer,
      // Who listens everywhere tells each client the address by which it came.
      host: isAnyAddress ? (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '') : this.host,
      port: this.listeningPort,
      logger: this.logger,
    });
    this.connections.add(connection);
    connection.onClose(() => this.connections.delete(connection));
  }
}

function saslPolicy(sasl: BrokerSasl | undefined): SaslPolicy | null {
  if (sasl === undefined) return null;
  return { mechanisms: sasl.mechanisms ?? ['SCRAM-SHA-256', 'SCRAM-SHA-512'], maxReauthMs: sasl.maxReauthMs ?? 0 };
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

function listenError(error: NodeJS.ErrnoException, host: string, port: number): AnomalyError {
  if (error.code === 'EADDRINUSE') {
    return new AnomalyError('ANM_PORT_IN_USE', `cannot listen on ${host}:${port} as the port is taken`, {
      cause: error,
    });
  }
  return new AnomalyError('ANM_USAGE', `cannot listen on ${host}:${port} as the system refuses it: ${error.message}`, {
    cause: error,
  });
}
