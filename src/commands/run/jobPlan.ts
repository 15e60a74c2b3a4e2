import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { parseDuration } from '../../config/duration.ts';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { PlainSettings } from '../../config/plainSettings.ts';
import { AnomalyError } from '../../errors.ts';
import type { StatusTopics } from '../../observe/status.ts';
import { toolVersion } from '../../platform/version.ts';
import { definitionHash } from '../../runtime/definition/definition.ts';
import type { RecoveryChoice } from '../../runtime/job.ts';
import type { Stage } from '../../runtime/stage.ts';
import type { MemberIdentity } from '../../runtime/status/memberBoard.ts';
import { sinkTopics } from '../../runtime/topics/runTopics.ts';
import type { CommandContext } from '../command.ts';
import { profilePath, workerProfile } from '../cpuProfile.ts';
import { allowedOperators } from '../options/allowedOperators.ts';
import { statusSource } from '../watchedSource.ts';

/** What a member runs, as plain data: it crosses to a worker as it is. */
export interface JobPlan {
  readonly settings: PlainSettings;
  readonly config: PipelineConfig;
  readonly stage: Stage;
  readonly identity: MemberIdentity;
  /** For its transactions: the one that this process has of the host's; absent with --instance, or where none is needed. */
  readonly memberName?: string;
  readonly recovery: RecoveryChoice;
  readonly untilEnd: boolean;
  readonly leaveOpen: boolean;
  readonly maxBadRate: number;
  readonly repartition: boolean;
  /** --cpu-profile: where the profile of the member goes. */
  readonly cpuProfile?: string;
}

/** @throws ANM_USAGE, ANM_CONFIG, ANM_UNSUPPORTED */
export function planJob(context: CommandContext, stage: Stage, given?: PipelineConfig): JobPlan {
  const { settings, flags } = context;
  const config = given ?? settings.pipeline();
  const suffix = stage === 'run' ? '' : `.${stage.split(' ')[0]}`;
  // Each stage is a group of its own, unless the group is named.
  const group = flags['group'] === undefined && suffix !== '' ? config.pipeline + suffix : config.group;
  const repartition = flags['repartition'] === true;
  const untilEnd = flags['until'] === 'end';
  const cpuProfile = profilePath(flags, context.cwd);
  if (config.operation.workers > 1 && repartition && untilEnd) {
    throw new AnomalyError('ANM_USAGE', 'cannot run --repartition --until end with --workers above 1', {
      hint: 'each worker would take the end of what the others have copied so far; run it with one worker',
    });
  }
  return {
    settings: settings.plain(),
    config,
    stage,
    identity: identityOf(config, group, stage),
    recovery: {
      fresh: flags['fresh'] === true || flags['startEmpty'] === true,
      acceptGap: flags['acceptGap'] === true,
      allow: allowedOperators(flags['allow']),
      ...warmChoice(context),
    },
    untilEnd,
    leaveOpen: flags['leaveOpen'] === true,
    maxBadRate: badRate(flags['maxBadRate'] as number | undefined),
    repartition,
    ...(cpuProfile !== undefined && { cpuProfile }),
  };
}

/** --warm: how long the history is, or files; relative paths are of the working directory. */
function warmChoice({ flags, cwd }: CommandContext): Pick<RecoveryChoice, 'warm'> {
  const given = flags['warm'] as readonly string[] | undefined;
  if (given === undefined) return {};
  const times = given.map(parseDuration);
  if (times.every((each) => each === null)) return { warm: { files: given.map((file) => resolve(cwd, file)) } };
  const [forMs] = times;
  if (given.length === 1 && forMs! > 0) return { warm: { forMs: forMs! } };
  throw new AnomalyError('ANM_USAGE', `cannot learn from ${given.join(' and ')}`, {
    hint: 'give --warm the length of the history once, as 4w, or files',
  });
}

/** The plan of one worker of several: a member of its own, by number. */
export function workerPlan(plan: JobPlan, number: number): JobPlan {
  const { identity, config, memberName, cpuProfile } = plan;
  const instance = identity.instance === null ? null : `${identity.instance}-${number}`;
  return {
    ...plan,
    config: { ...config, ...(instance !== null && { instance }) },
    ...(memberName !== undefined && { memberName: `${memberName}-${number}` }),
    identity: { ...identity, instance, member: `${identity.member}-${number}` },
    ...(cpuProfile !== undefined && { cpuProfile: workerProfile(cpuProfile, number) }),
  };
}

function identityOf(config: PipelineConfig, group: string, stage: Stage): MemberIdentity {
  const host = hostname();
  const instance = config.instance ?? null;
  return {
    pipeline: config.pipeline,
    group,
    member: instance ?? `${host}-${process.pid}-${randomBytes(3).toString('hex')}`,
    instance,
    host,
    pid: process.pid,
    definition: definitionHash(config, stage),
    toolVersion: toolVersion(),
    guarantee: config.guarantee,
    topics: topicsOf(config, stage),
    ...(stage !== 'score windows' && { source: statusSource(config) }),
  };
}

function topicsOf(config: PipelineConfig, stage: Stage): StatusTopics {
  const { source, sinks } = config;
  const written = new Set(sinkTopics(config, stage).map(({ name }) => name));
  const ifWritten = (topic: string) => (written.has(topic) ? topic : null);
  return {
    sources: source.topics,
    windows: ifWritten(sinks.windows),
    anomalies: ifWritten(sinks.anomalies),
    late: ifWritten(sinks.late),
    deadLetters: sinks.deadLetters,
  };
}

export function badRate(given = 0.1): number {
  if (given >= 0 && given <= 1) return given;
  throw new AnomalyError('ANM_USAGE', `--max-bad-rate wants a share from 0 to 1, got ${given}`);
}
