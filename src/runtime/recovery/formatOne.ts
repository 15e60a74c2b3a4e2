import { createHash } from 'node:crypto';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import type { PipelineDefinition } from '../../engine/definition.ts';
import { KeyDictionary } from '../../engine/keys.ts';
import { operatorDefinitions } from '../../engine/operatorDefinitions.ts';
import { type OperatorState, splitId } from '../../engine/operatorState.ts';
import { SnapshotReader, SnapshotWriter } from '../../engine/state.ts';
import { AnomalyError } from '../../errors.ts';
import { type FormatOne, partOfState } from '../../stores/checkpoints/formatOne.ts';

/** What version 0.1 computed of a window; what came later is not in its snapshots. */
const AGGREGATES = ['count', 'mean', 'min', 'max', 'stddev'];

/**
 * The operators of a snapshot of format 1. It names no operator, only a hash of the configuration: they are told apart by
 * the places that they had in it, so the configuration has to be the one that version 0.1 ran.
 *
 * @param name of the snapshot, for messages
 * @param stage as in version 0.1: run, window, score records, score windows
 * @throws ANM_STATE_INCOMPATIBLE where the configuration is another
 */
export function operatorsOfFormatOne(
  name: string,
  { definition: hash, state }: FormatOne,
  config: PipelineConfig,
  definition: PipelineDefinition,
  stage: string,
): OperatorState[] {
  const own = formatOneHash(config, stage);
  if (hash !== own) {
    throw new AnomalyError(
      'ANM_STATE_INCOMPATIBLE',
      `cannot restore ${name} as it is of another definition of the pipeline (${hash}, now ${own}); a snapshot of format 1 does not say which operator differs`,
      { hint: 'restore it with the anomaly.yaml that version 0.1 ran, and change that after the next checkpoint' },
    );
  }
  return operatorDefinitions(definition).map(({ id, definition: json }) => ({
    id,
    // Its detectors kept other things.
    definition: id === 'score' ? { ...(json as object), state: 1 } : json,
    bytes: stateOf(id, state, definition),
  }));
}

function stateOf(id: string, state: Uint8Array, { windows, features }: PipelineDefinition): Uint8Array {
  const [kind, name] = splitId(id);
  if (kind === 'keys') return keysOf(partOfState(state, 'keys/'));
  if (kind === 'window') return partOfState(state, `window/${windows.findIndex((each) => each.name === name)}/`);
  if (kind === 'feature') return partOfState(state, `features/${features.findIndex((each) => each.name === name)}/`);
  return partOfState(state, kind === 'score' ? 'score/' : '');
}

/** Keys by their order of appearance: `starts` has where each begins in `arena`, and where the last one ends. */
function keysOf(part: Uint8Array): Uint8Array {
  const reader = new SnapshotReader(part);
  const [starts, arena] = [reader.i32('starts'), reader.u8('arena')];
  const keys = new KeyDictionary();
  for (let i = 0; i + 1 < reader.length('starts'); i++) keys.intern(arena, starts[i]!, starts[i + 1]!);
  const out = new SnapshotWriter();
  keys.snapshot(out);
  return out.encode();
}

/** The hash that version 0.1 made of a configuration, by the keys that it knew, in its order. */
export function formatOneHash(config: PipelineConfig, stage: string): string {
  const { source, time, windows, features, score, overrides } = config;
  const { key, time: timeField, fields, format, columns } = source;
  const text = JSON.stringify({
    stage,
    source: { key, timeField, fields, format, columns },
    time: { watermark: time.watermark, outOfOrdernessMs: time.outOfOrdernessMs, maxAheadMs: time.maxAheadMs },
    windows: windows.map(({ name, type, sizeMs, aggregates }) => ({
      name,
      type,
      sizeMs,
      aggregates: aggregates.filter((each) => AGGREGATES.includes(each)),
    })),
    features: features.map(({ name, rolling, statistic, of }) => ({ name, rolling, statistic, of })),
    score: score && {
      on: score.on,
      detector: score.detector,
      sensitivity: score.sensitivity,
      threshold: score.threshold,
      window: score.window,
      minCount: score.minCount,
      min: score.min,
      max: score.max,
      stepMs: score.stepMs,
      refractoryMs: score.refractoryMs,
    },
    overrides,
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
