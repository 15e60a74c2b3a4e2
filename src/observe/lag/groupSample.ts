import { groupVerdict, statusCode, type Verdict } from './burrow.ts';
import { drainTime, TREND_LOOKS } from './looks.ts';
import { maxKnown, memberLoads, skew, sumAll, sumKnown } from './memberLoads.ts';
import { type GroupReading, isMissing } from './reading.ts';
import type { GroupSample, PartitionSample } from './sample.ts';

/** Bad partitions that a group's reason names. */
const NAMED = 3;

/** A group from its partitions. Those without a commit count for totals of unknown ones, not for verdict and rates. */
export function groupSample(group: GroupReading, rows: readonly PartitionSample[]): GroupSample {
  const lags = rows.map((row) => row.lagRecords);
  const lag = sumKnown(lags);
  const committed = rows.filter((row) => row.committed !== null);
  const inRate = sumAll(committed.map((row) => row.inRate));
  const outRate = sumAll(committed.map((row) => row.outRate));
  const loads = memberLoads(group, rows);
  return {
    group: group.group,
    state: group.state,
    members: group.members.length,
    topics: new Set(rows.map((row) => row.topic)).size,
    partitions: rows.length,
    lag,
    maxLag: maxKnown(lags),
    unknown: lags.filter((each) => each === null).length,
    lagMs: maxKnown(rows.map((row) => row.lagMs)),
    ...judged(group, committed),
    inRate,
    outRate,
    drainMs: drainTime(lag, { inRate, outRate, reason: null }).drainMs,
    hotPartitions: rows.filter((row) => row.isHot === true).length,
    stalledPartitions: rows.filter((row) => row.isStalled === true).length,
    deletedRecords: rows.reduce((sum, row) => sum + row.deletedRecords, 0),
    skew: skew(loads),
    problem: group.problem,
    loads,
    trend: summedTrend(rows),
  };
}

/** Known partitions that are bad make the group bad, whatever the others are; a good group needs all of them. */
function judged(
  group: GroupReading,
  rows: readonly PartitionSample[],
): { readonly verdict: Verdict | null; readonly verdictReason: string | null } {
  if (group.problem !== null) return { verdict: null, verdictReason: group.problem };
  if (isMissing(group.state) || (group.state === 'Dead' && rows.length === 0)) {
    return { verdict: 'NOTFOUND', verdictReason: 'the broker knows no such group' };
  }
  if (rows.length === 0) return { verdict: null, verdictReason: 'nothing committed' };
  const known = rows.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
  const verdict = groupVerdict(known);
  if (statusCode(verdict) > statusCode('OK')) return { verdict, verdictReason: badPartitions(rows) };
  if (known.length === rows.length) return { verdict, verdictReason: null };
  const first = rows.find((row) => row.verdict === null)!;
  const share = known.length === 0 ? '' : `${rows.length - known.length} of ${rows.length} partitions: `;
  return { verdict: null, verdictReason: `${share}${first.verdictReason}` };
}

/** The worst first, by name. */
function badPartitions(rows: readonly PartitionSample[]): string {
  const bad = rows
    .filter(({ verdict }) => verdict !== null && verdict !== 'OK')
    .sort((a, b) => statusCode(b.verdict!) - statusCode(a.verdict!));
  const named = bad.slice(0, NAMED).map(({ topic, partition, verdict }) => `${topic}/${partition} ${verdict}`);
  return `${named.join(', ')}${bad.length > NAMED ? ` and ${bad.length - NAMED} more` : ''}`;
}

/** Sums of the newest looks; as long as the longest trend of a partition, those that began later count from then on. */
function summedTrend(rows: readonly PartitionSample[]): number[] {
  const sums = new Float64Array(TREND_LOOKS);
  let longest = 0;
  for (const { trend } of rows) {
    longest = Math.max(longest, trend.length);
    for (let i = 1; i <= trend.length; i++) sums[TREND_LOOKS - i]! += trend[trend.length - i]!;
  }
  return [...sums.subarray(TREND_LOOKS - longest)];
}
