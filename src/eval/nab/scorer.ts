import { groupOf, type LabelledSeries } from '../labelledSeries.ts';

/** Weights of a NAB 1.1 application profile (config/profiles.json of the benchmark). */
export interface NabProfile {
  readonly name: string;
  readonly truePositive: number;
  readonly falseNegative: number;
  readonly falsePositive: number;
}

export const NAB_PROFILES: readonly NabProfile[] = [
  { name: 'standard', truePositive: 1, falseNegative: 1, falsePositive: 0.11 },
  { name: 'low FP', truePositive: 1, falseNegative: 1, falsePositive: 0.22 },
  { name: 'low FN', truePositive: 1, falseNegative: 2, falsePositive: 0.11 },
];

/** A corpus score at one threshold: raw, and on the scale where no alert at all is 0 and perfection is 100. */
export interface NabScore {
  readonly threshold: number;
  readonly raw: number;
  readonly normalized: number;
  /** Rows flagged inside and outside of windows. */
  readonly truePositives: number;
  readonly falsePositives: number;
}

const MAX_TRUE_POSITIVE = scaledSigmoid(-1);

/** Rows at the start of a file that are not scored. */
export function probation(rows: number): number {
  return Math.min(Math.floor(0.15 * rows), 750);
}

/** A raw score on the scale of the benchmark. */
export function normalizedScore(raw: number, windows: number, profile: NabProfile): number {
  const base = -windows * profile.falseNegative;
  return (100 * (raw - base)) / (windows * profile.truePositive - base);
}

/** What flagging one row is worth, before the weights: its window, or -1 outside of all, and the sigmoid of its place. */
export interface NabRows {
  readonly window: Int32Array;
  readonly value: Float64Array;
  /** Windows of the file. */
  readonly windows: number;
  /** First row that is scored. */
  readonly first: number;
}

/**
 * Rows of a file whose windows are its events. A window's first row is worth the most; a row outside loses little just
 * after a window and all of the false positive weight from three widths on.
 */
export function nabRows({ values, events }: LabelledSeries): NabRows {
  const window = new Int32Array(values.length).fill(-1);
  const value = new Float64Array(values.length);
  let next = 0;
  for (let i = 0; i < values.length; i++) {
    while (next < events.length && events[next]!.to <= i) next++;
    const current = events[next];
    if (current !== undefined && i >= current.from) {
      window[i] = next;
      value[i] = scaledSigmoid(-(current.to - i) / (current.to - current.from));
      continue;
    }
    const before = events[next - 1];
    value[i] = before === undefined ? -1 : scaledSigmoid((i - (before.to - 1)) / (before.to - before.from - 1));
  }
  return { window, value, windows: events.length, first: probation(values.length) };
}

/** Raw score of one file by its flagged rows: the best of each window, all of those outside, and the misses. */
export function rawScore(rows: NabRows, flagged: ArrayLike<number>, profile: NabProfile): number {
  const best = new Float64Array(rows.windows).fill(-profile.falseNegative);
  let raw = 0;
  for (let k = 0; k < flagged.length; k++) {
    const i = flagged[k]!;
    if (i < rows.first) continue;
    const window = rows.window[i]!;
    if (window < 0) raw += rows.value[i]! * profile.falsePositive;
    else best[window] = Math.max(best[window]!, (rows.value[i]! * profile.truePositive) / MAX_TRUE_POSITIVE);
  }
  for (const value of best) raw += value;
  return raw;
}

/** A score with thresholds chosen elsewhere: that of each group is the best one of all other groups. */
export interface LogoScore {
  readonly raw: number;
  readonly normalized: number;
  readonly thresholds: readonly { readonly group: string; readonly threshold: number }[];
}

/**
 * NAB 1.1 over a corpus: a row is flagged where score >= threshold. A window earns what its best flagged row earns, more
 * the earlier it is, or loses the weight of a miss; each flagged row outside loses.
 */
export class NabScorer {
  readonly #groups: readonly string[];
  readonly #windowsByGroup: Float64Array;
  // Scored rows of all files by falling score: window (-1 outside), group, value before the weights.
  readonly #scores: Float64Array;
  readonly #windows: Int32Array;
  readonly #groupOf: Int32Array;
  readonly #values: Float64Array;
  readonly #windowCount: number;

  /** @param scores of the rows of the file of an index; a row without a score (NaN) is never flagged */
  constructor(files: readonly LabelledSeries[], scores: (index: number) => ArrayLike<number>) {
    this.#groups = [...new Set(files.map(({ name }) => groupOf(name)))];
    this.#windowsByGroup = new Float64Array(this.#groups.length);
    const all = files.map((file, f) => ({ given: scores(f), rows: nabRows(file), group: groupOf(file.name) }));
    const most = all.reduce((sum, { rows }) => sum + rows.window.length, 0);
    const [given, values] = [new Float64Array(most), new Float64Array(most)];
    const [windows, groups] = [new Int32Array(most), new Int32Array(most)];
    let count = 0;
    let windowCount = 0;
    for (const { given: own, rows, group } of all) {
      const g = this.#groups.indexOf(group);
      for (let i = rows.first; i < rows.window.length; i++) {
        if (Number.isNaN(own[i]!)) continue;
        given[count] = own[i]!;
        values[count] = rows.value[i]!;
        windows[count] = rows.window[i]! < 0 ? -1 : windowCount + rows.window[i]!;
        groups[count++] = g;
      }
      windowCount += rows.windows;
      this.#windowsByGroup[g]! += rows.windows;
    }
    const order = Int32Array.from({ length: count }, (_, k) => k).sort((a, b) => given[b]! - given[a]! || a - b);
    this.#scores = Float64Array.from(order, (k) => given[k]!);
    this.#values = Float64Array.from(order, (k) => values[k]!);
    this.#windows = Int32Array.from(order, (k) => windows[k]!);
    this.#groupOf = Int32Array.from(order, (k) => groups[k]!);
    this.#windowCount = windowCount;
  }

  at(threshold: number, profile: NabProfile): NabScore {
    let found = this.#nothing(profile);
    this.#sweep(profile, (score) => {
      if (score.threshold >= threshold) found = { ...score };
    });
    return { ...found, threshold };
  }

  /** The best threshold of all: chosen on what it is measured on, as the benchmark does it. */
  best(profile: NabProfile): NabScore {
    let best = this.#nothing(profile);
    this.#sweep(profile, (score) => {
      if (score.raw > best.raw) best = { ...score };
    });
    return best;
  }

  /** Leave one group out: a group is what stands before the first '/' of a file's name. */
  logo(profile: NabProfile): LogoScore {
    const own = this.#windowsByGroup.map((windows) => -windows * profile.falseNegative);
    const total = own.reduce((sum, raw) => sum + raw, 0);
    const bestOthers = own.map((raw) => total - raw);
    const chosen = Float64Array.from(own);
    const thresholds = new Float64Array(own.length).fill(Infinity);
    this.#sweep(profile, ({ threshold, raw }, byGroup) => {
      for (let g = 0; g < own.length; g++) {
        // Sums in another order may differ in their last digits, which must not look like a better threshold.
        if (!(raw - byGroup[g]! > bestOthers[g]! + ROUNDING)) continue;
        bestOthers[g] = raw - byGroup[g]!;
        chosen[g] = byGroup[g]!;
        thresholds[g] = threshold;
      }
    });
    const raw = chosen.reduce((sum, value) => sum + value, 0);
    return {
      raw,
      normalized: normalizedScore(raw, this.#windowCount, profile),
      thresholds: this.#groups.map((group, g) => ({ group, threshold: thresholds[g]! })),
    };
  }

  #nothing(profile: NabProfile): NabScore {
    const raw = -this.#windowCount * profile.falseNegative;
    return { threshold: Infinity, raw, normalized: 0, truePositives: 0, falsePositives: 0 };
  }

  /** Lowers the threshold over every distinct score; the score and the raw scores by group are valid until the next. */
  #sweep(profile: NabProfile, visit: (score: NabScore, byGroup: Float64Array) => void): void {
    const best = new Float64Array(this.#windowCount).fill(-profile.falseNegative);
    const byGroup = this.#windowsByGroup.map((windows) => -windows * profile.falseNegative);
    const score = { ...this.#nothing(profile) };
    for (let i = 0; i < this.#scores.length; i++) {
      const window = this.#windows[i]!;
      let change = 0;
      if (window < 0) {
        change = this.#values[i]! * profile.falsePositive;
        score.falsePositives++;
      } else {
        const value = (this.#values[i]! * profile.truePositive) / MAX_TRUE_POSITIVE;
        if (value > best[window]!) {
          change = value - best[window]!;
          best[window] = value;
        }
        score.truePositives++;
      }
      score.raw += change;
      byGroup[this.#groupOf[i]!]! += change;
      score.threshold = this.#scores[i]!;
      if (this.#scores[i + 1] === score.threshold) continue;
      score.normalized = normalizedScore(score.raw, this.#windowCount, profile);
      visit(score, byGroup);
    }
  }
}

const ROUNDING = 1e-9;

function scaledSigmoid(place: number): number {
  return place > 3 ? -1 : 2 / (1 + Math.exp(5 * place)) - 1;
}
