import { parseText } from './check.ts';
import type { OperationConfig, RestartConfig } from './operationConfig.ts';
import { OPERATION_KEYS } from './operationKeys.ts';
import type { PipelineValues } from './pipelineValues.ts';
import type { Problem } from './problem.ts';

/** Puts the keys of operation together and checks what only several of them together can show. */
export function operationOf(values: PipelineValues, problems: Problem[]): OperationConfig {
  const listen = (values.get('metrics.listen') as string | undefined) ?? '';
  if (listen !== '' && listen !== 'off' && !LISTEN.test(listen)) {
    const message = `wants host:port or off, got "${listen}"`;
    problems.push({ place: values.place('metrics.listen'), key: 'metrics.listen', message, later: false });
  }
  return {
    workers: values.get('workers') as number,
    restart: restartOf(values, problems),
    status: { everyMs: values.get('status.every') as number },
    metrics: {
      listen: listen === 'off' ? '' : listen,
      groupBy: (values.get('metrics.group_by') as string | undefined) ?? '',
      maxGroups: values.get('metrics.max_groups') as number,
    },
  };
}

/** What holds where no key is set. */
export function defaultOperation(): OperationConfig {
  const defaults = new Map(
    OPERATION_KEYS.map((row) => [row.key, row.default === undefined ? undefined : parseText(row, row.default).value]),
  );
  return operationOf({ get: (key) => defaults.get(key), place: () => 'default', scoring: false }, []);
}

function restartOf(values: PipelineValues, problems: Problem[]): RestartConfig {
  const number = (key: string) => values.get(`restart.${key}`) as number;
  const [initialBackoffMs, maxBackoffMs] = [number('initial_backoff'), number('max_backoff')];
  if (initialBackoffMs > maxBackoffMs) {
    const message = `is ${initialBackoffMs} ms, longer than restart.max_backoff, which is ${maxBackoffMs} ms`;
    const key = 'restart.initial_backoff';
    problems.push({ place: values.place(key), key, message, later: false });
  }
  return {
    strategy: values.get('restart.strategy') as RestartConfig['strategy'],
    attempts: number('attempts'),
    delayMs: number('delay'),
    maxFailures: number('max_failures'),
    failureIntervalMs: number('failure_interval'),
    initialBackoffMs,
    maxBackoffMs,
    backoffMultiplier: number('backoff_multiplier'),
    resetBackoffThresholdMs: number('reset_backoff_threshold'),
    jitterFactor: number('jitter_factor'),
    poisonAfter: number('poison_after'),
  };
}

/** name:port, 1.2.3.4:port, [::1]:port, or :port for every interface. */
const LISTEN = /^([A-Za-z0-9._-]*|\[[0-9a-fA-F:.]+\]):\d{1,5}$/;
