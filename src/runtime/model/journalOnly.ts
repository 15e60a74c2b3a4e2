import { AnomalyError } from '../../errors.ts';
import { PartitionScores, type ScoreSource } from './partitionScores.ts';

/**
 * Scores of a run that is repeated: the journal has what the model said, and the model is never asked.
 *
 * @param live offset below which it learnt before it went live, without the model
 */
export const journalOnly = (live: number): ScoreSource => ({
  open(pipeline, name, onFused) {
    const missing = (offset: number): never => {
      throw new AnomalyError(
        'ANM_STATE_MISSING',
        `cannot run ${name} again as its journal has no score of the model for offset ${offset}`,
        {
          hint: 'was score.model or score.when changed since? what was written since then can be verified, by a later --offset',
          details: { offset },
        },
      );
    };
    const onAsked = () => missing(pipeline.model!.pending.nextAt);
    const onMissing = (offset: number): void => {
      if (offset >= live) missing(offset);
    };
    return new PartitionScores(pipeline, { onFused, onAsked, onMissing }, NO_CLOCK);
  },
});

/** No model is asked, so nothing can be late. */
const NO_CLOCK = { backlogAfterMs: 0, now: () => 0, ticks: () => 0 };
