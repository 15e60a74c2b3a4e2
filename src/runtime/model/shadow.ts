import { ModelTails, modelDigest } from '../../engine/model/modelTails.ts';
import type { AskedRows } from '../../engine/model/pendingScores.ts';
import type { ShadowStatus } from '../../observe/status.ts';
import type { ModelSeat } from './modelSeat.ts';
import type { PartitionScores } from './partitionScores.ts';

/** -log10 p: above it a score is told from the usual, as by the threshold of medium sensitivity. */
const TOLD = 2.5;

interface Tails {
  readonly live: ModelTails;
  readonly shadow: ModelTails;
}

/**
 * A challenger that is asked what the live model is asked, and changes nothing. Both scores are calibrated by tails of
 * this process; the two disagree on a value where one tells it from the usual, and the other does not. What it cannot
 * take is left out: it holds nothing back.
 */
export class Shadow {
  readonly seat: ModelSeat;
  readonly #tails = new WeakMap<PartitionScores, Tails>();
  #compared = 0;
  #disagreed = 0;
  #skipped = 0;

  constructor(seat: ModelSeat) {
    this.seat = seat;
  }

  /** Reads the windows before it returns. @param live what the live model says; NaN where it says nothing */
  ask(partition: PartitionScores, asked: AskedRows, live: Promise<{ readonly scores: Float32Array }>): void {
    if (this.seat.inFlight + asked.rows > this.seat.window.rows) {
      this.#skipped += asked.rows;
      return;
    }
    const own = this.seat.ask(asked.rows, asked.windows);
    void Promise.all([live, own]).then(([{ scores }, other]) => this.#compare(partition, asked, scores, other.scores));
  }

  reading(): ShadowStatus {
    const { latencyMs, ...rest } = this.seat.reading();
    return { ...rest, latencyMs, compared: this.#compared, disagreed: this.#disagreed, skipped: this.#skipped };
  }

  #compare(partition: PartitionScores, { series }: AskedRows, live: Float32Array, other: Float32Array): void {
    if (partition.isGone) return;
    const tails = this.#tailsOf(partition);
    const digest = modelDigest(this.seat.scorer.identity);
    for (let row = 0; row < series.length; row++) {
      if (!Number.isFinite(live[row]!) || !Number.isFinite(other[row]!)) continue;
      const ours = tails.live.next(series[row]!, live[row]!, digest);
      const theirs = tails.shadow.next(series[row]!, other[row]!, digest);
      if (Number.isNaN(ours) || Number.isNaN(theirs)) continue;
      this.#compared++;
      if (ours >= TOLD !== theirs >= TOLD) this.#disagreed++;
    }
  }

  #tailsOf(partition: PartitionScores): Tails {
    let tails = this.#tails.get(partition);
    if (tails === undefined) {
      tails = { live: new ModelTails(), shadow: new ModelTails() };
      this.#tails.set(partition, tails);
    }
    const { size } = partition.pipeline.keys;
    tails.live.reserve(size);
    tails.shadow.reserve(size);
    return tails;
  }
}
