import { isAnomalyError } from '../../errors.ts';
import { KafkaCode, kafkaError, protocolFailure, requestTimedOut } from '../kafkaErrors.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership } from '../transactions.ts';
import type { BrokerSocket } from './brokerSocket.ts';
import type { Cluster, CoordinatorKind } from './cluster.ts';
import { fetchCommitted } from './offsets.ts';
import { groupByTopic } from './partitions.ts';
import { isPassing } from './passing.ts';

export interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Nobody yet. The library's default of 0/0 would ask for the epoch after another producer's. */
export const NO_IDENTITY: Identity = { producerId: -1, producerEpoch: -1 };

export interface TransactionView extends Identity {
  /** Kafka's name: Ongoing, PrepareAbort, CompleteAbort ... */
  readonly state: string;
}

/** While the markers of the transaction before are being written: they take a few milliseconds. */
const CONCURRENT_PAUSE_MS = 2;
const LONGEST_CONCURRENT_PAUSE_MS = 16;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

/**
 * The requests of one transactional id, one at a time, repeated while their failure is a passing one: coordinators that
 * move or load, connections that break, a former transaction whose markers are not written yet. Each resolves with the
 * error code that remains, 0 for none, and rejects at the retry timeout: then nobody knows whether it was done.
 *
 * Source: KIP-98, KIP-360 (epochs), KIP-447 (a member's proof in TxnOffsetCommit), KIP-664 (DescribeTransactions).
 */
export class TransactionRequests {
  readonly transactionalId: string;
  readonly timeoutMs: number;
  readonly #cluster: Cluster;
  readonly #nodes = new Map<string, number>();
  /** Coordinators refuse what overlaps. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(cluster: Cluster, transactionalId: string, timeoutMs: number) {
    this.#cluster = cluster;
    this.transactionalId = transactionalId;
    this.timeoutMs = timeoutMs;
  }

  /** InitProducerId: `expected` is the identity that this producer had, or NO_IDENTITY to take the id over. */
  async init(expected: Identity): Promise<Identity & { readonly errorCode: number }> {
    const { initProducerId } = this.#cluster.apis;
    let identity = NO_IDENTITY;
    const errorCode = await this.#ask('get a producer id for', 'transaction', async (socket) => {
      const { producerId, producerEpoch } = expected;
      const { transactionalId, timeoutMs } = this;
      const id = BigInt(producerId);
      const answer = await this.#cluster.call(socket, initProducerId, transactionalId, timeoutMs, id, producerEpoch);
      identity = { producerId: Number(answer.producerId), producerEpoch: answer.producerEpoch };
      return answer.errorCode;
    });
    return { errorCode, ...identity };
  }

  addPartitions({ producerId, producerEpoch }: Identity, partitions: readonly TopicPartition[]): Promise<number> {
    const { addPartitionsToTxn } = this.#cluster.apis;
    const topics = [...groupByTopic(partitions)].map(([name, list]) => ({
      name,
      partitions: list.map(({ partition }) => partition),
    }));
    const request = {
      transactionalId: this.transactionalId,
      producerId: BigInt(producerId),
      producerEpoch,
      verifyOnly: false,
      topics,
    };
    return this.#ask('add partitions to', 'transaction', async (socket) => {
      const answer = await this.#cluster.call(socket, addPartitionsToTxn, [request]);
      const codes = answer.resultsByTransaction.flatMap(({ topicResults }) =>
        topicResults.flatMap((topic) => topic.resultsByPartition.map((partition) => partition.partitionErrorCode)),
      );
      // Those that were not tried wait for the one that was refused.
      const refused = codes.filter((code) => code !== KafkaCode.none);
      return refused.find((code) => kafkaError(code).retry === 'no') ?? refused[0] ?? KafkaCode.none;
    });
  }

  addOffsets({ producerId, producerEpoch }: Identity, groupId: string): Promise<number> {
    const { addOffsetsToTxn } = this.#cluster.apis;
    return this.#ask('add offsets to', 'transaction', async (socket) => {
      const id = BigInt(producerId);
      return (await this.#cluster.call(socket, addOffsetsToTxn, this.transactionalId, id, producerEpoch, groupId))
        .errorCode;
    });
  }

  /** As the member in `generation`; `mark` is kept beside each offset, and tells later whose commit it was. */
  commitOffsets(
    { producerId, producerEpoch }: Identity,
    { groupId, memberId, instanceId }: GroupMembership,
    generation: number,
    offsets: readonly TopicPartitionOffset[],
    mark: string,
  ): Promise<number> {
    const topics = [...groupByTopic(offsets)].map(([name, list]) => ({
      name,
      partitions: list.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: mark,
      })),
    }));
    const { txnOffsetCommit } = this.#cluster.apis;
    const commit = async (socket: BrokerSocket) => {
      const answer = await this.#cluster.call(
        socket,
        txnOffsetCommit,
        this.transactionalId,
        groupId,
        BigInt(producerId),
        producerEpoch,
        generation,
        memberId,
        instanceId,
        topics,
      );
      const codes = answer.topics.flatMap((topic) => topic.partitions.map((partition) => partition.errorCode));
      return codes.find((code) => code !== KafkaCode.none) ?? KafkaCode.none;
    };
    return this.#ask(`commit offsets of group ${groupId} in`, 'group', commit, groupId);
  }

  end({ producerId, producerEpoch }: Identity, isCommit: boolean): Promise<number> {
    const { endTxn } = this.#cluster.apis;
    return this.#ask(isCommit ? 'commit' : 'abort', 'transaction', async (socket) => {
      const id = BigInt(producerId);
      return (await this.#cluster.call(socket, endTxn, this.transactionalId, id, producerEpoch, isCommit)).errorCode;
    });
  }

  /** What the coordinator has under this id. */
  async describe(): Promise<TransactionView & { readonly errorCode: number }> {
    const { describeTransactions } = this.#cluster.apis;
    let view: TransactionView = { ...NO_IDENTITY, state: '' };
    const errorCode = await this.#ask('describe', 'transaction', async (socket) => {
      const answer = await this.#cluster.call(socket, describeTransactions, [this.transactionalId]);
      const found = answer.transactionStates[0]!;
      const { producerEpoch, transactionState: state } = found;
      view = { producerId: Number(found.producerId), producerEpoch, state };
      return found.errorCode;
    });
    return { errorCode, ...view };
  }

  /** Whether the group's offsets, once no transaction can change them any more, are those committed with `mark`. */
  async isCommitted(groupId: string, partitions: readonly TopicPartition[], mark: string): Promise<boolean> {
    let isFound = false;
    const patienceMs = this.timeoutMs;
    await this.#ask(
      `read offsets of group ${groupId} after`,
      'group',
      async (socket) => {
        const found = await fetchCommitted(this.#cluster, socket, groupId, partitions, true);
        isFound = found.some(({ metadata }) => metadata === mark);
        return KafkaCode.none;
      },
      groupId,
      patienceMs,
    );
    return isFound;
  }

  /** Repeats until there is an answer that repeating does not change. */
  #ask(
    verb: string,
    kind: CoordinatorKind,
    send: (socket: BrokerSocket) => Promise<number>,
    key = this.transactionalId,
    patienceMs = 0,
  ): Promise<number> {
    const action = `${verb} transaction ${this.transactionalId}`;
    const next = this.#last.then(() => this.#repeat(action, kind, key, send, patienceMs));
    this.#last = next.catch(() => {
      // Whoever asked was told; the next request is another matter.
    });
    return next;
  }

  async #repeat(
    action: string,
    kind: CoordinatorKind,
    key: string,
    send: (socket: BrokerSocket) => Promise<number>,
    patienceMs: number,
  ): Promise<number> {
    const cluster = this.#cluster;
    const endMs = performance.now() + cluster.retryTimeoutMs + patienceMs;
    let pauseMs = FIRST_PAUSE_MS;
    let concurrentPauseMs = CONCURRENT_PAUSE_MS;
    for (;;) {
      let reason: Error;
      let waitMs = pauseMs;
      try {
        const errorCode = await send(await this.#socket(kind, key));
        const { retry } = kafkaError(errorCode);
        if (errorCode === KafkaCode.none || retry === 'no') return errorCode;
        if (retry !== 'same') this.#nodes.delete(`${kind}:${key}`);
        reason = protocolFailure(errorCode, action);
        if (errorCode === KafkaCode.concurrentTransactions) {
          waitMs = concurrentPauseMs;
          concurrentPauseMs = Math.min(concurrentPauseMs * 2, LONGEST_CONCURRENT_PAUSE_MS);
        }
      } catch (error) {
        const isUnreachable = isAnomalyError(error) && error.code === 'ANM_BROKER_UNREACHABLE';
        if (cluster.closed || !(isUnreachable || isPassing(error))) throw error;
        this.#nodes.delete(`${kind}:${key}`);
        reason = error as Error;
      }
      if (waitMs === pauseMs) pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      if (performance.now() + waitMs > endMs) {
        throw requestTimedOut(action, 'retry_timeout', cluster.retryTimeoutMs + patienceMs, reason);
      }
      cluster.log('debug', `${action}: trying again`, { reason: reason.message, pauseMs: waitMs });
      await cluster.pause(waitMs);
    }
  }

  async #socket(kind: CoordinatorKind, key: string): Promise<BrokerSocket> {
    const name = `${kind}:${key}`;
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = await this.#cluster.coordinator(key, 'report', kind);
      this.#nodes.set(name, node);
    }
    return this.#cluster.connection(node, 'transaction');
  }
}
