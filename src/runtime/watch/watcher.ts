import type { KafkaClient } from '../../clients/client.ts';
import { type MemberStatus, outageText } from '../../observe/status.ts';
import { ClusterWatch } from '../../observe/watch/clusterWatch.ts';
import type { TuiSnapshot } from '../../observe/watch/snapshot.ts';
import type { LagSampler } from '../lag/lagSampler.ts';
import { SESSION_TIMEOUT_MS } from '../topics/operationTopics.ts';
import type { WatcherOptions } from './watcherOptions.ts';
import type { WatchSession } from './watchSession.ts';

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5000;
/** Members of this process are asked at most this often: an answer looks at every series. */
const LOCAL_MS = 1000;

/**
 * Watches the pipelines and groups of a cluster, until it is closed. The cluster may be away, at the start too: that is
 * in the snapshots, and the watch goes on by itself when it is back. Snapshots are made when they are asked for, of what
 * is known then, and cost the same whatever the rate of events is.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #watch: ClusterWatch;
  readonly #stop = new AbortController();
  /** Next offsets of all topics that are followed, over all connections. */
  readonly #positions = new Map<string, number>();
  #sampler: LagSampler | undefined;
  #session: WatchSession | undefined;
  #running: Promise<void> | undefined;
  #localMs = Number.NEGATIVE_INFINITY;
  #firstFailure: unknown;
  #waiting: (() => void)[] = [];

  constructor(options: WatcherOptions) {
    this.#options = options;
    const { profile, address, pipeline, log, now } = options;
    const sessionTimeoutMs = SESSION_TIMEOUT_MS;
    this.#watch = new ClusterWatch({ profile, address, pipeline, log, sessionTimeoutMs, nowMs: now() });
  }

  /** Begins to watch; nothing is waited for. */
  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Resolves once the cluster has answered for the first time, statuses and lag included.
   *
   * @throws why the first attempt failed
   */
  async ready(): Promise<void> {
    while (this.#session?.isComplete !== true) {
      if (this.#firstFailure !== undefined) throw this.#firstFailure;
      if (this.#stop.signal.aborted) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  snapshot(): TuiSnapshot {
    const nowMs = this.#options.now();
    if (this.#options.local !== undefined && nowMs - this.#localMs >= LOCAL_MS) {
      this.#localMs = nowMs;
      for (const status of this.#options.local()) {
        this.#watch.status(status);
        // The connection here may go on waiting for an answer.
        if (status.outage) this.#watch.lost(outageText(status.outage), status.outage.sinceMs);
      }
    }
    return this.#watch.snapshot(nowMs);
  }

  /** The client of the connection that lasts; undefined while there is none. */
  get client(): KafkaClient | undefined {
    return this.#session?.client;
  }

  /** Last words of all members that are remembered. */
  get statuses(): readonly MemberStatus[] {
    return this.#watch.statuses;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#session?.close();
    await this.#running;
  }

  /** Members of this process say themselves what becomes of the cluster. */
  get #isTold(): boolean {
    return this.#options.local !== undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { now, pause, logger } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        await this.#once(() => {
          retryMs = FIRST_RETRY_MS;
        });
      } catch (error) {
        if (signal.aborted) break;
        const { message } = error as Error;
        // Who waits for the first answer gets the failure itself.
        const isNews = !this.#isTold && this.#watch.connection.problem === null && this.#waiting.length === 0;
        if (isNews) logger.warn(`the cluster is away: ${message}`);
        this.#watch.lost(message, now());
        this.#firstFailure ??= error;
        this.#wake();
      }
      await pause(retryMs, signal);
      retryMs = Math.min(LONGEST_RETRY_MS, 2 * retryMs);
    }
  }

  /** One connection, from its beginning to its failure. */
  async #once(onConnected: () => void): Promise<void> {
    const { connect, now, logger } = this.#options;
    // What reads is loaded after the first frame is on the screen.
    const [cluster, { WatchSession: Session }, { LagSampler: Sampler }] = await Promise.all([
      connect(),
      import('./watchSession.ts'),
      import('../lag/lagSampler.ts'),
    ]);
    this.#sampler ??= this.#newSampler(Sampler);
    const session = new Session(this.#options, cluster, this.#watch, this.#positions, this.#sampler);
    this.#session = session;
    try {
      if (this.#stop.signal.aborted) return;
      await session.run(() => {
        const { state, problem } = this.#watch.connection;
        if (state === 'connected') return this.#wake();
        if (problem !== null && !this.#isTold) logger.info('the cluster is back');
        this.#watch.connected(now());
        onConnected();
        this.#wake();
      });
    } finally {
      this.#session = undefined;
      await session.close();
    }
  }

  #newSampler(Sampler: typeof LagSampler): LagSampler {
    const { now, group } = this.#options;
    const session = () => this.#session!;
    return new Sampler({
      // Of whichever connection there is: what was seen over the last one still counts.
      get admin() {
        return session().client.admin;
      },
      now,
      ...(group !== null && { named: [group], isGroup: (name: string) => name === group }),
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
