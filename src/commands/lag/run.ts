import type { KafkaClient } from '../../clients/client.ts';
import { didYouMean } from '../../errors/nearest.ts';
import { AnomalyError, isAnomalyError } from '../../errors.ts';
import { isMissing } from '../../observe/lag/reading.ts';
import type { LagSample, PartitionSample } from '../../observe/lag/sample.ts';
import { type ExactTime, exactTimes } from '../../runtime/lag/exactTimes.ts';
import { LagSampler } from '../../runtime/lag/lagSampler.ts';
import { pastLooks } from '../../runtime/lag/pastLooks.ts';
import type { Chosen } from '../../runtime/lag/readCluster.ts';
import type { CommandContext } from '../command.ts';
import { connectClient } from '../connections.ts';
import { chosenGroups } from './choice.ts';
import { GaugeCheck } from './gauges.ts';
import { checkLimits, type LagLimits, lagLimits } from './limits.ts';
import { printLag, type Shown } from './print.ts';
import { exactTime } from './rows.ts';

const DEFAULT_INTERVAL_MS = 2000;
const MIN_INTERVAL_MS = 1;
const DEFAULT_LOOKS = 2;
const DEFAULT_EVERY_MS = 1000;
/** Groups that a message has. */
const MOST_NAMED = 20;

/** `lag`: looks a few times, or until the signal with --watch. */
export async function runLag(context: CommandContext): Promise<number> {
  const plan = lagPlan(context);
  const chosen = chosenGroups(context);
  const limits = lagLimits(context.flags);
  const gauges = GaugeCheck.open(context);
  const client = await connectClient(context);
  try {
    const allowedLag = context.flags['allowedLag'] as number | undefined;
    const sampler = new LagSampler({
      ...{ admin: client.admin, now: context.now, ...chosen },
      ...(allowedLag !== undefined && { allowedLag }),
    });
    await requireGroups(context, client, chosen);
    sampler.learn(await pastOf(context, client, chosen));
    let shown: Shown | undefined;
    for await (const sample of plan.isWatch
      ? watch(context, sampler, plan.intervalMs)
      : looks(context, sampler, plan)) {
      const exact = await exactOf(context, client, sample, limits);
      const crossCheck = await gauges?.take(sample, client.admin);
      shown = { sample, exact, crossCheck, intervalMs: plan.isWatch ? plan.intervalMs : undefined };
      await printLag(context, shown);
    }
    if (shown !== undefined) check(context, shown, limits);
    return 0;
  } finally {
    await client.close();
  }
}

interface LagPlan {
  readonly isWatch: boolean;
  readonly intervalMs: number;
  readonly looks: number;
}

/** @throws ANM_USAGE */
function lagPlan({ flags }: CommandContext): LagPlan {
  const given = flags['watch'];
  const everyMs = (flags['every'] as number | undefined) ?? DEFAULT_EVERY_MS;
  const count = (flags['looks'] as number | undefined) ?? DEFAULT_LOOKS;
  if (typeof given === 'number' && given < MIN_INTERVAL_MS) {
    throw new AnomalyError('ANM_USAGE', `--watch wants at least ${MIN_INTERVAL_MS} ms, got ${given} ms`);
  }
  if (count < 1) throw new AnomalyError('ANM_USAGE', `--looks wants a number from 1 on, got ${count}`);
  if (everyMs < MIN_INTERVAL_MS) {
    throw new AnomalyError('ANM_USAGE', `--every wants at least ${MIN_INTERVAL_MS} ms, got ${everyMs} ms`);
  }
  if (given !== undefined && (flags['looks'] !== undefined || flags['every'] !== undefined)) {
    throw new AnomalyError('ANM_USAGE', '--looks and --every are of a run without --watch', {
      hint: 'the interval is given to --watch itself, as --watch 5s',
    });
  }
  if (given === undefined) return { isWatch: false, intervalMs: everyMs, looks: count };
  return { isWatch: true, intervalMs: typeof given === 'number' ? given : DEFAULT_INTERVAL_MS, looks: 0 };
}

/** A group by name has to be there, unless it is watched: `lag --watch` is often started before the pipeline. */
async function requireGroups(
  context: CommandContext,
  { admin }: KafkaClient,
  { named }: Required<Chosen>,
): Promise<void> {
  if (named.length === 0 || context.flags['watch'] !== undefined) return;
  const known = (await admin.groups()).map(({ groupId }) => groupId);
  const missing = named.find((name) => !known.includes(name));
  if (missing === undefined) return;
  throw new AnomalyError('ANM_USAGE', `cannot show group ${missing} as the broker knows no such group`, {
    hint: known.length === 0 ? 'it has no groups at all' : didYouMean(missing, known, `it has ${someOf(known)}`),
  });
}

function someOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return more > 0 ? `${names.slice(0, MOST_NAMED).join(', ')} and ${more} more` : names.join(', ');
}

/** What pipelines tell of themselves is a help, never a condition. */
async function pastOf({ logger }: CommandContext, client: KafkaClient, chosen: Required<Chosen>) {
  try {
    const names = (await client.admin.groups()).map(({ groupId }) => groupId).filter(chosen.isGroup);
    const past = await pastLooks(client, [...new Set([...chosen.named, ...names])]);
    return past.filter(({ topic }) => chosen.isTopic(topic));
  } catch (error) {
    logger.debug(`no history from status topics: ${(error as Error).message}`);
    return [];
  }
}

/** The last of a few looks; the one there is when the signal comes. */
async function* looks(context: CommandContext, sampler: LagSampler, plan: LagPlan): AsyncGenerator<LagSample> {
  let last: LagSample | undefined;
  let count = 0;
  for await (const sample of sampler.watch(plan.intervalMs, context.signal)) {
    last = sample;
    if (++count === plan.looks) break;
    const done = count;
    context.progress.update(() => `look ${done} of ${plan.looks}`);
  }
  context.progress.clear();
  if (last !== undefined) yield last;
}

/** Goes on where the broker is away for a while, once there was a look; says which groups went. */
async function* watch(context: CommandContext, sampler: LagSampler, intervalMs: number): AsyncGenerator<LagSample> {
  const { logger, signal } = context;
  let before: LagSample | undefined;
  while (!signal.aborted) {
    try {
      for await (const sample of sampler.watch(intervalMs, signal)) {
        for (const group of gone(before, sample)) logger.warn(`group ${group} is gone`);
        before = sample;
        yield sample;
      }
    } catch (error) {
      const isPassing = isAnomalyError(error) && ['ANM_BROKER_UNREACHABLE', 'ANM_TIMEOUT'].includes(error.code);
      if (!isPassing || before === undefined) throw error;
    }
  }
}

function gone(before: LagSample | undefined, now: LagSample): string[] {
  const isThere = new Set(now.groups.flatMap(({ group, state }) => (isMissing(state) ? [] : [group])));
  return (before?.groups ?? [])
    .filter(({ group, state }) => !isMissing(state) && !isThere.has(group))
    .map(({ group }) => group);
}

/** Of all partitions with --exact; of those that a limit on time cannot do without, where their time is unknown. */
async function exactOf(
  { flags, signal }: CommandContext,
  client: KafkaClient,
  { partitions }: LagSample,
  { maxLagMs }: LagLimits,
): Promise<Map<PartitionSample, ExactTime> | undefined> {
  if (flags['exact'] === true) return await exactTimes(client, partitions, signal);
  if (maxLagMs === undefined || flags['watch'] !== undefined) return undefined;
  const unknown = partitions.filter(({ lagMs }) => lagMs === null);
  return unknown.length === 0 ? undefined : await exactTimes(client, unknown, signal);
}

function check({ args, flags }: CommandContext, { sample, exact }: Shown, limits: LagLimits): void {
  const isNamed = args.length > 0 && flags['topic'] === undefined;
  checkLimits(sample, limits, isNamed, (row) => exactTime(row, exact?.get(row), sample.atMs) ?? row.lagMs);
}
