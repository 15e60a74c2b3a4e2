import type { Notification } from '../notification.ts';
import type { MemberStatus } from '../status.ts';
import type { ToldSink } from '../toldSinks.ts';

/**
 * All that the TUI shows, made four times a second by src/observe/watch whatever the event rate is, and drawn by pure
 * functions of it. Times are epoch milliseconds; null is unknown and is drawn as `-`, with its reason where there is one.
 */
export interface TuiSnapshot {
  readonly atMs: number;
  /** Name of the rpk profile, whose colour the header has; null without one. */
  readonly profile: string | null;
  /** The only pipeline that was asked for; null for all. */
  readonly asked?: string | null;
  readonly connection: {
    readonly state: 'connected' | 'connecting' | 'lost';
    readonly address: string;
    readonly sinceMs: number;
    readonly problem: string | null;
  };
  /** Running pipelines by name; one that died stays, as gone, until it is forgotten after a minute. */
  readonly pipelines: readonly PipelineView[];
  /** Lag of any group on the cluster. */
  readonly lag: readonly LagView[];
  readonly anomalies: readonly AnomalyView[];
  readonly alerts: readonly AlertView[];
  readonly models: readonly ModelView[];
  readonly checkpoints: readonly CheckpointView[];
  readonly log: readonly LogView[];
}

export interface PipelineView {
  readonly name: string;
  readonly state: 'running' | 'restoring' | 'paused' | 'restarting' | 'stopping' | 'failed' | 'gone';
  /** Last words of its members, live ones first. */
  readonly members: readonly MemberStatus[];
  readonly stages: readonly StageView[];
  /** Records a second of the last two minutes, oldest first. */
  readonly rates: readonly number[];
  /** Ingestion to alert over time, oldest first; a point is of the values since the one before. */
  readonly latency: readonly {
    readonly atMs: number;
    readonly p50Ms: number | null;
    readonly p95Ms: number | null;
    readonly p99Ms: number | null;
  }[];
}

/** source, decode, windows, score, model, sink, alerts. */
export interface StageView {
  readonly name: string;
  readonly rate: number | null;
  /** What waits before it, in its unit. */
  readonly queue: number | null;
  readonly unit: string;
  readonly backPressure: 'OK' | 'LOW' | 'HIGH' | null;
  readonly errors: number;
  readonly note: string | null;
}

export interface LagView {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly lagRecords: number | null;
  readonly lagMs: number | null;
  /** OK, WARN, ERR, STOP, STALL, REWIND or NOTFOUND, by Burrow's rules. */
  readonly verdict: string | null;
  readonly inRate: number | null;
  readonly outRate: number | null;
  /** Time to drain at these rates; null where it does not drain. */
  readonly drainMs: number | null;
  readonly member: string | null;
  readonly reason: string | null;
  /** Lag of the last samples, oldest first. */
  readonly trend: readonly number[];
}

export interface AnomalyView {
  readonly id: string;
  readonly pipeline: string;
  readonly series: string;
  readonly field: string;
  readonly rule: string;
  /** Event time of the value, or start of the window; of silence, when it began. */
  readonly timeMs: number;
  /** End of the window or the silence; of a value, its time. */
  readonly endMs: number;
  /** Timestamp of the record that completed the evidence. */
  readonly recordTimeMs: number;
  readonly value: number;
  readonly score: number;
  readonly threshold: number;
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly parts: readonly { readonly name: string; readonly score: number | null }[];
  readonly model: string | null;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** The values around an anomaly, fetched when it is opened. */
export interface SeriesView {
  readonly anomaly: AnomalyView;
  readonly points: readonly { readonly timeMs: number; readonly value: number }[];
  readonly problem: string | null;
}

export interface AlertView {
  readonly notification: Notification;
  /** False where it is kept and brought to nobody: held, silenced or too old; its reasons say why. */
  readonly isTold: boolean;
  readonly sinks: readonly ToldSink[];
  /** False where the live stage has no sink, so nothing waits; absent where nobody knows. */
  readonly hasSinks?: boolean;
}

export interface ModelView {
  readonly pipeline: string;
  readonly name: string;
  readonly version: string | null;
  readonly role: 'live' | 'stand-in' | 'shadow' | 'canary';
  readonly availability: number | null;
  readonly p99Ms: number | null;
  readonly asked: number;
  readonly note: string | null;
}

export interface CheckpointView {
  readonly pipeline: string;
  readonly member: string;
  readonly id: string | null;
  readonly atMs: number | null;
  readonly durationMs: number | null;
  readonly bytes: number | null;
  readonly failures: number;
  readonly failure: string | null;
}

export interface LogView {
  readonly atMs: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

/** What a key may start; each asks first, then goes through the control topic. */
export interface TuiActions {
  savepoint(pipeline: string, name: string): Promise<string>;
  promote(pipeline: string, model: string): Promise<string>;
  pause(pipeline: string): Promise<string>;
  resume(pipeline: string): Promise<string>;
  /** Stops with a savepoint of the name; without one where it is null. */
  stop(pipeline: string, savepoint: string | null): Promise<string>;
  series(anomaly: AnomalyView): Promise<SeriesView>;
}
