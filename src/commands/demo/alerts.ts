import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { SchemaRegistry } from '../../clients/registry.ts';
import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import { AnomalyError } from '../../errors.ts';
import { ObjectDecoder } from '../../runtime/input/objectDecoder.ts';
import type { AnomalyObject } from '../../runtime/output/rowObjects.ts';

export interface AlertWatchOptions {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry;
  readonly topic: string;
  readonly partitions: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** `latencyMs`: from the timestamp of the record that completes the evidence to the alert's arrival here. */
  readonly onAlert: (alert: AnomalyObject, latencyMs: number) => void;
}

/** Waiting for alerts: short, so that the end is seen. */
const POLL_MS = 100;

/** Reads the alerts of a pipeline as another application would: a consumer of its topic, from its beginning on. */
export class AlertWatch {
  /** Resolves at the offsets given to `finish`, or at the signal. */
  readonly done: Promise<void>;
  readonly #options: AlertWatchOptions;
  readonly #decoder: ObjectDecoder;
  #ends: readonly TopicPartitionOffset[] | undefined;

  constructor(options: AlertWatchOptions) {
    this.#options = options;
    this.#decoder = new ObjectDecoder(options.registry);
    this.done = this.#read();
    // Whoever waits for `done` gets the failure; until then it must not count as unhandled.
    this.done.catch(() => {});
  }

  /** Reads on to these offsets, exclusive, and then ends. */
  async finish(ends: readonly TopicPartitionOffset[]): Promise<void> {
    this.#ends = ends;
    await this.done;
  }

  async #read(): Promise<void> {
    const { client, topic, partitions, signal } = this.#options;
    // Loaded now, so that the first alert does not wait for it.
    const [consumer] = await Promise.all([client.createConsumer(), import('avsc')]);
    try {
      await consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
      while (!signal.aborted && !this.#atEnd(consumer)) await this.#poll(consumer);
    } finally {
      await consumer.close();
    }
  }

  async #poll(consumer: Consumer): Promise<void> {
    const batch = await consumer.poll(POLL_MS);
    if (batch === null) return;
    const arrivalMs = this.#options.now();
    for (let i = 0; i < batch.count; i++) {
      const value = await this.#decoder.value(batch, i);
      if (value instanceof Error) {
        throw new AnomalyError(
          'ANM_INTERNAL',
          `cannot read the alert at ${batch.topic}/${batch.partition}/${batch.offsets[i]}: ${value.message}`,
          { cause: value },
        );
      }
      const alert = value as AnomalyObject;
      this.#options.onAlert(alert, arrivalMs - alert.record_time);
    }
  }

  #atEnd(consumer: Consumer): boolean {
    return this.#ends?.every((end) => consumer.position(end.topic, end.partition) >= end.offset) ?? false;
  }
}
