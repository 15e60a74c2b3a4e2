import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import type { RestartConfig } from '../../config/operationConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { addTotals, NO_TOTALS } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';
import type { Progress } from '../../output/progress.ts';
import { runtimeInfo } from '../../platform/runtime.ts';
import { newThread } from '../../platform/thread.ts';
import type { FromWorker, ToWorker } from '../../runtime/workers/messages.ts';
import { WorkerPool } from '../../runtime/workers/pool.ts';
import type { WorkerHandle } from '../../runtime/workers/workerHandle.ts';
import { type JobPlan, workerPlan } from './jobPlan.ts';
import { progressText } from './summary.ts';

export interface PoolStart {
  readonly plan: JobPlan;
  /** Partitions of the source topics. */
  readonly sourcePartitions: number;
  readonly clientKind: 'platformatic' | 'librdkafka';
  readonly restart: RestartConfig;
  readonly now: () => number;
  readonly ticks: () => number;
  readonly random: () => number;
  readonly pause: (timeMs: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly startedMs: number;
}

/** Threads with the fast client; processes with librdkafka, whose addon has threads and handlers of its own. */
export function startPool(start: PoolStart): WorkerPool<JobPlan> {
  const { plan, clientKind, progress, startedMs, now, ...rest } = start;
  const count = plan.config.operation.workers;
  // The parent has found out which client serves this broker.
  const settings = {
    ...plan.settings,
    found: new Map(plan.settings.found).set('client', { value: clientKind, origin: 'flag', place: '--workers' }),
  };
  return new WorkerPool({
    ...{ ...rest, now },
    plans: Array.from({ length: count }, (_, i) => workerPlan({ ...plan, settings }, i)),
    spawn: clientKind === 'librdkafka' ? spawnProcess : spawnThread,
    onStatus: (statuses) =>
      progress.update(() => {
        const totals = statuses.reduce((sum, status) => addTotals(sum, status.totals), NO_TOTALS);
        return progressText(totals, now() - startedMs);
      }),
  });
}

type Handle = WorkerHandle<JobPlan>;

function spawnThread(onMessage: (message: FromWorker) => void): Handle {
  let worker: Worker;
  try {
    worker = newThread(entryUrl());
  } catch (cause) {
    const { name, version } = runtimeInfo();
    throw new AnomalyError('ANM_UNSUPPORTED', `cannot start worker threads on ${name} ${version}`, {
      hint: 'start several processes of anomaly run in the same group instead',
      cause,
    });
  }
  let problem: Error | undefined;
  worker.on('message', onMessage);
  worker.on('error', (error: Error) => {
    problem = error;
  });
  return {
    send: (message: ToWorker<JobPlan>) => worker.postMessage(message),
    ended: new Promise((resolve) => {
      worker.on('exit', (code) => resolve(problem?.message ?? `the thread ended with code ${code}`));
    }),
  };
}

function spawnProcess(onMessage: (message: FromWorker) => void): Handle {
  const child = fork(fileURLToPath(entryUrl()), [], {
    serialization: 'advanced',
    // stdout is for the summary; whatever an addon prints is a diagnostic.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  let problem: Error | undefined;
  child.on('message', (message) => onMessage(message as FromWorker));
  child.on('error', (error) => {
    problem = error;
  });
  return {
    send: (message: ToWorker<JobPlan>) => {
      // One that died is told nothing: its end is on its way.
      if (child.connected) child.send(message, () => {});
    },
    ended: new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        resolve(problem?.message ?? `the process ended ${signal === null ? `with code ${code}` : `by ${signal}`}`);
      });
    }),
  };
}

/** dist/worker.js beside dist/chunks/, or workerEntry.ts beside this file. */
function entryUrl(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? './workerEntry.ts' : '../worker.js', import.meta.url);
}
