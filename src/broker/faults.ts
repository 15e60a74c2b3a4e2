import type { ApiName } from './protocol/apis.ts';

/** What goes wrong, once or several times, for requests of one API. */
export interface Fault {
  readonly api: ApiName;
  /** How many requests it hits. Default 1. */
  readonly count?: number;
  /** Requests of this API that go by unharmed before it hits. Default 0. */
  readonly skip?: number;
  /** Answer with this error code instead of doing what is asked; the state stays as it is. */
  readonly errorCode?: number;
  /** Wait this long before the request is handled, by the broker's clock. */
  readonly delayMs?: number;
  /** 'before': the connection drops and nothing was done. 'after': it was done, and the answer is lost. */
  readonly drop?: 'before' | 'after';
}

interface ArmedFault {
  readonly fault: Fault;
  left: number;
  skip: number;
}

/** Faults that are armed, in the order in which they were. A request is hit by the first that fits. */
export class Faults {
  private readonly armed: ArmedFault[] = [];

  constructor(faults: readonly Fault[] = []) {
    for (const fault of faults) this.inject(fault);
  }

  inject(fault: Fault): void {
    this.armed.push({ fault, left: fault.count ?? 1, skip: fault.skip ?? 0 });
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
    const at = this.armed.findIndex(({ fault }) => fault.api === api);
    const found = this.armed[at];
    if (found === undefined) return undefined;
    if (found.skip > 0) {
      found.skip--;
      return undefined;
    }
    found.left--;
    if (found.left <= 0) this.armed.splice(at, 1);
    return found.fault;
  }
}
