import { setTimeout as delay } from 'node:timers/promises';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import type { ClientOptions, Consumer, ConsumerOptions, CorruptBatch, RebalanceListener } from '../client.ts';
import { KafkaCode } from '../kafkaErrors.ts';
import { untilStable } from '../stableOffsets.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { GroupMembership } from '../transactions.ts';
import type { LibrdkafkaAdmin } from './admin.ts';
import {
  type Binding,
  call,
  type NativeConsumer,
  type NativeError,
  type NativeMessage,
  type NativePartition,
} from './binding.ts';
import { NativeCommits } from './commits.ts';
import { consumerConf } from './config.ts';
import { type ErrorLog, NativeCode } from './errors.ts';
import { GapCheck } from './gapCheck.ts';
import { nativeMembership } from './membership.ts';
import { MessageQueues } from './messageQueues.ts';

/** Messages taken from librdkafka at once. */
const CONSUME_COUNT = 1000;

type Rebalance = { readonly isAssign: boolean; readonly partitions: readonly TopicPartition[] };

/** Takes messages from librdkafka's queue and turns those of one partition at a time into columns. */
export class LibrdkafkaConsumer implements Consumer {
  readonly #native: NativeConsumer;
  readonly #admin: LibrdkafkaAdmin;
  readonly #errors: ErrorLog;
  readonly #client: ClientOptions;
  readonly #options: ConsumerOptions;
  readonly #queues: MessageQueues;
  readonly #gapCheck: GapCheck;
  readonly #commits: NativeCommits;
  readonly #timeoutMs: number;
  #listener: RebalanceListener | null = null;
  #start: 'earliest' | 'latest' = 'latest';
  #rebalances: Rebalance[] = [];
  #consuming: Promise<void> | null = null;
  #seeks: TopicPartitionOffset[] = [];
  #failure: AnomalyError | null = null;
  #wake: (() => void) | null = null;
  #isClosed = false;

  private constructor(
    binding: Binding,
    native: NativeConsumer,
    admin: LibrdkafkaAdmin,
    errors: ErrorLog,
    client: ClientOptions,
    options: ConsumerOptions,
  ) {
    this.#native = native;
    this.#admin = admin;
    this.#errors = errors;
    this.#client = client;
    this.#options = options;
    this.#timeoutMs = client.requestTimeoutMs ?? 10_000;
    this.#queues = new MessageQueues(options.fieldCount ?? 0);
    this.#gapCheck = new GapCheck(binding, client, options.isolation ?? 'read_committed');
    this.#commits = new NativeCommits(native, errors, client, () => this.#serve());
  }

  static async open(
    binding: Binding,
    admin: LibrdkafkaAdmin,
    errors: ErrorLog,
    client: ClientOptions,
    options: ConsumerOptions,
  ): Promise<LibrdkafkaConsumer> {
    const holder: { consumer: LibrdkafkaConsumer | null } = { consumer: null };
    const conf = consumerConf(client, options);
    conf['rebalance_cb'] = (error: NativeError | undefined, partitions: readonly NativePartition[]) =>
      holder.consumer?.onRebalance(error, partitions);
    conf['offset_commit_cb'] = (error: NativeError | undefined, offsets: readonly NativePartition[] | undefined) =>
      holder.consumer?.onCommitted(error, offsets);
    // auto.offset.reset counts in the topic configuration only. 'error' makes a lost position an error, not a jump.
    const native = new binding.KafkaConsumer(conf, { 'auto.offset.reset': 'error' });
    errors.listen(native);
    const consumer = new LibrdkafkaConsumer(binding, native, admin, errors, client, options);
    holder.consumer = consumer;
    native.on('partition.eof', ((end: Required<NativePartition>) => consumer.#queues.reachedEnd(end)) as never);
    const dialTimeoutMs = client.dialTimeoutMs ?? 3000;
    try {
      await call((done) => native.connect({ timeout: dialTimeoutMs, allTopics: true }, done));
    } catch (error) {
      throw errors.connectFailure(error as NativeError, client, dialTimeoutMs);
    }
    native.setDefaultIsTimeoutOnlyForFirstMessage(true);
    return consumer;
  }

  async assign(partitions: readonly TopicPartitionOffset[]): Promise<void> {
    await this.#admin.requirePartitions(partitions);
    await this.#settled();
    this.#queues.assign(partitions);
    this.#native.assign(partitions.map((each) => ({ ...each })));
  }

  async subscribe(topics: readonly string[], start: 'earliest' | 'latest', listener: RebalanceListener): Promise<void> {
    await this.#admin.requirePartitions(topics.map((topic) => ({ topic, partition: 0 })));
    this.#listener = listener;
    this.#start = start;
    this.#native.subscribe(topics);
  }

  /** librdkafka's callback: kept for poll, where nothing is processed meanwhile; librdkafka waits for the answer. */
  onRebalance(error: NativeError | undefined, partitions: readonly NativePartition[]): void {
    const plain = partitions.map(({ topic, partition }) => ({ topic, partition }));
    if (error?.code === NativeCode.assignPartitions) this.#rebalances.push({ isAssign: true, partitions: plain });
    else if (this.#isClosed) this.#native.unassign();
    else this.#rebalances.push({ isAssign: false, partitions: plain });
    this.#wake?.();
  }

  /** librdkafka's answer to a commit. */
  onCommitted(error: NativeError | undefined, offsets: readonly NativePartition[] | undefined): void {
    this.#commits.answered(error, offsets);
  }

  async poll(timeoutMs: number): Promise<ColumnBatch | null> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.#isClosed) throw new AnomalyError('ANM_INTERNAL', 'cannot go on as the Kafka client is closed');
      await this.#rebalance();
      await this.#applySeeks();
      if (this.#failure !== null) {
        const failure = this.#failure;
        this.#failure = null;
        throw failure;
      }
      const batch = await this.#next();
      if (batch !== null) return batch;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 && timeoutMs > 0) return null;
      await this.#consume(Math.max(0, leftMs));
      if (timeoutMs <= 0) return this.#next();
    }
  }

  /** librdkafka checks CRCs itself and reports a bad batch as an error: there is none to hand out. */
  takeCorrupt(): CorruptBatch[] {
    return [];
  }

  position(topic: string, partition: number): number {
    return this.#queues.position(topic, partition);
  }

  endOffset(topic: string, partition: number): number {
    this.#queues.position(topic, partition);
    try {
      return this.#native.getWatermarkOffsets(topic, partition).highOffset;
    } catch {
      // Nothing fetched yet, so librdkafka has none.
      return -1;
    }
  }

  /**
   * librdkafka keeps the last end that a fetch told and not when; a fetch that fails over and over shows nowhere, and the
   * end of a partition is told once, not with each fetch that finds nothing.
   */
  endAgeMs(topic: string, partition: number): number {
    return this.endOffset(topic, partition) < 0 ? Infinity : 0;
  }

  seek(partition: TopicPartitionOffset): void {
    this.#queues.seek(partition);
    this.#seeks.push(partition);
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#queues.setPaused(topic, partition, true);
    this.#native.pause(partitions.map((each) => ({ ...each })));
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#queues.setPaused(topic, partition, false);
    this.#native.resume(partitions.map((each) => ({ ...each })));
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const groupId = this.#groupId();
    if (offsets.length === 0) return;
    await this.#commits.commit(`commit offsets of group ${groupId}`, offsets, this.#listener !== null);
  }

  membership(): GroupMembership | undefined {
    if (this.#listener === null || this.#isClosed || this.#queues.partitions().length === 0) return undefined;
    return nativeMembership(this.#groupId(), this.#options.instanceId ?? null, this.#native);
  }

  async committed(partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const groupId = this.#groupId();
    const read = (requireStable: boolean) => this.#admin.groupOffsets(groupId, partitions, requireStable);
    const retryTimeoutMs = this.#client.retryTimeoutMs ?? 30_000;
    const waits = (message: string) => this.#client.logger?.('info', message);
    return untilStable(groupId, this.#options, retryTimeoutMs, read, (ms) => delay(ms), waits);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const held = this.#queues.partitions();
      if (this.#listener !== null && held.length > 0) await this.#revoke(held);
    } finally {
      this.#isClosed = true;
      await this.#settled();
      // Leaving takes the answers to rebalances that nobody polls for any more.
      if (this.#listener !== null) this.#native.unassign();
      await call((done) => this.#native.disconnect(done)).catch(() => {
        // The session timeout ends a membership that could not be ended in order.
      });
      await this.#gapCheck.close();
    }
  }

  /** Runs the listener for what librdkafka announced, in order, and answers. */
  async #rebalance(): Promise<void> {
    while (this.#rebalances.length > 0) {
      const { isAssign, partitions } = this.#rebalances.shift()!;
      if (isAssign) {
        const given = (await this.#listener!.onAssigned(partitions)) ?? [];
        const offsets = await this.#startOffsets(partitions, given);
        this.#queues.assign(offsets);
        this.#native.assign(offsets.map((each) => ({ ...each })));
      } else {
        await this.#revoke(partitions);
        await this.#settled();
        this.#native.unassign();
      }
    }
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    const isLost = this.#native.assignmentLost();
    if (isLost && this.#listener!.onLost !== undefined) await this.#listener!.onLost(partitions);
    else await this.#listener!.onRevoked(partitions);
    this.#queues.assign([]);
  }

  /** The listener's offsets, else the committed ones, else the log's start or end. */
  async #startOffsets(
    partitions: readonly TopicPartition[],
    given: readonly TopicPartitionOffset[],
  ): Promise<TopicPartitionOffset[]> {
    const key = (each: TopicPartition) => `${each.topic}/${each.partition}`;
    const found = new Map(given.map((each) => [key(each), each.offset]));
    const open = () => partitions.filter((each) => !found.has(key(each)));
    if (open().length > 0) {
      for (const each of await this.committed(open())) if (each.offset >= 0) found.set(key(each), each.offset);
    }
    if (open().length > 0) {
      for (const each of await this.#admin.listOffsets(open(), this.#start)) found.set(key(each), each.offset);
    }
    return partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      offset: found.get(`${topic}/${partition}`)!,
    }));
  }

  /** The next columns; a hole in the offsets is looked at before it is stepped over. */
  async #next(): Promise<ColumnBatch | null> {
    for (;;) {
      const found = this.#queues.next();
      if (found === null || !('from' in found)) return found;
      if (await this.#gapCheck.hasRecords(found)) throw GapCheck.gap(found);
      this.#queues.acceptHole(found);
    }
  }

  /** One consume call at a time; a rebalance ends the wait, the call itself goes on in its thread. */
  async #consume(timeoutMs: number): Promise<void> {
    if (this.#consuming === null) this.#begin(Math.min(timeoutMs, LONGEST_CONSUME_MS));
    if (this.#rebalances.length > 0) return;
    const rebalanced = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([this.#consuming, rebalanced]);
    this.#wake = null;
  }

  #begin(timeoutMs: number): void {
    this.#native.setDefaultConsumeTimeout(Math.max(1, timeoutMs));
    this.#consuming = call<readonly NativeMessage[]>((done) => this.#native.consume(CONSUME_COUNT, done))
      .then((messages) => this.#queues.add(messages))
      .catch((error: NativeError) => {
        this.#failure ??= this.#consumeFailure(error);
      })
      .finally(() => {
        this.#consuming = null;
      });
  }

  /** One short consume call: librdkafka delivers its callbacks in it. */
  async #serve(): Promise<void> {
    if (this.#consuming === null) this.#begin(SERVE_MS);
    await this.#consuming;
  }

  /** No consume call is under way: what it would still bring belongs to the old positions. */
  async #settled(): Promise<void> {
    while (this.#consuming !== null) await this.#consuming;
  }

  async #applySeeks(): Promise<void> {
    if (this.#seeks.length === 0) return;
    await this.#settled();
    const seeks = this.#seeks;
    this.#seeks = [];
    for (const each of seeks) this.#queues.seek(each);
    // assign() instead of seek(): it also holds for partitions whose fetch has not begun.
    this.#native.assign(this.#queues.positions().map((each) => ({ ...each })));
    const paused = this.#queues.paused();
    if (paused.length > 0) this.#native.pause(paused.map((each) => ({ ...each })));
    this.#queues.dropQueued();
  }

  #consumeFailure(error: NativeError): AnomalyError {
    if (isAnomalyError(error)) return error;
    if (error.code === NativeCode.autoOffsetReset || error.code === KafkaCode.offsetOutOfRange) {
      return new AnomalyError(
        'ANM_OFFSET_OUT_OF_RANGE',
        `cannot read on as a position is outside the log: ${error.message}`,
        {
          cause: error,
        },
      );
    }
    return this.#errors.callFailure(error, 'read records', 'request_timeout', this.#timeoutMs, this.#client);
  }

  #groupId(): string {
    const { groupId } = this.#options;
    if (groupId === undefined) throw new AnomalyError('ANM_INTERNAL', 'cannot commit as the consumer has no group');
    return groupId;
  }
}

/** A consume call cannot be ended early; a rebalance or a close waits for it at most this long. */
const LONGEST_CONSUME_MS = 100;
const SERVE_MS = 5;
