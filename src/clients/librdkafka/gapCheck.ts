import { AnomalyError } from '../../errors.ts';
import type { ClientOptions } from '../client.ts';
import { type Binding, call, type NativeConsumer, type NativeMessage } from './binding.ts';
import { consumerConf } from './config.ts';
import type { MessageHole } from './messageQueues.ts';

const LOOK_MS = 5000;
const POLL_MS = 100;
const FETCH_WAIT_MS = 10;

/**
 * A second look at a hole in the offsets by a consumer of its own, under the same isolation. librdkafka hides batch
 * headers, so compaction, markers and aborted records cannot be told from loss in any other way; a hole that a fresh
 * consumer meets as well is taken for the log's own.
 */
export class GapCheck {
  readonly #binding: Binding;
  readonly #client: ClientOptions;
  readonly #isolation: 'read_committed' | 'read_uncommitted';
  #opening: Promise<NativeConsumer> | null = null;
  /** Where the log ended, once the end was reached; -1 before. */
  #endOffset = -1;

  constructor(binding: Binding, client: ClientOptions, isolation: 'read_committed' | 'read_uncommitted') {
    this.#binding = binding;
    this.#client = client;
    this.#isolation = isolation;
  }

  /** Records are there that librdkafka did not hand out. */
  static gap({ topic, partition, from, to }: MessageHole): AnomalyError {
    return new AnomalyError(
      'ANM_OFFSET_GAP',
      `cannot go on with ${topic} partition ${partition} as offsets ${from} to ${to - 1} were skipped, and the broker has records there`,
      { details: { topic, partition, firstOffset: from, nextOffset: to } },
    );
  }

  /** Whether a record lies in the hole. The first record from its start on decides, or the end of the log. */
  async hasRecords({ topic, partition, from, to }: MessageHole): Promise<boolean> {
    this.#opening ??= this.#open();
    const consumer = await this.#opening;
    this.#endOffset = -1;
    consumer.assign([{ topic, partition, offset: from }]);
    const deadline = performance.now() + LOOK_MS;
    while (performance.now() < deadline) {
      const found = await call<readonly NativeMessage[]>((done) => consumer.consume(1, done));
      const first = found[0]?.offset ?? this.#endOffset;
      if (first < 0 || (found.length === 0 && first < to)) continue;
      consumer.unassign();
      return first < to;
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
    // A fetch under way holds the next look up for as long as it waits.
    const conf = consumerConf(this.#client, { isolation: this.#isolation, maxWaitMs: FETCH_WAIT_MS });
    const consumer = new this.#binding.KafkaConsumer(conf, { 'auto.offset.reset': 'earliest' });
    await call((done) => consumer.connect({ timeout: this.#client.dialTimeoutMs ?? 3000, allTopics: true }, done));
    consumer.on('partition.eof', ((end: { offset: number }) => {
      this.#endOffset = end.offset;
    }) as never);
    consumer.setDefaultConsumeTimeout(POLL_MS);
    return consumer;
  }
}
