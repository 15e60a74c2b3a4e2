import type { Producer } from '../../clients/producer.ts';
import type { ColumnBatch } from '../../engine/batch.ts';
import { BUDGET_MS, HOPS, type Hop, type LatencyStatus } from '../../observe/latency.ts';
import { LatencySketch, type SketchData } from '../../observe/latencySketch.ts';
import type { PartitionAtWork } from '../partitionAtWork.ts';

export interface LatencyGaugeOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly ticks: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly producer: Pick<Producer, 'delivered'>;
  /** Outputs can be read once they are committed; else once the broker has acknowledged them. */
  readonly needsCommit: boolean;
  /** False where the input's rows name records of another topic, as windows that an earlier stage closed do. */
  readonly namesInput: boolean;
}

/** What an alert's evidence went through until the alert was put out, milliseconds. */
interface Passed {
  readonly isAppendTime: boolean;
  /** From the record time until its bytes were here, by the two clocks. */
  readonly arrivalMs: number;
  readonly fetchWaitMs: number;
  readonly decodeMs: number;
  readonly scoreMs: number;
}

/** Alerts that were put out together, and cannot be read yet. */
interface PutOut {
  readonly passed: readonly Passed[];
  readonly atTicks: number;
  ackedTicks: number;
}

/**
 * Measures the way from ingestion to alert: a few numbers a batch, an object an alert, nothing a record. Hops up to the
 * score are of every batch, `produce`, `commit` and the whole way of alerts. What cannot be told is left out.
 */
export class LatencyGauge {
  readonly #options: LatencyGaugeOptions;
  readonly #hops = new Map<Hop, LatencySketch>();
  readonly #toAlert = new LatencySketch();
  readonly #windowWait = new LatencySketch();
  readonly #overBudget: Partial<Record<Hop, number>> = {};
  #unknownStamps = 0;
  #hasAppend = false;
  #hasCreate = false;
  /** Of the batch at work. */
  #beganTicks = 0;
  #arrivedMs = 0;
  /** Put out since the last commit took its part, and what that has. */
  #waiting: PutOut[] = [];
  #committing: PutOut[] = [];

  constructor(options: LatencyGaugeOptions) {
    this.#options = options;
  }

  /** A batch is about to be decoded. */
  began(batch: ColumnBatch): void {
    this.#beganTicks = this.#options.ticks();
    this.#arrivedMs = this.#options.now() - batch.waitedMs;
  }

  decoded(partition: PartitionAtWork, batch: ColumnBatch): void {
    // Records that are run again came long ago.
    if (batch.count === 0 || partition.isReplaying) return;
    const ticks = this.#options.ticks();
    const decodeMs = ticks - this.#beganTicks;
    partition.times.add(batch, this.#arrivedMs, batch.waitedMs, decodeMs, ticks);
    const arrivalMs = this.#arrivedMs - batch.recordTimes[0]!;
    if (batch.isAppendTime) this.#hop('broker').add(arrivalMs);
    else if (arrivalMs <= LONGEST_WAIT_MS) this.#hop('producerWait').add(arrivalMs);
    this.#hop('fetchWait').add(batch.waitedMs);
    this.#hop('decode').add(decodeMs);
  }

  /** The batch has run. Where values of it wait for a model, one batch at a time is followed until they have their scores. */
  scored({ times, scores, isReplaying }: PartitionAtWork): void {
    if (times.newest < 0 || isReplaying) return;
    const decodedTicks = times.decodedTicks[times.newest]!;
    if (scores === undefined || scores.waiting === 0) {
      this.#hop('score').add(this.#options.ticks() - decodedTicks);
      return;
    }
    if (times.scoringUntil >= 0) return;
    times.scoringUntil = scores.askedEver;
    times.scoringSince = decodedTicks;
    scores.onScored ??= () => {
      if (times.scoringUntil < 0 || scores.scoredEver < times.scoringUntil) return;
      times.scoringUntil = -1;
      this.#hop('score').add(this.#options.ticks() - times.scoringSince);
    };
  }

  /** Rows of a partition are with the producer; `batch` is the one that they came of, if it is at work. */
  put(partition: PartitionAtWork, batch: ColumnBatch | undefined): void {
    const { windowRows, alertRows } = partition.task.pipeline;
    if (windowRows.count > 0 && batch !== undefined) this.#windows(partition, batch);
    if (alertRows.count === 0) return;
    const atTicks = this.#options.ticks();
    const passed: Passed[] = [];
    for (let row = 0; row < alertRows.count; row++) {
      if (!alertRows.isAlert(row)) continue;
      const one = this.#passed(partition, batch, alertRows.offset[row]!, alertRows.recordTime[row]!, atTicks);
      if (one !== undefined) passed.push(one);
    }
    if (passed.length === 0) return;
    const out: PutOut = { passed, atTicks, ackedTicks: NaN };
    const { producer, needsCommit } = this.#options;
    if (needsCommit) this.#waiting.push(out);
    // A failure is told to whoever asks the producer for room.
    producer.delivered?.().then(
      () => {
        out.ackedTicks = this.#options.ticks();
        if (!needsCommit) this.#readable(out);
      },
      () => {},
    );
  }

  /** A commit begins: what was put out before belongs to it. */
  cut(): void {
    this.#committing.push(...this.#waiting.splice(0));
  }

  committed(): void {
    for (const out of this.#committing.splice(0)) this.#readable(out);
  }

  /** What is not committed is thrown away; it is computed again, here or elsewhere. */
  discarded(): void {
    this.#waiting = [];
    this.#committing = [];
  }

  /** Null before anything was measured. */
  reading(): LatencyStatus | null {
    if (this.#hops.size === 0 && this.#windowWait.count === 0) return null;
    const hops: Partial<Record<Hop, SketchData>> = {};
    for (const hop of HOPS) {
      const sketch = this.#hops.get(hop);
      if (sketch !== undefined && sketch.count > 0) hops[hop] = sketch.plain();
    }
    const from = this.#hasAppend ? (this.#hasCreate ? 'both' : 'append') : this.#hasCreate ? 'create' : undefined;
    return {
      hops,
      toAlert: this.#toAlert.plain(),
      windowWait: this.#windowWait.plain(),
      clockSkewMs: null,
      ...(from !== undefined && { from }),
      overBudget: { ...this.#overBudget },
      unknownStamps: this.#unknownStamps,
    };
  }

  #passed(
    { times }: PartitionAtWork,
    batch: ColumnBatch | undefined,
    offset: number,
    recordTime: number,
    atTicks: number,
  ): Passed | undefined {
    const at = this.#options.namesInput ? times.find(offset) : batch === undefined ? -1 : times.newest;
    if (at < 0) return undefined;
    const isAppendTime = times.isAppendTime[at] === 1;
    const arrivalMs = times.arrivedMs[at]! - recordTime;
    if (!isAppendTime && arrivalMs > LONGEST_WAIT_MS) {
      this.#unknownStamps++;
      return undefined;
    }
    return {
      isAppendTime,
      // Clocks that differ may have it arrive before it was sent; what passed here it has passed at least.
      arrivalMs: Math.max(0, arrivalMs),
      fetchWaitMs: times.fetchWaitMs[at]!,
      decodeMs: times.decodeMs[at]!,
      scoreMs: atTicks - times.decodedTicks[at]!,
    };
  }

  /** A window's wait is one value, however many series and fields it has: rows of one closing follow each other. */
  #windows(partition: PartitionAtWork, batch: ColumnBatch): void {
    const { windowRows } = partition.task.pipeline;
    let [offset, end] = [-1, -1];
    for (let row = 0; row < windowRows.count; row++) {
      if (windowRows.onTime[row] !== 1 || (windowRows.offset[row] === offset && windowRows.end[row] === end)) continue;
      offset = windowRows.offset[row]!;
      end = windowRows.end[row]!;
      const index = indexOf(batch, offset);
      if (index >= 0) this.#windowWait.add(batch.eventTimes[index]! - end);
    }
  }

  #readable({ passed, atTicks, ackedTicks }: PutOut): void {
    const readableTicks = this.#options.ticks();
    const { needsCommit } = this.#options;
    const isAcked = !Number.isNaN(ackedTicks);
    const produceMs = isAcked ? ackedTicks - atTicks : NaN;
    const commitMs = needsCommit ? readableTicks - (isAcked ? ackedTicks : atTicks) : NaN;
    if (isAcked) this.#hop('produce').add(produceMs);
    if (needsCommit) this.#hop('commit').add(commitMs);
    for (const { isAppendTime, arrivalMs, fetchWaitMs, decodeMs, scoreMs } of passed) {
      if (isAppendTime) this.#hasAppend = true;
      else this.#hasCreate = true;
      const totalMs = arrivalMs + fetchWaitMs + decodeMs + scoreMs + (readableTicks - atTicks);
      this.#toAlert.add(totalMs);
      if (totalMs <= BUDGET_MS) continue;
      const parts: [Hop, number][] = [
        [isAppendTime ? 'broker' : 'producerWait', arrivalMs],
        ['fetchWait', fetchWaitMs],
        ['decode', decodeMs],
        ['score', scoreMs],
        ['produce', produceMs],
        ['commit', commitMs],
      ];
      const [hop] = parts.reduce((most, part) => (part[1] > most[1] ? part : most));
      this.#overBudget[hop] = (this.#overBudget[hop] ?? 0) + 1;
    }
  }

  #hop(hop: Hop): LatencySketch {
    let sketch = this.#hops.get(hop);
    if (sketch === undefined) {
      sketch = new LatencySketch();
      this.#hops.set(hop, sketch);
    }
    return sketch;
  }
}

/** Where in the batch the record of an offset is; -1 where it is not. Offsets ascend. */
function indexOf({ offsets, count }: ColumnBatch, offset: number): number {
  let [low, high] = [0, count - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else if (offsets[middle]! > offset) high = middle - 1;
    else return middle;
  }
  return -1;
}

/** A stamp that is older than this when it comes may be of another clock than the producer's, as the time of an event. */
const LONGEST_WAIT_MS = 15 * 60_000;
