import type { ModelScores } from '../../models/modelScorer.ts';

/** When a model that took another's place gives it back: score.model.rollback. */
export interface RollbackRule {
  /** How long it is looked at; 0: never. */
  readonly withinMs: number;
  /** Values that each look is over. */
  readonly values: number;
  /** Share of them without a score, above which it goes. */
  readonly errorRate: number;
  /** Latency that more than one in a hundred of them is above, at which it goes. */
  readonly latencyMs: number;
  /** So many times more scores than one in a hundred that are such as one in a hundred should be: its scores drift. */
  readonly drift: number;
}

/** How many scores of a model were calibrated, and how many of them are such as one in a hundred is. */
export interface Extremes {
  readonly calibrated: number;
  readonly extreme: number;
}

const LATE_SHARE = 0.01;
const EXTREME_SHARE = 0.01;

/** Looks at what a new model says, some thousand values at a time, and tells why it should go. */
export class RolloutGuard {
  readonly #rule: RollbackRule;
  readonly #endMs: number;
  #rows = 0;
  #missing = 0;
  #late = 0;
  #before: Extremes;

  /** @param extremes of the model by now */
  constructor(rule: RollbackRule, nowMs: number, extremes: Extremes) {
    this.#rule = rule;
    this.#endMs = nowMs + rule.withinMs;
    this.#before = extremes;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }

  answered({ scores, latencyMs }: ModelScores): void {
    this.#rows += scores.length;
    if (latencyMs > this.#rule.latencyMs) this.#late += scores.length;
    for (let row = 0; row < scores.length; row++) if (!Number.isFinite(scores[row]!)) this.#missing++;
  }

  /** Why the model should go, undefined where it may stay; begins anew once it has seen enough. */
  verdict(extremes: Extremes): string | undefined {
    const { values, errorRate, latencyMs, drift } = this.#rule;
    const calibrated = extremes.calibrated - this.#before.calibrated;
    const extreme = extremes.extreme - this.#before.extreme;
    if (calibrated >= values) {
      this.#before = extremes;
      if (extreme > drift * EXTREME_SHARE * calibrated) {
        return `${percent(extreme / calibrated)} of its scores are such as 1 % should be, more than score.model.rollback.drift (${drift}) times that`;
      }
    }
    if (this.#rows < values) return undefined;
    const [rows, missing, late] = [this.#rows, this.#missing, this.#late];
    this.#rows = 0;
    this.#missing = 0;
    this.#late = 0;
    if (missing > errorRate * rows) {
      return `${percent(missing / rows)} of ${rows} values had no score, more than score.model.rollback.error_rate (${errorRate})`;
    }
    if (late > LATE_SHARE * rows) {
      return `${percent(late / rows)} of ${rows} values took longer than score.model.rollback.latency (${latencyMs} ms)`;
    }
    return undefined;
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
