import { readInt16, readInt32, readInt64, writeInt16, writeInt32, writeInt64 } from '../../wire/batchHeader.ts';
import { FETCH_KEY, FETCH_VERSION } from './apis.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly isolation: 'read_committed' | 'read_uncommitted';
}

/** One topic of a request: partitions and the offsets to read them from, side by side. */
export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly offsets: readonly number[];
}

/**
 * A whole Fetch v11 request, size and header v1 included, without a fetch session.
 * Source: Kafka protocol guide, Fetch; KIP-227 for the session fields.
 */
export function encodeFetch(
  correlationId: number,
  clientId: string,
  limits: FetchLimits,
  topics: readonly FetchTopic[],
): Uint8Array {
  const client = encoder.encode(clientId);
  const names = topics.map((topic) => encoder.encode(topic.topic));
  let size = 4 + 10 + client.length + 4 * 4 + 1 + 4 + 4 + 4;
  for (let i = 0; i < topics.length; i++) size += 2 + names[i]!.length + 4 + topics[i]!.partitions.length * 28;
  size += 4 + 2;
  const bytes = new Uint8Array(size);
  let at = 0;
  const int32 = (value: number) => {
    writeInt32(bytes, at, value);
    at += 4;
  };
  const string = (text: Uint8Array) => {
    writeInt16(bytes, at, text.length);
    bytes.set(text, at + 2);
    at += 2 + text.length;
  };
  int32(size - 4);
  writeInt16(bytes, at, FETCH_KEY);
  writeInt16(bytes, at + 2, FETCH_VERSION);
  at += 4;
  int32(correlationId);
  string(client);
  int32(-1); // replica: a consumer
  int32(limits.maxWaitMs);
  int32(limits.minBytes);
  int32(limits.maxBytes);
  bytes[at++] = limits.isolation === 'read_committed' ? 1 : 0;
  int32(0); // session id
  int32(-1); // session epoch: none
  int32(topics.length);
  for (let i = 0; i < topics.length; i++) {
    const { partitions, offsets } = topics[i]!;
    string(names[i]!);
    int32(partitions.length);
    for (let j = 0; j < partitions.length; j++) {
      int32(partitions[j]!);
      int32(-1); // leader epoch not known
      writeInt64(bytes, at, offsets[j]!);
      writeInt64(bytes, at + 8, -1); // log start: for followers only
      at += 16;
      int32(limits.maxPartitionBytes);
    }
  }
  int32(0); // forgotten topics
  string(EMPTY); // rack
  return bytes;
}

const EMPTY = new Uint8Array(0);

/** What a broker said about one partition; reused from one partition to the next, so copy what is kept. */
export class FetchedPartition {
  topic = '';
  partition = 0;
  errorCode = 0;
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  /** Producer ids and first offsets of aborted transactions, in pairs. */
  aborted: number[] = [];
  /** Where the record batches lie in the frame: [recordsStart, recordsEnd). The last one may be cut. */
  recordsStart = 0;
  recordsEnd = 0;
}

/** Reads a Fetch v11 answer (correlation id first); returns the top-level error code. */
export function readFetchAnswer(
  frame: Uint8Array,
  into: FetchedPartition,
  onPartition: (fetched: FetchedPartition) => void,
): number {
  const errorCode = readInt16(frame, 8);
  let at = 4 + 4 + 2 + 4;
  const topics = readInt32(frame, at);
  at += 4;
  for (let i = 0; i < topics; i++) {
    const nameBytes = readInt16(frame, at);
    into.topic = decoder.decode(frame.subarray(at + 2, at + 2 + nameBytes));
    at += 2 + nameBytes;
    const partitions = readInt32(frame, at);
    at += 4;
    for (let j = 0; j < partitions; j++) {
      into.partition = readInt32(frame, at);
      into.errorCode = readInt16(frame, at + 4);
      into.highWatermark = readInt64(frame, at + 6);
      into.lastStableOffset = readInt64(frame, at + 14);
      into.logStartOffset = readInt64(frame, at + 22);
      const abortedCount = Math.max(0, readInt32(frame, at + 30));
      at += 34;
      into.aborted = [];
      for (let k = 0; k < abortedCount; k++, at += 16)
        into.aborted.push(readInt64(frame, at), readInt64(frame, at + 8));
      at += 4; // preferred read replica
      const length = Math.max(0, readInt32(frame, at));
      into.recordsStart = at + 4;
      into.recordsEnd = into.recordsStart + length;
      at = into.recordsEnd;
      onPartition(into);
    }
  }
  return errorCode;
}
