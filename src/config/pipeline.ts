import { AGGREGATES } from './items.ts';
import type { PipelineConfig, ScoreConfig } from './pipelineConfig.ts';
import type { Problem } from './settings.ts';

/** What pipelineOf reads: values by key, with defaults applied. */
export interface PipelineValues {
  get(key: string): unknown;
  /** Where the value came from, for messages. */
  place(key: string): string;
  /** Whether anything but the table's default asks for scoring. */
  readonly scoring: boolean;
}

const HOUR_MS = 3_600_000;

/** Puts the keys together and checks what only several of them together can show. Problems are added to the list. */
export function pipelineOf(values: PipelineValues, problems: Problem[]): PipelineConfig {
  const text = (key: string) => values.get(key) as string;
  const optional = (key: string) => values.get(key) as string | undefined;
  const topics = (values.get('source.topics') as string[] | undefined) ?? [];
  // Empty is for commands whose input is a file or a pipe; those that read topics ask for one.
  const stem = topics[0] ?? 'anomaly';
  const key = optional('source.key');
  const time = optional('source.time');
  const score = values.scoring ? scoreOf(values, problems) : undefined;
  checkAggregates(values, score, problems);
  return {
    version: 1,
    pipeline: optional('pipeline') ?? stem,
    group: optional('group') ?? optional('pipeline') ?? stem,
    source: {
      topics,
      ...(key !== undefined && { key }),
      ...(time !== undefined && { time }),
      fields: values.get('source.fields') as Record<string, string>,
      format: text('source.format') as PipelineConfig['source']['format'],
      columns: (values.get('source.columns') as string[] | undefined) ?? [],
      start: text('source.start') as PipelineConfig['source']['start'],
    },
    time: {
      watermark: 'partition',
      outOfOrdernessMs: values.get('time.out_of_orderness') as number,
      maxAheadMs: values.get('time.max_ahead') as number,
    },
    windows: values.get('windows') as PipelineConfig['windows'],
    features: values.get('features') as PipelineConfig['features'],
    ...(score !== undefined && { score }),
    overrides: values.get('overrides') as PipelineConfig['overrides'],
    sinks: {
      format: text('sinks.format') as PipelineConfig['sinks']['format'],
      windows: optional('sinks.windows') ?? `${stem}.windows`,
      anomalies: optional('sinks.anomalies') ?? `${stem.replace(/(?<=.)\.windows$/, '')}.anomalies`,
      late: optional('sinks.late') ?? `${stem}.late`,
      deadLetters: optional('sinks.dead_letters') ?? `${stem}.dlq`,
    },
    checkpoint: {
      store: optional('checkpoint.store') ?? '',
      everyMs: values.get('checkpoint.every') as number,
    },
    guarantee: text('guarantee') as PipelineConfig['guarantee'],
  };
}

/** A window's rows show only the aggregates it lists: another stage would score nothing where `run` scores. */
function checkAggregates(values: PipelineValues, score: ScoreConfig | undefined, problems: Problem[]): void {
  const windows = values.get('windows') as PipelineConfig['windows'];
  const check = (key: string, item: string, name: string): void => {
    const dot = name.lastIndexOf('.');
    const window = windows.find((each) => each.name === name.slice(0, Math.max(0, dot)));
    const aggregate = AGGREGATES.find((each) => each === name.slice(dot + 1));
    if (window === undefined || aggregate === undefined || window.aggregates.includes(aggregate)) return;
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
    detector === 'range' &&
    min === undefined &&
    max === undefined &&
    overrides.every((each) => each.min === undefined && each.max === undefined)
  ) {
    const message = 'is range, which needs score.min or score.max, or an override with one';
    problems.push({ place: values.place('score.detector'), key: 'score.detector', message, later: false });
  }
  return {
    on: values.get('score.on') as string,
    detector,
    sensitivity: values.get('score.sensitivity') as ScoreConfig['sensitivity'],
    ...(threshold !== undefined && { threshold }),
    window,
    minCount,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    stepMs: number('step')!,
    refractoryMs: number('refractory') ?? (detector === 'kpi' ? HOUR_MS : 0),
  };
}
