import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PipelineConfig } from '../../config/pipelineConfig.ts';
import { AnomalyError } from '../../errors.ts';
import { checkAlias, checkModelName } from '../../models/registry/modelName.ts';
import type { FitProgress } from '../../models/training/fit.ts';
import { defaultLength, TRAINING_DEFAULTS, type TrainerKind } from '../../models/training/trainerKind.ts';
import { type TrainOptions, type TrainResult, trainModel } from '../../models/training/trainModel.ts';
import { formatBytes, formatNumber, formatSpan, formatTime } from '../../output/format.ts';
import { toolVersion } from '../../platform/version.ts';
import { fieldNames } from '../../runtime/definition/fieldNames.ts';
import type { CommandContext } from '../command.ts';
import { stoppedCode } from '../lifecycle.ts';
import { withRegistry } from './access.ts';
import { sha256, writeModel } from './file.ts';
import { type RegisteredAs, registerModel } from './register.ts';
import type { TrainingSource } from './trainingSeries.ts';
import { readTrainingSource } from './trainingSource.ts';

/** @returns the exit code: 0, or that of the signal that ended it; then nothing is written */
export async function runModelTrain(context: CommandContext): Promise<number> {
  const { args, signal, progress, now } = context;
  const target = targetOf(context);
  const config = trainingConfig(context);
  const options = trainOptions(context, config);
  const sources = args.length > 0 ? args : config.source.topics;
  if (sources.length === 0) {
    throw new AnomalyError('ANM_USAGE', 'cannot train as no source is named', {
      hint: 'name files, a folder or a topic, or give the anomaly.yaml of a pipeline by -f',
    });
  }
  // Hours of training are not to end before a registry that was never there.
  if (target.name !== undefined) await requireRegistry(context, target.name);
  const source = await readTrainingSource(context, sources, config);
  if (signal.aborted) return stoppedCode(signal);
  warnOfLeftOut(context, source, source.records);
  const startedMs = now();
  const result = await train(context, source, options);
  progress.clear();
  if (result === undefined) return stoppedCode(signal);
  const elapsedMs = now() - startedMs;
  if (target.path !== undefined) await writeModel(target.path, result.bytes);
  const training = { source: sources.join(', '), windows: result.summary.trainWindows };
  const registered =
    target.name === undefined
      ? undefined
      : await registerModel(context, { ...target, name: target.name, bytes: result.bytes, training });
  await report(context, target.path, registered, result, source, options, elapsedMs);
  return 0;
}

async function requireRegistry(context: CommandContext, name: string): Promise<void> {
  await withRegistry(context, async (registry) => {
    await registry.model(name);
    return 0;
  });
}

/** A file, a model of the registry, or both. */
interface Target {
  readonly path?: string;
  readonly name?: string;
  readonly alias?: string;
}

function targetOf({ flags, cwd }: CommandContext): Target {
  const out = flags['out'] as string | undefined;
  const name = flags['name'] as string | undefined;
  const alias = flags['alias'] as string | undefined;
  if (out === undefined && name === undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot write the model as neither --out nor --name is given', {
      hint: 'name a file, as --out pump.onnx, or a model of the registry, as --name pump-lstm',
    });
  }
  if (alias !== undefined && name === undefined) {
    throw new AnomalyError('ANM_USAGE', `--alias ${alias} is of a model in the registry, and --name is not given`);
  }
  return {
    ...(out !== undefined && { path: resolve(cwd, out) }),
    ...(name !== undefined && { name: checkModelName(name) }),
    ...(alias !== undefined && { alias: checkAlias(alias) }),
  };
}

/** The pipeline's configuration with just the fields of --fields, and scoring where another column than records is. */
function trainingConfig({ flags, settings }: CommandContext): PipelineConfig {
  const isScored = settings.optionalString('score.on') !== 'record';
  const config = settings.pipeline(isScored ? { 'score.detector': settings.get('score.detector') } : {});
  const wanted = (flags['fields'] as string[] | undefined) ?? fieldNames(config);
  const { source, derive } = config;
  if (isScored && wanted.length > 1) {
    throw new AnomalyError(
      'ANM_USAGE',
      `--on ${config.score!.on} is of one field, and there are ${wanted.join(', ')}`,
      {
        hint: 'give one of them by --fields',
      },
    );
  }
  const fields = wanted.filter((name) => derive[name] === undefined);
  return {
    ...config,
    source: { ...source, fields: Object.fromEntries(fields.map((name) => [name, source.fields[name] ?? name])) },
    derive: Object.fromEntries(Object.entries(derive).filter(([name]) => wanted.includes(name))),
  };
}

function trainOptions({ flags, settings }: CommandContext, config: PipelineConfig): TrainOptions {
  const kind = (flags['kind'] ?? 'forecast') as TrainerKind;
  const channels = fieldNames(config);
  const number = (name: string, fallback: number, least: number, most: number): number => {
    const value = (flags[name] as number | undefined) ?? fallback;
    if (value >= least && value <= most) return value;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new AnomalyError('ANM_USAGE', `--${flag} cannot be ${value}, it is ${least} to ${most}`);
  };
  const isLinear = kind === 'pca' || kind === 'mahalanobis';
  return {
    kind,
    channels,
    length: number('length', defaultLength(kind, channels.length), isLinear ? 0 : 1, 1024),
    scaling: (flags['scaling'] ?? 'residual') as TrainOptions['scaling'],
    stepMs: settings.durationMs('score.step'),
    hidden: number('hidden', TRAINING_DEFAULTS.hidden, 1, 512),
    epochs: number('epochs', TRAINING_DEFAULTS.epochs, 1, 10_000),
    patience: number('patience', TRAINING_DEFAULTS.patience, 1, 10_000),
    learningRate: number('learningRate', TRAINING_DEFAULTS.learningRate, 1e-6, 1),
    batch: number('batch', TRAINING_DEFAULTS.batch, 1, 4096),
    validation: number('validation', TRAINING_DEFAULTS.validation, 0.01, 0.9),
    maxWindows: number('maxWindows', TRAINING_DEFAULTS.maxWindows, 100, 10_000_000),
    variance: number('variance', TRAINING_DEFAULTS.variance, 0.01, 1),
    seed: number('seed', TRAINING_DEFAULTS.seed, 0, 2 ** 32 - 1),
    toolVersion: toolVersion(),
    ...(config.score !== undefined && config.score.on !== 'record' && { on: config.score.on }),
  };
}

/** Undefined where a signal stopped it. The loop gives way to the process between two steps. */
async function train(
  { signal, progress, now }: CommandContext,
  { series }: TrainingSource,
  options: TrainOptions,
): Promise<TrainResult | undefined> {
  const startedMs = now();
  const steps = trainModel(series, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    progress.update(() => progressText(value, options, now() - startedMs));
    await nextTurn();
    if (signal.aborted) return undefined;
  }
}

function progressText(step: FitProgress, { epochs }: TrainOptions, elapsedMs: number): string {
  const validation = Number.isNaN(step.validationLoss) ? '' : `  validation ${step.validationLoss.toFixed(4)}`;
  const left = elapsedMs / step.share - elapsedMs;
  return `epoch ${step.epoch}/${epochs}  loss ${step.trainLoss.toFixed(4)}${validation}  ETA at most ${formatSpan(left)}`;
}

function warnOfLeftOut({ logger }: CommandContext, { rejected, rejectReason }: TrainingSource, records: number): void {
  if (rejected === 0) return;
  logger.warn(`${formatNumber(rejected)} of ${formatNumber(records)} records were left out; the last: ${rejectReason}`);
}

async function report(
  { output, logger }: CommandContext,
  path: string | undefined,
  registered: RegisteredAs | undefined,
  { spec, summary, bytes }: TrainResult,
  source: TrainingSource,
  options: TrainOptions,
  elapsedMs: number,
): Promise<void> {
  const { fit, constantSeries, missing } = summary;
  if (constantSeries.length > 0) {
    const names = constantSeries.slice(0, 5).join(', ');
    logger.warn(
      `${constantSeries.length} constant series taught nothing: ${names}${constantSeries.length > 5 ? ', ...' : ''}`,
    );
  }
  if (missing > 0) logger.warn(`${formatNumber(missing)} records without a number in every field were left out`);
  if (fit !== undefined && fit.validationLoss >= summary.baselineLoss!) {
    logger.warn('the model is no better than the simplest one of its kind: take other data, or do without it');
  }
  const document = {
    file: path ?? null,
    sha256: sha256(bytes),
    name: registered?.name ?? null,
    version: registered?.version ?? null,
    registry: registered?.registry ?? null,
    bytes: bytes.length,
    kind: spec.kind,
    architecture: summary.architecture,
    parameters: summary.parameters,
    length: spec.length,
    channels: spec.channels,
    scaling: spec.scaling,
    seed: options.seed,
    records: source.records,
    left_out: source.rejected + missing,
    series: summary.series,
    constant_series: constantSeries.length,
    train_windows: summary.trainWindows,
    validation_windows: summary.validationWindows,
    epochs: fit?.epochs ?? null,
    best_epoch: fit?.bestEpoch ?? null,
    train_loss: fit?.trainLoss ?? null,
    validation_loss: fit?.validationLoss ?? null,
    baseline_loss: summary.baselineLoss ?? null,
    score_p50: summary.scoreP50,
    score_p99: summary.scoreP99,
    trained_from: formatTime(summary.fromMs),
    trained_until: formatTime(summary.untilMs),
    seconds: Number((elapsedMs / 1000).toFixed(3)),
  };
  await output.document(document, () => summaryText(document));
}

function summaryText(document: Record<string, unknown> & { bytes: number; seconds: number }): string {
  const of = (name: string) => document[name];
  const fixed = (name: string) => (of(name) as number).toFixed(4);
  const lines = [
    `${of('file') ?? `${of('name')}/${of('version')}`}: ${of('architecture')}, ${formatNumber(of('parameters') as number)} weights, ${formatBytes(document.bytes)}`,
    `  sha256      ${of('sha256')}`,
    `  reads       ${(of('channels') as string[]).join(', ')}: ${of('length')} values before the scored one, scaling ${of('scaling')}`,
    `  trained on  ${formatNumber(of('train_windows') as number)} windows of ${of('series')} series, ${of('trained_from')} to ${of('trained_until')}`,
  ];
  if (of('epochs') !== null) {
    lines.push(
      `  epochs      ${of('epochs')}, the best one ${of('best_epoch')}, in ${formatSpan(1000 * document.seconds)}`,
      `  loss        ${fixed('validation_loss')} on ${formatNumber(of('validation_windows') as number)} windows held back; ${fixed('baseline_loss')} without a model`,
    );
  }
  if (of('name') !== null) lines.push(`  registered  as ${of('name')}/${of('version')} in ${of('registry')}`);
  lines.push(`  raw score   ${fixed('score_p50')} usually, above ${fixed('score_p99')} once in a hundred`);
  return lines.join('\n');
}
