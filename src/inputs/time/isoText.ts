const DAY_MS = 86_400_000;

/** Writes instants as YYYY-MM-DDTHH:MM:SS.mmmZ, with six digits where there are microseconds. Years 0 to 9999. */
export class IsoText {
  readonly #date = new Uint8Array(11);
  #day = Number.NaN;

  /** Writes at `at` and returns the position after it: 24 or 27 bytes. `timeMs` is in epoch milliseconds. */
  write(target: Uint8Array, start: number, timeMs: number): number {
    const day = Math.floor(timeMs / DAY_MS);
    if (day !== this.#day) {
      // Neighbours mostly are of one day, so the calendar is asked once for many rows.
      this.#date.set(Buffer.from(new Date(day * DAY_MS).toISOString().slice(0, 11), 'latin1'));
      this.#day = day;
    }
    let at = start;
    for (let i = 0; i < 11; i++) target[at++] = this.#date[i]!;
    const clockUs = Math.round((timeMs - day * DAY_MS) * 1000);
    const seconds = Math.floor(clockUs / 1e6);
    const us = clockUs - seconds * 1e6;
    at = digits(target, at, Math.floor(seconds / 3600), 2);
    target[at++] = 58;
    at = digits(target, at, Math.floor(seconds / 60) % 60, 2);
    target[at++] = 58;
    at = digits(target, at, seconds % 60, 2);
    target[at++] = 46;
    at = us % 1000 === 0 ? digits(target, at, us / 1000, 3) : digits(target, at, us, 6);
    target[at++] = 90;
    return at;
  }
}

function digits(target: Uint8Array, start: number, value: number, width: number): number {
  let rest = value;
  for (let i = start + width - 1; i >= start; i--) {
    target[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return start + width;
}
