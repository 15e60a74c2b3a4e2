import type { MetricsConfig, RestartConfig } from '../config/operationConfig.ts';
import { SeriesGroups } from '../observe/seriesGroups.ts';
import type { MemberStatus, StatusOutage } from '../observe/status.ts';
import type { Logger } from '../output/logger.ts';
import type { ControlCommand } from './control/command.ts';
import { ControlQueue } from './control/controlQueue.ts';
import type { JobResult } from './job.ts';
import type { JobHooks } from './jobHooks.ts';
import type { Members, MembersResult } from './members.ts';
import { type Crash, CrashMemory, crashFrom } from './poison/crashMemory.ts';
import { supervise } from './restart/supervise.ts';
import { ClusterContact } from './status/clusterContact.ts';
import { MemberBoard, type MemberIdentity } from './status/memberBoard.ts';

export interface LocalMemberOptions {
  readonly identity: MemberIdentity;
  readonly restart: RestartConfig;
  readonly metrics: MetricsConfig;
  /** One run of the job, with clients of its own. */
  readonly run: (hooks: JobHooks, signal: AbortSignal) => Promise<JobResult>;
  /** Puts a crash into the journal, for whoever runs the partition next. */
  readonly keepCrash: (crash: Crash) => Promise<void>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly ticks: () => number;
  readonly random: () => number;
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** A member that runs in this thread, over all its restarts. */
export class LocalMember implements Members {
  readonly #options: LocalMemberOptions;
  readonly #board: MemberBoard;
  readonly #control: ControlQueue;
  readonly #contact: ClusterContact;
  readonly #crashes: CrashMemory;
  readonly #groups: SeriesGroups;
  readonly #stop = new AbortController();

  constructor(options: LocalMemberOptions) {
    this.#options = options;
    this.#control = new ControlQueue(options.now);
    this.#contact = new ClusterContact(options);
    this.#groups = new SeriesGroups(options.metrics);
    this.#board = new MemberBoard(options.identity, options.now, this.#groups, () => this.#control.applied);
    this.#crashes = new CrashMemory(options.restart.poisonAfter);
  }

  statuses(): readonly MemberStatus[] {
    return [{ ...this.#board.status(), outage: this.outage() }];
  }

  outage(): StatusOutage | null {
    return this.#contact.outage();
  }

  command(command: ControlCommand): void {
    this.#control.push(command);
  }

  async run(): Promise<MembersResult> {
    const { restart, ticks, random, pause, logger, signal } = this.#options;
    const onSignal = () => this.#end(signal.reason);
    if (signal.aborted) onSignal();
    else signal.addEventListener('abort', onSignal, { once: true });
    try {
      const result = await supervise(() => this.#once(), {
        ...{ config: restart, ticks, random, pause, logger, signal: this.#stop.signal },
        progress: () => this.#board.status().totals.commits,
        hasJoined: () => this.#board.hasJoined,
        onRestart: async (error) => this.#board.restarting(error),
      });
      this.#board.stopped();
      const { totals, checkpoint, latency = null } = this.#board.status();
      const counted = { totals, checkpoints: checkpoint.completed, latency };
      return result === undefined
        ? { ended: 'stopped', isCommitted: true, series: 0, openWindows: 0, partitions: [], ...counted }
        : { ...result, ...counted };
    } catch (error) {
      this.#board.failed(error);
      throw error;
    } finally {
      signal.removeEventListener('abort', onSignal);
    }
  }

  async #once(): Promise<JobResult> {
    const hooks: JobHooks = {
      watch: (look) => this.#board.watch(look),
      contact: this.#contact,
      control: this.#control,
      crashes: this.#crashes,
      seriesGroups: this.#groups,
      stop: () => this.#end('stop'),
    };
    try {
      return await this.#options.run(hooks, this.#stop.signal);
    } catch (error) {
      const crash = crashFrom(error);
      if (crash !== undefined) await this.#keep(crash);
      throw error;
    }
  }

  #end(reason: unknown): void {
    this.#board.stopping();
    this.#stop.abort(reason);
  }

  /** The last crash before an end is kept as well: whoever starts it again goes on counting. */
  async #keep(crash: Crash): Promise<void> {
    this.#crashes.add(crash);
    try {
      await this.#options.keepCrash(crash);
    } catch (cause) {
      this.#options.logger.warn(`cannot note the crash in the journal: ${(cause as Error).message}`);
    }
  }
}
