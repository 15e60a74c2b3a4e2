import { decodeDelivery } from '../../alerts/delivery/deliveryRecord.ts';
import { decodeOutbox } from '../../alerts/stage/outbox.ts';
import type { KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { type ClusterWatch, MOST_ALERTS, MOST_ANOMALIES } from '../../observe/watch/clusterWatch.ts';
import type { Logger } from '../../output/logger.ts';
import { ObjectDecoder } from '../input/objectDecoder.ts';
import { isAlert } from '../output/rowObjects.ts';
import { FloodGate } from './floodGate.ts';
import { anomalyView, withSink } from './outputRows.ts';
import { TopicFollower } from './topicFollower.ts';
import type { WatchedTopic } from './watchedTopics.ts';

export interface WatchOutputsOptions {
  readonly watch: ClusterWatch;
  readonly registry: Pick<SchemaRegistry, 'schemaById'> | undefined;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** An incident's record is followed by those of its sinks, and written again with each change. */
const OUTBOX_RECORDS = 10 * MOST_ALERTS;

/** Reads what pipelines put out, anomalies and alerts, into the watch. */
export class WatchOutputs {
  readonly #options: WatchOutputsOptions;
  readonly #follower: TopicFollower;
  readonly #gate: FloodGate;
  readonly #decoder: ObjectDecoder;
  /** Topics of which a record could not be read; said once. */
  readonly #unreadable = new Set<string>();
  /** Why the registry did not tell a schema; its end is no end of the connection to the brokers. */
  #registryFailure: unknown;
  #isRegistryAway = false;

  private constructor(options: WatchOutputsOptions, follower: TopicFollower) {
    this.#options = options;
    this.#follower = follower;
    this.#gate = new FloodGate(follower, options.now);
    this.#decoder = new ObjectDecoder(options.registry);
  }

  /** @param positions next offset by partition, over all connections */
  static async open(
    options: WatchOutputsOptions,
    client: KafkaClient,
    positions: Map<string, number>,
  ): Promise<WatchOutputs> {
    let outputs: WatchOutputs | undefined;
    const follower = await TopicFollower.open({
      ...{ client, positions, isolation: 'read_committed' },
      from: ({ kind }) => ({ records: kind === 'outbox' ? OUTBOX_RECORDS : MOST_ANOMALIES }),
      onBatch: (topic, batch) => outputs!.#take(topic, batch),
    });
    outputs = new WatchOutputs(options, follower);
    return outputs;
  }

  get isIdle(): boolean {
    return this.#follower.isIdle;
  }

  follow(topics: readonly WatchedTopic[]): void {
    this.#follower.follow(topics);
  }

  /** False where the schema registry is away, and the same records are to be tried again after a pause. */
  async poll(timeoutMs: number): Promise<boolean> {
    this.#gate.turn();
    try {
      await this.#follower.poll(timeoutMs);
      return true;
    } catch (error) {
      if (error !== this.#registryFailure) throw error;
      if (!this.#isRegistryAway)
        this.#options.logger.warn(
          `anomalies are not shown while the schema registry is away: ${(error as Error).message}`,
        );
      this.#isRegistryAway = true;
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#follower.close();
  }

  async #take(topic: WatchedTopic, batch: ColumnBatch): Promise<void> {
    if (topic.kind === 'outbox') this.#takeOutbox(topic, batch);
    else await this.#takeAnomalies(topic, batch);
  }

  async #takeAnomalies({ pipeline, topic }: WatchedTopic, batch: ColumnBatch): Promise<void> {
    const share = this.#gate.share(batch, batch.count);
    for (let i = batch.count - share; i < batch.count; i++) {
      const value = await this.#valueOf(batch, i);
      if (isAlert(value)) this.#options.watch.anomaly(anomalyView(pipeline, value));
      else if (value instanceof Error) this.#notRead(topic, value);
    }
    if (this.#isRegistryAway) this.#options.logger.info('the schema registry is back');
    this.#isRegistryAway = false;
  }

  async #valueOf(batch: ColumnBatch, i: number): Promise<unknown> {
    try {
      return await this.#decoder.value(batch, i);
    } catch (error) {
      // What cannot be decoded is returned: only the registry throws.
      this.#registryFailure = error;
      throw error;
    }
  }

  #takeOutbox({ topic }: WatchedTopic, batch: ColumnBatch): void {
    const { watch } = this.#options;
    for (let i = 0; i < batch.count; i++) {
      if (batch.keyStart[i]! < 0) continue;
      const key = new TextDecoder().decode(batch.bytes.subarray(batch.keyStart[i], batch.keyEnd[i]));
      const start = batch.valueStart[i]!;
      const value = start < 0 ? null : batch.bytes.subarray(start, batch.valueEnd[i]);
      const record = decodeOutbox(key, value);
      if (record?.type === 'incident') {
        const { notification, isTold } = record;
        watch.alert({ notification, isTold, sinks: watch.alertOf(notification.id)?.sinks ?? [] });
      } else if (record?.type === 'delivery') {
        const alert = watch.alertOf(record.incident);
        const state = decodeDelivery({ key, value })?.state ?? null;
        if (alert !== undefined) watch.alert(withSink(alert, record.sink, state));
      } else if (value === null) watch.forgetAlert(key);
      else if (record === null) this.#notRead(topic, new Error('it is of a version that is not known here'));
    }
  }

  #notRead(topic: string, { message }: Error): void {
    if (this.#unreadable.has(topic)) return;
    this.#unreadable.add(topic);
    this.#options.logger.warn(`a record of ${topic} cannot be read, and others like it may not be: ${message}`);
  }
}
