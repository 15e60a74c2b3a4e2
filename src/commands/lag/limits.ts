import { AnomalyError } from '../../errors.ts';
import { groupsAbove } from '../../observe/lag/groupTotals.ts';
import type { GroupSample, LagSample, PartitionSample } from '../../observe/lag/sample.ts';
import { formatSpan } from '../../output/format.ts';

/** What a group's verdict may be at most. */
export const VERDICT_LIMITS = ['OK', 'WARN'] as const;

export interface LagLimits {
  readonly maxLag: number | undefined;
  readonly maxLagMs: number | undefined;
  readonly maxVerdict: (typeof VERDICT_LIMITS)[number] | undefined;
}

/** @throws ANM_USAGE for a limit below 0 */
export function lagLimits(flags: Readonly<Record<string, unknown>>): LagLimits {
  const maxLag = flags['maxLag'] as number | undefined;
  const maxLagMs = flags['maxLagTime'] as number | undefined;
  if (maxLag !== undefined && maxLag < 0) {
    throw new AnomalyError('ANM_USAGE', `--max-lag wants a number of records from 0 on, got ${maxLag}`);
  }
  if (maxLagMs !== undefined && maxLagMs < 0) {
    throw new AnomalyError('ANM_USAGE', `--max-lag-time wants a duration from 0 on, got ${maxLagMs} ms`);
  }
  return { maxLag, maxLagMs, maxVerdict: flags['maxVerdict'] as LagLimits['maxVerdict'] };
}

/**
 * What is unknown is above any limit: a check must not pass for want of an answer. `timeOf` gives the time lag of a
 * partition, null where it is unknown.
 *
 * @throws ANM_CHECK_FAILED naming each group and limit
 */
export function checkLimits(
  sample: LagSample,
  limits: LagLimits,
  isNamed: boolean,
  timeOf: (row: PartitionSample) => number | null,
): void {
  const { maxLag, maxLagMs, maxVerdict } = limits;
  const { groups, partitions } = sample;
  const problems: string[] = [];
  const above = new Set<GroupSample>();
  if (maxLag !== undefined) {
    for (const group of groupsAbove(groups, maxLag, isNamed) as GroupSample[]) {
      above.add(group);
      problems.push(`the lag is above ${maxLag}: ${recordsText(group, maxLag)}`);
    }
  }
  const byGroup = rowsByGroup(partitions);
  for (const group of groups) {
    if (group.partitions === 0 && !isNamed) continue;
    const time = maxLagMs === undefined ? null : timeProblem(byGroup.get(group.group) ?? [], maxLagMs, timeOf);
    const verdict = maxVerdict === undefined ? null : verdictProblem(group, maxVerdict);
    for (const problem of [time, verdict]) {
      if (problem === null) continue;
      above.add(group);
      problems.push(`${group.group} ${problem}`);
    }
  }
  if (problems.length === 0) return;
  throw new AnomalyError('ANM_CHECK_FAILED', problems.join('; '), {
    hint: 'look at the partitions with anomaly lag GROUP, or start more members',
    details: {
      ...(maxLag !== undefined && { max_lag: maxLag }),
      ...(maxLagMs !== undefined && { max_lag_ms: maxLagMs }),
      ...(maxVerdict !== undefined && { max_verdict: maxVerdict }),
      groups: [...above].map(({ loads: _, trend: __, ...group }) => group),
    },
  });
}

function rowsByGroup(rows: readonly PartitionSample[]): Map<string, PartitionSample[]> {
  const byGroup = new Map<string, PartitionSample[]>();
  for (const row of rows) {
    const list = byGroup.get(row.group);
    if (list === undefined) byGroup.set(row.group, [row]);
    else list.push(row);
  }
  return byGroup;
}

function recordsText({ group, lag, unknown }: GroupSample, maxLag: number): string {
  return lag === null || (unknown > 0 && lag <= maxLag)
    ? `${group} is unknown in ${unknown} partition${unknown === 1 ? '' : 's'}`
    : `${group} is ${lag} behind`;
}

function timeProblem(
  rows: readonly PartitionSample[],
  maxLagMs: number,
  timeOf: (row: PartitionSample) => number | null,
): string | null {
  const times = rows.map(timeOf);
  const longest = times.reduce<number>((max, time) => Math.max(max, time ?? 0), 0);
  if (longest > maxLagMs) return `is ${formatSpan(longest)} behind, above ${formatSpan(maxLagMs)}`;
  const unknown = times.filter((time) => time === null).length;
  if (unknown > 0) return `has an unknown time in ${unknown} partition${unknown === 1 ? '' : 's'}`;
  return rows.length === 0 ? 'has no time as nothing is committed' : null;
}

function verdictProblem({ verdict, verdictReason }: GroupSample, most: 'OK' | 'WARN'): string | null {
  if (verdict === 'OK' || verdict === most) return null;
  if (verdict === null) return `has no verdict (${verdictReason})`;
  return `is ${verdict}, worse than ${most} (${verdictReason})`;
}
