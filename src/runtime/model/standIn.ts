import type { ModelStatus } from '../../observe/status.ts';
import type { ModelSeat } from './modelSeat.ts';
import type { Handed } from './partitionScores.ts';

type Answer = NonNullable<Handed['answer']>;

/** The model that is asked for what the first one gave no score for: inference stays up while a server is gone. */
export class StandIn {
  readonly seat: ModelSeat;

  constructor(seat: ModelSeat) {
    this.seat = seat;
  }

  reading(): NonNullable<ModelStatus['standIn']> {
    return this.seat.reading();
  }

  /** Rows that it may be handed now. */
  get room(): number {
    return Math.max(0, this.seat.window.rows - this.seat.inFlight);
  }

  /**
   * The answer with what the stand-in says of the rows that have no score in it; as it is where all have one.
   *
   * @param windows of all rows, as they were handed over; read before it returns
   */
  async fill(answer: Answer, windows: Float32Array): Promise<Answer> {
    const { scores } = answer;
    const missing: number[] = [];
    for (let row = 0; row < scores.length; row++) if (!Number.isFinite(scores[row]!)) missing.push(row);
    if (missing.length === 0) return answer;
    const size = windows.length / scores.length;
    const own = new Float32Array(missing.length * size);
    missing.forEach((row, k) => {
      own.set(windows.subarray(row * size, (row + 1) * size), k * size);
    });
    const second = await this.seat.ask(missing.length, own);
    const filled = Float32Array.from(scores);
    const by = Uint8Array.from(answer.by ?? new Uint8Array(scores.length));
    missing.forEach((row, k) => {
      if (!Number.isFinite(second.scores[k]!)) return;
      filled[row] = second.scores[k]!;
      by[row] = answer.models.length;
    });
    return { scores: filled, models: [...answer.models, this.seat.scorer.identity], by };
  }
}
