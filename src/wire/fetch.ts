import { beginRequest, ProtocolReader } from './protocolBytes.ts';

/**
 * Fetch in version 11: the last with plain strings and topic names, understood by Redpanda (4 up) and Kafka 2.3 to 4.x.
 * Fetch sessions (KIP-227) are not used: the full list of partitions goes with every request.
 * Source: Kafka protocol guide, Fetch.
 */
export const FETCH_KEY = 1;
export const FETCH_VERSION = 11;

const CONSUMER_REPLICA = -1;
const NO_SESSION = 0;
const SESSIONLESS_EPOCH = -1;
const NO_OFFSET = -1;
const UNKNOWN_LEADER_EPOCH = -1;
/** Partition, error, three offsets, aborted count, read replica, records size. */
const LEAST_PARTITION_BYTES = 42;
const ABORTED_BYTES = 16;

export interface FetchLimits {
  /** How long the broker may wait for `minBytes`. */
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolation: 'read_committed' | 'read_uncommitted';
}

/** Partitions of one topic: three arrays of one length. */
export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
  /** First offset wanted per partition. */
  readonly offsets: readonly number[];
  /** Most bytes of records per partition; a first batch above it still comes whole. */
  readonly maxBytes: readonly number[];
}

/** A whole request frame, size included. */
export function encodeFetchRequest(
  correlationId: number,
  clientId: string,
  limits: FetchLimits,
  topics: readonly FetchTopic[],
): Uint8Array {
  const writer = beginRequest(FETCH_KEY, FETCH_VERSION, correlationId, clientId)
    .int32(CONSUMER_REPLICA)
    .int32(limits.maxWaitMs)
    .int32(limits.minBytes)
    .int32(limits.maxBytes)
    .int8(limits.isolation === 'read_committed' ? 1 : 0)
    .int32(NO_SESSION)
    .int32(SESSIONLESS_EPOCH)
    .int32(topics.length);
  for (const { topic, partitions, offsets, maxBytes } of topics) {
    writer.string(topic).int32(partitions.length);
    for (let i = 0; i < partitions.length; i++) {
      writer.int32(partitions[i]!).int32(UNKNOWN_LEADER_EPOCH).int64(offsets[i]!).int64(NO_OFFSET).int32(maxBytes[i]!);
    }
  }
  // No forgotten topics, no rack.
  writer.int32(0).string('');
  writer.setInt32(0, writer.length - 4);
  return writer.bytes;
}

/** What a broker answers for one partition; reused from one to the next. Offsets are -1 where the broker has none. */
export class FetchedPartition {
  topic = '';
  partition = 0;
  /** Kafka's error code, 0 without. */
  errorCode = 0;
  highWatermark = -1;
  lastStableOffset = -1;
  logStartOffset = -1;
  /** Aborted transactions that reach into the records: producer id and first offset, in turns. A new array each. */
  aborted: readonly number[] = NONE;
  preferredReadReplica = -1;
  /** The record batches in the frame, [recordsStart, recordsEnd); the last may be cut. */
  recordsStart = 0;
  recordsEnd = 0;
}

const NONE: readonly number[] = [];

/**
 * Reads a response frame that starts with the correlation id, and calls `onPartition` for each partition, in order,
 * with the same object. Returns the error code of the whole response. Throws ANM_PROTOCOL when the frame is cut.
 */
export function readFetchResponse(
  frame: Uint8Array,
  into: FetchedPartition,
  onPartition: (fetched: FetchedPartition) => void,
): number {
  const reader = new ProtocolReader(frame, 'Fetch response');
  // Correlation id and throttle time.
  reader.skip(8);
  const errorCode = reader.int16();
  // Session id.
  reader.skip(4);
  for (let topics = reader.count(6); topics > 0; topics--) {
    into.topic = reader.string() ?? '';
    for (let partitions = reader.count(LEAST_PARTITION_BYTES); partitions > 0; partitions--) {
      into.partition = reader.int32();
      into.errorCode = reader.int16();
      into.highWatermark = reader.int64();
      into.lastStableOffset = reader.int64();
      into.logStartOffset = reader.int64();
      into.aborted = readAborted(reader);
      into.preferredReadReplica = reader.int32();
      const recordsBytes = Math.max(0, reader.int32());
      into.recordsStart = reader.skip(recordsBytes);
      into.recordsEnd = reader.pos;
      onPartition(into);
    }
  }
  return errorCode;
}

function readAborted(reader: ProtocolReader): readonly number[] {
  const count = reader.count(ABORTED_BYTES);
  if (count === 0) return NONE;
  const aborted: number[] = [];
  for (let i = 0; i < count; i++) aborted.push(reader.int64(), reader.int64());
  return aborted;
}
