import type { RestartConfig } from '../../config/operationConfig.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { addShares } from '../../observe/cpuShares.ts';
import { type LatencyStatus, mergeLatency } from '../../observe/latency.ts';
import { addTotals, type MemberStatus, NO_TOTALS, type StatusOutage } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';
import type { ControlCommand } from '../control/command.ts';
import type { Members, MembersResult } from '../members.ts';
import { supervise } from '../restart/supervise.ts';
import type { MemberIdentity } from '../status/memberBoard.ts';
import { partitionName } from '../topics/partitionName.ts';
import { errorOf, type FromWorker } from './messages.ts';
import type { WorkerHandle } from './workerHandle.ts';
import { WorkerSeat } from './workerSeat.ts';

export interface PoolOptions<Plan> {
  /** One a worker. */
  readonly plans: readonly (Plan & { readonly identity: MemberIdentity })[];
  readonly spawn: (onMessage: (message: FromWorker) => void) => WorkerHandle<Plan>;
  /** Partitions of the source: with `untilEnd`, workers without any are told to stop once all have been read. */
  readonly sourcePartitions: number;
  readonly restart: RestartConfig;
  readonly now: () => number;
  readonly ticks: () => number;
  readonly random: () => number;
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** A status has come. */
  readonly onStatus?: (statuses: readonly MemberStatus[]) => void;
}

/**
 * Several members of the group, each in a worker of its own. A worker handles its own failures by the restart policy; one
 * that dies is started again by the same policy here, and one that gives up ends all of them with its error.
 */
export class WorkerPool<Plan> implements Members {
  readonly #options: PoolOptions<Plan>;
  readonly #seats: WorkerSeat<Plan>[];
  readonly #stop = new AbortController();
  readonly #finished = new Set<string>();
  /** In the order in which the workers ended. */
  readonly #results: MembersResult[] = [];
  /** The pause that holds: a worker that is started again is as it was. */
  #pause: ControlCommand | undefined;

  constructor(options: PoolOptions<Plan>) {
    this.#options = options;
    this.#seats = options.plans.map((plan) => new WorkerSeat(plan, options.now));
  }

  statuses(): readonly MemberStatus[] {
    return this.#seats.map((seat) => seat.status());
  }

  outage(): StatusOutage | null {
    const outages = this.#seats.flatMap(({ outage }) => outage ?? []);
    return outages.reduce<StatusOutage | null>((a, b) => (a === null || b.sinceMs < a.sinceMs ? b : a), null);
  }

  command(command: ControlCommand): void {
    if (command.command === 'pause') this.#pause = command;
    else if (command.command === 'resume') this.#pause = undefined;
    for (const { handle } of this.#seats) handle?.send({ type: 'command', command });
  }

  async run(): Promise<MembersResult> {
    const { signal } = this.#options;
    const onSignal = () => this.#end(signal.reason);
    if (signal.aborted) onSignal();
    else signal.addEventListener('abort', onSignal, { once: true });
    // In the order in which they came: the others may fail because they were told to stop.
    const failures: unknown[] = [];
    try {
      await Promise.all(
        this.#seats.map((seat) =>
          this.#supervise(seat).catch((error: unknown) => {
            failures.push(error);
            this.#end('failed');
          }),
        ),
      );
      if (failures.length > 0) throw failures[0];
      return this.#joined();
    } finally {
      signal.removeEventListener('abort', onSignal);
    }
  }

  async #supervise(seat: WorkerSeat<Plan>): Promise<void> {
    const { restart, ticks, random, pause, logger } = this.#options;
    await supervise(() => this.#life(seat), {
      ...{ config: restart, ticks, random, pause, logger, signal: this.#stop.signal },
      progress: () => Number(seat.hasBegun),
      isRestartable: (error) => isAnomalyError(error) && error.code === 'ANM_WORKER',
      onRestart: async (error) => seat.died(error),
    });
  }

  /** One life of a worker. @throws its failure, or ANM_WORKER where it ended without a word */
  async #life(seat: WorkerSeat<Plan>): Promise<void> {
    let last: FromWorker | undefined;
    const handle = this.#options.spawn((message) => {
      if (message.type === 'done' || message.type === 'failed') last = message;
      this.#take(seat, message);
    });
    seat.handle = handle;
    handle.send({ type: 'run', plan: seat.plan });
    if (this.#pause !== undefined) handle.send({ type: 'command', command: this.#pause });
    const onStop = () => handle.send({ type: 'stop', reason: String(this.#stop.signal.reason) });
    if (this.#stop.signal.aborted) onStop();
    this.#stop.signal.addEventListener('abort', onStop, { once: true });
    const reason = await handle.ended;
    this.#stop.signal.removeEventListener('abort', onStop);
    seat.handle = undefined;
    if (last?.type === 'done') {
      this.#results.push(last.result);
      return;
    }
    const error =
      last?.type === 'failed'
        ? errorOf(last.error)
        : new AnomalyError('ANM_WORKER', `worker ${seat.plan.identity.member} ended without a result: ${reason}`);
    seat.failed(error);
    throw error;
  }

  #take(seat: WorkerSeat<Plan>, message: FromWorker): void {
    if (message.type === 'log') {
      const fields = { ...message.fields, worker: seat.plan.identity.member };
      this.#options.logger[message.level](message.message, fields);
      return;
    }
    if (message.status !== null) seat.take(message.status);
    if (message.type === 'done' && message.result.ended === 'end') this.#atEnd(message.result);
    this.#options.onStatus?.(this.statuses());
  }

  /** More workers than partitions: those that have none would wait for the end for ever. */
  #atEnd({ partitions }: MembersResult): void {
    for (const partition of partitions) this.#finished.add(partitionName(partition));
    if (this.#finished.size >= this.#options.sourcePartitions) this.#end('end');
  }

  #end(reason: unknown): void {
    this.#stop.abort(reason);
  }

  #joined(): MembersResult {
    const results = this.#results;
    const statuses = this.statuses();
    // A partition that moved is told by each that had it: the last one counts.
    const partitions = [
      ...new Map(results.flatMap((each) => each.partitions).map((each) => [partitionName(each), each])).values(),
    ];
    // One that the signal met in a wait between two lives has no result, and did not come to any end.
    const areAllAtEnd = results.length >= this.#seats.length && results.every(({ ended }) => ended === 'end');
    const profiles = results.flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
    return {
      ended: this.#stop.signal.reason === 'end' || areAllAtEnd ? 'end' : 'stopped',
      isCommitted: results.every(({ isCommitted }) => isCommitted),
      totals: statuses.reduce((all, { totals }) => addTotals(all, totals), NO_TOTALS),
      checkpoints: statuses.reduce((all, { checkpoint }) => all + checkpoint.completed, 0),
      latency: statuses.reduce<LatencyStatus | null>((all, { latency }) => mergeLatency(all, latency), null),
      series: partitions.reduce((total, { series }) => total + series, 0),
      openWindows: partitions.reduce((total, { openWindows }) => total + openWindows, 0),
      partitions,
      ...(profiles.length > 0 && { cpu: profiles.reduce(addShares) }),
    };
  }
}
