import { isLive, type MemberStatus, type SinkStatus } from '../status.ts';
import { toldSinks } from '../toldSinks.ts';
import { checkpointsOf } from './checkpoints.ts';
import { modelsOf } from './models.ts';
import { Newest } from './newest.ts';
import { PipelineWatch } from './pipelineWatch.ts';
import type { AlertView, AnomalyView, LagView, LogView, TuiSnapshot } from './snapshot.ts';

/** What is kept of each list at most, the newest. */
export const MOST_ANOMALIES = 500;
export const MOST_ALERTS = 500;
const MOST_PIPELINES = 500;

export interface ClusterWatchOptions {
  /** Name of the rpk profile. */
  readonly profile: string | null;
  /** Of the cluster, as it was given. */
  readonly address: string;
  readonly sessionTimeoutMs: number;
  /** The only pipeline to be shown; null for all. */
  readonly pipeline: string | null;
  readonly nowMs: number;
  /** Lines of the process' own log, oldest first. */
  readonly log: () => readonly LogView[];
}

/**
 * All that is known of a cluster for the screen. Takes what is read of it, in any order, and makes snapshots of it; reads
 * nothing itself. Everything is bounded, so a watch of days takes no more memory than one of minutes.
 */
export class ClusterWatch {
  readonly #options: ClusterWatchOptions;
  readonly #pipelines = new Map<string, PipelineWatch>();
  readonly #anomalies = new Newest<AnomalyView>(MOST_ANOMALIES);
  readonly #alerts = new Newest<AlertView>(MOST_ALERTS);
  #lag: readonly LagView[] = [];
  #connection: TuiSnapshot['connection'];
  /** When the cluster was last lost. */
  #lostMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
    const { address, nowMs } = options;
    this.#connection = { state: 'connecting', address, sinceMs: nowMs, problem: null };
  }

  get connection(): TuiSnapshot['connection'] {
    return this.#connection;
  }

  connected(nowMs: number): void {
    if (this.#connection.state === 'connected') return;
    this.#connection = { ...this.#connection, state: 'connected', sinceMs: nowMs, problem: null };
  }

  /** The cluster does not answer. Before the first answer it is still being connected to. */
  lost(problem: string, nowMs: number): void {
    const { state, sinceMs } = this.#connection;
    const isNews = state === 'connected';
    if (isNews) this.#lostMs = nowMs;
    this.#connection = {
      ...this.#connection,
      state: state === 'connecting' ? 'connecting' : 'lost',
      sinceMs: isNews ? nowMs : sinceMs,
      problem,
    };
  }

  status(status: MemberStatus): void {
    const { pipeline: name } = status;
    if (!this.#isShown(name)) return;
    let pipeline = this.#pipelines.get(name);
    if (pipeline === undefined) {
      if (this.#pipelines.size >= MOST_PIPELINES) return;
      pipeline = new PipelineWatch(name, this.#options.sessionTimeoutMs);
      this.#pipelines.set(name, pipeline);
    }
    pipeline.take(status);
  }

  /** The member of this key of the pipeline's status topic ended in order. */
  ended(pipeline: string, key: string, nowMs: number): void {
    this.#pipelines.get(pipeline)?.ended(key, nowMs);
  }

  anomaly(anomaly: AnomalyView): void {
    this.#anomalies.set(anomaly.id, anomaly);
  }

  alert(alert: AlertView): void {
    this.#alerts.set(alert.notification.id, alert);
  }

  alertOf(id: string): AlertView | undefined {
    return this.#alerts.get(id);
  }

  forgetAlert(id: string): void {
    this.#alerts.delete(id);
  }

  lag(rows: readonly LagView[]): void {
    this.#lag = rows;
  }

  /** How many pipelines are known. */
  get pipelines(): number {
    return this.#pipelines.size;
  }

  /** Last words of all members that are remembered. */
  get statuses(): MemberStatus[] {
    return [...this.#pipelines.values()].flatMap(({ statuses }) => statuses);
  }

  snapshot(nowMs: number): TuiSnapshot {
    const knownMs = this.#knownMs(nowMs);
    for (const [name, pipeline] of this.#pipelines) {
      pipeline.tick(knownMs);
      if (pipeline.isForgotten) this.#pipelines.delete(name);
    }
    const views = [...this.#pipelines.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((pipeline) => pipeline.view(knownMs));
    return {
      atMs: nowMs,
      profile: this.#options.profile,
      asked: this.#options.pipeline,
      connection: this.#connection,
      pipelines: views,
      lag: this.#lag,
      anomalies: this.#anomalies.values(),
      alerts: this.#toldAlerts(knownMs),
      models: views.flatMap(({ name, members }) => modelsOf(name, members)),
      checkpoints: views.flatMap(({ name, members }) => checkpointsOf(name, members)),
      log: this.#options.log(),
    };
  }

  /** The alerts, with what the live sinks say of those that no delivery record tells of yet. */
  #toldAlerts(nowMs: number): AlertView[] {
    const sinks = new Map<string, readonly SinkStatus[]>();
    for (const status of this.statuses) {
      if (status.alerts != null && isLive(status, nowMs, this.#options.sessionTimeoutMs)) {
        sinks.set(status.pipeline, status.alerts.sinks);
      }
    }
    return this.#alerts.values().map((alert) => {
      const { pipeline, revision } = alert.notification;
      const live = sinks.get(pipeline);
      if (live?.length === 0) return { ...alert, hasSinks: false };
      const told = toldSinks({ revision, isTold: alert.isTold }, alert.sinks, live ?? []);
      return told === alert.sinks ? alert : { ...alert, sinks: told };
    });
  }

  /**
   * Until when the silence of a member says something: not while the cluster is away, nor just after it came back, when
   * members have their own way back before them.
   */
  #knownMs(nowMs: number): number {
    const { state, sinceMs } = this.#connection;
    const wasLost = Number.isFinite(this.#lostMs);
    const isBack = state === 'connected' && nowMs - sinceMs > this.#options.sessionTimeoutMs;
    return wasLost && !isBack ? this.#lostMs : nowMs;
  }

  #isShown(name: string): boolean {
    return this.#options.pipeline === null || this.#options.pipeline === name;
  }
}
