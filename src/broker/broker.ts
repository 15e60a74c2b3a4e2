import type { Socket } from 'node:net';
import { AnomalyError } from '../errors.ts';
import type { Logger } from '../output/logger.ts';
import { loadFastCrc32c } from '../wire/crc32c.ts';
import type { BrokerOptions } from './brokerOptions.ts';
import { systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import type { BrokerContext } from './context.ts';
import { Faults } from './faults.ts';
import { FrameBudget } from './frameReader.ts';
import { makeHandlers } from './handlers/handlers.ts';
import { Housekeeper } from './log/housekeeper.ts';
import { MemoryBudget } from './log/segmentBytes.ts';
import { makeContext, NODE_ID } from './makeContext.ts';
import type { BrokerMetrics } from './metrics.ts';
import { DEFAULT_PROFILE, PROFILES, profileNamed } from './profiles.ts';
import { ByteWriter } from './protocol/bytes.ts';
import type { RegistryChange } from './registry/changes.ts';
import type { RegistryJournal } from './registry.ts';
import { type Listener, makeListener } from './security/listener.ts';
import { RegistryJournalFile } from './storage/registryJournal.ts';
import { transactionViews } from './transactions/views.ts';

const MAX_PORT = 65535;
/** Of all requests together that arrive or wait; who wants more is dropped. */
const MAX_REQUEST_BYTES = 512 * 1024 * 1024;

/**
 * A Kafka-protocol broker of one node in this process, for development and tests: it advertises what Redpanda does, and
 * speaks it over TCP. In memory nothing outlives it; with `data` everything does but group memberships.
 *
 * @throws AnomalyError ANM_PORT_IN_USE, ANM_USAGE on an unknown profile; ANM_DATA_DIRECTORY, ANM_DATA_LOCKED or
 * ANM_DATA_CORRUPT by `data`
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  // Batches are checked by table until the addon is there, so nobody waits for it; but recovery checks many.
  const loaded = loadFastCrc32c();
  if (options.data !== undefined) await loaded;
  const broker = new Broker(options);
  try {
    await broker.listen(options.port ?? 0);
  } catch (error) {
    await broker.close();
    throw error;
  }
  return broker;
}

/** A running broker. Use `startBroker`. */
export class Broker {
  readonly nodeId = NODE_ID;
  /** Faults to be met by coming requests: `broker.faults.inject({ api: 'Produce', errorCode: 6 })`. */
  readonly faults: Faults;
  readonly context: BrokerContext;
  readonly host: string;
  readonly housekeeper: Housekeeper;
  /** What the logs take in memory. */
  readonly budget: MemoryBudget;
  private readonly requestBudget = new FrameBudget(MAX_REQUEST_BYTES);
  private readonly crash: () => void;
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
    this.startedMs = clock.now();
    this.logger = options.logger;
    this.budget = new MemoryBudget(options.maxMemoryBytes);
    this.context = makeContext(options, profile, clock, this.budget);
    this.housekeeper = new Housekeeper(this.context.topics, clock, options.logger);
    this.housekeeper.start();
    this.handlers = makeHandlers(this.context);
    this.faults = new Faults(options.faults, options.crash !== undefined);
    this.crash = options.crash ?? (() => {});
    this.host = options.host ?? '127.0.0.1';
    this.listener = makeListener(options.tls, (socket) => this.accept(socket), options.logger);
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
      partitions: partitions.map((log) => ({
        partition: log.partition,
        highWatermark: log.highWatermark,
        recordsProduced: log.recordsProduced,
        bytesProduced: log.bytesProduced,
        recordsFetched: log.recordsFetched,
        bytesFetched: log.bytesFetched,
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

  /** Cluster properties under Redpanda's names; cluster_id is what Kafka's id has behind 'redpanda.'. */
  clusterConfig(): Record<string, unknown> {
    return { ...this.context.config.all(), cluster_id: this.clusterId.replace(/^redpanda\./, '') };
  }

  /** See AdminSource. @throws StorageError */
  changeConfig(upsert: Readonly<Record<string, unknown>>, remove: readonly string[]): Record<string, string> | null {
    const problems = this.context.config.change(upsert, remove);
    this.context.data?.flusher.beforeAnswer();
    return problems;
  }

  configVersion(): number {
    return this.context.config.version;
  }

  get metrics(): BrokerMetrics {
    return this.context.metrics;
  }

  /** Of the data directory; null in memory. */
  disk() {
    return this.context.data?.disk() ?? null;
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

  /** Where the Schema Registry keeps its contents beside the broker's; undefined in memory. To be asked for once. */
  registryJournal(): RegistryJournal | undefined {
    const { data } = this.context;
    return data === null ? undefined : new RegistryJournalFile<RegistryChange>(data);
  }

  /** What recovery cut off the files of `data`, for people. */
  get cuts(): readonly string[] {
    return this.context.data?.cuts ?? [];
  }

  /** Drops every connection, frees the port, and leaves `data` in order; what its disk refuses is logged. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.listener.server.close(() => resolve());
    });
    this.listener.drop();
    for (const connection of this.connections) connection.close();
    const tidied = this.housekeeper.stop();
    this.context.groups.close();
    this.context.transactions.close();
    await Promise.all([closed, tidied]);
    if (this.context.data === null) return;
    try {
      this.context.topics.close();
    } finally {
      this.context.data.close();
    }
  }

  private accept(socket: Socket): void {
    const isAnyAddress = this.host === '0.0.0.0' || this.host === '::';
    const connection = new Connection(socket, {
      broker: this.context,
      handlers: this.handlers,
      faults: this.faults,
      budget: this.requestBudget,
      crash: this.crash,
      writer: this.writer,
      // Who listens everywhere tells each client the address by which it came.
      host: isAnyAddress ? (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '') : this.host,
      port: this.listeningPort,
      logger: this.logger,
    });
    this.connections.add(connection);
    this.metrics.activeConnections++;
    connection.onClose(() => {
      this.connections.delete(connection);
      this.metrics.activeConnections--;
    });
  }
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
