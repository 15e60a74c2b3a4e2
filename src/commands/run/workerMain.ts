import { ResolvedSettings } from '../../config/resolvedSettings.ts';
import type { Logger, LogLevel } from '../../output/logger.ts';
import { LocalMember } from '../../runtime/localMember.ts';
import { type FromWorker, plainError, type ToWorker } from '../../runtime/workers/messages.ts';
import { profiled } from '../cpuProfile.ts';
import { every, pause } from '../timers.ts';
import { runAttempt } from './attempt.ts';
import type { JobPlan } from './jobPlan.ts';
import { keepCrash } from './keepCrash.ts';

/** The side of a thread or process that a worker sees. */
export interface WorkerPort {
  post(message: FromWorker): void;
  onMessage(take: (message: ToWorker<JobPlan>) => void): void;
  /** Lets the worker end. */
  close(): void;
}

/** A worker from its start to its end: one member of the group, told by messages what to do. */
export function startWorker(port: WorkerPort): void {
  const stop = new AbortController();
  let member: LocalMember | undefined;
  port.onMessage((message) => {
    if (message.type === 'stop') stop.abort(message.reason);
    else if (message.type === 'command') member?.command(message.command);
    else {
      member = memberOf(message.plan, port, stop.signal);
      void runMember(member, message.plan, port);
    }
  });
}

async function runMember(member: LocalMember, plan: JobPlan, port: WorkerPort): Promise<void> {
  const tell = () => port.post({ type: 'status', status: member.statuses()[0]! });
  const end = every(Math.min(STATUS_MS, plan.config.operation.status.everyMs), tell);
  try {
    const result = await profiled(plan.cpuProfile, () => member.run());
    port.post({ type: 'done', result, status: member.statuses()[0]! });
  } catch (error) {
    port.post({ type: 'failed', error: plainError(error), status: member.statuses()[0]! });
  } finally {
    end();
    port.close();
  }
}

function memberOf(plan: JobPlan, port: WorkerPort, signal: AbortSignal): LocalMember {
  const logger = portLogger(port);
  const settings = new ResolvedSettings(plan.settings);
  const attempt = { settings, cwd: plan.settings.cwd, env: process.env, logger, now: Date.now };
  return new LocalMember({
    identity: { ...plan.identity, pid: process.pid },
    restart: plan.config.operation.restart,
    metrics: plan.config.operation.metrics,
    run: (hooks, end) => runAttempt(plan, attempt, hooks, end),
    keepCrash: (crash) => keepCrash(plan.identity.group, crash, attempt),
    now: Date.now,
    ticks: () => performance.now(),
    random: Math.random,
    ...{ pause, signal, logger },
  });
}

function portLogger(port: WorkerPort): Logger {
  const log =
    (level: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void =>
      port.post({ type: 'log', level, message, fields: plainFields(fields) });
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

/** Errors and functions among a line's fields do not cross as they are. */
function plainFields(fields: Record<string, unknown>): Record<string, unknown> {
  const plain = (_: string, value: unknown) => (value instanceof Error ? value.message : value);
  return JSON.parse(JSON.stringify(fields, plain)) as Record<string, unknown>;
}

/** How old what the parent shows of a worker may be. */
const STATUS_MS = 500;
