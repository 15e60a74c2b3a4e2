import { globMatcher } from '../../engine/expressions/glob.ts';
import type { KpiVerdict } from './incident.ts';

/** A row of a topic of windows, as far as it counts here. */
export interface WindowValue {
  readonly topic: string;
  readonly series: string;
  readonly window: string;
  readonly field: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly mean: number;
}

export interface KpiRules {
  /** Patterns of series that stand for user traffic; in `topics` all do. */
  readonly patterns: readonly string[];
  readonly topics: readonly string[];
  /** Windows that are compared. */
  readonly windows: number;
  /** From it on something moves with traffic; below half of it, it does not. */
  readonly correlation: number;
}

/** Series whose windows are known; the one that had one least recently goes first. */
const MOST_SERIES = 10_000;
/** Of the windows compared so many have to be there on both sides. */
const LEAST_PAIRS = 12;
/** Windows after the event with which it is asked again. */
const AFTER = 3;

interface Ring {
  readonly isKpi: boolean;
  readonly series: string;
  readonly window: string;
  sizeMs: number;
  /** Start of each window and its mean, the oldest first. */
  readonly starts: number[];
  readonly means: number[];
}

/**
 * The last windows of each series, and whether one moves with those that stand for user traffic: Pearson's correlation of
 * the differences from window to window, over the windows up to the event and those around it, so that the event itself
 * weighs most. The KPI with the strongest correlation is named.
 */
export class KpiWindows {
  readonly #rules: KpiRules;
  readonly #matchers: readonly ((series: string) => boolean)[];
  readonly #rings = new Map<string, Ring>();

  constructor(rules: KpiRules) {
    this.#rules = rules;
    this.#matchers = rules.patterns.map(globMatcher);
  }

  take({ topic, series, window, field, startMs, endMs, mean }: WindowValue): void {
    const key = `${topic}\n${window}\n${field}\n${series}`;
    const known = this.#rings.get(key);
    const isKpi = known?.isKpi ?? (this.#rules.topics.includes(topic) || this.#matchers.some((is) => is(series)));
    const ring = known ?? { isKpi, series, window, sizeMs: endMs - startMs, starts: [], means: [] };
    this.#rings.delete(key);
    this.#rings.set(key, ring);
    if (this.#rings.size > MOST_SERIES) this.#rings.delete(this.#rings.keys().next().value!);
    ring.sizeMs = endMs - startMs;
    const { starts, means } = ring;
    // A window may come again with late records; the newest row of it counts.
    const at = starts.lastIndexOf(startMs);
    if (at >= 0) means[at] = mean;
    else if (starts.length === 0 || startMs > starts.at(-1)!) {
      starts.push(startMs);
      means.push(mean);
    }
    const over = starts.length - (this.#rules.windows + AFTER + 1);
    if (over > 0) {
      starts.splice(0, over);
      means.splice(0, over);
    }
  }

  /** Whether the series moves with user traffic around an event time. */
  verdict(series: string, atMs: number): KpiVerdict {
    const none = (reason: string, againMs: number | null): KpiVerdict => {
      return { kpi: null, correlation: null, step: 0, reason: `user traffic is not known: ${reason}`, againMs };
    };
    const own = [...this.#rings.values()].filter((ring) => ring.series === series);
    if (own.length === 0) return none(`there are no windows of ${series}`, null);
    if (own.some(({ isKpi }) => isKpi)) {
      return { kpi: series, correlation: 1, step: 1, reason: `${series} is user traffic itself`, againMs: null };
    }
    const againMs = atMs + (AFTER + 1) * own[0]!.sizeMs;
    let best: { kpi: string; r: number } | undefined;
    for (const kpi of this.#rings.values()) {
      if (!kpi.isKpi) continue;
      for (const ring of own) {
        const r = ring.window === kpi.window ? correlation(ring, kpi, atMs, this.#rules.windows) : null;
        if (r !== null && (best === undefined || Math.abs(r) > Math.abs(best.r))) best = { kpi: kpi.series, r };
      }
    }
    if (best === undefined) return none(`fewer than ${LEAST_PAIRS} windows that it shares with a KPI`, againMs);
    const { kpi, r } = best;
    const least = this.#rules.correlation;
    const step = Math.abs(r) >= least ? 1 : Math.abs(r) < least / 2 ? -1 : 0;
    const what = step > 0 ? 'moves with' : step < 0 ? 'does not move with' : 'may move with';
    const change = step > 0 ? ', one severity up' : step < 0 ? ', one severity down' : '';
    const reason = `${series} ${what} user traffic (${kpi}, correlation ${r.toFixed(2)}${change})`;
    return { kpi, correlation: Number(r.toFixed(4)), step, reason, againMs };
  }
}

/** Of the differences between windows that both have, up to AFTER windows behind the event; null where they are few. */
function correlation(a: Ring, b: Ring, atMs: number, most: number): number | null {
  const byStart = new Map(b.starts.map((start, i) => [start, b.means[i]!]));
  const pairs: [number, number][] = [];
  for (const [i, start] of a.starts.entries()) {
    const other = byStart.get(start);
    if (other !== undefined && start <= atMs + AFTER * a.sizeMs) pairs.push([a.means[i]!, other]);
  }
  const differences = pairs
    .slice(-(most + 1))
    .map(([x, y], i, all) => (i === 0 ? [0, 0] : [x - all[i - 1]![0], y - all[i - 1]![1]]))
    .slice(1);
  if (differences.length < LEAST_PAIRS) return null;
  return pearson(differences as [number, number][]);
}

/** Null where one of the two does not vary. */
function pearson(pairs: readonly (readonly [number, number])[]): number | null {
  const mean = (k: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[k], 0) / pairs.length;
  const [mx, my] = [mean(0), mean(1)];
  let [xx, yy, xy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xx += (x - mx) * (x - mx);
    yy += (y - my) * (y - my);
    xy += (x - mx) * (y - my);
  }
  return xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}
