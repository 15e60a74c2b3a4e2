import { ColumnBatch } from '../../engine/batch.ts';
import { AnomalyError } from '../../errors.ts';
import { uvarintSize, varintSize, writeVarint } from '../../wire/varint.ts';
import type { TopicPartition, TopicPartitionOffset } from '../topicPartition.ts';
import type { NativeMessage } from './binding.ts';

/** Offsets [from, to) of a partition that no message had. */
export interface MessageHole extends TopicPartition {
  readonly from: number;
  readonly to: number;
}

interface Queue {
  readonly topic: string;
  readonly partition: number;
  position: number;
  messages: NativeMessage[];
  /** Messages of `messages` that were handed out. */
  used: number;
  isPaused: boolean;
  /** When the oldest of the messages came from librdkafka, ms of the monotonic clock. */
  arrivedMs: number;
  /** The log ended here when it was last reached: past what no message shows, as control batches. */
  endOffset: number;
  /** Holes of a marker's size that were looked at and are empty. */
  emptyMarkers: number;
}

/** A transaction's end: its marker, and on Redpanda the fence of the next one. */
const MARKER_OFFSETS = 2;
/** So many holes of that size, looked at and found empty, mean a topic with transactions; the next ones are believed. */
const TRUSTED_MARKERS = 3;
const SMALLEST_BYTES = 64 * 1024;
/** Key, value and header lengths as varints, and the count of the headers. */
const MESSAGE_OVERHEAD_BYTES = 16;

/** librdkafka's messages, sorted by partition, and their conversion into one reused column batch. */
export class MessageQueues {
  readonly #queues = new Map<string, Queue>();
  readonly #batch: ColumnBatch;
  #bytes = Buffer.alloc(SMALLEST_BYTES);
  #order: Queue[] = [];
  #turn = 0;

  constructor(fieldCount: number) {
    this.#batch = new ColumnBatch(fieldCount);
  }

  /** Replaces the partitions; what was queued is dropped. */
  assign(partitions: readonly TopicPartitionOffset[]): void {
    this.#queues.clear();
    for (const { topic, partition, offset } of partitions) {
      this.#queues.set(keyOf(topic, partition), {
        topic,
        partition,
        position: offset,
        messages: [],
        used: 0,
        isPaused: false,
        arrivedMs: 0,
        endOffset: -1,
        emptyMarkers: 0,
      });
    }
    this.#order = [...this.#queues.values()];
  }

  partitions(): TopicPartition[] {
    return this.#order.map(({ topic, partition }) => ({ topic, partition }));
  }

  positions(): TopicPartitionOffset[] {
    return this.#order.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
  }

  paused(): TopicPartition[] {
    return this.#order.filter((queue) => queue.isPaused).map(({ topic, partition }) => ({ topic, partition }));
  }

  position(topic: string, partition: number): number {
    return this.#queue(topic, partition).position;
  }

  setPaused(topic: string, partition: number, isPaused: boolean): void {
    this.#queue(topic, partition).isPaused = isPaused;
  }

  seek({ topic, partition, offset }: TopicPartitionOffset): void {
    const queue = this.#queue(topic, partition);
    queue.position = offset;
    queue.messages = [];
    queue.used = 0;
    queue.endOffset = -1;
  }

  /** Everything queued is fetched again from the positions. */
  dropQueued(): void {
    for (const queue of this.#order) {
      queue.messages = [];
      queue.used = 0;
    }
  }

  add(messages: readonly NativeMessage[]): void {
    for (const message of messages) {
      const queue = this.#queues.get(keyOf(message.topic, message.partition));
      // Of a partition that was given away since, or from before a seek.
      if (queue === undefined || message.offset < queue.position) continue;
      if (queue.used === queue.messages.length) queue.arrivedMs = performance.now();
      queue.messages.push(message);
    }
  }

  /** librdkafka's end of partition: control batches at the end of the log have no messages. */
  reachedEnd({ topic, partition, offset }: TopicPartitionOffset): void {
    const queue = this.#queues.get(keyOf(topic, partition));
    if (queue !== undefined) queue.endOffset = offset;
  }

  /** The messages of one partition as columns, a hole that stands before them, or null when nothing is queued. */
  next(): ColumnBatch | MessageHole | null {
    for (let i = 0; i < this.#order.length; i++) {
      const queue = this.#order[(this.#turn + i) % this.#order.length]!;
      if (queue.isPaused) continue;
      const { topic, partition, position } = queue;
      const isEmpty = queue.used === queue.messages.length;
      const nextOffset = isEmpty ? queue.endOffset : queue.messages[queue.used]!.offset;
      if (nextOffset > position) {
        const isMarker = nextOffset - position <= MARKER_OFFSETS && queue.emptyMarkers >= TRUSTED_MARKERS;
        if (!isMarker) return { topic, partition, from: position, to: nextOffset };
        queue.position = nextOffset;
      }
      if (isEmpty) continue;
      this.#turn += 1;
      this.#fill(queue);
      return this.#batch;
    }
    return null;
  }

  /** The hole holds no records. */
  acceptHole({ topic, partition, from, to }: MessageHole): void {
    const queue = this.#queue(topic, partition);
    queue.position = to;
    if (to - from <= MARKER_OFFSETS) queue.emptyMarkers += 1;
  }

  /** All queued messages of the partition up to its next hole. */
  #fill(queue: Queue): void {
    const { messages } = queue;
    let end = queue.used + 1;
    while (end < messages.length && messages[end]!.offset === messages[end - 1]!.offset + 1) end += 1;
    let bytes = 0;
    for (let i = queue.used; i < end; i++) bytes += sizeOf(messages[i]!);
    if (bytes > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(Math.max(bytes, this.#bytes.length * 2));
    const batch = this.#batch;
    batch.reserve(end - queue.used);
    batch.topic = queue.topic;
    batch.partition = queue.partition;
    batch.bytes = this.#bytes;
    batch.count = end - queue.used;
    batch.waitedMs = performance.now() - queue.arrivedMs;
    batch.firstOffset = queue.position;
    let at = 0;
    for (let row = 0; row < batch.count; row++) at = this.#write(messages[queue.used + row]!, row, at);
    queue.used = end;
    queue.position = messages[end - 1]!.offset + 1;
    batch.nextOffset = queue.position;
    if (queue.used === messages.length) {
      queue.messages = [];
      queue.used = 0;
    }
  }

  #write(message: NativeMessage, row: number, start: number): number {
    const batch = this.#batch;
    const bytes = this.#bytes;
    const { key, value, headers } = message;
    let at = start;
    batch.offsets[row] = message.offset;
    batch.recordTimes[row] = message.timestamp;
    batch.keyStart[row] = key === null ? -1 : at;
    if (key !== null) bytes.set(key, at);
    at += key?.length ?? 0;
    batch.keyEnd[row] = key === null ? -1 : at;
    batch.valueStart[row] = value === null ? -1 : at;
    if (value !== null) bytes.set(value, at);
    at += value?.length ?? 0;
    batch.valueEnd[row] = value === null ? -1 : at;
    batch.headerStart[row] = at;
    at = writeVarint(bytes, at, headers?.length ?? 0);
    for (const header of headers ?? []) {
      for (const [name, content] of Object.entries(header)) {
        const nameBytes = Buffer.from(name);
        at = writeVarint(bytes, at, nameBytes.length);
        bytes.set(nameBytes, at);
        at = writeVarint(bytes, at + nameBytes.length, content.length);
        bytes.set(content, at);
        at += content.length;
      }
    }
    batch.headerEnd[row] = at;
    return at;
  }

  #queue(topic: string, partition: number): Queue {
    const found = this.#queues.get(keyOf(topic, partition));
    if (found !== undefined) return found;
    throw new AnomalyError('ANM_INTERNAL', `cannot use ${topic} partition ${partition}, which is not assigned here`);
  }
}

function sizeOf({ key, value, headers }: NativeMessage): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0) + MESSAGE_OVERHEAD_BYTES;
  for (const header of headers ?? []) {
    for (const [name, content] of Object.entries(header)) {
      const nameBytes = Buffer.byteLength(name);
      size += uvarintSize(nameBytes * 2) + nameBytes + varintSize(content.length) + content.length;
    }
  }
  return size;
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
