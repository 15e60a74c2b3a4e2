import type { ModelReads, PipelineConfig, ScoreConfig } from '../../config/pipelineConfig.ts';
import type { ColumnRef, ModelDefinition } from '../../engine/definition.ts';
import { compileCondition } from '../../engine/expressions/compile.ts';
import { DETECTOR_SCORE } from '../../engine/model/whenCondition.ts';
import { SCORED_VALUE } from '../../engine/scoring.ts';
import { AnomalyError } from '../../errors.ts';
import { withKey } from './defineSelect.ts';

/**
 * What the model of a pipeline reads, by the names of its fields.
 *
 * @param on what is scored; null: every field of each record
 * @throws ANM_CONFIG where it reads what the pipeline does not have, or a record where windows are scored
 */
export function defineModel(
  config: PipelineConfig,
  score: ScoreConfig,
  on: ColumnRef | null,
  fields: readonly string[],
): ModelDefinition | undefined {
  if (score.model === undefined) return undefined;
  const reads = readsOf(score);
  const channels = reads.fields.map((name) => {
    const channel = fields.indexOf(name);
    if (channel >= 0) return channel;
    throw wrong(`the model reads the field ${name}, and the fields are ${fields.join(', ')}`, {
      hint: 'score.model.input.fields gives them the names that they have here, in the order of the model',
    });
  });
  const scored = scoredField(config, on);
  if (on !== null && on.kind !== 'field' && channels.length > 1) {
    throw wrong(`the model reads ${channels.length} fields of a record, and score.on is ${score.on}`);
  }
  if (scored !== undefined && !channels.includes(scored)) {
    throw wrong(`the model reads ${reads.fields.join(', ')}, and what is scored is of ${fields[scored]}`);
  }
  const { when } = score;
  if (when !== undefined) {
    const known = scoresWindows(config, on) ? [SCORED_VALUE] : fields;
    if (known.includes(DETECTOR_SCORE)) {
      throw new AnomalyError(
        'ANM_CONFIG',
        `score.when cannot tell the detector's score from a field ${DETECTOR_SCORE}`,
        {
          hint: 'give the field another name in source.fields',
        },
      );
    }
    withKey('score.when', () => compileCondition(when, [...known, DETECTOR_SCORE]));
  }
  const { length, scaling } = reads;
  return { length, channels, scaling, stepMs: score.stepMs, ...(when !== undefined && { when }) };
}

function readsOf({ model }: ScoreConfig): ModelReads {
  const { input, reads } = model!;
  if (reads !== undefined) return reads;
  if (input.length !== undefined && input.fields !== undefined) {
    return { length: input.length, fields: input.fields, scaling: input.scaling ?? 'none' };
  }
  throw wrong('what the model reads is not known', {
    hint: 'give score.model.input.length and score.model.input.fields where the model itself cannot be looked at',
  });
}

/** Of an aggregate all fields may be scored: those that the model does not read are left to the detector. */
function scoredField(config: PipelineConfig, on: ColumnRef | null): number | undefined {
  if (on === null || on.kind === 'aggregate') return undefined;
  if (on.kind === 'field') return on.field;
  const { of } = config.features[on.feature]!;
  const field = Object.keys(config.source.fields).indexOf(of);
  return field < 0 ? undefined : field;
}

function scoresWindows(config: PipelineConfig, on: ColumnRef | null): boolean {
  if (on === null || on.kind === 'field') return false;
  return on.kind === 'aggregate' || config.features[on.feature]!.of.includes('.');
}

function wrong(reason: string, options: { hint?: string } = {}): AnomalyError {
  return new AnomalyError('ANM_CONFIG', `cannot use score.model as ${reason}`, options);
}
