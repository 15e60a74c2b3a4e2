import type { TopicPartitionOffset } from '../../clients/topicPartition.ts';
import type { GroupMembership, TransactionalProducer } from '../../clients/transactions.ts';

interface Waiting {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly resolve: () => void;
}

/** Records of the outbox, in the order in which they were given, each in the transaction that is committed next. */
export class OutboxWriter {
  readonly #producer: TransactionalProducer;
  readonly #topic: string;
  readonly #now: () => number;
  #waiting: Waiting[] = [];

  constructor(producer: TransactionalProducer, topic: string, now: () => number) {
    this.#producer = producer;
    this.#topic = topic;
    this.#now = now;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when the record is committed; never where the stage goes to another before. */
  append(key: string, value: Uint8Array | null): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ key, value, resolve }));
  }

  async commit(offsets: readonly TopicPartitionOffset[], membership: GroupMembership): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    for (const { key, value } of taken) {
      const bytes = new TextEncoder().encode(key);
      const [start, end] = value === null ? [-1, -1] : [0, value.length];
      const room = this.#producer.ready();
      if (room !== null && !this.#producer.needsCommit) await room;
      this.#producer.append(this.#topic, 0, this.#now(), bytes, 0, bytes.length, value, start, end);
    }
    await this.#producer.commitTransaction(offsets, membership);
    for (const { resolve } of taken) resolve();
  }
}
