import type { KafkaClient } from '../../clients/client.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { defineJob } from '../../runtime/job.ts';
import { LocalMember } from '../../runtime/localMember.ts';
import type { Members } from '../../runtime/members.ts';
import { Operation } from '../../runtime/operation.ts';
import type { Stage } from '../../runtime/stage.ts';
import { sourceTopics } from '../../runtime/topics/topics.ts';
import { startAlertStage, withAlertStatus } from '../alerts/stage.ts';
import type { CommandContext } from '../command.ts';
import { connectWith } from '../connections.ts';
import { profiled } from '../cpuProfile.ts';
import { stoppedCode } from '../lifecycle.ts';
import { openCheckpointObjects } from '../options/storeSettings.ts';
import { withModelReads } from '../scoreModel.ts';
import { every, pause } from '../timers.ts';
import { runAttempt } from './attempt.ts';
import { type JobPlan, planJob } from './jobPlan.ts';
import { keepCrash } from './keepCrash.ts';
import { withMemberName } from './memberNames.ts';
import { printSummary, progressText } from './summary.ts';
import { NO_VIEW, type RunView } from './view.ts';

/** Runs a stage on topics for `run`, `window` and `score`, and prints its summary. */
export async function runPipeline(context: CommandContext, stage: Stage, given?: PipelineConfig): Promise<number> {
  if (context.flags['tui'] !== true) return await runWith(context, NO_VIEW, stage, given);
  const { withScreen } = await import('./screen.ts');
  return await withScreen(context, (inner, view) => runWith(inner, view, stage, given));
}

async function runWith(
  context: CommandContext,
  view: RunView,
  stage: Stage,
  given: PipelineConfig | undefined,
): Promise<number> {
  const { signal, now, logger, progress } = context;
  const asked = given ?? context.settings.pipeline();
  const config = stage === 'window' ? asked : await withModelReads(context, asked);
  const { plan, release } = withMemberName(planJob(context, stage, config), context);
  const { identity } = plan;
  const started = now();
  // The members tell what becomes of the cluster, for all of the process.
  const connect = () => connectWith(context.settings, context.cwd, logger);
  const client = await connect().catch((error: unknown) => {
    release();
    throw error;
  });
  try {
    // A name that is mistyped makes no topics.
    const topics = await sourceTopics(client.admin, config.source.topics);
    const sourcePartitions = topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
    await checkStart(context, config, stage);
    const isBeside = stage !== 'window' && config.alerts?.stage === 'beside';
    const alertStage = isBeside ? await startAlertStage(context, config, connect) : undefined;
    // Workers are threads of their own, and profile themselves.
    const profile = config.operation.workers > 1 ? undefined : plan.cpuProfile;
    const result = await (async () => {
      const job = await membersOf(context, plan, { client, sourcePartitions }, started);
      const members = withAlertStatus(job, alertStage);
      view.began(members);
      const { untilEnd } = plan;
      const shown = { client, config, identity, members, untilEnd };
      const operation = await Operation.start({ ...shown, now, logger, signal, pause, every });
      const ended = await profiled(profile, () => members.run()).finally(() => operation.close());
      return { ...ended, latency: operation.withClockSkew(ended.latency) };
    })().finally(() => alertStage?.stop());
    progress.end();
    await view.over();
    await printSummary(context, config, stage, identity.group, result, (now() - started) / 1000);
    return result.ended === 'stopped' && plan.untilEnd ? stoppedCode(signal) : 0;
  } finally {
    progress.end();
    await client.close();
    release();
  }
}

/** What would refuse the start is asked before status and control have their topics. */
async function checkStart(context: CommandContext, config: PipelineConfig, stage: Stage): Promise<void> {
  defineJob(config, stage);
  const store = await openCheckpointObjects(context, config.checkpoint.store);
  await store.probe().finally(() => store.close());
}

async function membersOf(
  context: CommandContext,
  plan: JobPlan,
  { client, sourcePartitions }: { client: KafkaClient; sourcePartitions: number },
  startedMs: number,
): Promise<Members> {
  const { settings, cwd, env, logger, now, signal, progress } = context;
  const { operation } = plan.config;
  const common = {
    restart: operation.restart,
    metrics: operation.metrics,
    now,
    ticks: () => performance.now(),
    random: Math.random,
    pause,
  };
  if (operation.workers > 1) {
    const { startPool } = await import('./workerPool.ts');
    const shown = { signal, logger, progress, startedMs };
    return startPool({ ...common, ...shown, plan, clientKind: client.kind, sourcePartitions });
  }
  const attempt = {
    ...{ settings, cwd, env, logger, now },
    onProgress: (totals: Parameters<typeof progressText>[0]) =>
      progress.update(() => progressText(totals, now() - startedMs)),
  };
  return new LocalMember({
    ...{ ...common, identity: plan.identity, signal, logger },
    run: (hooks, stop) => runAttempt(plan, attempt, hooks, stop),
    keepCrash: (crash) => keepCrash(plan.identity.group, crash, attempt),
  });
}
