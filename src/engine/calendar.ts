/**
 * Spans of event time (epoch ms) in which nothing alerts and nothing is learnt: holidays, planned work. Plain data, made
 * outside of the engine: start and end of each span in turn, ends exclusive, ascending, no two of them touching.
 */
export type CalendarSpans = Float64Array;

/**
 * Answers whether a time is inside a span. Times come more or less in order, so the stretch that the last one was in is
 * kept, inside or between two spans; answers do not depend on it.
 */
export class CalendarMask {
  readonly #spans: CalendarSpans;
  // No time is in it, so that the first one is looked up.
  #from = Infinity;
  #to = -Infinity;
  #isInside = false;

  constructor(spans: CalendarSpans) {
    this.#spans = spans;
  }

  /** Whether a span holds some of [fromMs, toMs), or the instant where both are one. */
  holds(fromMs: number, toMs: number): boolean {
    if (!(fromMs >= this.#from && fromMs < this.#to)) this.#find(fromMs);
    // Between two spans: the next one begins at #to.
    return this.#isInside || toMs > this.#to;
  }

  #find(timeMs: number): void {
    const spans = this.#spans;
    let low = 0;
    let high = spans.length;
    // How many edges are at or before the time: an odd number inside of a span.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (spans[middle]! <= timeMs) low = middle + 1;
      else high = middle;
    }
    this.#isInside = low % 2 === 1;
    this.#from = low === 0 ? -Infinity : spans[low - 1]!;
    this.#to = low === spans.length ? Infinity : spans[low]!;
  }
}

/** All times that are in one of the lists; what overlaps or touches becomes one span. */
export function mergedSpans(lists: readonly CalendarSpans[]): CalendarSpans {
  const spans: [number, number][] = [];
  for (const list of lists) for (let i = 0; i < list.length; i += 2) spans.push([list[i]!, list[i + 1]!]);
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const merged: number[] = [];
  for (const [start, end] of spans) {
    if (!(start < end)) continue;
    if (merged.length > 0 && start <= merged.at(-1)!) merged[merged.length - 1] = Math.max(merged.at(-1)!, end);
    else merged.push(start, end);
  }
  return Float64Array.from(merged);
}
