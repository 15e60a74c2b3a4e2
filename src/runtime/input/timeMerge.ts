import type { Consumer } from '../../clients/client.ts';
import type { TopicPartition } from '../../clients/topicPartition.ts';
import { ColumnBatch } from '../../engine/batch.ts';
import type { Task } from '../task.ts';
import { partitionName } from '../topics/partitionName.ts';

/** Bytes of one partition above which it is paused, and below which it goes on. */
const PAUSE_BYTES = 1 << 20;
const RESUME_BYTES = 1 << 19;

/** Records of one source partition that were read and not put out. */
interface Held {
  readonly task: Task;
  readonly batches: ColumnBatch[];
  /** Next record of the first batch. */
  at: number;
  bytes: number;
  isPaused: boolean;
}

/**
 * Merges the records of partitions by event time: the next one is always the head with the lowest time, as Kafka
 * Streams chooses between partitions. A partition without a record in hand is waited for while its position is behind
 * its end; one that was read to its end holds nobody back. Memory is bounded by pausing partitions that are ahead.
 *
 * Members of a group merge each for themselves: their partitions are not aligned with those of other members.
 */
export class TimeMerge {
  readonly #consumer: Consumer;
  readonly #put: (task: Task, batch: ColumnBatch, index: number) => void;
  readonly #held = new Map<string, Held>();

  /** @param put called with each record in order; batch and index are valid during the call */
  constructor(consumer: Consumer, put: (task: Task, batch: ColumnBatch, index: number) => void) {
    this.#consumer = consumer;
    this.#put = put;
  }

  /** Takes the decoded records of a batch: copies them, since the batch is used again. Those without a series are left out. */
  add(task: Task, batch: ColumnBatch): void {
    const copy = usable(batch);
    if (copy.count === 0) return;
    const held = this.#of(task);
    held.batches.push(copy);
    held.bytes += copy.bytes.length;
    if (held.bytes < PAUSE_BYTES || held.isPaused) return;
    held.isPaused = true;
    this.#consumer.pause([held.task]);
  }

  /** Puts out all that no partition of `tasks` can still have an earlier record for. */
  advance(tasks: Iterable<Task>): void {
    for (const task of tasks) this.#of(task);
    while (!this.#isWaiting() && this.#putRun());
    for (const held of this.#held.values()) {
      if (!held.isPaused || held.bytes > RESUME_BYTES) continue;
      held.isPaused = false;
      this.#consumer.resume([held.task]);
    }
  }

  /** Puts out the rest, in order: nothing more is to come. */
  release(): void {
    while (this.#putRun());
  }

  /** First offset of the partition that is not put out; undefined when none is held. */
  heldFrom(place: TopicPartition): number | undefined {
    const held = this.#held.get(partitionName(place));
    return held?.batches[0]?.offsets[held.at];
  }

  /** The partitions are gone: whoever owns them next reads these records again. */
  drop(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#held.delete(partitionName(partition));
  }

  #of(task: Task): Held {
    const name = partitionName(task);
    let held = this.#held.get(name);
    if (held === undefined) {
      held = { task, batches: [], at: 0, bytes: 0, isPaused: false };
      this.#held.set(name, held);
    }
    return held;
  }

  #isWaiting(): boolean {
    for (const { task, batches } of this.#held.values()) {
      if (batches.length > 0) continue;
      const end = this.#consumer.endOffset(task.topic, task.partition);
      if (end < 0 || this.#consumer.position(task.topic, task.partition) < end) return true;
    }
    return false;
  }

  /** Puts out the lowest head and what follows it in its batch up to the next lowest; false when nothing is held. */
  #putRun(): boolean {
    let lowest: Held | undefined;
    let lowestTime = Infinity;
    let limit = Infinity;
    for (const held of this.#held.values()) {
      if (held.batches.length === 0) continue;
      const time = held.batches[0]!.eventTimes[held.at]!;
      if (lowest === undefined || time < lowestTime) {
        limit = lowestTime;
        lowest = held;
        lowestTime = time;
      } else if (time < limit) limit = time;
    }
    if (lowest === undefined) return false;
    const batch = lowest.batches[0]!;
    do this.#put(lowest.task, batch, lowest.at++);
    while (lowest.at < batch.count && batch.eventTimes[lowest.at]! < limit);
    if (lowest.at === batch.count) {
      lowest.batches.shift();
      lowest.at = 0;
      lowest.bytes -= batch.bytes.length;
    }
    return true;
  }
}

/** A copy of the records that have a series, with bytes of its own. */
function usable(batch: ColumnBatch): ColumnBatch {
  const copy = new ColumnBatch(0, Math.max(1, batch.count));
  copy.topic = batch.topic;
  copy.partition = batch.partition;
  copy.bytes = batch.bytes.slice();
  for (let i = 0; i < batch.count; i++) {
    if (batch.series[i]! < 0) continue;
    const to = copy.count++;
    copy.offsets[to] = batch.offsets[i]!;
    copy.recordTimes[to] = batch.recordTimes[i]!;
    copy.valueStart[to] = batch.valueStart[i]!;
    copy.valueEnd[to] = batch.valueEnd[i]!;
    copy.headerStart[to] = batch.headerStart[i]!;
    copy.headerEnd[to] = batch.headerEnd[i]!;
    copy.eventTimes[to] = batch.eventTimes[i]!;
    copy.series[to] = batch.series[i]!;
  }
  return copy;
}
