/** A moment of another machine's clock that lies between two of ours; epoch milliseconds. */
export interface ClockSample {
  /** Before the question left. */
  readonly sentMs: number;
  /** What the other's clock said: `resolutionMs` is how coarse it was told, rounded down. */
  readonly theirsMs: number;
  /** After the answer was here. */
  readonly answeredMs: number;
  /** Default 1, as record times are. */
  readonly resolutionMs?: number;
}

/** Their clock minus ours: somewhere in `skewMs` plus or minus `errorMs`. */
export interface ClockSkew {
  readonly skewMs: number;
  readonly errorMs: number;
  readonly samples: number;
}

/** Samples that count: clocks drift, so what was true an hour ago may not be. */
const KEPT = 64;
/** Ours is read in whole milliseconds, rounded down. */
const OUR_RESOLUTION_MS = 1;

/**
 * The offset of another clock, as bounds and never as a guess. Each sample proves that it lies between `theirs - answered`
 * and `theirs - sent`, whatever the ways there and back took; many of them leave the overlap. Where the newest do not
 * agree with older ones, a clock was set meanwhile, and the older ones are left out.
 */
export class SkewEstimate {
  readonly #lows: number[] = [];
  readonly #highs: number[] = [];

  add({ sentMs, theirsMs, answeredMs, resolutionMs = 1 }: ClockSample): void {
    if (!(answeredMs >= sentMs)) return;
    this.#lows.push(theirsMs - answeredMs - OUR_RESOLUTION_MS);
    this.#highs.push(theirsMs + resolutionMs - sentMs);
    if (this.#lows.length <= KEPT) return;
    this.#lows.shift();
    this.#highs.shift();
  }

  /** Null before the first sample. */
  get skew(): ClockSkew | null {
    let [low, high, samples] = [-Infinity, Infinity, 0];
    for (let i = this.#lows.length - 1; i >= 0; i--) {
      const [lower, higher] = [Math.max(low, this.#lows[i]!), Math.min(high, this.#highs[i]!)];
      if (lower > higher) break;
      [low, high] = [lower, higher];
      samples++;
    }
    return samples === 0 ? null : { skewMs: (low + high) / 2, errorMs: (high - low) / 2, samples };
  }
}

/** As `+3 ms ± 1 ms`: their clock is ahead by 3. */
export function skewText({ skewMs, errorMs }: Pick<ClockSkew, 'skewMs' | 'errorMs'>): string {
  const digits = (value: number) => (Math.abs(value) < 10 ? Number(value.toFixed(1)) : Math.round(value));
  return `${skewMs < 0 ? '' : '+'}${digits(skewMs)} ms ± ${digits(errorMs)} ms`;
}
