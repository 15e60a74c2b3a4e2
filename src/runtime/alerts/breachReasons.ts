import type { Hop, LatencyStatus } from '../../observe/latency.ts';
import type { MemberStatus, ModelStatus } from '../../observe/status.ts';

const NAMED = 5;

/** The model, and the values without a score since an earlier look, by why, the most frequent first. */
export function inferenceReasons(now: ModelStatus, before: ModelStatus): string[] {
  const missed = gains(now.fallbacks, before.fallbacks);
  const version = now.version == null ? '' : ` version ${now.version}`;
  return [...(missed === '' ? [] : [`values without a score: ${missed}`]), `model ${now.name}${version}`];
}

/** Where the time went of the alerts that were over the budget since an earlier look. */
export function latencyReasons(now: LatencyStatus, before: LatencyStatus | null | undefined): string[] {
  const over = gains<Hop>(now.overBudget ?? {}, before?.overBudget ?? {});
  return over === '' ? [] : [`alerts over the budget, by the hop that took most: ${over}`];
}

export function checkpointReasons({ checkpoint }: MemberStatus): string[] {
  const { failure, failures, completed } = checkpoint;
  return [failure === null ? `${completed} were completed and ${failures} failed, the last one not` : failure];
}

/** Who is live beside a member that is gone, and has its partitions now. */
export function memberReasons(gone: MemberStatus, live: readonly MemberStatus[]): string[] {
  if (live.length === 0) return ['no other member is live'];
  const total = gone.partitions.length;
  if (total === 0) return [`it had no partitions; live: ${namesOf(live)}`];
  const owners = live.flatMap((status) => {
    const owned = ownedOf(gone, [status]);
    return owned === 0 ? [] : [`${status.member} has taken over ${owned} of its ${total} partitions`];
  });
  const left = total - ownedOf(gone, live);
  const nobody = left === 0 ? [] : [`nobody has ${left} of its ${total} partitions; live: ${namesOf(live)}`];
  return [...owners.slice(0, NAMED), ...nobody];
}

/** Whether a live member has come after this one was last heard of, and none of its partitions is left alone. */
export function isReplaced(gone: MemberStatus, live: readonly MemberStatus[]): boolean {
  return live.some(({ startedMs }) => startedMs > gone.atMs) && ownedOf(gone, live) === gone.partitions.length;
}

function ownedOf(gone: MemberStatus, live: readonly MemberStatus[]): number {
  const held = new Set(live.flatMap(({ partitions }) => partitions.map(nameOf)));
  return gone.partitions.filter((each) => held.has(nameOf(each))).length;
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}

function namesOf(members: readonly MemberStatus[]): string {
  const more = members.length > NAMED ? ` and ${members.length - NAMED} more` : '';
  return `${members
    .slice(0, NAMED)
    .map(({ member }) => member)
    .join(', ')}${more}`;
}

/** 139 breaker-open, 26 error. */
function gains<K extends string>(
  now: Readonly<Partial<Record<K, number>>>,
  before: Readonly<Partial<Record<K, number>>>,
): string {
  return Object.keys(now)
    .map((key) => [key, (now[key as K] ?? 0) - (before[key as K] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([key, count]) => `${count} ${key}`)
    .join(', ');
}
