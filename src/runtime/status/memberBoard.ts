import { isAnomalyError } from '../../errors.ts';
import { type Histogram, HistogramBuilder } from '../../observe/histogram.ts';
import { type LatencyStatus, mergeLatency } from '../../observe/latency.ts';
import type { SeriesGroups } from '../../observe/seriesGroups.ts';
import {
  type AppliedCommand,
  addModel,
  addTotals,
  type CheckpointStatus,
  type MemberState,
  type MemberStatus,
  type ModelStatus,
  NO_CHECKPOINT,
  NO_TOTALS,
  type StatusError,
  type StatusRates,
  type StatusTotals,
} from '../../observe/status.ts';
import type { JobReading } from '../input/jobReading.ts';

/** Who a member is. */
export type MemberIdentity = Pick<
  MemberStatus,
  | 'pipeline'
  | 'group'
  | 'member'
  | 'instance'
  | 'host'
  | 'pid'
  | 'definition'
  | 'toolVersion'
  | 'guarantee'
  | 'topics'
  | 'source'
>;

/**
 * A member's status over all its restarts: counters go on where the last run of the job left them. Rates are of the time
 * between two samples, which are at least half a second apart whoever asks.
 */
export class MemberBoard {
  readonly identity: MemberIdentity;
  readonly #now: () => number;
  readonly #groups: Pick<SeriesGroups, 'plain'>;
  readonly #applied: () => readonly AppliedCommand[];
  readonly #startedMs: number;
  readonly #commits = new HistogramBuilder();
  #look: (() => JobReading) | undefined;
  #state: MemberState = 'starting';
  #error: StatusError | null = null;
  #restarts = 0;
  #hasJoined = false;
  #totals: StatusTotals = NO_TOTALS;
  #aborted = 0;
  #waitedMs = 0;
  #checkpoint: CheckpointStatus = NO_CHECKPOINT;
  #model: ModelStatus | null = null;
  #latency: LatencyStatus | null = null;
  #sample: { atMs: number; totals: StatusTotals; waitedMs: number };
  #rates: StatusRates = { records: 0, bytes: 0, outputs: 0 };
  #backPressure = 0;

  constructor(
    identity: MemberIdentity,
    now: () => number,
    groups: Pick<SeriesGroups, 'plain'> = NO_GROUPS,
    applied: () => readonly AppliedCommand[] = () => [],
  ) {
    this.identity = identity;
    this.#now = now;
    this.#groups = groups;
    this.#applied = applied;
    this.#startedMs = now();
    this.#sample = { atMs: this.#startedMs, totals: NO_TOTALS, waitedMs: 0 };
  }

  /** A run of the job has begun and can be looked at. */
  watch(look: () => JobReading): void {
    this.#look = look;
    this.#state = 'running';
  }

  stopping(): void {
    if (this.#state !== 'failed') this.#state = 'stopping';
  }

  stopped(): void {
    this.#keep();
    this.#state = 'stopped';
  }

  /** The run failed, and another one follows. */
  restarting(error: unknown): void {
    this.#keep();
    this.#restarts++;
    this.#state = 'restarting';
    this.#error = statusError(error);
  }

  failed(error: unknown): void {
    this.#keep();
    this.#state = 'failed';
    this.#error = statusError(error);
  }

  /** Whether a run ever joined its group: one that has no records, or no partitions, commits nothing for as long as it lives. */
  get hasJoined(): boolean {
    return this.#hasJoined || this.#look?.().hasJoined === true;
  }

  status(): MemberStatus {
    const reading = this.#look?.();
    const atMs = this.#now();
    const totals = reading === undefined ? this.#totals : addTotals(this.#totals, reading.totals);
    const waitedMs = this.#waitedMs + (reading?.waitedMs ?? 0);
    this.#takeSample(atMs, totals, waitedMs);
    const state = this.#stateOf(reading);
    return {
      ...this.identity,
      state,
      error: state === 'restarting' || state === 'failed' ? this.#error : null,
      startedMs: this.#startedMs,
      atMs,
      restoring: reading?.restoring ?? null,
      totals,
      rates: this.#rates,
      backPressure: this.#backPressure,
      queues: reading?.queues ?? null,
      partitions: reading?.partitions ?? [],
      commitMs: this.#commitTimes(reading),
      checkpoint: reading === undefined ? this.#checkpoint : joined(this.#checkpoint, reading.checkpoint),
      model: addModel(this.#model, reading?.model ?? null),
      latency: mergeLatency(this.#latency, reading?.latency),
      seriesGroups: this.#groups.plain(),
      transactionsAborted: this.#aborted + (reading?.transactionsAborted ?? 0),
      restarts: this.#restarts,
      applied: this.#applied(),
    };
  }

  #stateOf(reading: JobReading | undefined): MemberState {
    if (this.#state !== 'running' || reading === undefined) return this.#state;
    if (!reading.hasJoined) return 'starting';
    if (reading.isPaused) return 'paused';
    return reading.restoring === null ? 'running' : 'restoring';
  }

  #commitTimes(reading: JobReading | undefined): Histogram {
    if (reading === undefined) return this.#commits.plain();
    const all = new HistogramBuilder();
    all.merge(this.#commits.plain());
    all.merge(reading.commitMs);
    return all.plain();
  }

  #takeSample(atMs: number, totals: StatusTotals, waitedMs: number): void {
    const before = this.#sample;
    const elapsedMs = atMs - before.atMs;
    if (elapsedMs < SAMPLE_MS) return;
    const rate = (value: (of: StatusTotals) => number) =>
      Math.round((1000 * (value(totals) - value(before.totals))) / elapsedMs);
    this.#rates = {
      records: rate((each) => each.records),
      bytes: rate((each) => each.bytes),
      outputs: rate((each) => each.windows + each.alerts + each.late + each.deadLetters),
    };
    this.#backPressure = Number(Math.min(1, Math.max(0, waitedMs - before.waitedMs) / elapsedMs).toFixed(3));
    this.#sample = { atMs, totals, waitedMs };
  }

  /** What the run that ends counted belongs to the member from here on. */
  #keep(): void {
    this.#hasJoined = this.hasJoined;
    const reading = this.#look?.();
    this.#look = undefined;
    if (reading === undefined) return;
    this.#totals = addTotals(this.#totals, reading.totals);
    this.#commits.merge(reading.commitMs);
    this.#model = addModel(this.#model, reading.model);
    this.#latency = mergeLatency(this.#latency, reading.latency);
    this.#aborted += reading.transactionsAborted;
    this.#waitedMs += reading.waitedMs;
    this.#checkpoint = joined(this.#checkpoint, reading.checkpoint);
  }
}

export function statusError(error: unknown): StatusError {
  const message = error instanceof Error ? error.message : String(error);
  return { code: isAnomalyError(error) ? error.code : 'ANM_INTERNAL', message };
}

function joined(before: CheckpointStatus, now: CheckpointStatus): CheckpointStatus {
  const last = now.lastMs === null ? { ...before, failure: now.failure } : now;
  return {
    ...last,
    completed: before.completed + now.completed,
    failures: before.failures + now.failures,
  };
}

const NO_GROUPS = { plain: () => [] };
const SAMPLE_MS = 500;
