import type { VerdictOutcome } from './alertHistory.ts';
import type { KeyDictionary } from './keys.ts';
import type { PartitionPipeline } from './pipeline.ts';

/** What an operator says of an alert. */
export interface AlertVerdict {
  readonly rule: string;
  /** As an alert names it. */
  readonly series: string;
  /** Start of the alert, whole milliseconds. */
  readonly timeMs: number;
  readonly isTrue: boolean;
  /** Verdicts on alerts of the series and rule before this one; absent where it is given for the first time. */
  readonly before?: number;
}

export interface Judged {
  readonly outcome: VerdictOutcome;
  readonly before: number;
  /** The threshold before and after. */
  readonly from: number;
  readonly to: number;
}

/**
 * Lets a pipeline take a verdict; alertHistory.ts states the rule by which it moves the threshold of the series. Undefined
 * where the rule takes none, or the series has no state here.
 */
export function judgeAlert(pipeline: PartitionPipeline, verdict: AlertVerdict): Judged | undefined {
  const { score, keys, state, definition } = pipeline;
  const field = score?.rules.findIndex(({ name }) => name === verdict.rule) ?? -1;
  const series = seriesNamed(keys, verdict.series);
  if (score === undefined || field < 0 || series < 0 || !state.table.has(series)) return undefined;
  let judged: Judged | undefined;
  state.changeOne(series, (place) => {
    const slot = place * definition.fields.length + field;
    const from = score.thresholdNow(slot);
    const before = verdict.before ?? score.verdicts(slot);
    const outcome = score.judge(slot, verdict.timeMs, verdict.isTrue, before);
    judged = { outcome, before, from, to: score.thresholdNow(slot) };
  });
  return judged;
}

/** The id of a series by what an alert calls it; -1 for none. */
export function seriesNamed(keys: KeyDictionary, name: string): number {
  // A key that is no text goes by its bytes in hex.
  if (name.startsWith('0x')) {
    for (let id = 0; id < keys.size; id++) if (keys.has(id) && keys.hexName(id) === name) return id;
  }
  const bytes = utf8(name);
  return keys.find(bytes, 0, bytes.length);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
