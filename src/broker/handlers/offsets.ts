import { ColumnBatch } from '../../engine/batch.ts';
import { isAnomalyError } from '../../errors.ts';
import { BatchHeader, readBatchHeader } from '../../wire/batchHeader.ts';
import { DecompressedBytes, prepareCodecs } from '../../wire/compression.ts';
import { readRecords } from '../../wire/records.ts';
import type { BrokerContext, Handlers } from '../context.ts';
import { LEADER_EPOCH, type PartitionLog } from '../log/partitionLog.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { epochError } from './fetch.ts';

/** Special timestamps of ListOffsets. */
const LATEST = -1;
const EARLIEST = -2;
const NEWEST_RECORD = -3;

interface Found {
  readonly errorCode: number;
  readonly offset: number;
  readonly timestamp: number;
}

/** Requests that find or move positions in the log. */
export function offsetHandlers(
  broker: BrokerContext,
): Pick<Handlers, 'ListOffsets' | 'OffsetForLeaderEpoch' | 'DeleteRecords'> {
  return {
    ListOffsets: async (request) => ({
      topics: await Promise.all(
        request.topics.map(async ({ name, partitions }) => ({
          name,
          partitions: await Promise.all(
            partitions.map(async ({ partitionIndex, currentLeaderEpoch, timestamp, maxNumOffsets }) => {
              const log = broker.topics.partition(name, partitionIndex);
              if (log === undefined) return { partitionIndex, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
              const errorCode = epochError(currentLeaderEpoch);
              if (errorCode !== KafkaError.NONE) return { partitionIndex, errorCode };
              const found = await findOffset(log, timestamp);
              const oldStyleOffsets = found.offset < 0 || maxNumOffsets < 1 ? [] : [found.offset];
              return { partitionIndex, oldStyleOffsets, ...found, leaderEpoch: LEADER_EPOCH };
            }),
          ),
        })),
      ),
    }),

    OffsetForLeaderEpoch: (request) => ({
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
          const log = broker.topics.partition(topic, partition);
          if (log === undefined) return { partition, errorCode: KafkaError.UNKNOWN_TOPIC_OR_PARTITION };
          const errorCode = epochError(currentLeaderEpoch);
          if (errorCode !== KafkaError.NONE || leaderEpoch > LEADER_EPOCH) return { partition, errorCode };
          // An epoch before the only one ended where the log begins.
          const endOffset = leaderEpoch === LEADER_EPOCH ? log.highWatermark : 0;
          return { partition, errorCode, leaderEpoch, endOffset };
        }),
      })),
    }),

    DeleteRecords: (request) => ({
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) => {
          const log = broker.topics.partition(name, partitionIndex);
          const failed = (errorCode: number) => ({ partitionIndex, lowWatermark: -1, errorCode });
          if (log === undefined) return failed(KafkaError.UNKNOWN_TOPIC_OR_PARTITION);
          const upTo = offset === -1 ? log.highWatermark : offset;
          if (upTo < 0 || upTo > log.highWatermark) return failed(KafkaError.OFFSET_OUT_OF_RANGE);
          log.deleteBefore(upTo);
          return { partitionIndex, lowWatermark: log.logStartOffset, errorCode: KafkaError.NONE };
        }),
      })),
    }),
  };
}

async function findOffset(log: PartitionLog, timestamp: number): Promise<Found> {
  if (timestamp === LATEST) return { errorCode: KafkaError.NONE, offset: log.highWatermark, timestamp: -1 };
  if (timestamp === EARLIEST) return { errorCode: KafkaError.NONE, offset: log.logStartOffset, timestamp: -1 };
  const wanted = timestamp === NEWEST_RECORD ? log.newestTimestamp() : timestamp;
  const header = new BatchHeader();
  for (let from = log.logStartOffset; from < log.highWatermark; from = header.nextOffset) {
    const batch = log.batchAtTime(wanted, from);
    if (batch === null) break;
    readBatchHeader(batch, 0, header);
    if (header.codec !== 0) await prepareCodecs();
    const found = findInBatch(log, batch, header, wanted);
    // A header may promise a later time than its records have, or the record is deleted: then on to the next batch.
    if (found !== null) return found;
  }
  return { errorCode: KafkaError.NONE, offset: -1, timestamp: -1 };
}

/** The first record at or after the time; looks into the records, as Kafka does. */
function findInBatch(log: PartitionLog, batch: Buffer, header: BatchHeader, wanted: number): Found | null {
  const records = new ColumnBatch(0, header.recordCount);
  try {
    readRecords(batch, header, records, new DecompressedBytes(), { startOffset: log.logStartOffset, checkCrc: false });
  } catch (error) {
    // The producer's records do not match their header. The client is told; the broker did what it could.
    if (!isAnomalyError(error)) throw error;
    return { errorCode: KafkaError.CORRUPT_MESSAGE, offset: -1, timestamp: -1 };
  }
  for (let i = 0; i < records.count; i++) {
    const timestamp = records.recordTimes[i]!;
    if (timestamp >= wanted) return { errorCode: KafkaError.NONE, offset: records.offsets[i]!, timestamp };
  }
  return null;
}
