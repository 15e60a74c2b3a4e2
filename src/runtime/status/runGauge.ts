import type { Consumer } from '../../clients/client.ts';
import type { PartitionPipeline } from '../../engine/pipeline.ts';
import { HistogramBuilder } from '../../observe/histogram.ts';
import type { CheckpointStatus, ModelStatus, PartitionStatus, StatusQueues } from '../../observe/status.ts';
import type { CheckpointTotals } from '../checkpoints/checkpointer.ts';
import type { JobReading } from '../input/jobReading.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';
import type { RunnerOptions, RunTotals } from '../runnerOptions.ts';
import type { EndSampler } from './endSampler.ts';
import { LatencyGauge } from './latencyGauge.ts';

/** What of a run its status is made from. */
export interface GaugedRun {
  readonly partitions: () => Iterable<PartitionAtWork>;
  readonly totals: RunTotals;
  readonly consumer: Pick<Consumer, 'endOffset'>;
  readonly isPaused: boolean;
  readonly transactionsAborted: number;
  readonly model: ModelStatus | null;
  readonly queues: StatusQueues;
  /** Ends beside those that fetches tell; absent where nobody can be asked. */
  readonly ends: EndSampler | undefined;
}

/** Counts what a run's status needs and nothing else keeps: at commits and waits, never at records. */
export class RunGauge {
  hasJoined = false;
  poison = 0;
  readonly latency: LatencyGauge;
  readonly #ticks: () => number;
  readonly #commitMs = new HistogramBuilder();
  #waitedMs = 0;

  constructor({
    ticks,
    now,
    producer,
    committer,
    fields,
  }: Pick<RunnerOptions, 'ticks' | 'now' | 'producer' | 'committer' | 'fields'>) {
    this.#ticks = ticks;
    const namesInput = Object.keys(fields).length > 0;
    this.latency = new LatencyGauge({ ticks, now, producer, needsCommit: committer.isNeededToRead, namesInput });
  }

  /** Waits for room in the sink, and counts how long. */
  async waiting(room: Promise<void>): Promise<void> {
    const started = this.#ticks();
    try {
      await room;
    } finally {
      this.#waitedMs += this.#ticks() - started;
    }
  }

  committed(durationMs: number): void {
    this.#commitMs.add(durationMs);
  }

  reading({ partitions, totals, consumer, isPaused, transactionsAborted, model, queues, ends }: GaugedRun): JobReading {
    const { checkpoints, ...counts } = totals;
    const all = [...partitions()];
    const own = all.filter(({ isRestoring }) => !isRestoring);
    ends?.look(own);
    return {
      ...{ hasJoined: this.hasJoined, isPaused, transactionsAborted, model, queues, waitedMs: this.#waitedMs },
      totals: { ...counts, poison: this.poison },
      partitions: own.map((each) => partitionStatus(each, consumer, ends)),
      restoring: restoringOf(all),
      commitMs: this.#commitMs.plain(),
      checkpoint: checkpointStatus(checkpoints),
      latency: this.latency.reading(),
    };
  }
}

function partitionStatus(
  at: PartitionAtWork,
  consumer: Pick<Consumer, 'endOffset'>,
  ends: EndSampler | undefined,
): PartitionStatus {
  const { topic, partition, position, committed, stateBytes, deadLetters, recordMs } = at;
  const { watermark, openWindows, keys, lateCount } = at.task.pipeline;
  const end = endOf(consumer, at, ends);
  return {
    ...{ topic, partition, position, end, openWindows, deadLetters },
    committed: committed < 0 ? null : committed,
    lag: end === null ? null : Math.max(0, end - position),
    recordMs: recordMs < 0 ? null : recordMs,
    watermark: Number.isFinite(watermark) ? watermark : null,
    series: keys.size,
    learning: learningOf(at.task.pipeline),
    stateBytes: stateBytes ?? null,
    late: lateCount,
  };
}

function learningOf({ score, state }: PartitionPipeline): number | null {
  if (score === undefined || state.hot !== undefined) return null;
  return score.learning((series) => state.table.has(series));
}

/** Null before the first fetch, and between two assignments, when the consumer has not begun with the partition. */
function endOf(
  consumer: Pick<Consumer, 'endOffset'>,
  at: PartitionAtWork,
  ends: EndSampler | undefined,
): number | null {
  try {
    const end = consumer.endOffset(at.topic, at.partition);
    return end < 0 ? null : Math.max(end, ends?.endOf(at) ?? -1);
  } catch {
    return null;
  }
}

/** Null when every partition is past what it has to run again. A state that is still on its way counts as nothing done. */
function restoringOf(partitions: readonly PartitionAtWork[]): JobReading['restoring'] {
  const open = partitions.filter(({ isRestoring, isReplaying }) => isRestoring || isReplaying);
  if (open.length === 0) return null;
  let [done, total] = [0, 0];
  for (const { isRestoring, position, restoredFrom, suppressBelow } of open) {
    if (isRestoring) continue;
    done += position - restoredFrom;
    total += suppressBelow - restoredFrom;
  }
  return { done, total };
}

function checkpointStatus(totals: CheckpointTotals): CheckpointStatus {
  const { lastCheckpoint, lastStoredMs, lastDurationMs, bytes, stored, failed, failure } = totals;
  const isAny = lastStoredMs !== undefined;
  return {
    lastId: lastCheckpoint ?? null,
    lastMs: lastStoredMs ?? null,
    durationMs: isAny ? lastDurationMs : null,
    bytes: isAny ? bytes : null,
    ...{ completed: stored, failures: failed, failure: failure ?? null },
  };
}
