import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { type BrokerAddress, parseAddress } from '../address.ts';
import type { ClientOptions } from '../client.ts';
import { explainFailure } from '../explainFailure.ts';
import { brokersUnreachable, KafkaCode, protocolFailure, requestTimedOut } from '../kafkaErrors.ts';
import { type ApiChoice, type ApiRanges, type Apis, apiChoices, requireVersion } from './apis.ts';
import { readApiVersions } from './apiVersions.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import { dialBroker } from './dialBroker.ts';
import { isNobodyThere } from './networkErrors.ts';
import { clientClosed, isPassing } from './passing.ts';

type Library = typeof import('./library.ts');
type MetadataResponse = ReturnType<Library['metadataV12']['parseResponse']>;

/** Requests of one purpose share a connection, since a broker answers one connection in order. */
export type Purpose = 'control' | 'produce' | 'transaction' | `group:${string}`;

/** FindCoordinator's key types. */
const KEY_TYPES = { group: 0, transaction: 1 } as const;
export type CoordinatorKind = keyof typeof KEY_TYPES;

/** Whether a call outlasts brokers that cannot be dialled, or reports them since its caller repeats by itself. */
export type WhenUnreachable = 'repeat' | 'report';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/** Brokers, their connections, and who leads which partition. One per client. */
export class Cluster {
  readonly library: Library;
  readonly apis: Apis;
  readonly options: ClientOptions;
  readonly dialTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Setting retry_timeout: how long a retriable failure is repeated. */
  readonly retryTimeoutMs: number;
  clusterId = '';
  controller = -1;
  closed = false;
  readonly #seeds: readonly BrokerAddress[];
  readonly #brokers = new Map<number, BrokerAddress>();
  readonly #ranges = new Map<string, ApiRanges>();
  readonly #sockets = new Map<string, Promise<BrokerSocket>>();
  readonly #leaders = new Map<string, Int32Array>();
  readonly #closing = new AbortController();

  constructor(library: Library, options: ClientOptions) {
    this.library = library;
    this.apis = apiChoices(library);
    this.options = options;
    this.dialTimeoutMs = options.dialTimeoutMs ?? 3000;
    this.requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    this.retryTimeoutMs = options.retryTimeoutMs ?? 30_000;
    this.#seeds = options.brokers.map(parseAddress);
  }

  get brokers(): ReadonlyMap<number, BrokerAddress> {
    return this.#brokers;
  }

  /** The control connection: to whichever broker answers first. Rejects within the dial timeout, however many. */
  control(): Promise<BrokerSocket> {
    return this.#cached('any:control', () => this.#dialAny());
  }

  /**
   * First contact: connects, logs in, and asks for the brokers once. A listener that wants TLS or SASL may take the
   * connection and the question for API versions, and close on the first real request.
   */
  async start(): Promise<void> {
    const begunMs = performance.now();
    const socket = await this.control();
    try {
      const answer = await this.callWithin(this.dialTimeoutMs, socket, this.apis.metadata, [], false, false);
      this.#remember(answer);
    } catch (error) {
      // A broker without a common version of Metadata is for another client; the caller asks what is missing.
      if (isAnomalyError(error)) {
        if (error.code === 'ANM_UNSUPPORTED') return;
        throw error;
      }
      const colon = socket.address.lastIndexOf(':');
      const address = { host: socket.address.slice(0, colon), port: Number(socket.address.slice(colon + 1)) };
      const explained = await this.#explain(address, error, begunMs);
      if (explained !== null) throw explained;
      throw new AnomalyError(
        'ANM_BROKER_UNREACHABLE',
        `cannot use ${socket.address}, which took the connection and closed it on the first request`,
        { hint: 'check whether this listener wants TLS or SASL, or run anomaly doctor', cause: error },
      );
    }
  }

  /** A shared connection to one broker by id. */
  async connection(nodeId: number, purpose: Purpose): Promise<BrokerSocket> {
    return this.#cached(`${nodeId}:${purpose}`, () => this.open(nodeId));
  }

  /** A connection of the caller's own: fetches wait at the broker, and what is sent after them waits too. */
  async open(nodeId: number): Promise<BrokerSocket> {
    const address = this.#brokers.get(nodeId);
    if (address === undefined) {
      throw new AnomalyError('ANM_BROKER_UNREACHABLE', `cannot use broker ${nodeId} as the cluster does not list it`);
    }
    try {
      return await this.#dial(address);
    } catch (error) {
      throw this.#advertisedFailure(nodeId, address, error);
    }
  }

  async ranges(): Promise<ApiRanges> {
    const socket = await this.control();
    return this.#ranges.get(socket.address)!;
  }

  /** Sends one request by the newest codec that both sides have. Error codes are in the answer. */
  async call<Request extends unknown[], Response>(
    socket: BrokerSocket,
    choice: ApiChoice<Request, Response>,
    ...args: Request
  ): Promise<Response> {
    return this.callWithin(this.requestTimeoutMs, socket, choice, ...args);
  }

  async callWithin<Request extends unknown[], Response>(
    timeoutMs: number,
    socket: BrokerSocket,
    choice: ApiChoice<Request, Response>,
    ...args: Request
  ): Promise<Response> {
    const api = requireVersion(choice, this.#ranges.get(socket.address)!, socket.address);
    return api.async(socket.asConnection(timeoutMs), ...args);
  }

  /** Metadata of the named topics, or of all; remembers brokers and leaders. Never asks the broker to create. */
  async metadata(
    topics: readonly string[] | null,
    whenUnreachable: WhenUnreachable = 'repeat',
  ): Promise<MetadataResponse> {
    const read = async () => {
      const socket = await this.control();
      const answer = await this.call(socket, this.apis.metadata, topics === null ? null : [...topics], false, false);
      this.#remember(answer);
      for (const topic of answer.topics) {
        if (topic.errorCode === KafkaCode.unknownTopicOrPartition) this.#leaders.delete(topic.name ?? '');
        if (topic.errorCode !== 0 || topic.name === null || topic.name === undefined) continue;
        const leaders = new Int32Array(topic.partitions.length).fill(-1);
        for (const partition of topic.partitions) leaders[partition.partitionIndex] = partition.leaderId;
        this.#leaders.set(topic.name, leaders);
      }
      return answer;
    };
    return this.retry('read the metadata of the cluster', read, whenUnreachable);
  }

  /** Leader as last heard, or -1 where there is none or it is not known. */
  leader(topic: string, partition: number): number {
    return this.#leaders.get(topic)?.[partition] ?? -1;
  }

  /** Number of partitions as last heard; 0 where the topic is not known. */
  partitionCount(topic: string): number {
    return this.#leaders.get(topic)?.length ?? 0;
  }

  /** The coordinator of a group or a transactional id: broker id. */
  async coordinator(key: string, when: WhenUnreachable = 'repeat', kind: CoordinatorKind = 'group'): Promise<number> {
    const action = `find the coordinator of ${kind} ${key}`;
    const find = async () => {
      const socket = await this.control();
      const answer = await this.call(socket, this.apis.findCoordinator, KEY_TYPES[kind], [key]);
      const found = answer.coordinators[0]!;
      if (found.errorCode !== 0) throw protocolFailure(found.errorCode, action);
      this.#brokers.set(found.nodeId, { host: found.host, port: found.port });
      return found.nodeId;
    };
    return this.retry(action, find, when);
  }

  /**
   * Repeats what fails for a passing reason (connection lost, leader moving, broker restarting), with growing pauses,
   * until the retry timeout. A broker that was never reached at its address gets the dial timeout only: most often
   * the address is wrong.
   */
  async retry<T>(action: string, attempt: () => Promise<T>, whenUnreachable: WhenUnreachable = 'repeat'): Promise<T> {
    const begunMs = performance.now();
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const isUnreachable = isAnomalyError(error) && error.code === 'ANM_BROKER_UNREACHABLE';
        const isRepeated = isUnreachable ? whenUnreachable === 'repeat' : isPassing(error);
        if (this.closed || !isRepeated) throw error;
        const isNew = isUnreachable && error.details['isNewAddress'] === true;
        const limitMs = isNew ? Math.min(this.dialTimeoutMs, this.retryTimeoutMs) : this.retryTimeoutMs;
        if (performance.now() + pauseMs > begunMs + limitMs) {
          throw isAnomalyError(error) ? error : requestTimedOut(action, 'retry_timeout', this.retryTimeoutMs, error);
        }
        this.log('debug', `${action}: trying again`, { reason: (error as Error).message, pauseMs });
      }
      await this.pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Resolves after the time, or rejects when the client is closed. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = this.#closing.signal;
      if (signal.aborted) return reject(clientClosed());
      const onClose = () => {
        clearTimeout(timer);
        reject(clientClosed());
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onClose);
        resolve();
      }, milliseconds);
      signal.addEventListener('abort', onClose, { once: true });
    });
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void {
    this.options.logger?.(level, message, fields);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#closing.abort();
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    for (const result of await Promise.allSettled(sockets)) if (result.status === 'fulfilled') result.value.close();
  }

  #remember(answer: MetadataResponse): void {
    this.clusterId = answer.clusterId ?? '';
    this.controller = answer.controllerId;
    this.#brokers.clear();
    for (const broker of answer.brokers) this.#brokers.set(broker.nodeId, { host: broker.host, port: broker.port });
  }

  async #cached(key: string, dial: () => Promise<BrokerSocket>): Promise<BrokerSocket> {
    if (this.closed) throw clientClosed();
    const existing = this.#sockets.get(key);
    if (existing !== undefined) {
      const socket = await existing;
      if (!socket.closed && !socket.expiring) return socket;
      // Requests in flight on a connection whose session ends are answered before it is closed.
      if (this.#sockets.get(key) === existing) {
        this.#sockets.delete(key);
        if (!socket.closed) socket.closeWhenIdle();
      }
      return this.#cached(key, dial);
    }
    const opening = dial();
    this.#sockets.set(key, opening);
    try {
      const socket = await opening;
      if (this.closed) {
        socket.close();
        throw clientClosed();
      }
      return socket;
    } catch (error) {
      if (this.#sockets.get(key) === opening) this.#sockets.delete(key);
      throw error;
    }
  }

  async #dial(address: BrokerAddress): Promise<BrokerSocket> {
    const begunMs = performance.now();
    let socket: BrokerSocket | null = null;
    try {
      socket = await dialBroker(this.library, address.host, address.port, this.options, this.dialTimeoutMs);
      if (!this.#ranges.has(socket.address)) {
        this.#ranges.set(socket.address, await readApiVersions(socket, this.library, this.dialTimeoutMs));
      }
      return socket;
    } catch (error) {
      socket?.close();
      throw (await this.#explain(address, error, begunMs)) ?? error;
    }
  }

  /** A better reason than `error`, where the listener wants to be spoken to in another way. */
  async #explain(address: BrokerAddress, error: unknown, begunMs: number): Promise<AnomalyError | null> {
    const isNamed = isAnomalyError(error) && error.code !== 'ANM_BROKER_UNREACHABLE';
    const leftMs = this.dialTimeoutMs - (performance.now() - begunMs);
    if (isNamed || isNobodyThere(error) || leftMs <= 0 || this.closed) return null;
    return explainFailure(address.host, address.port, this.options, leftMs);
  }

  /** All addresses at once: the first to answer is used, so one dead address costs no time. */
  async #dialAny(): Promise<BrokerSocket> {
    const addresses = new Map<string, BrokerAddress>();
    for (const address of [...this.#seeds, ...this.#brokers.values()]) {
      addresses.set(`${address.host}:${address.port}`, address);
    }
    const dials = [...addresses.values()].map((address) => this.#dial(address));
    let first: BrokerSocket | null = null;
    for (const dial of dials) {
      dial.then(
        (socket) => {
          if (first === null) first = socket;
          else if (socket !== first) socket.close();
        },
        () => {},
      );
    }
    try {
      return await Promise.any(dials);
    } catch (error) {
      const failures = (error as AggregateError).errors as Error[];
      const refused = failures.find((failure) => isAnomalyError(failure) && failure.code !== 'ANM_BROKER_UNREACHABLE');
      if (refused !== undefined) throw refused;
      throw brokersUnreachable([...addresses.keys()], this.dialTimeoutMs, failures.map(reasonOf), failures[0]);
    }
  }

  /** A broker that answers at its seed address and not at the one it advertises is the classic container mistake. */
  #advertisedFailure(nodeId: number, address: BrokerAddress, error: unknown): unknown {
    if (!isAnomalyError(error) || error.code !== 'ANM_BROKER_UNREACHABLE') return error;
    const seeds = this.options.brokers.join(', ');
    return new AnomalyError(
      'ANM_BROKER_UNREACHABLE',
      `cannot connect to broker ${nodeId} at ${address.host}:${address.port}, the address that ${seeds} advertises, within ` +
        `${this.dialTimeoutMs} ms (setting dial_timeout): ${reasonOf(error)}`,
      {
        hint: 'check the advertised Kafka address of the broker, or run anomaly doctor',
        details: { nodeId, isNewAddress: !this.#ranges.has(`${address.host}:${address.port}`) },
        cause: error,
      },
    );
  }
}

function reasonOf(error: Error): string {
  return error.message.replace(/^cannot connect to /, '');
}
