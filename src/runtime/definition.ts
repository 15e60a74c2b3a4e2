import { createHash } from 'node:crypto';
import type { PipelineConfig, ScoreConfig } from '../config/pipelineConfig.ts';
import type { ColumnRef, PipelineDefinition, ScoreDefinition } from '../engine/definition.ts';
import { AnomalyError } from '../errors.ts';

/** Where an override gives another sensitivity: -log10 p for kpi, standard deviations for rolling-z. */
const THRESHOLDS = {
  kpi: { low: 3, medium: 2.5, high: 2 },
  'rolling-z': { low: 8, medium: 6, high: 4 },
  range: { low: 0, medium: 0, high: 0 },
} as const;
const AGGREGATES = new Set(['count', 'mean', 'min', 'max', 'stddev']);

/** Resolves the names of a configuration; what cannot be resolved is an ANM_CONFIG error that names the key. */
export function definePipeline(config: PipelineConfig): PipelineDefinition {
  const fields = Object.keys(config.source.fields);
  const resolve = (name: string, key: string): ColumnRef => resolveColumn(name, key, config, fields);
  const features = config.features.map((feature, i) => {
    const of = resolve(feature.of, `features[${i}].of`);
    if (of.kind === 'feature') {
      throw new AnomalyError(
        'ANM_CONFIG',
        `features[${i}].of cannot be ${feature.of} as a feature of a feature is not supported`,
      );
    }
    return { name: feature.name, rolling: feature.rolling, statistic: feature.statistic, of };
  });
  const base = {
    fields,
    outOfOrdernessMs: config.time.outOfOrdernessMs,
    windows: config.windows.map(({ name, sizeMs }) => ({ name, sizeMs })),
    features,
  };
  if (config.score === undefined) return base;
  const on = config.score.on === 'record' ? null : resolve(config.score.on, 'score.on');
  return { ...base, score: defineScore(config, config.score, on, fields) };
}

/**
 * Identity of the state that a configuration leads to: everything that changes what is computed, nothing that
 * changes only where it is read from or written to.
 */
export function definitionHash(config: PipelineConfig, stage: string): string {
  const { source, time, windows, features, score, overrides } = config;
  const { key, time: timeField, fields, format, columns } = source;
  const text = JSON.stringify({
    stage,
    source: { key, timeField, fields, format, columns },
    time,
    windows,
    features,
    score,
    overrides,
  });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function defineScore(
  config: PipelineConfig,
  score: ScoreConfig,
  on: ColumnRef | null,
  fields: readonly string[],
): ScoreDefinition {
  const overrides = config.overrides.map((override) => ({ ...override, matches: glob(override.series) }));
  const sensitive = overrides.some((override) => override.sensitivity !== undefined);
  return {
    on,
    detector: {
      detector: score.detector,
      sensitivity: score.sensitivity,
      threshold: score.threshold ?? THRESHOLDS[score.detector][score.sensitivity],
      window: score.window,
      minCount: score.minCount,
      stepMs: score.stepMs,
    },
    rules: fields.map((field) => ruleName(score, on, field, fields.length)),
    refractoryMs: score.refractoryMs,
    limits: (series) => {
      let min = score.min ?? -Infinity;
      let max = score.max ?? Infinity;
      for (const override of overrides) {
        if (!override.matches(series)) continue;
        min = override.min ?? min;
        max = override.max ?? max;
      }
      return { min, max };
    },
    ...(sensitive && {
      thresholdOf: (series) => {
        // The last override that matches wins, as it does for the limits.
        const found = overrides.findLast((override) => override.sensitivity !== undefined && override.matches(series));
        return found?.sensitivity === undefined ? undefined : THRESHOLDS[score.detector][found.sensitivity];
      },
    }),
  };
}

function ruleName(score: ScoreConfig, on: ColumnRef | null, field: string, fieldCount: number): string {
  if (on === null) return `${score.detector}@${field}`;
  if (on.kind !== 'aggregate' || fieldCount === 1) return `${score.detector}@${score.on}`;
  const [window, aggregate] = score.on.split('.');
  return `${score.detector}@${window}.${field}.${aggregate}`;
}

function resolveColumn(name: string, key: string, config: PipelineConfig, fields: readonly string[]): ColumnRef {
  const field = fields.indexOf(name);
  if (field >= 0) return { kind: 'field', field };
  const feature = config.features.findIndex((each) => each.name === name);
  if (feature >= 0) return { kind: 'feature', feature };
  const dot = name.lastIndexOf('.');
  const window = config.windows.findIndex((each) => each.name === name.slice(0, dot));
  const aggregate = name.slice(dot + 1);
  if (window >= 0 && AGGREGATES.has(aggregate)) return { kind: 'aggregate', window, aggregate };
  const known = [
    ...fields,
    ...config.windows.flatMap((each) => [...AGGREGATES].map((suffix) => `${each.name}.${suffix}`)),
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

/** `*` and `?` over the whole series name. */
function glob(pattern: string): (text: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 's');
  return (text) => expression.test(text);
}
