import { AnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { type Binding, call, type NativeConsumer, type NativeMessage } from './binding.ts';
import { consumerConf } from './config.ts';
import type { MessageHole } from './messageQueues.ts';

const LOOK_MS = 5000;

/**
 * A second look at a hole in the offsets by a consumer of its own, uncommitted records included. librdkafka hides
 * batch headers, so compaction and transaction markers cannot be told from loss in any other way.
 */
export class GapCheck {
  readonly #binding: Binding;
  readonly #client: ClientOptions;
  #opening: Promise<NativeConsumer> | null = null;

  constructor(binding: Binding, client: ClientOptions) {
    this.#binding = binding;
    this.#client = client;
  }

  /** Records are there that librdkafka did not hand out. */
  static gap({ topic, partition, from, to }: MessageHole): AnomalyError {
    return new AnomalyError(
      'ANM_OFFSET_GAP',
      `cannot go on with ${topic} partition ${partition} as offsets ${from} to ${to - 1} were skipped, and the broker has records there`,
      { details: { topic, partition, firstOffset: from, nextOffset: to } },
    );
  }

  /** Whether a record lies in the hole. The record after it is read, so there is always one to be found. */
  async hasRecords({ topic, partition, from, to }: MessageHole): Promise<boolean> {
    this.#opening ??= this.#open();
    const consumer = await this.#opening;
    consumer.assign([{ topic, partition, offset: from }]);
    const deadline = performance.now() + LOOK_MS;
    while (performance.now() < deadline) {
      const found = await call<readonly NativeMessage[]>((done) => consumer.consume(1, done));
      const first = found[0];
      if (first === undefined) continue;
      consumer.unassign();
      return first.offset < to;
    }
    throw new AnomalyError(
      'ANM_TIMEOUT',
      `cannot tell why offsets ${from} to ${to - 1} of ${topic} partition ${partition} are missing as a second read of them got no answer within ${LOOK_MS} ms`,
    );
  }

  async close(): Promise<void> {
    const consumer = await this.#opening;
    if (consumer != null) await call((done) => consumer.disconnect(done));
  }

  async #open(): Promise<NativeConsumer> {
    const conf = consumerConf(this.#client, { isolation: 'read_uncommitted' });
    const consumer = new this.#binding.KafkaConsumer(conf, { 'auto.offset.reset': 'earliest' });
    await call((done) => consumer.connect({ timeout: this.#client.dialTimeoutMs ?? 3000, allTopics: true }, done));
    consumer.setDefaultConsumeTimeout(200);
    return consumer;
  }
}
