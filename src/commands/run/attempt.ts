import { join } from 'node:path';
import { createRegistry } from '../../clients/createRegistry.ts';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../output/logger.ts';
import { SourceSchemas } from '../../runtime/input/sourceSchemas.ts';
import { type JobResult, runJob } from '../../runtime/job.ts';
import type { JobHooks } from '../../runtime/jobHooks.ts';
import { repartition } from '../../runtime/repartition.ts';
import type { RunTotals } from '../../runtime/runnerOptions.ts';
import type { CheckpointStore } from '../../stores/checkpointStore.ts';
import { openCheckpoints } from '../checkpoint/place.ts';
import { connectWith, registryOptions } from '../connections.ts';
import { type OpenedScorers, openScorers } from '../scoreModel.ts';
import type { JobPlan } from './jobPlan.ts';

/** What a member's runs take from the process they are in. */
export interface AttemptContext {
  readonly settings: Settings;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onProgress?: (totals: RunTotals) => void;
}

/** Where the files of a group's members on this machine lie. */
function localDirectory(settings: Settings, group: string): string {
  return join(settings.string('state_dir'), encodeURIComponent(group).replace(/^\./, '%2E'), 'lmdb');
}

/** One run of a plan, from its clients to the end: what a restart repeats. */
export async function runAttempt(
  plan: JobPlan,
  { settings, cwd, env, logger, now, onProgress }: AttemptContext,
  hooks: JobHooks,
  signal: AbortSignal,
): Promise<JobResult> {
  const client = await connectWith(settings, cwd, logger, hooks.contact);
  const registry = createRegistry(registryOptions(settings, cwd));
  // Job and copy end together: when one of them fails, the other drains.
  const stop = new AbortController();
  let scorers: OpenedScorers | undefined;
  const onSignal = () => stop.abort(signal.reason);
  if (signal.aborted) onSignal();
  else signal.addEventListener('abort', onSignal, { once: true });
  try {
    const { stage, identity, memberName, recovery, untilEnd, leaveOpen, maxBadRate } = plan;
    const shared = {
      ...{ client, registry, logger, now, signal: stop.signal, untilEnd, maxBadRate },
      ...(memberName !== undefined && { memberName }),
      // A step of the wall clock must not hold commits back.
      ticks: () => performance.now(),
    };
    let { config } = plan;
    let copy: Promise<void> | undefined;
    const open = (group: string, cluster: string) =>
      openCheckpoints({ settings, cwd, env }, plan.config, group, cluster);
    if (plan.repartition) {
      // Before the topic of the copy is made.
      await probe(await open(identity.group, (await client.admin.cluster()).clusterId));
      const split = await repartition({ ...shared, config, schemas: new SourceSchemas(config, registry, logger) });
      copy = split.running;
      config = split.config;
      // To the end means to the end of the copy, so the copy has to be whole first.
      if (untilEnd) await copy;
    }
    scorers = stage === 'window' ? undefined : await openScorers({ settings, cwd, env, now }, config, logger);
    const job = runJob({
      ...shared,
      ...(scorers !== undefined && { scorers }),
      ...{ config, stage, groupId: identity.group, toolVersion: identity.toolVersion, recovery, leaveOpen, hooks },
      localDir: localDirectory(settings, identity.group),
      openCheckpoints: open,
      ...(onProgress !== undefined && { onProgress }),
    });
    copy?.catch(() => stop.abort());
    const result = await job.finally(() => stop.abort());
    await copy;
    return result;
  } finally {
    signal.removeEventListener('abort', onSignal);
    await scorers?.close();
    await client.close();
  }
}

async function probe(store: CheckpointStore): Promise<void> {
  try {
    await store.probe();
  } finally {
    await store.close();
  }
}
