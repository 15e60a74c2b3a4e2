import type { KeyDictionary } from '../../engine/keys.ts';
import type { AskedRows } from '../../engine/model/pendingScores.ts';
import type { ModelScores } from '../../models/modelScorer.ts';
import type { ModelSeat } from './modelSeat.ts';
import type { Handed } from './partitionScores.ts';

/** Rows of some series go to one model, those of the others to another; a series is always of the same one. */
export class CanaryShare {
  readonly seat: ModelSeat;
  readonly share: number;

  constructor(seat: ModelSeat, share: number) {
    this.seat = seat;
    this.share = share;
  }

  /** Whether a series is of the canary: by a hash of its key (FNV-1a), so in every member and after every restart. */
  has(keys: KeyDictionary, series: number): boolean {
    const { arena } = keys;
    const end = keys.endOf(series);
    let hash = 0x811c9dc5;
    for (let at = keys.startOf(series); at < end; at++) hash = Math.imul(hash ^ arena[at]!, 0x01000193);
    // Its low bits depend on the last bytes only, which alone are different in most names.
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 12)) >>> 0 < this.share * 2 ** 32;
  }

  /** Asks both models, each for its rows. Reads the windows before it returns. */
  async ask(
    { rows, windows, series }: AskedRows,
    keys: KeyDictionary,
    live: ModelSeat,
    onLive: (answer: ModelScores) => void,
    onCanary: (answer: ModelScores) => void,
  ): Promise<NonNullable<Handed['answer']>> {
    const size = windows.length / rows;
    const by = Uint8Array.from(series, (each) => (this.has(keys, each) ? 1 : 0));
    const parts = [live, this.seat].map((seat, part) => {
      const own = Array.from(by.keys()).filter((row) => by[row] === part);
      const copy = new Float32Array(own.length * size);
      own.forEach((row, k) => {
        copy.set(windows.subarray(row * size, (row + 1) * size), k * size);
      });
      return { own, asked: own.length === 0 ? undefined : seat.ask(own.length, copy) };
    });
    const scores = new Float32Array(rows);
    for (const [part, { own, asked }] of parts.entries()) {
      const answer = await asked;
      if (answer === undefined) continue;
      (part === 0 ? onLive : onCanary)(answer);
      own.forEach((row, k) => {
        scores[row] = answer.scores[k]!;
      });
    }
    return { scores, models: [live.scorer.identity, this.seat.scorer.identity], by };
  }
}
