import { type Histogram, HistogramBuilder } from './histogram.ts';
import type { LatencyStatus } from './latency.ts';
import type { GroupAlerts } from './seriesGroups.ts';

/**
 * What a member of a pipeline's group tells of itself: a record of <pipeline>.status, the source of /metrics, and what
 * workers send to the process that started them. Plain data; times are epoch milliseconds, null is unknown.
 */
export interface MemberStatus {
  readonly pipeline: string;
  readonly group: string;
  /** Key of its record: the instance where that is set, else unique. */
  readonly member: string;
  readonly instance: string | null;
  readonly host: string;
  readonly pid: number;
  /** Hash of what is computed: equal in all members of a group. */
  readonly definition: string;
  readonly toolVersion: string;
  readonly guarantee: string;
  /** Topics that it reads and writes; absent in members of a version that did not tell. */
  readonly topics?: StatusTopics;
  /** How its source records are read, for who wants to see the values behind an alert; absent as above. */
  readonly source?: StatusSource;
  readonly state: MemberState;
  /** Of the last failure, when the state is restarting or failed. */
  readonly error: StatusError | null;
  readonly startedMs: number;
  readonly atMs: number;
  /** Null while the cluster answers; absent in members of a version that did not tell. */
  readonly outage?: StatusOutage | null;
  /** Records that are read again after a restart, and how many of them are done. */
  readonly restoring: { readonly done: number; readonly total: number } | null;
  readonly totals: StatusTotals;
  readonly rates: StatusRates;
  /** Share of the time since the last status in which the sink had no room, 0 to 1. */
  readonly backPressure: number;
  /** Null before the run has begun; absent in members of a version that did not tell. */
  readonly queues?: StatusQueues | null;
  readonly partitions: readonly PartitionStatus[];
  readonly commitMs: Histogram;
  readonly checkpoint: CheckpointStatus;
  /** Null where no model is asked. */
  readonly model: ModelStatus | null;
  /** Null before anything was measured; absent in members of a version that had none. */
  readonly latency?: LatencyStatus | null;
  /** Of the member that brings alerts to people; null or absent in all others. */
  readonly alerts?: AlertStatus | null;
  /** Alerts by group of series, see SeriesGroups; absent in members of a version that had none. */
  readonly seriesGroups?: readonly GroupAlerts[];
  readonly transactionsAborted: number;
  readonly restarts: number;
  /** Commands of the control topic that this member has answered, the last few, oldest first. */
  readonly applied: readonly AppliedCommand[];
}

export const MEMBER_STATES = [
  'starting',
  'restoring',
  'running',
  'paused',
  'restarting',
  'stopping',
  'stopped',
  'failed',
] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

export interface StatusError {
  readonly code: string;
  readonly message: string;
}

/** No request of the member to the cluster has succeeded for some seconds. */
export interface StatusOutage {
  /** Of the last answer. */
  readonly sinceMs: number;
  /** Of the last request that failed: the broker's address and the reason. */
  readonly problem: string;
}

export function outageText({ sinceMs, problem }: StatusOutage): string {
  return `no answer from the cluster since ${new Date(sinceMs).toISOString()} (${problem})`;
}

/** Null where the stage that the member runs writes no such topic. */
export interface StatusTopics {
  readonly sources: readonly string[];
  readonly windows: string | null;
  readonly anomalies: string | null;
  readonly late: string | null;
  readonly deadLetters: string;
}

/** The part of `source` and `derive` of anomaly.yaml that makes values of records. Names of users are values, no keys. */
export interface StatusSource {
  /** Field that names the series; null: the record key. */
  readonly key: string | null;
  /** Field with the event time; null: the record's timestamp. */
  readonly time: string | null;
  readonly format: 'auto' | 'avro' | 'json' | 'csv';
  readonly columns: readonly string[];
  readonly fields: readonly { readonly name: string; readonly path: string }[];
  readonly derived: readonly { readonly name: string; readonly expression: string }[];
}

/** What waits between the stages of a member. */
export interface StatusQueues {
  /** Records that were put out and are not acknowledged by the broker yet. */
  readonly sink: number;
  /** Values that wait for the model, or for one before them that does; null where no model is asked. */
  readonly model: number | null;
}

/** Since the member began. What a run had put out when it failed counts, and again when the next one puts it out. */
export interface StatusTotals {
  /** Without those that were run again to bring the state back. */
  readonly records: number;
  readonly restored: number;
  readonly bytes: number;
  readonly windows: number;
  readonly alerts: number;
  /** Verdicts of operators that this member has applied. */
  readonly trueAlerts: number;
  readonly falseAlerts: number;
  readonly late: number;
  /** Records that source.where left out. */
  readonly filtered: number;
  readonly deadLetters: number;
  readonly poison: number;
  readonly commits: number;
}

/** Per second, since the last status. */
export interface StatusRates {
  readonly records: number;
  readonly bytes: number;
  /** Windows, alerts, late records and dead letters. */
  readonly outputs: number;
}

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read. */
  readonly position: number;
  readonly committed: number | null;
  /** End of the log as of the last fetch, or as it was asked for within the last seconds. */
  readonly end: number | null;
  readonly lag: number | null;
  /** Record time of the newest record that was processed; null before the first. */
  readonly recordMs?: number | null;
  /** Event time. */
  readonly watermark: number | null;
  readonly openWindows: number;
  readonly series: number;
  /** Of them those that cannot alert by their score yet; null where nobody scores, or not all are in memory. */
  readonly learning?: number | null;
  /** Size of the last snapshot's state. */
  readonly stateBytes: number | null;
  readonly late: number;
  readonly deadLetters: number;
}

export interface CheckpointStatus {
  readonly lastId: string | null;
  readonly lastMs: number | null;
  readonly durationMs: number | null;
  readonly bytes: number | null;
  readonly completed: number;
  readonly failures: number;
  /** Message of the failure since which none was completed; null while all is well. */
  readonly failure: string | null;
}

/** A model beside the detector, in values that it was asked for. */
export interface ModelStatus {
  readonly name: string;
  readonly version: string | null;
  readonly sha256: string | null;
  readonly asked: number;
  readonly scored: number;
  /** Values without a score, by why. */
  readonly fallbacks: Readonly<Record<string, number>>;
  /** From a hand-over to its answer. */
  readonly latencyMs: Histogram;
  /** The model that is asked for what this one gave no score for. */
  readonly standIn?: AskedModel | null;
  /** How often a model was taken out again by itself. */
  readonly rollbacks: number;
  /** A challenger that is asked, too, and changes nothing. */
  readonly shadow: ShadowStatus | null;
  /** A model that is asked in the place of this one for a share of the series. */
  readonly canary: CanaryStatus | null;
}

type AskedModel = Omit<ModelStatus, 'rollbacks' | 'standIn' | 'shadow' | 'canary'>;

export interface ShadowStatus extends AskedModel {
  /** Values that both models have a calibrated score of, and those that only one of them tells from the usual. */
  readonly compared: number;
  readonly disagreed: number;
  /** Values that it was not asked for, as it was behind. */
  readonly skipped: number;
}

export interface CanaryStatus extends AskedModel {
  /** Of the series, 0 to 1. */
  readonly share: number;
}

/** What became of the notifications, and how the sinks do, since the member began. */
export interface AlertStatus {
  /** Notifications by outcome, the names of OUTCOMES in src/observe/notification.ts; what never happened is absent. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Incidents that are open. */
  readonly open: number;
  readonly sinks: readonly SinkStatus[];
}

export interface SinkStatus {
  readonly name: string;
  /** alertmanager, pagerduty, slack, webhook, stdout or topic. */
  readonly type: string;
  /** Notifications by outcome: delivered, too_old, rate_limited, failed. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Requests that failed and were, or will be, repeated. */
  readonly retries: number;
  /** Incidents that wait or are on their way. */
  readonly queue: number;
  /** When the one that waits longest was offered. */
  readonly waitingSinceMs: number | null;
  /** `open`: it failed five times in a row, and one request at a time probes it after each pause. */
  readonly circuit: 'closed' | 'open';
  /** When it is asked again after a failure; null where it does well. */
  readonly retryMs: number | null;
  readonly lastSuccessMs: number | null;
  readonly lastFailureMs: number | null;
  /** Of the last failure, while nothing succeeded since. Without secrets. */
  readonly problem: string | null;
}

export interface AppliedCommand {
  readonly id: string;
  readonly command: string;
  readonly atMs: number;
  /** Where each partition was when the command took effect. */
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
  /** What came of it, as the name of a savepoint; null where there is nothing to say. */
  readonly result: string | null;
  readonly error: StatusError | null;
}

export const NO_TOTALS: StatusTotals = {
  records: 0,
  restored: 0,
  bytes: 0,
  windows: 0,
  alerts: 0,
  trueAlerts: 0,
  falseAlerts: 0,
  late: 0,
  filtered: 0,
  deadLetters: 0,
  poison: 0,
  commits: 0,
};

export const NO_CHECKPOINT: CheckpointStatus = {
  lastId: null,
  lastMs: null,
  durationMs: null,
  bytes: null,
  completed: 0,
  failures: 0,
  failure: null,
};

export function addTotals(a: StatusTotals, b: StatusTotals): StatusTotals {
  return {
    records: a.records + b.records,
    restored: a.restored + b.restored,
    bytes: a.bytes + b.bytes,
    windows: a.windows + b.windows,
    alerts: a.alerts + b.alerts,
    trueAlerts: a.trueAlerts + b.trueAlerts,
    falseAlerts: a.falseAlerts + b.falseAlerts,
    late: a.late + b.late,
    filtered: a.filtered + b.filtered,
    deadLetters: a.deadLetters + b.deadLetters,
    poison: a.poison + b.poison,
    commits: a.commits + b.commits,
  };
}

/** Of one member over a restart; the models are those that are asked now, and shadow and canary begin anew. */
export function addModel(before: ModelStatus | null, now: ModelStatus | null): ModelStatus | null {
  if (before === null || now === null) return now ?? before;
  const { standIn } = now;
  return {
    ...now,
    ...addAsked(before, now),
    ...(standIn != null && {
      standIn: before.standIn ? { ...standIn, ...addAsked(before.standIn, standIn) } : standIn,
    }),
    rollbacks: before.rollbacks + now.rollbacks,
  };
}

/** Values that have a score of a model, whichever it was. */
export function scoredByAny({ scored, standIn }: Pick<ModelStatus, 'scored' | 'standIn'>): number {
  return scored + (standIn?.scored ?? 0);
}

function addAsked(
  before: AskedModel,
  now: AskedModel,
): Pick<AskedModel, 'asked' | 'scored' | 'fallbacks' | 'latencyMs'> {
  const fallbacks = { ...before.fallbacks };
  for (const [reason, count] of Object.entries(now.fallbacks)) fallbacks[reason] = (fallbacks[reason] ?? 0) + count;
  const latencyMs = new HistogramBuilder(now.latencyMs.boundsMs);
  latencyMs.merge(before.latencyMs);
  latencyMs.merge(now.latencyMs);
  const [asked, scored] = [before.asked + now.asked, before.scored + now.scored];
  return { asked, scored, fallbacks, latencyMs: latencyMs.plain() };
}

/** What is told apart from the passing of time: two of equal text need no second record before a heartbeat is due. */
export function statusChange(status: MemberStatus): string {
  const { latency } = status;
  // Each record brings another look at the broker's clock.
  const measured = latency ? { ...latency, clockSkewMs: 0, clockSkewErrorMs: 0 } : latency;
  return JSON.stringify({ ...status, atMs: 0, rates: null, backPressure: 0, queues: null, latency: measured });
}

/** A member that has said nothing for longer than its session may last is no member any more. */
export function isLive(status: MemberStatus, nowMs: number, sessionTimeoutMs: number): boolean {
  return status.state !== 'stopped' && status.state !== 'failed' && nowMs - status.atMs <= sessionTimeoutMs;
}
