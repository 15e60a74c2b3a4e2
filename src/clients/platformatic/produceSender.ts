import { isAnomalyError } from '../../errors.ts';
import { KafkaCode, kafkaError } from '../kafkaErrors.ts';
import type { ProducerOptions, ProducerStats } from '../producer.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster } from './cluster.ts';
import { findLeaders } from './leaderSearch.ts';
import type { OutgoingBatch, PartitionQueue } from './partitionQueue.ts';
import { isPassing } from './passing.ts';
import { batchGivenUp, batchRefused } from './produceErrors.ts';
import { encodeProduce, readProduceAnswer, type SentBatch } from './produceRequest.ts';
import { ProducerIdentity } from './producerIdentity.ts';
import { breaksTransaction, type TransactionGate } from './transactionGate.ts';
import { WakeTimer } from './wakeTimer.ts';

const RETRY_PAUSE_MS = 20;
const LONGEST_RETRY_PAUSE_MS = 1000;
/** Batches of several partitions share a request up to this size, well under a broker's limit. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** The broker's own timeout goes first, so that its answer names the reason. */
const ANSWER_GRACE_MS = 2000;

interface SenderEvents {
  acknowledged(batch: OutgoingBatch): void;
  failed(error: unknown): void;
  sent(bytes: number): void;
}

/** Sends the batches of all partitions: one connection a broker, several partitions a request, bounded in flight. */
export class ProduceSender {
  readonly #cluster: Cluster;
  readonly #events: SenderEvents;
  readonly #options: ProducerOptions;
  readonly #identity: ProducerIdentity;
  readonly #gate: TransactionGate | null;
  readonly #maxInFlight: number;
  /** Without linger an open batch goes as soon as its broker has room in flight. */
  readonly #isEager: boolean;
  /** Queues with something to send, served round robin. */
  #listed: PartitionQueue[] = [];
  readonly #known = new Set<PartitionQueue>();
  #turn = 0;
  readonly #sockets = new Map<number, BrokerSocket>();
  readonly #inFlight = new Map<number, number>();
  readonly #connecting = new Set<number>();
  #refreshing = false;
  #renewWhenIdle = false;
  readonly #timer = new WakeTimer(() => this.drain());
  #closed = false;
  #idleWaiters: (() => void)[] = [];
  requestsInFlight = 0;
  lastAppend: ProducerStats['lastAppend'];

  constructor(cluster: Cluster, options: ProducerOptions, events: SenderEvents, gate: TransactionGate | null) {
    this.#cluster = cluster;
    this.#gate = gate;
    this.#options = options;
    this.#events = events;
    this.#identity = new ProducerIdentity(cluster, options.idempotent !== false);
    // More than five would let a broker forget sequences that may still be repeated.
    this.#maxInFlight = Math.max(1, Math.min(options.maxInFlight ?? 5, 5));
    this.#isEager = (options.lingerMs ?? 0) <= 0;
  }

  async start(): Promise<void> {
    await this.#identity.renew();
  }

  /** Sends under the identity of a transactional id, and again whatever was sent under the one before. */
  adopt(producerId: number, producerEpoch: number): void {
    this.#identity.set(producerId, producerEpoch);
    for (const queue of this.#known) {
      queue.rewind();
      if (!queue.isEmpty) this.list(queue);
    }
    this.drain();
  }

  /** Resolves when every request in flight is answered or lost. */
  idle(): Promise<void> {
    if (this.requestsInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  list(queue: PartitionQueue): void {
    this.#known.add(queue);
    if (queue.listed) return;
    queue.listed = true;
    this.#listed.push(queue);
  }

  /** Sends whatever may be sent now. Cheap when nothing may. */
  drain(): void {
    if (this.#closed || this.#identity.isRenewing) return;
    const nowMs = performance.now();
    const byBroker = this.#sendable(nowMs);
    for (const [nodeId, queues] of byBroker) {
      const socket = this.#sockets.get(nodeId);
      if (socket === undefined || socket.closed || socket.expiring) {
        this.#connect(nodeId);
        continue;
      }
      while ((this.#inFlight.get(nodeId) ?? 0) < this.#maxInFlight) {
        const batches = this.#gather(queues, nowMs);
        if (batches.length === 0) break;
        this.#send(nodeId, socket, batches);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer.stop();
    this.#listed = [];
  }

  /** Listed queues that may send, by broker; drops the empty ones from the list. */
  #sendable(nowMs: number): Map<number, PartitionQueue[]> {
    const byBroker = new Map<number, PartitionQueue[]>();
    const kept: PartitionQueue[] = [];
    let needsLeaders = false;
    const listed = this.#listed;
    this.#turn = listed.length === 0 ? 0 : (this.#turn + 1) % listed.length;
    for (let i = 0; i < listed.length; i++) {
      const queue = listed[(this.#turn + i) % listed.length]!;
      if (queue.isEmpty) {
        queue.listed = false;
        continue;
      }
      kept.push(queue);
      const leader = this.#cluster.leader(queue.topic, queue.partition);
      if (leader < 0 || queue.leaderStale) {
        needsLeaders = true;
        continue;
      }
      if (queue.resumeAtMs > nowMs) this.#timer.wakeAt(queue.resumeAtMs);
      const queues = byBroker.get(leader);
      if (queues === undefined) byBroker.set(leader, [queue]);
      else queues.push(queue);
    }
    this.#listed = kept;
    if (needsLeaders) this.#refreshLeaders();
    return byBroker;
  }

  /** One batch of each partition that may send, up to the size of a request. */
  #gather(queues: readonly PartitionQueue[], nowMs: number): SentBatch[] {
    const result: SentBatch[] = [];
    let bytes = 0;
    for (const queue of queues) {
      if (!this.#mayGo(queue)) continue;
      if (this.#isEager && queue.waiting.length === 0) queue.closeOpen();
      if (!queue.canSend(nowMs)) continue;
      if (bytes > 0 && bytes + queue.waiting[0]!.bufferedBytes > REQUEST_BYTES) break;
      const batch = queue.take();
      if (batch.deadlineMs === 0) batch.deadlineMs = nowMs + this.#cluster.retryTimeoutMs;
      batch.bytes ??= batch.writer.finish({
        compression: this.#options.compression ?? 'none',
        transactional: this.#gate !== null,
        ...this.#identity.forBatch(batch.baseSequence),
      });
      bytes += batch.bytes.length;
      result.push({ queue, batch });
    }
    return result;
  }

  /** In a transaction: whether its oldest batch belongs to it and its partition was added. */
  #mayGo(queue: PartitionQueue): boolean {
    if (this.#gate === null) return true;
    const oldest = queue.waiting[0] ?? queue.open;
    return oldest !== null && this.#gate.isOpen(oldest) && this.#gate.admits(queue);
  }

  #send(nodeId: number, socket: BrokerSocket, batches: readonly SentBatch[]): void {
    const correlationId = socket.nextCorrelationId();
    const timeoutMs = this.#cluster.requestTimeoutMs;
    const clientId = this.#cluster.options.clientId ?? 'anomaly';
    const request = encodeProduce(correlationId, clientId, timeoutMs, batches, this.#gate?.transactionalId);
    this.#inFlight.set(nodeId, (this.#inFlight.get(nodeId) ?? 0) + 1);
    this.requestsInFlight += 1;
    this.#events.sent(request.bytes);
    let isSettled = false;
    const settle = (handle: () => void) => {
      // An answer whose handling fails comes back as a lost one.
      if (isSettled) return;
      isSettled = true;
      this.#inFlight.set(nodeId, this.#inFlight.get(nodeId)! - 1);
      this.requestsInFlight -= 1;
      if (!this.#closed) handle();
      if (this.requestsInFlight === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
      if (this.#closed) return;
      if (this.#renewWhenIdle) this.#renewIdentity();
      this.drain();
    };
    socket.sendFrame(
      correlationId,
      request.chunks,
      timeoutMs + ANSWER_GRACE_MS,
      (frame) => settle(() => this.#onAnswer(frame, batches, request.sentMs)),
      (error) => settle(() => this.#onLost(error, batches)),
    );
  }

  #onAnswer(frame: Uint8Array, batches: readonly SentBatch[], sentMs: number): void {
    try {
      const answeredMs = Date.now();
      const theirsMs = readProduceAnswer(frame, batches, (sent, errorCode) => this.#onBatch(sent, errorCode));
      if (theirsMs >= 0) this.lastAppend = { sentMs, theirsMs, answeredMs };
    } catch (error) {
      this.#events.failed(error);
    }
  }

  #onBatch({ queue, batch }: SentBatch, errorCode: number): void {
    if (this.#closed) return;
    // The broker has this sequence already: an earlier attempt's answer was lost.
    if (errorCode === KafkaCode.none || errorCode === KafkaCode.duplicateSequenceNumber) {
      queue.acknowledge(batch, this.#gate !== null);
      this.#events.acknowledged(batch);
      return;
    }
    const isHead = queue.isHead(batch);
    const { retry, name } = kafkaError(errorCode);
    batch.lastReason = `the broker answered ${name}`;
    if (this.#gate !== null && breaksTransaction(errorCode, isHead)) {
      queue.putBack(batch, 0);
      this.list(queue);
      this.#gate.broke(batchRefused(queue, batch, errorCode));
      return;
    }
    if (errorCode === KafkaCode.unknownProducerId && isHead && batch.attempts === 1) {
      batch.isRefused = true;
      this.#putBack({ queue, batch }, false);
      this.#renewIdentity();
      return;
    }
    // Out of order behind a failed batch is only its consequence; at the head the broker has lost or skipped records.
    const isConsequence =
      !isHead && (errorCode === KafkaCode.outOfOrderSequenceNumber || errorCode === KafkaCode.unknownProducerId);
    if (isConsequence || (retry !== 'no' && errorCode !== KafkaCode.outOfOrderSequenceNumber)) {
      this.#putBack({ queue, batch }, retry === 'metadata');
      return;
    }
    this.#events.failed(batchRefused(queue, batch, errorCode));
  }

  /** The connection broke: whether the broker has the batches is not known, and the sequences will tell it. */
  #onLost(error: Error, batches: readonly SentBatch[]): void {
    for (const sent of batches) {
      if (this.#closed) return;
      sent.batch.lastReason = error.message;
      this.#putBack(sent, true);
    }
  }

  #putBack({ queue, batch }: SentBatch, isLeaderStale: boolean): void {
    const nowMs = performance.now();
    if (nowMs >= batch.deadlineMs) {
      this.#events.failed(batchGivenUp(queue, batch, this.#cluster.retryTimeoutMs));
      return;
    }
    const pauseMs = Math.min(RETRY_PAUSE_MS * 2 ** Math.min(batch.attempts - 1, 10), LONGEST_RETRY_PAUSE_MS);
    queue.putBack(batch, nowMs + pauseMs);
    if (isLeaderStale) queue.leaderStale = true;
    this.list(queue);
    this.#cluster.log('debug', `produce to ${queue.topic}/${queue.partition}: trying again`, {
      reason: batch.lastReason,
    });
  }

  #connect(nodeId: number): void {
    if (this.#connecting.has(nodeId)) return;
    this.#connecting.add(nodeId);
    this.#cluster
      .connection(nodeId, 'produce')
      .then((socket) => {
        this.#sockets.set(nodeId, socket);
      })
      .catch((error: unknown) =>
        this.#onUnreachable(error, (queue) => this.#cluster.leader(queue.topic, queue.partition) === nodeId),
      )
      .finally(() => {
        this.#connecting.delete(nodeId);
        this.drain();
      });
  }

  /** No connection, or no leader: the partitions wait, each until its oldest batch is given up. */
  #onUnreachable(error: unknown, concerns: (queue: PartitionQueue) => boolean): void {
    if (this.#closed) return;
    if (isAnomalyError(error) && error.code !== 'ANM_BROKER_UNREACHABLE' && !isPassing(error)) {
      this.#events.failed(error);
      return;
    }
    const nowMs = performance.now();
    for (const queue of [...this.#listed]) {
      if (this.#closed) return;
      if (!concerns(queue)) continue;
      queue.closeOpen();
      const oldest = queue.waiting[0];
      if (oldest === undefined) continue;
      oldest.lastReason = (error as Error).message;
      if (oldest.deadlineMs === 0) oldest.deadlineMs = nowMs + this.#cluster.retryTimeoutMs;
      if (nowMs >= oldest.deadlineMs) {
        this.#events.failed(batchGivenUp(queue, oldest, this.#cluster.retryTimeoutMs));
        return;
      }
      queue.leaderStale = true;
    }
  }

  #refreshLeaders(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    const stale = this.#listed.filter(
      (queue) => queue.leaderStale || this.#cluster.leader(queue.topic, queue.partition) < 0,
    );
    const topics = [...new Set(stale.map((queue) => queue.topic))];
    findLeaders(this.#cluster, topics, stale)
      .catch(async (error: unknown) => {
        this.#onUnreachable(error, (queue) => topics.includes(queue.topic));
        if (!this.#closed) await this.#cluster.pause(LONGEST_RETRY_PAUSE_MS / 4);
      })
      .catch(() => {
        // The client was closed while waiting; nobody is left to tell.
      })
      .finally(() => {
        this.#refreshing = false;
        this.drain();
      });
  }

  /** The broker forgot this producer (its records are gone by retention): begin again at sequence 0. */
  #renewIdentity(): void {
    this.#identity.isRenewing = true;
    if (this.requestsInFlight > 0) {
      this.#renewWhenIdle = true;
      return;
    }
    this.#renewWhenIdle = false;
    this.#identity
      .renew()
      .then(() => {
        for (const queue of this.#known) queue.restartSequences();
        this.drain();
      })
      .catch((error: unknown) => this.#events.failed(error));
  }
}
