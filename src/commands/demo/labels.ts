/** One labelled anomaly: event times in epoch ms, both inclusive. */
export interface LabelledWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** By series, which is the name of its file without the extension. */
export type Labels = ReadonlyMap<string, readonly LabelledWindow[]>;

export interface SeriesGrade {
  readonly series: string;
  readonly alerts: number;
  /** Labelled anomalies, of those that the stream came to. */
  readonly labelled: number;
  readonly found: number;
  readonly missed: number;
  readonly falseAlarms: number;
}

/**
 * Holds alerts against the labels. An alert inside a labelled window finds it; one outside all of them is a false
 * alarm, and within `refractoryMs` of event time after a counted one of its series it is the same false alarm. The
 * order in which alerts come does not matter, and a repeated one counts once.
 */
export class AlertGrader {
  readonly #labels: Labels;
  readonly #refractoryMs: number;
  /** Event times of alerts by series. */
  readonly #times = new Map<string, number[]>();
  readonly #seen = new Set<string>();

  constructor(labels: Labels, refractoryMs: number) {
    this.#labels = labels;
    this.#refractoryMs = refractoryMs;
  }

  /** Alerts so far, repeated ones left out. */
  get count(): number {
    return this.#seen.size;
  }

  isLabelled(series: string, timeMs: number): boolean {
    return this.#labels.get(series)?.some((window) => contains(window, timeMs)) ?? false;
  }

  /** False when an alert of this identity was there before. */
  add(id: string, series: string, timeMs: number): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    const times = this.#times.get(series);
    if (times === undefined) this.#times.set(series, [timeMs]);
    else times.push(timeMs);
    return true;
  }

  /** By series, sorted by name. Windows that begin after `reachedMs`, the last event time sent, are left out. */
  grades(series: readonly string[], reachedMs: number): SeriesGrade[] {
    return [...series].sort().map((name) => {
      const times = this.#times.get(name) ?? [];
      const windows = (this.#labels.get(name) ?? []).filter((window) => window.startMs <= reachedMs);
      const found = windows.filter((window) => times.some((timeMs) => contains(window, timeMs))).length;
      return {
        series: name,
        alerts: times.length,
        labelled: windows.length,
        found,
        missed: windows.length - found,
        falseAlarms: this.#falseAlarms(times.filter((timeMs) => !this.isLabelled(name, timeMs))),
      };
    });
  }

  #falseAlarms(times: readonly number[]): number {
    let count = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const timeMs of [...times].sort((a, b) => a - b)) {
      if (timeMs - lastMs < this.#refractoryMs) continue;
      lastMs = timeMs;
      count++;
    }
    return count;
  }
}

function contains({ startMs, endMs }: LabelledWindow, timeMs: number): boolean {
  return startMs <= timeMs && timeMs <= endMs;
}
