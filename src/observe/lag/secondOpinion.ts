import type { LagGauges } from './gauges.ts';
import type { GroupSample } from './sample.ts';

/**
 * What Redpanda's own gauges say of a group's lag. agrees: the same sum. differs: another one, as it may be where the gauge
 * was read before the lag changed. stale: it has not moved for longer than its interval, and was wrong all that time.
 * absent: there is none of this group.
 */
export interface SecondOpinion {
  readonly status: 'agrees' | 'differs' | 'stale' | 'absent';
  readonly sum: number | null;
  readonly max: number | null;
  readonly note: string | null;
}

interface Seen {
  readonly sum: number;
  readonly sinceMs: number;
  /** Whether the gauge had the lag's value at any look since then. */
  wasRight: boolean;
}

/** Compares look by look, so that an old gauge is told from a wrong one. */
export class SecondOpinions {
  readonly #intervalMs: number;
  readonly #seen = new Map<string, Seen>();

  /** @param intervalMs age that a gauge may have */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  take(atMs: number, gauges: LagGauges, groups: readonly GroupSample[]): Map<string, SecondOpinion> {
    return new Map(groups.map((group) => [group.group, this.#compare(atMs, gauges, group)]));
  }

  #compare(atMs: number, gauges: LagGauges, { group, lag }: GroupSample): SecondOpinion {
    const { sum = null, max = null } = gauges.groups.get(group) ?? {};
    if (sum === null) {
      this.#seen.delete(group);
      return { status: 'absent', sum, max, note: 'Redpanda has no lag gauge of this group' };
    }
    const isRight = sum === lag;
    const before = this.#seen.get(group);
    const seen = before?.sum === sum ? before : { sum, sinceMs: atMs, wasRight: isRight };
    seen.wasRight ||= isRight;
    this.#seen.set(group, seen);
    if (isRight) return { status: 'agrees', sum, max, note: null };
    const ageMs = atMs - seen.sinceMs;
    if (ageMs > this.#intervalMs && !seen.wasRight) {
      const note = `Redpanda's gauge says ${sum} since ${seconds(ageMs)}, longer than its interval of ${seconds(this.#intervalMs)}: stale`;
      return { status: 'stale', sum, max, note };
    }
    return {
      status: 'differs',
      sum,
      max,
      note: `Redpanda's gauge says ${sum}, and may be ${seconds(this.#intervalMs)} old`,
    };
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
