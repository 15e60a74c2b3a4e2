import { randomUUID } from 'node:crypto';
import type { Outgoing, SendResult, Sink } from '../../alerts/delivery/sink.ts';
import { openSinks } from '../../alerts/sinks/openSinks.ts';
import type { KafkaClient } from '../../clients/client.ts';
import { AnomalyError } from '../../errors.ts';
import type { Notification, Severity } from '../../observe/notification.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { sinkResources } from './sinks.ts';

/** What a sink said to an open and a resolve. */
interface TestRow {
  readonly sink: string;
  readonly type: string;
  readonly ok: boolean;
  readonly open: string;
  /** Null where the open had failed: a resolve would be of nothing. */
  readonly resolved: string | null;
  /** Of both requests, without the time between. */
  readonly durationMs: number;
}

/** `alerts test`. @returns 6 where a sink did not take both */
export async function runAlertsTest(context: CommandContext): Promise<number> {
  const { args, flags, settings, output, stdout, stderr, now, cwd, signal } = context;
  const { pipeline, alertDelivery } = settings.pipeline();
  const configs = chosen(alertDelivery?.sinks ?? [], args[0]);
  let client: Promise<KafkaClient> | undefined;
  const resources = sinkResources({
    ...{ settings, cwd, pipeline, now, test: true },
    // A document on stdout is whole only by itself.
    stdout: output.format === 'text' || output.format === 'wide' ? stdout : stderr,
    client: () => {
      client ??= connectClient(context);
      return client;
    },
  });
  const sinks = openSinks(configs, resources);
  const severity = (flags['severity'] as Severity | undefined) ?? 'info';
  const holdMs = (flags['hold'] as number | undefined) ?? 0;
  try {
    const rows = await Promise.all(
      sinks.map((sink) => tested(sink, testIncident(pipeline, severity, now()), holdMs, now, signal)),
    );
    await output.table('sinks', rows, [
      { header: 'SINK', value: (row) => row.sink },
      { header: 'TYPE', value: (row) => row.type },
      { header: 'OPEN', value: (row) => row.open },
      { header: 'RESOLVED', value: (row) => row.resolved },
      { header: 'MS', value: (row) => Math.round(row.durationMs), align: 'right' },
    ]);
    return rows.every(({ ok }) => ok) ? 0 : 6;
  } finally {
    await Promise.allSettled(sinks.map((sink) => sink.close()));
    await client?.then((each) => each.close()).catch(() => {});
  }
}

function chosen<S extends { readonly name: string }>(sinks: readonly S[], name: string | undefined): readonly S[] {
  if (sinks.length === 0) {
    throw new AnomalyError('ANM_CONFIG', 'alerts.sinks is empty: there is nobody to send a test to', {
      hint: 'set it in anomaly.yaml, or by --alert-sink; docs/delivery.md has an example of each sink',
    });
  }
  if (name === undefined) return sinks;
  const found = sinks.filter((sink) => sink.name === name);
  if (found.length > 0) return found;
  const names = sinks.map((sink) => sink.name).join(', ');
  throw new AnomalyError('ANM_USAGE', `alerts.sinks has no ${name}, but ${names}`);
}

async function tested(
  sink: Sink,
  incident: Notification,
  holdMs: number,
  now: () => number,
  signal: AbortSignal,
): Promise<TestRow> {
  const startMs = performance.now();
  const open = await answer(sink, { told: 'open', notification: incident });
  const openMs = performance.now() - startMs;
  const row = { sink: sink.name, type: sink.type };
  if (open.kind !== 'delivered') {
    return { ...row, ok: false, open: said(open), resolved: null, durationMs: openMs };
  }
  await pause(holdMs, signal);
  const atMs = now();
  const over = { ...incident, revision: 2, status: 'resolved', updatedMs: atMs, endedMs: atMs } as const;
  const resolveMs = performance.now();
  const resolved = await answer(sink, { told: 'resolved', notification: over });
  return {
    ...row,
    ok: resolved.kind === 'delivered',
    open: said(open),
    resolved: said(resolved),
    durationMs: openMs + performance.now() - resolveMs,
  };
}

/** Within the deadline of the sink; one that answers nothing holds the command no longer. */
async function answer(sink: Sink, outgoing: Outgoing): Promise<SendResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<SendResult>((resolve) => {
    const problem = `no answer within ${sink.timeoutMs} ms (timeout)`;
    timer = setTimeout(() => resolve({ kind: 'retry', problem }), sink.timeoutMs);
  });
  try {
    return await Promise.race([sink.send([outgoing]), late]);
  } finally {
    clearTimeout(timer);
  }
}

function said(result: SendResult): string {
  if (result.kind === 'delivered') return 'delivered';
  return `${result.kind === 'refused' ? 'refused' : 'failed'}: ${result.problem}`;
}

/** Ends early where the command is stopped: what was opened is resolved all the same. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

function testIncident(pipeline: string, severity: Severity, nowMs: number): Notification {
  return {
    id: `test-${randomUUID()}`,
    revision: 1,
    status: 'open',
    severity,
    openSeverity: severity,
    kind: 'anomaly',
    pipeline,
    summary: `Test of the alerts of ${pipeline}: nothing is wrong`,
    reasons: ['Sent by anomaly alerts test.', 'It is resolved by itself.'],
    rule: 'test',
    series: ['test'],
    seriesCount: 1,
    ...{ value: null, expected: null, lower: null, upper: null, score: null },
    alerts: [],
    ...{ startedMs: nowMs, updatedMs: nowMs, endedMs: null, evidenceMs: nowMs },
    look: 'anomaly alerts test',
  };
}
