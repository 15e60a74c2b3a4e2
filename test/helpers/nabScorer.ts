import type { NabFile } from './nabData.ts';

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

/**
 * NAB 1.1 over the whole corpus: a row is flagged where score >= threshold. A window earns what its best flagged row
 * earns, more the earlier it is, or loses the weight of a miss; each flagged row outside loses, little just after a
 * window and all of the false positive weight from three widths on.
 */
export class NabScorer {
  /** Scored rows of all files by falling score: score, window (-1 outside), value before the weights. */
  readonly #scores: Float64Array;
  readonly #windows: Int32Array;
  readonly #values: Float64Array;
  readonly #windowCount: number;

  constructor(files: readonly NabFile[], scores: (file: NabFile) => ArrayLike<number>) {
    const rows: { score: number; window: number; value: number }[] = [];
    let windowCount = 0;
    for (const file of files) {
      const given = scores(file);
      const values = rowValues(file);
      for (let i = probation(file.values.length); i < file.values.length; i++) {
        const { window, value } = values[i]!;
        rows.push({ score: given[i]!, window: window < 0 ? -1 : windowCount + window, value });
      }
      windowCount += file.windows.length;
    }
    rows.sort((a, b) => b.score - a.score);
    this.#scores = Float64Array.from(rows, (row) => row.score);
    this.#windows = Int32Array.from(rows, (row) => row.window);
    this.#values = Float64Array.from(rows, (row) => row.value);
    this.#windowCount = windowCount;
  }

  at(threshold: number, profile: NabProfile): NabScore {
    let found = this.#nothing(profile);
    this.#sweep(profile, (score) => {
      if (score.threshold >= threshold) found = score;
    });
    return { ...found, threshold };
  }

  /** The best threshold of all: chosen on what it is measured on, as the benchmark does it. */
  best(profile: NabProfile): NabScore {
    let best = this.#nothing(profile);
    this.#sweep(profile, (score) => {
      if (score.raw > best.raw) best = score;
    });
    return best;
  }

  #nothing(profile: NabProfile): NabScore {
    const raw = -this.#windowCount * profile.falseNegative;
    return { threshold: Infinity, raw, normalized: 0, truePositives: 0, falsePositives: 0 };
  }

  /** Lowers the threshold over every distinct score. */
  #sweep(profile: NabProfile, visit: (score: NabScore) => void): void {
    const best = new Float64Array(this.#windowCount).fill(-profile.falseNegative);
    const base = -this.#windowCount * profile.falseNegative;
    const perfect = this.#windowCount * profile.truePositive;
    let raw = base;
    let truePositives = 0;
    let falsePositives = 0;
    for (let i = 0; i < this.#scores.length; i++) {
      const window = this.#windows[i]!;
      if (window < 0) {
        raw += this.#values[i]! * profile.falsePositive;
        falsePositives++;
      } else {
        const value = (this.#values[i]! * profile.truePositive) / MAX_TRUE_POSITIVE;
        if (value > best[window]!) {
          raw += value - best[window]!;
          best[window] = value;
        }
        truePositives++;
      }
      const threshold = this.#scores[i]!;
      if (this.#scores[i + 1] === threshold) continue;
      const normalized = (100 * (raw - base)) / (perfect - base);
      visit({ threshold, raw, normalized, truePositives, falsePositives });
    }
  }
}

/** What each row is worth when flagged: its window, or -1, and the sigmoid of its place. */
function rowValues(file: NabFile): { window: number; value: number }[] {
  let window = 0;
  return Array.from(file.values, (_, i) => {
    while (window < file.windows.length && file.windows[window]!.right < i) window++;
    const current = file.windows[window];
    if (current !== undefined && i >= current.left) {
      const width = current.right - current.left + 1;
      return { window, value: scaledSigmoid(-(current.right - i + 1) / width) };
    }
    const previous = file.windows[window - 1];
    if (previous === undefined) return { window: -1, value: -1 };
    const width = previous.right - previous.left + 1;
    return { window: -1, value: scaledSigmoid((i - previous.right) / (width - 1)) };
  });
}

function scaledSigmoid(place: number): number {
  return place > 3 ? -1 : 2 / (1 + Math.exp(5 * place)) - 1;
}
