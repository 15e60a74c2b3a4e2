/** When asked rows came to wait, by their running number: how many of them have waited for longer than they may. */
export class WaitingSince {
  /** Running number behind the last row of an arrival, and its time, in turns; those that were handed over go. */
  #arrivals: { upTo: number; readonly atMs: number }[] = [];

  /** Rows below `upTo` have come by now. */
  arrived(upTo: number, nowMs: number): void {
    const last = this.#arrivals.at(-1);
    if (last !== undefined && upTo <= last.upTo) return;
    if (last?.atMs === nowMs) last.upTo = upTo;
    else this.#arrivals.push({ upTo, atMs: nowMs });
  }

  /** How many of the rows from `handed` on came before `beforeMs`. */
  overdue(handed: number, beforeMs: number): number {
    let gone = 0;
    let upTo = handed;
    for (const arrival of this.#arrivals) {
      if (arrival.upTo <= handed) gone++;
      else if (arrival.atMs < beforeMs) upTo = arrival.upTo;
      else break;
    }
    if (gone > 0) this.#arrivals.splice(0, gone);
    return upTo - handed;
  }
}
