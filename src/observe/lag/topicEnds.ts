import { BROKER_INTERVAL_MS, WINDOW } from './burrow.ts';
import { OffsetTable } from './offsetTable.ts';

/** What was seen of the end of one partition's log, shared by all groups that read it. */
export class TopicEnds {
  readonly table = new OffsetTable();
  /** Ends at the last looks of Burrow's interval, oldest first. */
  readonly brokerOffsets: number[] = [];
  #brokerMs = Number.NEGATIVE_INFINITY;
  #refused = 0;

  look(end: number, atMs: number): void {
    if (this.table.add(end, atMs) === 'NonMonotonic') {
      // Once it may be an old leader's answer, twice in a row it is another log.
      if (++this.#refused < 2) return;
      this.table.clear();
      this.brokerOffsets.length = 0;
      this.#brokerMs = Number.NEGATIVE_INFINITY;
      this.table.add(end, atMs);
    }
    this.#refused = 0;
    if (atMs - this.#brokerMs < BROKER_INTERVAL_MS) return;
    this.#brokerMs = atMs;
    this.brokerOffsets.push(end);
    if (this.brokerOffsets.length > WINDOW) this.brokerOffsets.shift();
  }
}

export interface TimeLag {
  readonly lagMs: number | null;
  readonly reason: string | null;
  readonly isExtrapolated: boolean;
}

/** Age of what is at the committed offset by the table; `lag` is that in records. */
export function timeLag({ table }: TopicEnds, committed: number, lag: number): TimeLag {
  if (lag === 0) return { lagMs: 0, reason: null, isExtrapolated: false };
  const found = table.lookup(committed);
  switch (found.kind) {
    case 'LagIsZero':
      return { lagMs: 0, reason: null, isExtrapolated: false };
    case 'TooFewPoints':
      return { lagMs: null, reason: 'time needs 2 looks; --exact reads the record', isExtrapolated: false };
    case 'Flat':
      return {
        lagMs: null,
        reason: 'the log did not grow while it was watched; --exact reads the record',
        isExtrapolated: false,
      };
    case 'Time':
      return { lagMs: table.newestMs - found.timeMs, reason: null, isExtrapolated: found.isExtrapolated };
  }
}
