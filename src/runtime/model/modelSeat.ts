import type { ModelScorer, ModelScores } from '../../models/modelScorer.ts';
import type { ModelStatus } from '../../observe/status.ts';
import { FlightWindow } from './flightWindow.ts';
import { ModelGauge } from './modelGauge.ts';

/** A model that is asked, with what it does and how much of it is asked at once. */
export class ModelSeat {
  readonly scorer: ModelScorer;
  /** As it was named. */
  readonly uri: string;
  readonly window: FlightWindow;
  readonly gauge = new ModelGauge();
  /** Rows that it has. */
  inFlight = 0;
  readonly #isOwned: boolean;
  #isRetired = false;

  /** @param isOwned closed when it is retired; else whoever opened it closes it */
  constructor(scorer: ModelScorer, uri: string, bounds: { mostRows: number; timeoutMs: number }, isOwned: boolean) {
    this.scorer = scorer;
    this.uri = uri;
    this.window = new FlightWindow(bounds.mostRows, bounds.timeoutMs);
    this.#isOwned = isOwned;
  }

  /** 'pump-lstm version 3', 'pump.onnx'. */
  get text(): string {
    const { name, version } = this.scorer.identity;
    return version === undefined ? name : `${name} version ${version}`;
  }

  async ask(rows: number, windows: Float32Array): Promise<ModelScores> {
    const flight = this.window.begin();
    this.inFlight += rows;
    const answer = await this.scorer.score({ rows, windows });
    this.inFlight -= rows;
    this.window.answered(answer, flight);
    this.gauge.answered(answer);
    this.#close();
    return answer;
  }

  /** It gets no rows any more. */
  retire(): void {
    this.#isRetired = true;
    this.#close();
  }

  reading(): Omit<ModelStatus, 'rollbacks' | 'shadow' | 'canary'> {
    const { name, version = null, sha256 = null } = this.scorer.identity;
    return { name, version, sha256, ...this.gauge.reading() };
  }

  #close(): void {
    if (this.#isRetired && this.#isOwned && this.inFlight === 0) void this.scorer.close();
  }
}
