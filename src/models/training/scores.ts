import { eachBatch } from './fit.ts';
import type { TrainedModel } from './network.ts';
import type { WindowSet } from './windowSet.ts';

/** The raw score of each window of the last run, high is anomalous: as ModelScores has it. */
export function rawScores(model: TrainedModel, windows: Float64Array, count: number, set: WindowSet): Float64Array {
  const { channels, length } = set;
  const size = (length + 1) * channels;
  const scores = new Float64Array(count);
  const width = model.outputWidth;
  for (let w = 0; w < count; w++) {
    if (model.kind === 'score') {
      scores[w] = model.outputs[w]!;
      continue;
    }
    const isForecast = model.kind === 'forecast';
    const target = isForecast ? w * size + length * channels : w * size;
    let sum = 0;
    for (let k = 0; k < width; k++) {
      const difference = model.outputs[w * width + k]! - windows[target + k]!;
      sum += isForecast ? Math.abs(difference) : difference * difference;
    }
    scores[w] = sum / width;
  }
  return scores;
}

/** Raw scores on the validation windows: the middle, and what one in a hundred is above. */
export function scoreQuantiles(model: TrainedModel, set: WindowSet): { readonly p50: number; readonly p99: number } {
  const all = new Float64Array(set.validation.length);
  let filled = 0;
  eachBatch(model, set, (windows, count) => {
    all.set(rawScores(model, windows, count, set), filled);
    filled += count;
  });
  all.sort();
  const at = (share: number) => all[Math.min(all.length - 1, Math.floor(share * all.length))]!;
  return { p50: at(0.5), p99: at(0.99) };
}
