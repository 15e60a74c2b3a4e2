import { drainTime } from './looks.ts';
import type { GroupReading } from './reading.ts';
import type { MemberLoad, PartitionSample } from './sample.ts';

/** What each member of a group has to do, by its partitions; those without one included. */
export function memberLoads(group: GroupReading, rows: readonly PartitionSample[]): MemberLoad[] {
  const byMember = new Map<string, PartitionSample[]>();
  for (const row of rows) {
    if (row.member === null) continue;
    const list = byMember.get(row.member);
    if (list === undefined) byMember.set(row.member, [row]);
    else list.push(row);
  }
  const loads = group.members.map(({ memberId, clientId, host }) => {
    const own = byMember.get(memberId) ?? [];
    const lagRecords = own.length === 0 ? 0 : sumKnown(own.map((row) => row.lagRecords));
    // A partition without a commit has no rate out: as in the group, it does not hide that of the others.
    const moving = own.filter((row) => row.committed !== null);
    const inRate = sumAll(moving.map((row) => row.inRate));
    const outRate = sumAll(moving.map((row) => row.outRate));
    const { drainMs } = drainTime(lagRecords, { inRate, outRate, reason: null });
    const lagMs = maxKnown(own.map((row) => row.lagMs));
    return {
      group: group.group,
      memberId,
      clientId,
      host,
      partitions: own.length,
      lagRecords,
      lagMs,
      inRate,
      outRate,
      drainMs,
    };
  });
  const total = loads.reduce((sum, { lagRecords }) => sum + (lagRecords ?? 0), 0);
  return loads.map((load) => ({
    ...load,
    share: total === 0 || load.lagRecords === null ? null : load.lagRecords / total,
  }));
}

/** Largest lag over the mean: 1 where all have the same, the number of members where one has all of it. */
export function skew(loads: readonly MemberLoad[]): number | null {
  if (loads.length < 2 || loads.some(({ lagRecords }) => lagRecords === null)) return null;
  const lags = loads.map(({ lagRecords }) => lagRecords!);
  const total = lags.reduce((sum, lag) => sum + lag, 0);
  return total === 0 ? null : (Math.max(...lags) * lags.length) / total;
}

/** Null where none is known. */
export function sumKnown(values: readonly (number | null)[]): number | null {
  let sum: number | null = null;
  for (const value of values) if (value !== null) sum = (sum ?? 0) + value;
  return sum;
}

/** Null where one is not known, or there is none: a rate of a part would be no rate of the whole. */
export function sumAll(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum;
}

export function maxKnown(values: readonly (number | null)[]): number | null {
  let max: number | null = null;
  for (const value of values) if (value !== null && (max === null || value > max)) max = value;
  return max;
}
