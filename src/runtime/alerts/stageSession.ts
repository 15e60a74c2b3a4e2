import type { Delivery, StoredDelivery } from '../../alerts/delivery/delivery.ts';
import { evidenceOf } from '../../alerts/stage/evidence.ts';
import { outboxTopic } from '../../alerts/stage/outbox.ts';
import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { TopicPartition, TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { TransactionalProducer } from '../../clients/transactions.ts';
import type { AlertsConfig } from '../../config/alertsConfig.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { isLive } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';
import { refractoryOf } from '../definition/watchDefinition.ts';
import { ObjectDecoder } from '../input/objectDecoder.ts';
import { StatusReader } from '../status/reader.ts';
import { SESSION_TIMEOUT_MS } from '../topics/operationTopics.ts';
import { type AlertOrder, OrderReader } from './alertOrders.ts';
import { EventClock } from './eventClock.ts';
import { GrowingReader } from './growingReader.ts';
import { KpiReader } from './kpiReader.ts';
import { readOutbox } from './outboxReader.ts';
import { OutboxWriter } from './outboxWriter.ts';
import { StageBooks } from './stageBooks.ts';

export interface StageSessionOptions {
  readonly client: KafkaClient;
  readonly registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
  readonly config: PipelineConfig & { readonly alerts: AlertsConfig };
  /**
   * Makes what brings notifications to the sinks; it writes its records by `record`, and asks nobody while `mayAsk` says
   * no. Absent: nobody is told.
   */
  readonly openDelivery?: (
    record: (key: string, value: Uint8Array | null) => Promise<void>,
    mayAsk: () => boolean,
  ) => Delivery;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Ends early with the signal. */
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
}

/** Batches of alerts that one transaction may take. */
const BATCHES = 16;
const POLL_MS = 50;
const STATUS_EVERY_MS = 1000;
/** Offsets alone are committed no more often. */
const OFFSETS_EVERY_MS = 5000;
/** A pipeline's commit takes no longer than this on top of its interval. */
const COMMIT_MS = 2000;
/** Longest wait for requests at the sinks that this process can no longer keep record of. */
const CLOSE_MS = 10_000;
/** A member that had no round for so long may have lost the stage without knowing it. */
const SURE_MS = SESSION_TIMEOUT_MS / 2;
const NEVER = new AbortController().signal;

/**
 * The time in which this member owns the alert stage. What it reads, what it makes of it and the offsets it has read to
 * are one transaction of a producer whose id is that of the stage: another owner fences it, and begins with what was
 * committed. So each alert has its effect on the incidents once, whenever a process dies.
 */
export class StageSession {
  readonly #options: StageSessionOptions;
  readonly #group: Consumer;
  readonly #books: StageBooks;
  readonly #clock: EventClock;
  readonly #decoder: ObjectDecoder;
  readonly #writer: OutboxWriter;
  readonly #closers: (() => Promise<unknown>)[];
  #delivery: Delivery | undefined;
  #reader!: GrowingReader;
  #orders!: OrderReader;
  #kpi: KpiReader | undefined;
  #statuses: StatusReader | undefined;
  #statusDueMs = 0;
  #offsetsDueMs = 0;
  #roundMs = -Infinity;
  #unread = 0;
  /** Whether the books are as of the positions read to: not after a round that failed. */
  #isWhole = false;

  private constructor(options: StageSessionOptions, group: Consumer, producer: TransactionalProducer) {
    this.#options = options;
    this.#group = group;
    this.#closers = [() => producer.close()];
    const { config, registry, now } = options;
    this.#decoder = new ObjectDecoder(registry);
    this.#clock = new EventClock(config.commitEveryMs + COMMIT_MS, config.alerts.groupWithinMs);
    this.#writer = new OutboxWriter(producer, outboxTopic(config.pipeline), now);
    this.#books = new StageBooks({
      pipeline: config.pipeline,
      alerts: config.alerts,
      checkpointEveryMs: config.checkpoint.everyMs,
      refractoryMs: (rule) => refractoryOf(config.score, rule),
      ...(config.alerts.kpis.length + config.alerts.kpiTopics.length > 0 && {
        kpi: (series, atMs) => this.#kpi!.windows.verdict(series, atMs),
      }),
    });
  }

  /** Takes the stage over: fences the former owner, and goes on from what the outbox holds. */
  static async open(options: StageSessionOptions, group: Consumer): Promise<StageSession> {
    const { client, config } = options;
    const producer = await client.createTransactionalProducer({
      transactionalId: `${config.pipeline}.alerts`,
      transactionTimeoutMs: config.transactionTimeoutMs,
    });
    const session = new StageSession(options, group, producer);
    try {
      await session.#recover();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get books(): Pick<StageBooks, 'open' | 'outcomes'> {
    return this.#books;
  }

  get delivery(): Delivery | undefined {
    return this.#delivery;
  }

  /** One round: what has come is taken, and committed where it changed anything. */
  async turn(): Promise<void> {
    const { now } = this.#options;
    this.#roundMs = now();
    this.#isWhole = false;
    await this.#grow();
    // Windows first: an alert of one is read beside it.
    await this.#kpi?.turn(now());
    await this.#read();
    this.#books.order(await this.#orders.poll(0), now());
    const nowMs = now();
    if (nowMs >= this.#statusDueMs) {
      this.#statusDueMs = nowMs + STATUS_EVERY_MS;
      await this.#look(nowMs);
    }
    this.#advance(this.#behind(), nowMs);
    await this.#commit();
    this.#isWhole = true;
  }

  /** Ends delivery, and commits what it still has to say where this member has the stage yet. */
  async close(): Promise<void> {
    await this.#endDelivery().catch((error: unknown) => {
      this.#options.logger.debug(`alert stage: closed without its last records: ${(error as Error).message}`);
    });
    for (const close of this.#closers.splice(0).reverse()) await close().catch(() => {});
  }

  async #endDelivery(): Promise<void> {
    let isOver = this.#delivery === undefined;
    const closing = this.#delivery?.close().finally(() => {
      isOver = true;
    });
    try {
      while (this.#isWhole && !isOver) {
        await this.#commit();
        await Promise.race([closing, this.#options.pause(POLL_MS, NEVER)]);
      }
      if (this.#isWhole) await this.#commit();
    } finally {
      // A request that waits for a record which another is to write now waits in vain.
      await Promise.race([closing, this.#options.pause(CLOSE_MS, NEVER)]);
    }
  }

  async #recover(): Promise<void> {
    const { client, config, now, signal, logger, openDelivery } = this.#options;
    const { pipeline, sinks, alerts } = config;
    this.#delivery = openDelivery?.(
      (key, value) => this.#writer.append(key, value),
      () => now() - this.#roundMs < SURE_MS,
    );
    const stored = await readOutbox(client, pipeline, signal);
    const records = stored.flatMap(({ record }) => (record === null ? [] : [record]));
    this.#kpi = await KpiReader.open(client, this.#decoder, alerts, sinks.windows, now());
    if (this.#kpi !== undefined) this.#closers.push(() => this.#kpi!.close());
    while (this.#kpi?.isCurrent === false && !signal.aborted) await this.#kpi.turn(now());
    this.#orders = await OrderReader.open(client, pipeline);
    this.#closers.push(() => this.#orders.close());
    // Silences hold before the first alert is taken; reviews find their incidents.
    this.#books.restore(records, now());
    const orders: AlertOrder[] = [];
    while (!this.#orders.isCurrent && !signal.aborted) orders.push(...(await this.#orders.poll(100)));
    this.#books.order(orders, now());
    this.#statuses = await StatusReader.open(client, pipeline);
    if (this.#statuses !== undefined) this.#closers.push(() => this.#statuses!.close());
    await this.#openReader();
    const deliveries = stored.flatMap(({ key, value, record }): StoredDelivery[] =>
      record?.type === 'delivery' ? [{ key, value }] : [],
    );
    this.#delivery?.restore(deliveries);
    let open = 0;
    for (const record of records) {
      if (record.type !== 'incident' || !record.isTold) continue;
      if (record.notification.status !== 'resolved') open++;
      this.#delivery?.offer(record.notification);
    }
    this.#roundMs = now();
    this.#delivery?.start();
    logger.info(
      `alert stage of ${pipeline}: reads ${sinks.anomalies}, ${open === 1 ? '1 incident is' : `${open} incidents are`} open`,
    );
  }

  /** From the committed offsets, else from the start of the topic: what is old teaches, and nobody is told of it. */
  async #openReader(): Promise<void> {
    const { client, config, now } = this.#options;
    const topic = config.sinks.anomalies;
    const consumer = { isolation: 'read_committed', maxWaitMs: 500 } as const;
    const startsOf = (places: readonly TopicPartition[]) => this.#startsOf(places);
    this.#reader = await GrowingReader.open(client, { topics: [topic], consumer, startsOf }, now());
    this.#closers.push(() => this.#reader.close());
    if (this.#reader.places.length > 0) return;
    throw new AnomalyError('ANM_TOPIC_MISSING', `cannot read alerts as there is no topic ${topic}`, {
      hint: 'a pipeline makes it when it starts; its name is sinks.anomalies, by default <pipeline>.anomalies',
      details: { topic },
    });
  }

  async #startsOf(places: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    const committed = await this.#group.committed(places);
    const earliest = await this.#options.client.admin.listOffsets(places, 'earliest');
    return earliest.map((each) => {
      const known = committed.find(({ partition }) => partition === each.partition)?.offset ?? -1;
      return { ...each, offset: Math.max(0, each.offset, known) };
    });
  }

  /** A run writes to partitions that its topics get while it goes on. */
  async #grow(): Promise<void> {
    const { config, logger, now } = this.#options;
    const added = (await this.#reader.look(now())).length;
    if (added === 0) return;
    const partitions = added === 1 ? '1 partition' : `${added} partitions`;
    logger.info(`alert stage of ${config.pipeline}: reads ${partitions} more of ${config.sinks.anomalies}`);
  }

  /** Event time is here. Where nobody tells watermarks, and all is read, the time here stands for them. */
  #advance(behind: ReadonlySet<number>, nowMs: number): void {
    const isByTime = this.#statuses === undefined && behind.size === 0;
    const clockMs = isByTime
      ? nowMs - COMMIT_MS
      : this.#clock.at(nowMs, behind, behind.size === this.#reader.places.length);
    if (clockMs !== undefined) this.#books.advance(clockMs, nowMs);
  }

  /** Partitions whose alerts have not all been read; before its first answer nobody knows of one. */
  #behind(): Set<number> {
    const { places, consumer } = this.#reader;
    const behind = places.filter(({ topic, partition }) => {
      const end = consumer.endOffset(topic, partition);
      return end < 0 || consumer.position(topic, partition) < end;
    });
    return new Set(behind.map(({ partition }) => partition));
  }

  /** Takes alerts that have come. */
  async #read(): Promise<void> {
    const { logger, pause, signal } = this.#options;
    if (this.#delivery !== undefined && !this.#delivery.hasRoom) {
      // Bounded, as the group wants its member to be there.
      await Promise.race([this.#delivery.room(), pause(POLL_MS, signal)]);
      return;
    }
    const { consumer } = this.#reader;
    for (let taken = 0; taken < BATCHES; taken++) {
      const batch = await consumer.poll(taken === 0 ? POLL_MS : 0);
      for (const { topic, partition, firstOffset, reason } of consumer.takeCorrupt()) {
        logger.error(`left out ${topic}/${partition} offset ${firstOffset}: ${reason}`);
      }
      if (batch === null) return;
      await this.#take(batch);
      this.#unread++;
    }
  }

  async #take(batch: ColumnBatch): Promise<void> {
    const { now, logger } = this.#options;
    const { topic, partition } = batch;
    // The reader is past the batch, the books are not.
    const behind = this.#behind().add(partition);
    for (let i = 0; i < batch.count; i++) {
      const value = await this.#decoder.value(batch, i);
      const evidence = evidenceOf(value);
      if (evidence !== null) {
        const nowMs = now();
        this.#clock.take(partition, evidence.startMs, nowMs);
        this.#advance(behind, nowMs);
        this.#books.take(evidence, nowMs);
      } else if (value instanceof Error) {
        logger.warn(`left out ${topic}/${partition} offset ${batch.offsets[i]}: ${value.message}`);
      }
    }
  }

  async #look(nowMs: number): Promise<void> {
    const { client, config } = this.#options;
    if (this.#statuses === undefined) {
      this.#statuses = await StatusReader.open(client, config.pipeline);
      if (this.#statuses === undefined) return;
      this.#closers.push(() => this.#statuses!.close());
    }
    const all = (await this.#statuses.read()).filter(({ group }) => group === config.group);
    this.#clock.look(
      all.filter((status) => isLive(status, nowMs, SESSION_TIMEOUT_MS)),
      nowMs,
    );
    this.#books.look(all, nowMs);
  }

  /** Records and offsets in one transaction; then what is told goes to the sinks. */
  async #commit(): Promise<void> {
    const { now } = this.#options;
    const { records, told } = this.#books.drain((id) => this.#delivery?.forget(id) ?? true);
    for (const { key, value } of records) void this.#writer.append(key, value);
    const nowMs = now();
    const isOffsetsDue = this.#unread > 0 && nowMs >= this.#offsetsDueMs;
    if (!this.#writer.hasWaiting && !isOffsetsDue) return;
    this.#offsetsDueMs = nowMs + OFFSETS_EVERY_MS;
    this.#unread = 0;
    const membership = this.#group.membership();
    if (membership === undefined) {
      throw new AnomalyError('ANM_GROUP_REBALANCED', 'cannot commit as this member has lost the alert stage');
    }
    await this.#writer.commit(this.#reader.positions(), membership);
    for (const notification of told) this.#delivery?.offer(notification);
  }
}
