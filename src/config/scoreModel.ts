import type { PipelineConfig, ScoreConfig, ScoreModelConfig } from './pipelineConfig.ts';
import type { PipelineValues } from './pipelineValues.ts';
import type { Problem } from './problem.ts';

/** Detectors whose score is -log10 p, as a model's is. */
const CALIBRATED: ReadonlySet<string> = new Set(['kpi', 'sensor', 'auto']);
const URI = 'score.model.uri';

/** The model of `score`, and when it is asked; nothing where no model is configured. */
export function scoreModelOf(
  values: PipelineValues,
  detector: string,
  problems: Problem[],
): Pick<ScoreConfig, 'model' | 'when'> {
  const value = <T>(key: string) => values.get(`score.model.${key}`) as T | undefined;
  const problem = (key: string, message: string) =>
    problems.push({ place: values.place(key), key, message, later: false });
  const when = values.get('score.when') as string | undefined;
  const uri = value<string>('uri');
  if (uri === undefined || uri === '') {
    const given = GIVEN.find((key) => values.get(key) !== undefined);
    if (given !== undefined) problem(given, `is of no use without ${URI}`);
    return {};
  }
  if (!CALIBRATED.has(detector)) {
    const known = [...CALIBRATED].join(', ');
    problem(URI, `needs a detector whose score is -log10 p (${known}), and score.detector is ${detector}`);
  }
  checkAggregates(values, problems);
  const uris = [uri, value<string>('shadow') ?? '', value<string>('canary.uri') ?? '', value<string>('fallback') ?? ''];
  const unused = uris.some((each) => /^https?:/i.test(each)) ? undefined : OF_HTTP.find((key) => values.get(key));
  if (unused !== undefined) problem(unused, 'is of no use without a model at http: or https:, which knows no protocol');
  const fields = value<string[]>('input.fields');
  const timeoutMs = value<number>('timeout')!;
  const canary = value<string>('canary.uri');
  const fallback = value<string>('fallback') ?? 'detector';
  const model: ScoreModelConfig = {
    uri,
    timeoutMs,
    fallback,
    backlogAfterMs: value<number>('backlog_after')!,
    batch: value<number>('batch')!,
    inFlight: value<number>('in_flight')!,
    runtime: value<ScoreModelConfig['runtime']>('runtime')!,
    ...optional('request', value<string>('request')),
    ...optional('response', value<string>('response')),
    input: {
      ...(fields !== undefined && fields.length > 0 && { fields }),
      ...optional('length', value<number>('input.length')),
      ...optional('scaling', value<'none'>('input.scaling')),
      ...optional('layout', value<'flat'>('input.layout')),
      ...optional('name', value<string>('input.name')),
    },
    output: {
      ...optional('kind', value<'score'>('output.kind')),
      ...optional('name', value<string>('output.name')),
      ...optional('direction', value<'high'>('output.direction')),
      ...optional('class', value<number>('output.class')),
    },
    ...optional('shadow', value<string>('shadow')),
    ...(canary !== undefined && { canary: { uri: canary, share: value<number>('canary.share')! } }),
    rollback: {
      withinMs: value<number>('rollback.within')!,
      values: value<number>('rollback.values')!,
      errorRate: value<number>('rollback.error_rate')!,
      latencyMs: value<number>('rollback.latency') ?? timeoutMs,
      drift: value<number>('rollback.drift')!,
    },
  };
  return { model, ...(when !== undefined && { when }) };
}

/** An alert comes when the model has answered, which may be after its windows are out. */
function checkAggregates(values: PipelineValues, problems: Problem[]): void {
  const windows = values.get('windows') as PipelineConfig['windows'];
  windows.forEach(({ name, aggregates }, w) => {
    if (!aggregates.includes('anomalies')) return;
    const message = `has anomalies (window ${name}), which cannot be counted beside ${URI}: alerts of a model come later than windows close`;
    problems.push({
      place: values.place('windows'),
      key: `windows[${w}].aggregates`,
      message,
      later: false,
    });
  });
}

function optional<K extends string, V>(key: K, value: V | undefined): { [Key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [Key in K]?: V });
}

/** What a model behind a plain address needs, and no other. */
const OF_HTTP = ['score.model.request', 'score.model.response'];

/** What says nothing by itself. */
const GIVEN = [
  'score.when',
  ...OF_HTTP,
  'score.model.headers',
  'score.model.ca',
  'score.model.input.fields',
  'score.model.input.length',
  'score.model.input.scaling',
  'score.model.input.layout',
  'score.model.input.name',
  'score.model.output.kind',
  'score.model.output.name',
  'score.model.output.direction',
  'score.model.output.class',
  'score.model.shadow',
  'score.model.canary.uri',
  'score.model.rollback.latency',
];
