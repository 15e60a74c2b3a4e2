import { Pacer } from '../../inputs/pacer.ts';

/**
 * A pacer by rows a second that comes up to its rate evenly over `rampMs`, as a service takes traffic step by step: code
 * that runs for the first time is slow, and a queue built up in that second would be all that the latency shows.
 */
export class RampPacer extends Pacer {
  readonly #rampMs: number;
  #startMs = Number.NaN;

  constructor(rate: number, rampMs: number) {
    super(rate, Number.POSITIVE_INFINITY);
    this.#rampMs = rampMs;
  }

  /** The wait may come out short during the ramp: it is asked for again then. */
  override advance(sent: number, timeMs: number, nowMs: number): number {
    if (Number.isNaN(this.#startMs)) this.#startMs = nowMs;
    const elapsedMs = nowMs - this.#startMs;
    const rampMs = this.#rampMs;
    // The integral of a rate that rises from 0 to 1 over the ramp and then stays.
    const pacedMs = elapsedMs < rampMs ? (elapsedMs * elapsedMs) / (2 * rampMs) : elapsedMs - rampMs / 2;
    return super.advance(sent, timeMs, this.#startMs + pacedMs);
  }
}
