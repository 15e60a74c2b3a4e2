import type { TopicPartition } from '../topicPartition.ts';

/**
 * The two byte strings that consumers exchange through a classic group: what a member subscribes to (in JoinGroup)
 * and what it is assigned (in SyncGroup). Layout: ConsumerProtocolSubscription and ConsumerProtocolAssignment of
 * Apache Kafka's message definitions. Version 1 is written (owned partitions, KIP-429), every version is read, since
 * later ones only append.
 */
export interface Subscription {
  readonly topics: readonly string[];
  /** What the member held when it joined; an eager member holds nothing. */
  readonly owned: readonly TopicPartition[];
  /** Generation in which it was given that; -1 where it does not say. */
  readonly generation: number;
}

const WRITTEN_VERSION = 1;

export function encodeSubscription(subscription: Subscription): Buffer {
  const writer = new ByteWriter();
  writer.int16(WRITTEN_VERSION);
  writer.int32(subscription.topics.length);
  for (const topic of subscription.topics) writer.string(topic);
  // User data as Java's CooperativeStickyAssignor has it, for members that read no version 2: the generation.
  if (subscription.generation < 0) writer.int32(-1);
  else {
    writer.int32(4);
    writer.int32(subscription.generation);
  }
  writer.partitions(subscription.owned);
  return writer.bytes();
}

export function decodeSubscription(bytes: Uint8Array): Subscription {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  const topics = Array.from({ length: reader.int32() }, () => reader.string());
  const userBytes = Math.max(0, reader.int32());
  let generation = -1;
  if (userBytes === 4) generation = reader.int32();
  else reader.skip(userBytes);
  const owned = version >= 1 && reader.remaining > 0 ? reader.partitions() : [];
  if (version >= 2 && reader.remaining >= 4) generation = reader.int32();
  return { topics, owned, generation };
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const writer = new ByteWriter();
  writer.int16(WRITTEN_VERSION);
  writer.partitions(partitions);
  writer.int32(-1); // user data
  return writer.bytes();
}

/** No bytes at all mean nothing assigned: a member that joined after the leader had decided. */
export function decodeAssignment(bytes: Uint8Array): TopicPartition[] {
  if (bytes.length === 0) return [];
  const reader = new ByteReader(bytes);
  reader.int16();
  return reader.partitions();
}

class ByteWriter {
  #parts: Buffer[] = [];

  int16(value: number): void {
    const part = Buffer.alloc(2);
    part.writeInt16BE(value);
    this.#parts.push(part);
  }

  int32(value: number): void {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    this.#parts.push(part);
  }

  string(value: string): void {
    const text = Buffer.from(value);
    this.int16(text.length);
    this.#parts.push(text);
  }

  /** Grouped by topic, in the order given. */
  partitions(partitions: readonly TopicPartition[]): void {
    const byTopic = new Map<string, number[]>();
    for (const { topic, partition } of partitions) {
      const list = byTopic.get(topic);
      if (list === undefined) byTopic.set(topic, [partition]);
      else list.push(partition);
    }
    this.int32(byTopic.size);
    for (const [topic, list] of byTopic) {
      this.string(topic);
      this.int32(list.length);
      for (const partition of list) this.int32(partition);
    }
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class ByteReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  skip(count: number): void {
    this.#at += count;
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  string(): string {
    const length = this.int16();
    const text = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length)).toString();
    this.#at += length;
    return text;
  }

  partitions(): TopicPartition[] {
    const result: TopicPartition[] = [];
    const topics = this.int32();
    for (let i = 0; i < topics; i++) {
      const topic = this.string();
      const count = this.int32();
      for (let j = 0; j < count; j++) result.push({ topic, partition: this.int32() });
    }
    return result;
  }
}
