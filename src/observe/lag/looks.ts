/** Looks that a trend is of. */
export const TREND_LOOKS = 30;
/** Looks, and milliseconds, that a rate is of at most. */
const RATE_LOOKS = 10;
const RATE_MS = 60_000;
const FIELDS = 3;

export interface Rates {
  readonly inRate: number | null;
  readonly outRate: number | null;
  readonly reason: string | null;
}

const ONE_LOOK: Rates = { inRate: null, outRate: null, reason: 'rates need 2 looks' };

/** The last looks at one partition of one group: time, end of the log, committed offset; NaN for what was unknown. */
export class Looks {
  readonly #ring = new Float64Array(TREND_LOOKS * FIELDS);
  #count = 0;

  get newestMs(): number {
    return this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#at(this.#count - 1, 0);
  }

  /** One that is not newer than the newest is left out. */
  add(atMs: number, end: number | null, committed: number | null): void {
    if (atMs <= this.newestMs) return;
    const at = (this.#count % TREND_LOOKS) * FIELDS;
    this.#ring[at] = atMs;
    this.#ring[at + 1] = end ?? Number.NaN;
    this.#ring[at + 2] = committed ?? Number.NaN;
    this.#count++;
  }

  /** Lag of the looks that know it, oldest first. */
  trend(): number[] {
    const lags: number[] = [];
    for (let i = Math.max(0, this.#count - TREND_LOOKS); i < this.#count; i++) {
      const lag = this.#at(i, 1) - this.#at(i, 2);
      if (lag >= 0) lags.push(lag);
    }
    return lags;
  }

  /** Records a second over the last looks. What is unknown at the newest look, or went back, has no rate. */
  rates(): Rates {
    const newest = this.#count - 1;
    const oldest = Math.max(0, this.#count - TREND_LOOKS, this.#count - RATE_LOOKS);
    if (newest <= oldest) return ONE_LOOK;
    const inRate = this.#rate(1, oldest, newest);
    const outRate = this.#rate(2, oldest, newest);
    if (inRate !== null && outRate !== null) return { inRate, outRate, reason: null };
    const reason =
      inRate === null
        ? 'the end of the log is known at fewer than 2 looks'
        : 'the committed offset is known at fewer than 2 looks, or was set back';
    return { inRate, outRate, reason };
  }

  #rate(field: number, oldest: number, newest: number): number | null {
    const toMs = this.#at(newest, 0);
    const to = this.#at(newest, field);
    let first = newest;
    for (let i = newest - 1; i >= oldest; i--) {
      const value = this.#at(i, field);
      // Behind an unknown value, or one above, is another story.
      if (!(value <= this.#at(first, field)) || toMs - this.#at(i, 0) > RATE_MS) break;
      first = i;
    }
    if (first === newest) return null;
    return (1000 * (to - this.#at(first, field))) / (toMs - this.#at(first, 0));
  }

  #at(look: number, field: number): number {
    return this.#ring[(look % TREND_LOOKS) * FIELDS + field]!;
  }
}

/** Time until a lag is gone; with the reason where these rates never get there. */
export function drainTime(
  lag: number | null,
  { inRate, outRate, reason }: Rates,
): { readonly drainMs: number | null; readonly reason: string | null } {
  if (lag === null) return { drainMs: null, reason: null };
  if (lag === 0) return { drainMs: 0, reason: null };
  if (inRate === null || outRate === null) return { drainMs: null, reason };
  const gain = outRate - inRate;
  if (gain > 0) return { drainMs: (1000 * lag) / gain, reason: null };
  return { drainMs: null, reason: gain === 0 ? 'the lag does not shrink' : 'the lag grows' };
}
