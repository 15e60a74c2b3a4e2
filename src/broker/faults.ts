import { AnomalyError } from '../errors.ts';
import type { ApiName } from './protocol/apis.ts';

/**
 * Where a process can be made to die, in the order in which a request passes them: read, done (for Produce: appended,
 * in the page cache), synced by the fsync policy, answered. `torn` is half-way through a write into a segment.
 */
export const CRASH_POINTS = ['received', 'torn', 'handled', 'synced', 'answered'] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What goes wrong, once or several times, for requests of one API. */
export interface Fault {
  /** '*' = any. */
  readonly api: ApiName | '*';
  /** How many requests it hits. Default 1, or without end where `probability` is given. */
  readonly count?: number;
  /** Requests of this API that go by unharmed before it may hit. Default 0. */
  readonly skip?: number;
  /** Chance of each request to be hit, above 0 and at most 1. Default 1. */
  readonly probability?: number;
  /** Of the chances: the same seed hits the same requests. Default 1. */
  readonly seed?: number;
  /** Answer with this error code instead of doing what is asked; the state stays as it is. */
  readonly errorCode?: number;
  /** Wait this long before the request is handled, by the broker's clock. */
  readonly delayMs?: number;
  /** 'before': the connection drops and nothing was done. 'after': it was done, and the answer is lost. */
  readonly drop?: 'before' | 'after';
  /** The process ends here, as by kill -9. Needs BrokerOptions.crash. */
  readonly crash?: CrashPoint;
}

interface ArmedFault {
  readonly fault: Fault;
  readonly chance: () => number;
  left: number;
  skip: number;
}

/** Faults that are armed, in the order in which they were. A request is hit by the first that strikes. */
export class Faults {
  private readonly armed: ArmedFault[] = [];
  private readonly canCrash: boolean;

  /** @throws AnomalyError ANM_USAGE for a crash where nobody can make the process crash */
  constructor(faults: readonly Fault[] = [], canCrash = false) {
    this.canCrash = canCrash;
    for (const fault of faults) this.inject(fault);
  }

  /** @throws AnomalyError ANM_USAGE for a crash where nobody can make the process crash */
  inject(fault: Fault): void {
    if (fault.crash !== undefined && !this.canCrash) {
      throw new AnomalyError(
        'ANM_USAGE',
        `cannot crash at "${fault.crash}" as the broker was started without a way to`,
        {
          hint: 'give startBroker the option crash',
        },
      );
    }
    const without = fault.probability === undefined ? 1 : Number.POSITIVE_INFINITY;
    this.armed.push({
      fault,
      chance: chances(fault.seed ?? 1),
      left: fault.count ?? without,
      skip: fault.skip ?? 0,
    });
  }

  clear(): void {
    this.armed.length = 0;
  }

  /** Faults that have not struck as often as they should. */
  get armedCount(): number {
    return this.armed.length;
  }

  /** The fault that hits this request, if any; it is used up by that. */
  take(api: ApiName): Fault | undefined {
    // The usual case costs a comparison per request.
    if (this.armed.length === 0) return undefined;
    for (const [at, armed] of this.armed.entries()) {
      const { fault } = armed;
      if (fault.api !== api && fault.api !== '*') continue;
      if (armed.skip > 0) {
        armed.skip--;
        // As if it were the only one: those behind it count from when it has struck.
        if (fault.probability === undefined) return undefined;
        continue;
      }
      if (armed.chance() >= (fault.probability ?? 1)) continue;
      armed.left--;
      if (armed.left <= 0) this.armed.splice(at, 1);
      return fault;
    }
    return undefined;
  }
}

/** Numbers in [0, 1), always the same for a seed. Source: Marsaglia, "Xorshift RNGs" (2003), the 32-bit one. */
function chances(seed: number): () => number {
  // A state of 0 would stay 0.
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x100000000;
  };
}
