import type { KafkaClient } from '../../clients/client.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { decodeStatus, statusKey } from '../../observe/statusRecord.ts';
import type { ClusterWatch } from '../../observe/watch/clusterWatch.ts';
import { TopicFollower } from './topicFollower.ts';
import type { WatchedTopic } from './watchedTopics.ts';

/**
 * How far back a status topic is read. Members that live speak every few seconds; of those that failed the last words are
 * of use for a while. The log may hold a day of both before it is compacted, so there is a bound in records, too.
 */
const BACK_MS = 3_600_000;
const BACK_RECORDS = 5000;

/** Follows the status topics into the watch. @param positions next offset by partition, over all connections */
export async function watchStatuses(
  watch: ClusterWatch,
  client: KafkaClient,
  positions: Map<string, number>,
  now: () => number,
): Promise<TopicFollower> {
  return await TopicFollower.open({
    ...{ client, positions, isolation: 'read_uncommitted' },
    from: () => ({ sinceMs: now() - BACK_MS, records: BACK_RECORDS }),
    onBatch: (topic, batch) => take(watch, topic, batch, now),
  });
}

function take(watch: ClusterWatch, { pipeline }: WatchedTopic, batch: ColumnBatch, now: () => number): void {
  for (let i = 0; i < batch.count; i++) {
    if (batch.keyStart[i]! < 0) continue;
    const key = new TextDecoder().decode(batch.bytes.subarray(batch.keyStart[i], batch.keyEnd[i]));
    const start = batch.valueStart[i]!;
    const status = start < 0 ? null : decodeStatus(batch.bytes.subarray(start, batch.valueEnd[i]));
    if (status !== null && statusKey(status) === key && status.pipeline === pipeline) watch.status(status);
    else if (start < 0) watch.ended(pipeline, key, Math.min(now(), batch.recordTimes[i]!));
  }
}
