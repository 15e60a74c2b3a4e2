import type { ColdStore } from '../../../src/engine/coldStore.ts';
import type { ModelName, PipelineDefinition } from '../../../src/engine/definition.ts';
import type { AskedRows } from '../../../src/engine/model/pendingScores.ts';
import { Fed } from '../helpers/seriesStream.ts';

/** Distance of the last value to the mean of those before it; NaN, as by a deadline, at some offsets. */
export function distanceModel({ rows, windows, offsets }: AskedRows, failsEach = 7): Float32Array {
  const size = windows.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => {
    if (offsets[row]! % failsEach === failsEach - 1) return NaN;
    const window = windows.subarray(row * size, (row + 1) * size);
    let sum = 0;
    for (let k = 0; k + 1 < size; k++) sum += window[k]!;
    return Math.abs(window[size - 1]! - sum / (size - 1));
  });
}

/** A fed pipeline with a model whose answers come when the test wants them. */
export class ModelFed extends Fed {
  readonly asked: number[] = [];
  readonly #model: (asked: AskedRows) => Float32Array;
  readonly #by: ModelName;
  #answers: { scores: Float32Array; offsets: Float64Array }[] = [];

  constructor(
    definition: PipelineDefinition,
    cold?: { readonly store: ColdStore; readonly hotSeries: number },
    offset = 0,
    model = distanceModel,
    by: ModelName = { name: 'distance', sha256: 'abc' },
  ) {
    super(definition, cold, offset);
    this.#model = model;
    this.#by = by;
  }

  /** Hands over what is asked, `most` rows at a time. */
  ask(most: number): void {
    const { pending } = this.pipeline.model!;
    for (let asked = pending.take(most); asked !== undefined; asked = pending.take(most)) {
      this.asked.push(...asked.offsets);
      this.#answers.push({ scores: this.#model(asked), offsets: asked.offsets });
    }
  }

  /** Takes in so many of the answers that are there, oldest first. */
  answer(count = Infinity): void {
    const by = this.pipeline.model!.indexOf(this.#by);
    this.pipeline.fuse(new Float32Array(0), by);
    for (const { scores } of this.#answers.splice(0, count)) this.pipeline.fuse(scores, by);
    this.take();
  }
}
