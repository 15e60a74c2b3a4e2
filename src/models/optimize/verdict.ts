/** What was found of a model beside the base. */
export interface Comparison {
  /** Windows a second at the batch at which the base is fastest, as a share of the base's. */
  readonly speed: number;
  /** Bytes of the file, as a share of the base's. */
  readonly size: number;
  /** F1 of the model and of the base; where there are labels. */
  readonly f1?: readonly [number, number];
  /** F1 of its alerts held against the base's; where there is data. */
  readonly agreement?: number;
}

export type Verdict = 'use' | 'size only' | 'keep base';

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

/** Below it a difference of speed is none: a second measurement may say the opposite. */
const SPEED_MARGIN = 0.1;
const F1_LOSS_MAX = 0.02;
const AGREEMENT_MIN = 0.95;
const SMALLER = 0.8;

/** Whether to use a model in place of the base, by what was measured. */
export function judge({ speed, size, f1, agreement }: Comparison): Judgement {
  const factor = `${speed.toFixed(2)}x the speed`;
  if (f1 !== undefined && f1[1] - f1[0] > F1_LOSS_MAX) {
    return { verdict: 'keep base', reason: `F1 falls from ${f1[1].toFixed(3)} to ${f1[0].toFixed(3)}` };
  }
  if (f1 === undefined && agreement !== undefined && agreement < AGREEMENT_MIN) {
    return { verdict: 'keep base', reason: `its alerts agree with the base's by ${agreement.toFixed(2)} only` };
  }
  const known = f1 === undefined && agreement === undefined ? '; its scores were not held against data' : '';
  if (speed >= 1 + SPEED_MARGIN) return { verdict: 'use', reason: `${factor}${known}` };
  const slower = speed <= 1 - SPEED_MARGIN ? `slower, ${factor}` : `no faster, ${factor}`;
  if (size > SMALLER) return { verdict: 'keep base', reason: slower };
  return { verdict: 'size only', reason: `${slower}, but ${Math.round(100 * size)} % of the bytes${known}` };
}
