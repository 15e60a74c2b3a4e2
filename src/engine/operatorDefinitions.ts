import type { ColumnRef, FeatureDefinition, ModelDefinition, PipelineDefinition } from './definition.ts';
import { normalExpression } from './expressions/print.ts';
import type { Json, OperatorDefinition } from './operatorState.ts';
import type { WatchDefinition } from './watches/definition.ts';

/** Changes with the layout of what detectors keep: state of another one is of no use to them. */
const DETECTOR_STATE = 3;
const WATCH_STATE = 1;

/**
 * What each operator of a pipeline computes, as far as its state depends on it, in the order in which they are
 * restored. Left out is what may change between two runs with the state kept: thresholds, limits, out-of-orderness,
 * aggregates that are only put out.
 */
export function operatorDefinitions(definition: PipelineDefinition): OperatorDefinition[] {
  const { windows, features, score } = definition;
  return [
    { id: 'time', definition: { watermark: definition.watermark ?? 'partition' } },
    { id: 'keys', definition: { key: definition.source?.key ?? null } },
    ...windows.map((window, w) => ({
      id: `window/${window.name}`,
      definition: { ...windowJson(definition, w), ...latenessJson(definition, w) },
    })),
    ...features.map((feature) => ({
      id: `feature/${feature.name}`,
      definition: { ...featureJson(definition, feature), ...recordsJson(definition) },
    })),
    ...(score === undefined ? [] : [{ id: 'score', definition: scoreJson(definition) }]),
    ...(score?.model === undefined ? [] : [{ id: 'model', definition: modelJson(definition, score.model) }]),
    ...(score?.watches ?? []).map((watch) => ({
      id: `watch/${watch.watch}`,
      definition: watchJson(definition, watch),
    })),
  ];
}

function windowJson(definition: PipelineDefinition, window: number): { readonly [key: string]: Json } {
  const { type = 'tumbling', sizeMs, size, advanceMs, gapMs, offsetMs = 0, timezone } = definition.windows[window]!;
  const { watermark = 'partition' } = definition;
  return {
    type,
    sizeMs,
    ...(size !== undefined && { size }),
    ...(advanceMs !== undefined && { advanceMs }),
    ...(gapMs !== undefined && { gapMs }),
    ...(offsetMs !== 0 && { offsetMs }),
    ...(timezone !== undefined && { timezone }),
    ...(type !== 'count' && watermark !== 'partition' && { watermark }),
    ...recordsJson(definition),
  };
}

/** What reads the window sees rows on time only, which are the same whatever the lateness; a full count window is out. */
function latenessJson({ windows, allowedLatenessMs = 0 }: PipelineDefinition, window: number) {
  return windows[window]!.type === 'count' || allowedLatenessMs === 0 ? {} : { allowedLatenessMs };
}

function scoreJson(definition: PipelineDefinition): Json {
  const { on, detector } = definition.score!;
  const { detector: name, window, stepMs, tailSize } = detector;
  const ofPreset = { stepMs, tailSize: tailSize ?? null };
  const state = name === 'range' || name === 'threshold' ? {} : name === 'rolling-z' ? { window } : ofPreset;
  return {
    on: on === null ? 'record' : columnJson(definition, on),
    detector: name,
    state: DETECTOR_STATE,
    ...state,
    ...recordsJson(definition),
  };
}

/** What its windows are made of. Which model reads them may change: its scores are told apart by its digest. */
function modelJson(definition: PipelineDefinition, model: ModelDefinition): Json {
  const { length, channels, scaling, stepMs } = model;
  const { on } = definition.score!;
  return {
    on: on === null ? 'record' : columnJson(definition, on),
    length,
    channels: channels.map((channel) => definition.fields[channel]!),
    scaling,
    ...(scaling === 'residual' && { stepMs }),
    ...recordsJson(definition),
  };
}

/** Thresholds, silences and plans may change. */
function watchJson(definition: PipelineDefinition, { groupBy, length }: WatchDefinition): Json {
  const { on } = definition.score!;
  return {
    on: on === null ? 'record' : columnJson(definition, on),
    state: WATCH_STATE,
    ...(groupBy !== undefined && { groupBy }),
    ...(length !== undefined && { length }),
    ...recordsJson(definition),
  };
}

/** A column with all that its values depend on: where its window changes, so does every operator that reads it. */
function columnJson(definition: PipelineDefinition, column: ColumnRef): Json {
  switch (column.kind) {
    case 'field':
      return { field: definition.fields[column.field]! };
    case 'aggregate':
      return { window: windowJson(definition, column.window), aggregate: column.aggregate };
    case 'feature':
      return { feature: featureJson(definition, definition.features[column.feature]!) };
  }
}

/** What does not belong to its statistic is not there. */
function featureJson(definition: PipelineDefinition, feature: FeatureDefinition): { readonly [key: string]: Json } {
  const { rolling, rollingMs, statistic, agoMs, toleranceMs, of } = feature;
  return {
    ...(rolling !== undefined && { rolling }),
    ...(rollingMs !== undefined && { rollingMs }),
    statistic,
    ...(agoMs !== undefined && { agoMs }),
    ...(toleranceMs !== undefined && { toleranceMs }),
    of: columnJson(definition, of),
  };
}

/**
 * What an operator sees of the records: which of them, and names of fields in the order of a series' slots, each with the
 * place in the record that it is read from, or the expression that it is derived by.
 */
function recordsJson({ fields, source, select }: PipelineDefinition): { readonly [key: string]: Json } {
  const derived = select?.derived.map(({ name, expression }) => `${name}=${normalExpression(expression)}`) ?? [];
  const read = fields.slice(0, fields.length - derived.length);
  return {
    fields: [...read.map((name, f) => (source === undefined ? name : `${name}=${source.paths[f]}`)), ...derived],
    ...(select?.where !== undefined && { where: normalExpression(select.where) }),
  };
}
