import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { withoutPassword } from '../../errors.ts';
import type { ModelScorer } from '../../models/modelScorer.ts';
import type { Logger } from '../../output/logger.ts';
import type { LiveRule } from './partitionScores.ts';
import type { RollbackRule } from './rolloutGuard.ts';

/** Models as a run gets them: whoever opened them closes them. */
export interface Scorers {
  /** Of score.model.uri. */
  readonly live: ModelScorer;
  /** Of score.model.shadow.uri and score.model.canary.uri. */
  readonly shadow?: ModelScorer | undefined;
  readonly canary?: ModelScorer | undefined;
  /** Of score.model.fallback. */
  readonly standIn?: ModelScorer | undefined;
  /** Opens the one that takes the place of the first; the run closes it. */
  readonly open?: ((uri: string) => Promise<ModelScorer>) | undefined;
}

/** The model of a run, and how much of it is asked at once. */
export interface ModelOptions extends Scorers, LiveRule {
  /** score.model.uri. */
  readonly uri: string;
  /** score.model.batch: most rows that are handed over together. */
  readonly batch: number;
  /** score.model.in_flight: so many batches at once. */
  readonly inFlight: number;
  /** score.model.timeout: from the hand-over to the answer or the fallback; and as long a live value waits for the hand-over. */
  readonly timeoutMs: number;
  /** score.model.canary.share: of the series, from 0 to 1. */
  readonly share: number;
  readonly rollback: RollbackRule;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** Undefined where no model is configured. */
export function modelOptions(
  { score }: Pick<PipelineConfig, 'score'>,
  scorers: Scorers | undefined,
  logger: Logger,
  clocks: Pick<LiveRule, 'now' | 'ticks'> & { readonly untilEnd: boolean },
): ModelOptions | undefined {
  if (score?.model === undefined || scorers === undefined) return undefined;
  const { uri, batch, inFlight, timeoutMs, canary, rollback, backlogAfterMs } = score.model;
  const { now, ticks, untilEnd } = clocks;
  // It stands in the journal.
  return {
    ...scorers,
    uri: withoutPassword(uri),
    batch,
    inFlight,
    timeoutMs,
    share: canary?.share ?? 0,
    rollback,
    logger,
    // What is read to its end is a backlog as a whole.
    backlogAfterMs: untilEnd ? 0 : backlogAfterMs,
    now,
    ticks,
  };
}
