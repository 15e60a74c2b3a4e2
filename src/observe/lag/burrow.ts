/**
 * Burrow's rules for consumers (https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules): a verdict from the
 * last commits of a partition, without a threshold.
 */
export const VERDICTS = ['NOTFOUND', 'OK', 'WARN', 'ERR', 'STOP', 'STALL', 'REWIND'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Commits, and looks at the end of the log, that a verdict is of. */
export const WINDOW = 10;
/** Burrow looks at the brokers that often. */
export const BROKER_INTERVAL_MS = 10_000;

/** NOTFOUND 0 to REWIND 6, as Burrow numbers them. */
export function statusCode(verdict: Verdict): number {
  return VERDICTS.indexOf(verdict);
}

/** One commit in the window, with the lag as it was then; null where that is unknown. */
export interface Commit {
  readonly offset: number;
  readonly atMs: number;
  readonly lag: number | null;
}

export interface Evidence {
  /** Oldest first. */
  readonly commits: readonly Commit[];
  /** Ends of the log at the last looks. */
  readonly brokerOffsets: readonly number[];
  readonly lag: number;
  readonly nowMs: number;
  readonly allowedLag: number;
}

/** The checks in Burrow's order. Without a commit there is nothing to find fault with: OK. */
export function partitionVerdict(evidence: Evidence): Verdict {
  const { commits, lag, allowedLag } = evidence;
  if (commits.length === 0 || lag <= allowedLag) return 'OK';
  if (isStopped(evidence)) return 'STOP';
  if (isRewound(commits)) return 'REWIND';
  if (commits.some((commit) => commit.lag !== null && commit.lag <= allowedLag)) return 'OK';
  const first = commits[0]!.offset;
  if (commits.every(({ offset }) => offset === first)) return 'STALL';
  return neverDecreases(commits) ? 'WARN' : 'OK';
}

/** The worst of the partitions, but never above ERR; without partitions NOTFOUND. */
export function groupVerdict(partitions: readonly Verdict[]): Verdict {
  const worst = partitions.reduce((max, verdict) => Math.max(max, statusCode(verdict)), 0);
  return VERDICTS[Math.min(worst, statusCode('ERR'))]!;
}

/**
 * Whether commits before those that were seen cannot make another verdict of it: a lag that shrank once has shrunk, and an
 * offset that went back has gone back. What else is wrong takes a whole window.
 */
export function isFinal(verdict: Verdict): boolean {
  return verdict === 'OK' || verdict === 'REWIND';
}

function isStopped({ commits, brokerOffsets, nowMs }: Evidence): boolean {
  const first = commits[0]!;
  const last = commits.at(-1)!;
  if (nowMs - last.atMs <= last.atMs - first.atMs) return false;
  return !brokerOffsets.some((end) => end <= last.offset);
}

/** An offset in the window went down, and the last is still below the highest. */
function isRewound(commits: readonly Commit[]): boolean {
  const highest = commits.reduce((max, { offset }) => Math.max(max, offset), 0);
  return commits.at(-1)!.offset < highest;
}

function neverDecreases(commits: readonly Commit[]): boolean {
  let before: number | null = null;
  for (const { lag } of commits) {
    if (lag === null) continue;
    if (before !== null && lag < before) return false;
    before = lag;
  }
  return true;
}
