import { type Commit, partitionVerdict, type Verdict, WINDOW } from '../../observe/lag/burrow.ts';
import type { MemberStatus, PartitionStatus } from '../../observe/status.ts';
import type { BreachFinding } from './breachFinding.ts';

interface Looks {
  readonly commits: Commit[];
  readonly ends: number[];
}

const BAD: ReadonlySet<Verdict> = new Set(['WARN', 'ERR', 'STOP', 'STALL', 'REWIND']);

/** Burrow's verdict on each partition, from what its owner tells: ten looks, spread over the time that is configured. */
export class LagBreaches {
  readonly #everyMs: number;
  readonly #looks = new Map<string, Looks>();
  #nextMs = -Infinity;
  #verdicts = new Map<string, Verdict>();

  constructor(lagMs: number) {
    this.#everyMs = lagMs / WINDOW;
  }

  /** One finding of the group: the worst of its partitions, which are named. Nothing before the first window is whole. */
  look(members: readonly MemberStatus[], nowMs: number): BreachFinding[] {
    if (nowMs >= this.#nextMs) {
      this.#nextMs = nowMs + this.#everyMs;
      this.#take(members, nowMs);
    }
    if (this.#verdicts.size === 0) return [];
    const bad = [...this.#verdicts].filter(([, verdict]) => BAD.has(verdict));
    const named = bad.slice(0, NAMED).map(([name, verdict]) => `${name} ${verdict}`);
    const text = `lag of ${bad.length} partition${bad.length === 1 ? '' : 's'} does not shrink: ${named.join(', ')}`;
    const severity = bad.some(([, verdict]) => verdict !== 'WARN') ? 'error' : 'warning';
    const reasons = bad.slice(0, NAMED).map(([name, verdict]) => {
      const lag = this.#looks.get(name)?.commits.at(-1)?.lag ?? null;
      return `${name} is ${verdict}${lag === null ? '' : `, ${lag} records behind`}`;
    });
    if (bad.length > NAMED) reasons.push(`and ${bad.length - NAMED} more partitions`);
    return [{ rule: 'lag', series: '', isBad: bad.length > 0, severity, text, reasons, value: bad.length, limit: 0 }];
  }

  #take(members: readonly MemberStatus[], nowMs: number): void {
    const verdicts = new Map<string, Verdict>();
    for (const { partitions } of members) {
      for (const partition of partitions) {
        const name = `${partition.topic}/${partition.partition}`;
        const verdict = this.#judge(name, partition, nowMs);
        if (verdict !== null) verdicts.set(name, verdict);
      }
    }
    for (const name of this.#looks.keys()) if (!verdicts.has(name) && !isHeld(members, name)) this.#looks.delete(name);
    this.#verdicts = verdicts;
  }

  #judge(name: string, { committed, end, lag }: PartitionStatus, nowMs: number): Verdict | null {
    if (committed === null || end === null || lag === null) return null;
    const looks = this.#looks.get(name) ?? { commits: [], ends: [] };
    this.#looks.set(name, looks);
    looks.commits.push({ offset: committed, atMs: nowMs, lag });
    looks.ends.push(end);
    if (looks.commits.length > WINDOW) {
      looks.commits.shift();
      looks.ends.shift();
    }
    if (looks.commits.length < WINDOW) return null;
    return partitionVerdict({ commits: looks.commits, brokerOffsets: looks.ends, lag, nowMs, allowedLag: 0 });
  }
}

function isHeld(members: readonly MemberStatus[], name: string): boolean {
  return members.some(({ partitions }) => partitions.some((each) => `${each.topic}/${each.partition}` === name));
}

const NAMED = 5;
