import {
  BROKER_INTERVAL_MS,
  type Commit,
  type Evidence,
  isFinal,
  partitionVerdict,
  type Verdict,
  WINDOW,
} from './burrow.ts';

/** How long nothing may move before what was seen counts as a whole window: as many looks of Burrow at a broker. */
export const WATCHED_MS = WINDOW * BROKER_INTERVAL_MS;

/** What is known about who could commit. */
export interface Holder {
  /** A member of the group holds the partition. */
  readonly isHeld: boolean;
}

export interface Judgement {
  readonly verdict: Verdict | null;
  readonly reason: string | null;
}

/**
 * The ring of a partition's last commits, told from outside: brokers say where a group's offset is, not when it was
 * committed. An offset that moved since the last look is a commit of that look. One that did not move is a commit of the
 * same offset while a member holds the partition, but only once in the time in which Burrow looks at a broker, since
 * members commit more rarely than we look; where nobody holds it, there is no commit.
 */
export class CommitWindow {
  readonly #commits: Commit[] = [];
  #watchedSinceMs = Number.NaN;

  get size(): number {
    return this.#commits.length;
  }

  look(offset: number, lag: number | null, atMs: number, { isHeld }: Holder): void {
    const last = this.#commits.at(-1);
    if (Number.isNaN(this.#watchedSinceMs)) this.#watchedSinceMs = atMs;
    if (last !== undefined) {
      if (atMs <= last.atMs) return;
      if (offset === last.offset && !(isHeld && atMs - last.atMs >= BROKER_INTERVAL_MS)) return;
    }
    this.#commits.push({ offset, lag, atMs });
    if (this.#commits.length > WINDOW) this.#commits.shift();
  }

  judge(evidence: Omit<Evidence, 'commits'>): Judgement {
    const commits = this.#commits;
    const verdict = partitionVerdict({ ...evidence, commits });
    const isWhole = commits.length >= WINDOW || evidence.nowMs - this.#watchedSinceMs >= WATCHED_MS;
    if (isWhole || isFinal(verdict) || evidence.lag <= evidence.allowedLag) return { verdict, reason: null };
    return {
      verdict: null,
      reason: `the verdict needs ${WINDOW} commits or ${WATCHED_MS / 1000} s of watching, and has ${commits.length}`,
    };
  }
}
