import { createHash } from 'node:crypto';
import type { PipelineConfig, ScoreConfig } from '../../config/pipelineConfig.ts';
import type { ColumnRef, PipelineDefinition, ScoreDefinition } from '../../engine/definition.ts';
import { shapingFor, thresholdFor } from '../../engine/detectors/create.ts';
import { normalExpression } from '../../engine/expressions/print.ts';
import { operatorDefinitions } from '../../engine/operatorDefinitions.ts';
import { canonicalJson } from '../../engine/operatorState.ts';
import { BASE_AGGREGATES, EXTRA_AGGREGATES, isAggregate, splitAggregate } from '../../engine/windows/aggregates.ts';
import { AnomalyError } from '../../errors.ts';
import { defineFacts } from '../series/seriesFacts.ts';
import { defineSelect, withKey } from './defineSelect.ts';
import { fieldNames } from './fieldNames.ts';
import { defineModel } from './modelDefinition.ts';
import { defineWatches } from './watchDefinition.ts';
import { defineWindows } from './windowDefinition.ts';

/** Resolves the names of a configuration; what cannot be resolved is an ANM_CONFIG error that names the key. */
export function definePipeline(config: PipelineConfig): PipelineDefinition {
  const fields = fieldNames(config);
  const select = defineSelect(config);
  const resolve = (name: string, key: string): ColumnRef => resolveColumn(name, key, config, fields);
  const features = config.features.map((feature, i) => {
    const of = resolve(feature.of, `features[${i}].of`);
    if (of.kind === 'feature') {
      throw new AnomalyError(
        'ANM_CONFIG',
        `features[${i}].of cannot be ${feature.of} as a feature of a feature is not supported`,
      );
    }
    const { ttlMs: _, ...computed } = feature;
    return { ...computed, of };
  });
  const on = config.score === undefined || config.score.on === 'record' ? null : resolve(config.score.on, 'score.on');
  const base = {
    fields,
    ...(select !== undefined && { select }),
    source: { key: config.source.key ?? null, paths: Object.values(config.source.fields) },
    outOfOrdernessMs: config.time.outOfOrdernessMs,
    watermark: config.time.watermark,
    idleAfterMs: config.time.idleAfterMs,
    allowedLatenessMs: config.time.allowedLatenessMs,
    windows: defineWindows(config, features, on),
    features,
    ...limitsOf(config),
  };
  if (config.score === undefined) return base;
  return { ...base, score: defineScore(config, config.score, on, fields) };
}

/** Identity of the state: a hash of the definitions of all operators. */
export function stateHash(definition: PipelineDefinition): string {
  const text = canonicalJson(operatorDefinitions(definition).map(({ id, definition: json }) => ({ id, json })));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Identity of what a configuration puts out: everything that changes what is computed, nothing that changes only where
 * it is read from or written to.
 */
export function definitionHash(config: PipelineConfig, stage: string): string {
  const { source, time, windows, features, score, overrides, state, calendars = {} } = config;
  const { ttlMs, maxSeries, onFull } = state;
  const { key, time: timeField, fields, format, columns } = source;
  const text = JSON.stringify({
    stage,
    source: { key, timeField, fields, format, columns },
    ...selectingOf(config),
    time,
    windows,
    features,
    score: score === undefined ? undefined : scoreHashed(score),
    overrides,
    ...(Object.keys(calendars).length > 0 && {
      calendars: Object.entries(calendars).map(([name, { sha256 }]) => [name, sha256]),
    }),
    state: { ttlMs: shownLimit(ttlMs), maxSeries: shownLimit(maxSeries), onFull },
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** How fast a model is asked is no part of what is computed, and what it reads follows from which one it is. */
function scoreHashed({ model, ...score }: ScoreConfig) {
  if (model === undefined) return score;
  const { uri, input, output, request, response, canary } = model;
  return { ...score, model: { uri, input, output, request, response, canary } };
}

/** JSON has no Infinity. */
function shownLimit(value: number): number | 'off' {
  return value === Infinity ? 'off' : value;
}

/** What bounds the state; nothing where nothing is set, which costs nothing a record. */
function limitsOf({ state, features, score }: PipelineConfig): Pick<PipelineDefinition, 'limits'> {
  const { ttlMs, maxSeries, onFull } = state;
  const operatorTtlMs = new Map<string, number>();
  for (const feature of features) {
    if (feature.ttlMs !== undefined) operatorTtlMs.set(`feature/${feature.name}`, feature.ttlMs);
  }
  if (score?.ttlMs !== undefined) operatorTtlMs.set('score', score.ttlMs);
  if (score?.ttlMs !== undefined && score.model !== undefined) operatorTtlMs.set('model', score.ttlMs);
  if (ttlMs === Infinity && maxSeries === Infinity && operatorTtlMs.size === 0) return {};
  return { limits: { ttlMs, maxSeries, onFull, operatorTtlMs } };
}

/** Nothing where there is neither a filter nor a derived field. */
function selectingOf({ source: { where }, derive }: PipelineConfig) {
  const derived = Object.entries(derive).map(([name, text]) => [
    name,
    withKey(`derive.${name}`, () => normalExpression(text)),
  ]);
  return {
    ...(derived.length > 0 && { derive: derived }),
    ...(where !== undefined && { where: withKey('source.where', () => normalExpression(where)) }),
  };
}

function defineScore(
  config: PipelineConfig,
  score: ScoreConfig,
  on: ColumnRef | null,
  fields: readonly string[],
): ScoreDefinition {
  const detector = {
    detector: score.detector,
    sensitivity: score.sensitivity,
    threshold: score.threshold ?? thresholdFor(score.detector, score.sensitivity),
    window: score.window,
    minCount: score.minCount,
    stepMs: score.stepMs,
  };
  const rules = fields.map((field) => ruleName(score, on, field, fields.length));
  const model = defineModel(config, score, on, fields);
  return {
    on,
    ...(model !== undefined && { model }),
    detector,
    rules,
    ...(score.watches !== undefined && { watches: defineWatches(config, score, rules) }),
    shaping: {
      ...shapingFor(score.detector),
      refractoryMs: score.refractoryMs,
      ...(config.alerts !== undefined && { tellsEnd: true }),
    },
    ...defineFacts(config, score, detector),
  };
}

function ruleName(score: ScoreConfig, on: ColumnRef | null, field: string, fieldCount: number): string {
  if (on === null) return `${score.detector}@${field}`;
  if (on.kind !== 'aggregate' || fieldCount === 1) return `${score.detector}@${score.on}`;
  const { window, aggregate } = splitAggregate(score.on)!;
  return `${score.detector}@${window}.${field}.${aggregate}`;
}

function resolveColumn(name: string, key: string, config: PipelineConfig, fields: readonly string[]): ColumnRef {
  const field = fields.indexOf(name);
  if (field >= 0) return { kind: 'field', field };
  const feature = config.features.findIndex((each) => each.name === name);
  if (feature >= 0) return { kind: 'feature', feature };
  const { window: windowName, aggregate } = splitAggregate(name) ?? { window: '', aggregate: '' };
  const window = config.windows.findIndex((each) => each.name === windowName);
  if (window >= 0 && isAggregate(aggregate)) return { kind: 'aggregate', window, aggregate };
  const known = [
    ...fields,
    ...config.windows.flatMap((each) =>
      [...BASE_AGGREGATES, ...EXTRA_AGGREGATES, 'p99'].map((suffix) => `${each.name}.${suffix}`),
    ),
    ...config.features.map((each) => each.name),
  ];
  throw new AnomalyError(
    'ANM_CONFIG',
    `${key} cannot be ${name} as there is no such field, window aggregate or feature`,
    {
      hint: `one of: record, ${known.join(', ')}`,
      details: { key, value: name },
    },
  );
}
