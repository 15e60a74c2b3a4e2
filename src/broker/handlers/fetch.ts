import {
  ATTRIBUTES_AT,
  BATCH_PREFIX_BYTES,
  CONTROL,
  RECORD_COUNT_AT,
  readInt16,
  readInt32,
} from '../../wire/batchHeader.ts';
import type { BrokerContext, Call, Handler } from '../context.ts';
import { type AppendListener, LEADER_EPOCH, type LogRead, type PartitionLog } from '../log/partitionLog.ts';
import type { Request, Response } from '../protocol/apis.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import type { Topic } from '../topics.ts';

/** Redpanda's fetch_max_bytes: what one answer holds at most, whatever the client asks for. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/** isolation_level of Fetch and ListOffsets. */
export const READ_COMMITTED = 1;

type FetchRequest = Request<'Fetch'>;
type FetchTopic = FetchRequest['topics'][number];
type FetchPartition = FetchTopic['partitions'][number];

/** Codes that depend on the leader epoch a client knows. */
export function epochError(currentLeaderEpoch: number): number {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === LEADER_EPOCH) return KafkaError.NONE;
  return currentLeaderEpoch < LEADER_EPOCH ? KafkaError.FENCED_LEADER_EPOCH : KafkaError.UNKNOWN_LEADER_EPOCH;
}

/**
 * Fetch: whole batches from the one that holds the asked offset on. Waits up to max_wait_ms for min_bytes. Sessions
 * (KIP-227) are declined by session id 0, so each request names all its partitions.
 */
export function fetchHandler(broker: BrokerContext): Handler<'Fetch'> {
  return (request, call) => {
    if (request.sessionId !== 0) {
      return { errorCode: KafkaError.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] };
    }
    const first = readAll(broker, request, call.version);
    if (first.isDecided || first.bytes >= request.minBytes || request.maxWaitMs <= 0) return counted(first, call);
    return waitForRecords(broker, request, call, first.bytes);
  };
}

interface FetchResult {
  readonly response: Response<'Fetch'>;
  readonly reads: readonly { readonly log: PartitionLog; readonly read: LogRead }[];
  readonly bytes: number;
  /** An error is among the partitions, or nothing is asked: waiting would only delay the answer. */
  readonly isDecided: boolean;
}

function readAll(broker: BrokerContext, request: FetchRequest, version: number): FetchResult {
  const isCommitted = request.isolationLevel === READ_COMMITTED;
  let left = Math.min(Math.max(request.maxBytes, 0), MAX_RESPONSE_BYTES, broker.answers.shareBytes);
  let bytes = 0;
  let isDecided = true;
  let failed = false;
  const reads: { readonly log: PartitionLog; readonly read: LogRead }[] = [];
  const responses = request.topics.map((wanted) => {
    const topic = topicOf(broker, wanted, version);
    const partitions = wanted.partitions.map((partition) => {
      const log = topic?.partitions[partition.partition];
      if (log === undefined) {
        failed = true;
        return refused(partition.partition, missing(topic, version));
      }
      const errorCode = positionError(log, partition);
      if (errorCode !== KafkaError.NONE) {
        failed = true;
        return { ...refused(partition.partition, errorCode), ...watermarks(log) };
      }
      isDecided = false;
      // The first batch of an answer goes out however large it is, so that a client always gets on.
      const limit = Math.min(left, partition.partitionMaxBytes);
      const { fetchOffset, partition: partitionIndex } = partition;
      const { lastStableOffset } = log;
      const read = log.read(fetchOffset, limit, bytes === 0, isCommitted ? lastStableOffset : undefined);
      if (read.bytes > 0) reads.push({ log, read });
      bytes += read.bytes;
      left = Math.max(0, left - read.bytes);
      const abortedTransactions = isCommitted ? log.transactions.abortedWithin(fetchOffset, read.endOffset) : null;
      return { partitionIndex, errorCode, ...watermarks(log), abortedTransactions, records: read.chunks };
    });
    return { topic: wanted.topic, topicId: wanted.topicId, partitions };
  });
  return { response: { sessionId: 0, responses }, reads, bytes, isDecided: isDecided || failed };
}

/** The answer, which goes out: what is in it counts as fetched. */
function counted({ response, reads, bytes }: FetchResult, call: Call): Response<'Fetch'> {
  call.holds(bytes);
  for (const { log, read } of reads) {
    log.bytesFetched += read.bytes;
    for (const chunk of read.chunks) {
      for (let at = 0; at < chunk.length; at += BATCH_PREFIX_BYTES + readInt32(chunk, at + 8)) {
        const isControl = (readInt16(chunk, at + ATTRIBUTES_AT) & CONTROL) !== 0;
        if (!isControl) log.recordsFetched += readInt32(chunk, at + RECORD_COUNT_AT);
      }
    }
  }
  return response;
}

function topicOf(broker: BrokerContext, wanted: FetchTopic, version: number): Topic | undefined {
  return version >= 13 ? broker.topics.getById(wanted.topicId) : broker.topics.get(wanted.topic);
}

function missing(topic: Topic | undefined, version: number): number {
  return topic === undefined && version >= 13 ? KafkaError.UNKNOWN_TOPIC_ID : KafkaError.UNKNOWN_TOPIC_OR_PARTITION;
}

function positionError(log: PartitionLog, { currentLeaderEpoch, fetchOffset }: FetchPartition): number {
  const stale = epochError(currentLeaderEpoch);
  if (stale !== KafkaError.NONE) return stale;
  const isInside = fetchOffset >= log.logStartOffset && fetchOffset <= log.highWatermark;
  return isInside ? KafkaError.NONE : KafkaError.OFFSET_OUT_OF_RANGE;
}

function watermarks({ highWatermark, lastStableOffset, logStartOffset }: PartitionLog) {
  return { highWatermark, lastStableOffset, logStartOffset };
}

function refused(partitionIndex: number, errorCode: number) {
  // Clients expect an empty set of records here, not none.
  return { partitionIndex, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: [] };
}

/** Resolves when enough was appended, when the time is over, or when the client is gone. */
function waitForRecords(
  broker: BrokerContext,
  request: FetchRequest,
  call: Call,
  bytesAtHand: number,
): Promise<Response<'Fetch'>> {
  return new Promise((resolve, reject) => {
    const logs: PartitionLog[] = [];
    for (const wanted of request.topics) {
      const topic = topicOf(broker, wanted, call.version);
      for (const { partition } of wanted.partitions) {
        const log = topic?.partitions[partition];
        if (log !== undefined) logs.push(log);
      }
    }
    let bytes = bytesAtHand;
    const isCommitted = request.isolationLevel === READ_COMMITTED;
    const stop = () => {
      timer.cancel();
      forgetClose();
      for (const log of logs) log.listeners.delete(listener);
    };
    const finish = (response: Response<'Fetch'>) => {
      stop();
      resolve(response);
    };
    /** A disk that cannot be read is this client's news, not that of the producer who woke it. */
    const guarded = (action: () => void) => {
      try {
        action();
      } catch (error) {
        stop();
        reject(error);
      }
    };
    const listener: AppendListener = {
      appended(more) {
        bytes += more;
        if (bytes < request.minBytes) return;
        guarded(() => {
          const result = readAll(broker, request, call.version);
          // What is in an open transaction may not be read yet.
          if (!isCommitted || result.isDecided || result.bytes >= request.minBytes) finish(counted(result, call));
        });
      },
    };
    const timer = broker.clock.after(request.maxWaitMs, () =>
      guarded(() => finish(counted(readAll(broker, request, call.version), call))),
    );
    const forgetClose = call.onClose(() => finish({ responses: [] }));
    for (const log of logs) log.listeners.add(listener);
  });
}
