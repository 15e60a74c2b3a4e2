import type { SinkDeliveryOptions } from '../../alerts/delivery/sinkDelivery.ts';
import type { KafkaClient } from '../../clients/client.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { AlertStatus } from '../../observe/status.ts';
import type { StageSessionOptions } from '../../runtime/alerts/stageSession.ts';
import type { Members } from '../../runtime/members.ts';
import type { CommandContext } from '../command.ts';
import { connectClient, connectRegistry } from '../connections.ts';
import { sinkResources } from './sinks.ts';

/** The alert stage at work in this process. */
export interface RunningStage {
  readonly status: AlertStatus | null;
  /** Commits nothing more, and waits for what is under way at the sinks. */
  stop(): Promise<void>;
}

/** Starts the alert stage with connections of its own. Undefined where the configuration has none. */
export async function startAlertStage(
  context: CommandContext,
  config: PipelineConfig,
  connect: (context: CommandContext) => Promise<KafkaClient>,
): Promise<RunningStage | undefined> {
  const { alerts } = config;
  if (alerts === undefined) return undefined;
  const { AlertStage } = await import('../../runtime/alerts/alertStage.ts');
  const { pause } = await import('../timers.ts');
  const { now, logger } = context;
  const client = await connect(context);
  const stop = new AbortController();
  try {
    const stageConfig = { ...config, alerts };
    const made = await AlertStage.prepare({ client, config: stageConfig });
    if (made.length > 0) logger.info(`created ${made.join(', ')}`);
    const registry = connectRegistry(context);
    const openDelivery = await deliveryOf(context, config, client);
    const stage = new AlertStage({
      ...{ client, registry, config: stageConfig, now, logger, signal: stop.signal, pause },
      ...(openDelivery !== undefined && { openDelivery }),
    });
    const running = stage.run();
    return {
      get status() {
        return stage.status;
      },
      stop: async () => {
        stop.abort();
        await running.finally(() => client.close());
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** What brings notifications to the sinks, anew each time that this process takes the stage over. @throws ANM_CONFIG */
async function deliveryOf(
  { settings, cwd, stdout, now, logger }: CommandContext,
  { pipeline, alerts, alertDelivery }: PipelineConfig,
  client: KafkaClient,
): Promise<StageSessionOptions['openDelivery']> {
  if (alerts === undefined || alertDelivery === undefined) return undefined;
  const { openSinks, openSinksOrLater } = await import('../../alerts/sinks/openSinks.ts');
  const { SinkDelivery } = await import('../../alerts/delivery/sinkDelivery.ts');
  const resources = sinkResources({ settings, cwd, stdout, pipeline, now, client: async () => client, test: false });
  const { sinks, ...limits } = alertDelivery;
  const clock = { now, after: afterMs, random: Math.random };
  // What is wrong with a sink is told at the start.
  for (const sink of openSinks(sinks, resources)) await sink.close();
  const { maxAgeMs } = alerts;
  const say: SinkDeliveryOptions['say'] = (level, text) => logger[level](text);
  const onLate = (name: string, problem: string) =>
    logger.warn(`alert sink ${name} cannot be opened, and is tried again when there is something for it: ${problem}`);
  return (record, mayAsk) => {
    // What is read again may be gone for a moment, as while a secret is renewed: the others deliver.
    const opened = openSinksOrLater(sinks, resources, onLate);
    return new SinkDelivery({ sinks: opened, clock, record, mayAsk, say, maxAgeMs, ...limits });
  };
}

function afterMs(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

/** Members whose first one tells of the stage, too. */
export function withAlertStatus(members: Members, stage: RunningStage | undefined): Members {
  if (stage === undefined) return members;
  return {
    run: () => members.run(),
    outage: () => members.outage(),
    command: (command) => members.command(command),
    statuses: () => members.statuses().map((status, i) => (i === 0 ? { ...status, alerts: stage.status } : status)),
  };
}

/** `alerts run`: the stage as a process of its own. */
export async function runAlertStage(context: CommandContext): Promise<number> {
  const { settings, signal, logger } = context;
  const config = settings.pipeline({ 'alerts.enabled': true });
  const stage = await startAlertStage(context, config, connectClient);
  logger.info(`alert stage of ${config.pipeline}: group ${config.pipeline}.alerts`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await stage?.stop();
  return 0;
}
