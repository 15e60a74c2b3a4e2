import { isAggregate, splitAggregate } from './aggregates.ts';
import { alertDeliveryOf } from './alertSinks.ts';
import { alertsOf } from './alerts.ts';
import { operationOf } from './operation.ts';
import type { PipelineConfig, ScoreConfig } from './pipelineConfig.ts';
import type { PipelineValues } from './pipelineValues.ts';
import type { Problem } from './problem.ts';
import { scoreModelOf } from './scoreModel.ts';
import { watchesOf } from './watches.ts';

const HOUR_MS = 3_600_000;
/** Detectors whose every alert counts: what lies outside does so for as long as it does. */
const PLAIN: ReadonlySet<ScoreConfig['detector']> = new Set(['range', 'rolling-z', 'threshold']);

/** Puts the keys together and checks what only several of them together can show. Problems are added to the list. */
export function pipelineOf(values: PipelineValues, problems: Problem[]): PipelineConfig {
  const text = (key: string) => values.get(key) as string;
  const optional = (key: string) => values.get(key) as string | undefined;
  const topics = (values.get('source.topics') as string[] | undefined) ?? [];
  // Empty is for commands whose input is a file or a pipe; those that read topics ask for one.
  const pipeline = optional('pipeline') ?? topics[0] ?? 'anomaly';
  // Two pipelines over one source write to topics of their own.
  const stem = pipeline.replace(/[^A-Za-z0-9._-]+/g, '_');
  const key = optional('source.key');
  const time = optional('source.time');
  const where = optional('source.where');
  const score = values.scoring ? scoreOf(values, problems) : undefined;
  const alertDelivery = alertDeliveryOf((key) => values.get(key));
  checkAggregates(values, score, problems);
  const alerts = alertsOf(values, problems);
  return {
    version: 1,
    pipeline,
    group: optional('group') ?? pipeline,
    source: {
      topics,
      ...(key !== undefined && { key }),
      ...(time !== undefined && { time }),
      fields: values.get('source.fields') as Record<string, string>,
      ...(where !== undefined && { where }),
      format: text('source.format') as PipelineConfig['source']['format'],
      columns: (values.get('source.columns') as string[] | undefined) ?? [],
      start: text('source.start') as PipelineConfig['source']['start'],
    },
    derive: values.get('derive') as Record<string, string>,
    time: {
      watermark: text('time.watermark') as PipelineConfig['time']['watermark'],
      outOfOrdernessMs: values.get('time.out_of_orderness') as number,
      maxAheadMs: values.get('time.max_ahead') as number,
      idleAfterMs: values.get('time.idle_after') as number,
      allowedLatenessMs: values.get('time.allowed_lateness') as number,
    },
    windows: values.get('windows') as PipelineConfig['windows'],
    features: values.get('features') as PipelineConfig['features'],
    ...(score !== undefined && { score }),
    overrides: values.get('overrides') as PipelineConfig['overrides'],
    ...(values.calendars !== undefined && { calendars: values.calendars }),
    sinks: {
      format: text('sinks.format') as PipelineConfig['sinks']['format'],
      windows: optional('sinks.windows') ?? `${stem}.windows`,
      anomalies: optional('sinks.anomalies') ?? `${stem.replace(/(?<=.)\.windows$/, '')}.anomalies`,
      late: optional('sinks.late') ?? `${stem}.late`,
      deadLetters: optional('sinks.dead_letters') ?? `${stem}.dlq`,
    },
    state: {
      backend: text('state.backend') as PipelineConfig['state']['backend'],
      ttlMs: values.get('state.ttl') as number,
      maxSeries: values.get('state.max_series') as number,
      onFull: text('state.on_full') as PipelineConfig['state']['onFull'],
      hotSeries: values.get('state.hot_series') as number,
    },
    checkpoint: {
      store: optional('checkpoint.store') ?? '',
      everyMs: pacesOf(values).checkpointMs,
      retain: values.get('checkpoint.retain') as number,
      maxFailures: (values.get('checkpoint.max_failures') as number | undefined) ?? Infinity,
    },
    ...(alertDelivery !== undefined && { alertDelivery }),
    operation: operationOf(values, problems),
    ...(alerts !== undefined && { alerts }),
    ...commitsOf(values, problems),
  };
}

/** A window's rows show only the aggregates it lists: another stage would score nothing where `run` scores. */
function checkAggregates(values: PipelineValues, score: ScoreConfig | undefined, problems: Problem[]): void {
  const windows = values.get('windows') as PipelineConfig['windows'];
  const check = (key: string, item: string, name: string): void => {
    const parts = splitAggregate(name);
    const window = windows.find((each) => each.name === parts?.window);
    const aggregate = parts?.aggregate ?? '';
    if (window === undefined || !isAggregate(aggregate) || window.aggregates.includes(aggregate)) return;
    const listed = window.aggregates.join(', ') || 'none';
    const message = `is ${name}, and the aggregates of window ${window.name} are ${listed}: add ${aggregate} to them`;
    problems.push({ place: values.place(key), key: item, message, later: false });
  };
  if (score !== undefined) check('score.on', 'score.on', score.on);
  const features = values.get('features') as PipelineConfig['features'];
  features.forEach(({ of }, i) => {
    check('features', `features[${i}].of`, of);
  });
}

/** How outputs become valid, and the times that have to fit each other for it. */
function commitsOf(
  values: PipelineValues,
  problems: Problem[],
): Pick<PipelineConfig, 'guarantee' | 'commitEveryMs' | 'transactionTimeoutMs' | 'instance'> {
  const guarantee = values.get('guarantee') as PipelineConfig['guarantee'];
  const { commitEveryMs, checkpointMs } = pacesOf(values);
  const transactionTimeoutMs = values.get('transaction_timeout') as number;
  const instance = values.get('instance') as string | undefined;
  const problem = (key: string, message: string) =>
    problems.push({ place: values.place(key), key, message, later: false });
  if (checkpointMs < commitEveryMs) {
    problem(
      'checkpoint.every',
      `is ${checkpointMs} ms, shorter than commit_every, which is ${commitEveryMs} ms: a checkpoint is cut at a commit`,
    );
  }
  if (guarantee === 'exactly-once' && commitEveryMs * 2 >= transactionTimeoutMs) {
    problem(
      'commit_every',
      `is ${commitEveryMs} ms, and has to be less than half of transaction_timeout, which is ${transactionTimeoutMs} ms: the broker would abort transactions that are still at work`,
    );
  }
  return { guarantee, commitEveryMs, transactionTimeoutMs, ...(instance !== undefined && { instance }) };
}

/** A checkpoint is cut at a commit, so of the two times the one that nobody gave follows the other. */
function pacesOf(values: PipelineValues): { commitEveryMs: number; checkpointMs: number } {
  const commitEveryMs = values.get('commit_every') as number;
  const checkpointMs = values.get('checkpoint.every') as number;
  const isDefault = (key: string) => values.place(key) === 'default';
  return {
    commitEveryMs: isDefault('commit_every') ? Math.min(commitEveryMs, checkpointMs) : commitEveryMs,
    checkpointMs: isDefault('checkpoint.every') ? Math.max(commitEveryMs, checkpointMs) : checkpointMs,
  };
}

function scoreOf(values: PipelineValues, problems: Problem[]): ScoreConfig {
  const number = (key: string) => values.get(`score.${key}`) as number | undefined;
  const detector = values.get('score.detector') as ScoreConfig['detector'];
  const [threshold, min, max] = [number('threshold'), number('min'), number('max')];
  const window = number('window')!;
  const minCount = number('min_count')!;
  if (minCount > window) {
    const message = `is ${minCount}, more than the ${window} values of score.window`;
    problems.push({ place: values.place('score.min_count'), key: 'score.min_count', message, later: false });
  }
  if (min !== undefined && max !== undefined && min > max) {
    const message = `is ${min}, above score.max, which is ${max}`;
    problems.push({ place: values.place('score.min'), key: 'score.min', message, later: false });
  }
  const overrides = values.get('overrides') as PipelineConfig['overrides'];
  if (
    detector === 'threshold' &&
    min === undefined &&
    max === undefined &&
    overrides.every((each) => each.min === undefined && each.max === undefined)
  ) {
    const message = 'is threshold, which needs score.min or score.max, or an override with one';
    problems.push({ place: values.place('score.detector'), key: 'score.detector', message, later: false });
  }
  const on = values.get('score.on') as string;
  const watches = watchesOf(values, detector, on, problems);
  return {
    on,
    detector,
    sensitivity: values.get('score.sensitivity') as ScoreConfig['sensitivity'],
    ...(threshold !== undefined && { threshold }),
    window,
    minCount,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    stepMs: number('step')!,
    ...selectionOf(values, overrides, problems),
    refractoryMs: number('refractory') ?? (PLAIN.has(detector) ? 0 : 12 * HOUR_MS),
    ...(watches.length > 0 && { watches }),
    ...(number('ttl') !== Infinity && { ttlMs: number('ttl')! }),
    ...scoreModelOf(values, detector, problems),
  };
}

/** What of all that is above the threshold is worth an alert; nothing where nothing is set. */
function selectionOf(
  values: PipelineValues,
  overrides: PipelineConfig['overrides'],
  problems: Problem[],
): Pick<ScoreConfig, 'direction' | 'minDeviation' | 'minDeviationRatio' | 'calendars' | 'mute'> {
  const direction = values.get('score.direction') as NonNullable<ScoreConfig['direction']>;
  const minDeviation = values.get('score.min_deviation') as number;
  const minDeviationRatio = values.get('score.min_deviation_ratio') as number;
  const calendars = (values.get('score.calendars') as string[] | undefined) ?? [];
  const mute = (values.get('score.mute') as string[] | undefined) ?? [];
  const known = Object.keys((values.get('calendars') as Record<string, string> | undefined) ?? {});
  const check = (names: readonly string[], from: string, key: string): void => {
    const unknown = names.find((name) => !known.includes(name));
    if (unknown === undefined) return;
    const message = `names ${unknown}, and ${known.length === 0 ? 'there are no calendars' : `calendars has ${known.join(', ')}`}`;
    problems.push({ place: values.place(from), key, message, later: false });
  };
  check(calendars, 'score.calendars', 'score.calendars');
  overrides.forEach((each, i) => {
    check(each.calendars ?? [], 'overrides', `overrides[${i}].calendars`);
  });
  return {
    ...(direction !== 'both' && { direction }),
    ...(minDeviation > 0 && { minDeviation }),
    ...(minDeviationRatio > 0 && { minDeviationRatio }),
    ...(calendars.length > 0 && { calendars }),
    ...(mute.length > 0 && { mute }),
  };
}
