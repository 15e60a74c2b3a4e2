import { addTotals, type MemberStatus, NO_TOTALS, type StatusOutage, type StatusTotals } from '../../observe/status.ts';
import { MemberBoard, type MemberIdentity, statusError } from '../status/memberBoard.ts';
import type { WorkerHandle } from './workerHandle.ts';

/** A worker's place in the pool: it stays when the worker dies, with what all its lives counted. */
export class WorkerSeat<Plan> {
  readonly plan: Plan & { readonly identity: MemberIdentity };
  handle: WorkerHandle<Plan> | undefined;
  /** Whether it ever got as far as its group. */
  hasBegun = false;
  readonly #empty: MemberBoard;
  readonly #now: () => number;
  #last: MemberStatus | undefined;
  #before: StatusTotals = NO_TOTALS;
  #deaths = 0;

  constructor(plan: Plan & { readonly identity: MemberIdentity }, now: () => number) {
    this.plan = plan;
    this.#now = now;
    this.#empty = new MemberBoard(plan.identity, now);
  }

  take(status: MemberStatus): void {
    this.#last = status;
    if (status.state !== 'starting') this.hasBegun = true;
  }

  /** Its worker is gone, and another one follows. */
  died(error: unknown): void {
    const last = this.#last ?? this.#empty.status();
    this.#before = addTotals(this.#before, last.totals);
    this.#deaths++;
    this.#last = {
      ...last,
      ...{ state: 'restarting', error: statusError(error), atMs: this.#now(), totals: NO_TOTALS },
      ...{ partitions: [], restoring: null, outage: null },
    };
  }

  failed(error: unknown): void {
    const last = this.#last ?? this.#empty.status();
    this.#last = { ...last, state: 'failed', error: statusError(error), atMs: this.#now() };
  }

  /** As its worker knows it; null where that is gone, or is done: it asks nothing any more. */
  get outage(): StatusOutage | null {
    return this.handle === undefined ? null : (this.#last?.outage ?? null);
  }

  status(): MemberStatus {
    const last = this.#last ?? this.#empty.status();
    // A worker that has died sends nothing, and its place lives on.
    const atMs = last.state === 'restarting' ? this.#now() : last.atMs;
    const totals = addTotals(this.#before, last.totals);
    return { ...last, atMs, totals, restarts: last.restarts + this.#deaths, outage: this.outage };
  }
}
