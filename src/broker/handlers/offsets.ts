import type { BrokerContext, Handlers } from '../context.ts';
import type { Found } from '../log/findRecord.ts';
import { LEADER_EPOCH, type PartitionLog } from '../log/partitionLog.ts';
import { KafkaError } from '../protocol/errorCodes.ts';
import { epochError, READ_COMMITTED } from './fetch.ts';

/** Special timestamps of ListOffsets. */
const LATEST = -1;
const EARLIEST = -2;
const NEWEST_RECORD = -3;

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
              const found = await findOffset(log, timestamp, request.isolationLevel === READ_COMMITTED);
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

async function findOffset(log: PartitionLog, timestamp: number, isCommitted: boolean): Promise<Found> {
  const endOffset = isCommitted ? log.lastStableOffset : log.highWatermark;
  if (timestamp === LATEST) return { errorCode: KafkaError.NONE, offset: endOffset, timestamp: -1 };
  if (timestamp === EARLIEST) return { errorCode: KafkaError.NONE, offset: log.logStartOffset, timestamp: -1 };
  // Reading records brings the decompressors along, which the start of the broker should not wait for.
  const { findRecord } = await import('../log/findRecord.ts');
  const found = await findRecord(log, timestamp === NEWEST_RECORD ? log.newestTimestamp() : timestamp);
  return found.offset < endOffset ? found : { errorCode: KafkaError.NONE, offset: -1, timestamp: -1 };
}
