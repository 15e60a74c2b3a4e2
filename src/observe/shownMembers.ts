import { isLive, type MemberStatus } from './status.ts';

/**
 * Those that live, and of each host and instance the last one that failed or fell silent, unless one has lived there
 * since, or all who live began after it.
 */
export function shownMembers(
  members: readonly MemberStatus[],
  nowMs: number,
  sessionTimeoutMs: number,
): MemberStatus[] {
  const live = members.filter((each) => isLive(each, nowMs, sessionTimeoutMs));
  const isNewest = (status: MemberStatus) =>
    members.every(
      (each) => each === status || live.includes(each) || !isSamePlace(each, status) || isAfter(status, each),
    );
  const isPast = (status: MemberStatus) => {
    const group = live.filter((each) => each.group === status.group);
    const here = group.filter((each) => isSamePlace(each, status));
    if (here.length > 0) return here.some(({ startedMs }) => startedMs > status.atMs);
    return group.length > 0 && group.every(({ startedMs }) => startedMs > status.atMs);
  };
  return members.filter((each) => live.includes(each) || (isNewest(each) && !isPast(each)));
}

function isSamePlace(a: MemberStatus, b: MemberStatus): boolean {
  return a.group === b.group && a.host === b.host && a.instance === b.instance;
}

function isAfter(a: MemberStatus, b: MemberStatus): boolean {
  return a.atMs === b.atMs ? a.member > b.member : a.atMs > b.atMs;
}
