import type { Consumer, KafkaClient } from '../../clients/client.ts';
import type { PartitionSample } from '../../observe/lag/sample.ts';
import { partitionName } from '../topics/partitionName.ts';

/** Time of the record that a group reads next, epoch milliseconds; null with the reason where there is none. */
export interface ExactTime {
  readonly recordMs: number | null;
  readonly reason: string | null;
}

/** Longest wait without any record coming. */
const PATIENCE_MS = 5000;
const POLL_MS = 100;

/**
 * Reads the record at the committed offset of each partition that has lag: one read a partition and group, so on demand
 * only. Where retention or compaction took that record it is the next one. Keyed by the sample's own object.
 */
export async function exactTimes(
  client: KafkaClient,
  samples: readonly PartitionSample[],
  signal: AbortSignal,
): Promise<Map<PartitionSample, ExactTime>> {
  const times = new Map<PartitionSample, ExactTime>();
  const behind = samples.filter(({ lagRecords }) => lagRecords !== null && lagRecords > 0);
  if (behind.length === 0) return times;
  const consumer = await client.createConsumer({ isolation: 'read_uncommitted', maxWaitMs: POLL_MS });
  try {
    for (const round of rounds(behind)) await readRound(consumer, round, times, signal);
  } finally {
    await consumer.close();
  }
  return times;
}

/** Groups that read the same partition take turns: a consumer is at one place in each. */
function rounds(samples: readonly PartitionSample[]): Map<string, PartitionSample>[] {
  const result: Map<string, PartitionSample>[] = [];
  const taken = new Map<string, number>();
  for (const sample of samples) {
    const name = partitionName(sample);
    const round = taken.get(name) ?? 0;
    taken.set(name, round + 1);
    result[round] ??= new Map();
    result[round].set(name, sample);
  }
  return result;
}

const firstOffset = ({ committed, start }: PartitionSample) => Math.max(committed!, start ?? 0);

async function readRound(
  consumer: Consumer,
  round: Map<string, PartitionSample>,
  times: Map<PartitionSample, ExactTime>,
  signal: AbortSignal,
): Promise<void> {
  const open = new Map(round);
  await consumer.assign(
    [...round.values()].map((sample) => ({
      topic: sample.topic,
      partition: sample.partition,
      offset: firstOffset(sample),
    })),
  );
  let quietSinceMs = performance.now();
  while (open.size > 0 && !signal.aborted && performance.now() - quietSinceMs < PATIENCE_MS) {
    const batch = await consumer.poll(POLL_MS);
    if (batch === null) {
      closeEnded(consumer, open, times);
      continue;
    }
    quietSinceMs = performance.now();
    const sample = open.get(partitionName(batch));
    if (sample === undefined) continue;
    let at = 0;
    while (at < batch.count && batch.offsets[at]! < firstOffset(sample)) at++;
    if (at === batch.count) continue;
    const recordMs = batch.recordTimes[at]!;
    times.set(sample, recordMs >= 0 ? { recordMs, reason: null } : none('the record has no time'));
    open.delete(partitionName(batch));
    consumer.pause([{ topic: batch.topic, partition: batch.partition }]);
  }
  for (const sample of open.values()) times.set(sample, none(`no record came within ${PATIENCE_MS} ms`));
}

/** What is left of a log may be markers of transactions, which no fetch returns. */
function closeEnded(
  consumer: Consumer,
  open: Map<string, PartitionSample>,
  times: Map<PartitionSample, ExactTime>,
): void {
  for (const [name, sample] of open) {
    if (consumer.position(sample.topic, sample.partition) < sample.end!) continue;
    times.set(sample, none('only markers of transactions are left'));
    open.delete(name);
  }
}

function none(reason: string): ExactTime {
  return { recordMs: null, reason };
}
