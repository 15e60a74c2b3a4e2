import type { ModelStatus } from '../../observe/status.ts';
import type { Logger } from '../../output/logger.ts';

const EVERY_MS = 60_000;
const LEAST_VALUES = 100;
/** Share of the values with a score below which it is told. */
const LEAST_AVAILABILITY = 0.95;

type Counts = Pick<ModelStatus, 'asked' | 'scored' | 'fallbacks'>;

/** Tells, once a minute at most, that the model left values to the detector. */
export class AvailabilityNotice {
  readonly #logger: Pick<Logger, 'warn'>;
  #before: Counts = { asked: 0, scored: 0, fallbacks: {} };
  #nextMs = -Infinity;

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  /** @param text what the model is called */
  turn(nowMs: number, text: string, reading: () => Counts): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    const now = reading();
    const before = now.asked < this.#before.asked ? { asked: 0, scored: 0, fallbacks: {} } : this.#before;
    const asked = now.asked - before.asked;
    const missing = asked - (now.scored - before.scored);
    if (asked < LEAST_VALUES) return;
    this.#before = now;
    if (missing <= (1 - LEAST_AVAILABILITY) * asked) return;
    const reasons = Object.entries(now.fallbacks)
      .map(([reason, count]) => ({ reason, count: count - (before.fallbacks[reason] ?? 0) }))
      .filter(({ count }) => count > 0)
      .map(({ reason, count }) => `${reason} ${count}`);
    this.#logger.warn(
      `${text} gave no score for ${((100 * missing) / asked).toFixed(1)} % of the last ${asked} values (${reasons.join(', ')}): the detector alone decided those`,
    );
  }
}
