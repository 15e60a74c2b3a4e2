import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { PipelineConfig, ScoreModelConfig } from '../config/pipelineConfig.ts';
import { AnomalyError } from '../errors.ts';
import type { ModelScorer } from '../models/modelScorer.ts';
import type { ModelSpec } from '../models/modelSpec.ts';
import { parseModelUri } from '../models/registry/modelUri.ts';
import type { ResolvedModel } from '../models/registry/resolveModel.ts';
import type { RemoteModelOptions } from '../models/remote/remoteModel.ts';
import type { Logger } from '../output/logger.ts';
import { requireSameWindows } from '../runtime/model/modelFit.ts';
import type { Scorers } from '../runtime/model/modelOptions.ts';
import type { CommandContext } from './command.ts';

type Place = Pick<CommandContext, 'settings' | 'env' | 'cwd' | 'now'>;

/**
 * The configuration with what its model reads, which the model's file or its server says: neither is run. As it is where no
 * model is configured, or all is given by score.model.input.
 *
 * @throws ANM_MODEL_*
 */
export async function withModelReads(place: Place, config: PipelineConfig): Promise<PipelineConfig> {
  const { score } = config;
  const model = score?.model;
  if (score === undefined || model === undefined) return config;
  const { length, fields } = model.input;
  if (length !== undefined && fields !== undefined) return config;
  if (parseModelUri(model.uri).kind === 'remote') {
    const { readRemoteSpec } = await import('../models/remote/remoteModel.ts');
    return completed(config, await readRemoteSpec(model.uri, await remoteOptions(place, model, model.uri)));
  }
  const { completeSpec } = await import('../models/modelMetadata.ts');
  const { readModelFiles } = await import('../models/runtime/modelFiles.ts');
  const { path } = await resolved(place, model.uri);
  const files = await readModelFiles(path);
  return completed(config, completeSpec(path, files.model.metadata, specOf(model)));
}

/** The models of a configuration; what the run opens besides is its own. */
export interface OpenedScorers extends Scorers {
  close(): Promise<void>;
}

/** Loads the models of a configuration and runs each once for each size of a batch; undefined where there are none. */
export async function openScorers(
  place: Place,
  { score }: Pick<PipelineConfig, 'score'>,
  logger: Logger,
): Promise<OpenedScorers | undefined> {
  const model = score?.model;
  if (model === undefined) return undefined;
  const opened: ModelScorer[] = [];
  const close = async () => {
    await Promise.all(opened.map((each) => each.close()));
  };
  const open = (uri: string) => openScorer(place, model, uri, logger);
  try {
    const fallback = model.fallback === 'detector' ? undefined : model.fallback;
    for (const uri of [model.uri, fallback, model.shadow, model.canary?.uri]) {
      if (uri !== undefined) opened.push(await open(uri));
    }
    const [live, ...others] = opened as [ModelScorer, ...ModelScorer[]];
    const standIn = fallback === undefined ? undefined : others.shift();
    const shadow = model.shadow === undefined ? undefined : others.shift();
    const canary = others.shift();
    for (const other of [standIn, shadow, canary]) if (other !== undefined) requireSameWindows(other, live);
    return { live, standIn, shadow, canary, open, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openScorer(place: Place, model: ScoreModelConfig, uri: string, logger: Logger): Promise<ModelScorer> {
  if (parseModelUri(uri).kind === 'remote') return await openRemote(place, model, logger, uri);
  const { OnnxModelScorer } = await import('../models/scoring/onnxModelScorer.ts');
  const { path, identity } = await resolved(place, uri);
  const { batch, inFlight, timeoutMs, runtime } = model;
  const scorer = await OnnxModelScorer.open({
    source: { path },
    ...identity,
    ...(identity.version === undefined && { name: basename(path) }),
    spec: specOf(model),
    runtime: { runtime },
    guard: { batch, inFlight, timeoutMs },
  });
  const { version, sha256 = '' } = scorer.identity;
  const named = version === undefined ? scorer.identity.name : `${identity.name} version ${version}`;
  logger.info(`model ${named} (sha256 ${sha256.slice(0, 12)}) on ${scorer.opened.runtime}`);
  return scorer;
}

async function openRemote(place: Place, model: ScoreModelConfig, logger: Logger, uri: string): Promise<ModelScorer> {
  const { openRemoteScorer } = await import('../models/remote/remoteModel.ts');
  const scorer = await openRemoteScorer(uri, await remoteOptions(place, model, uri));
  logger.info(`model ${scorer.identity.name} at ${scorer.address}`);
  const { whyOneByOne } = scorer;
  if (whyOneByOne !== undefined) logger.warn(`${scorer.address} is asked value by value: ${whyOneByOne}`);
  return scorer;
}

async function remoteOptions(
  { settings, cwd }: Place,
  model: ScoreModelConfig,
  uri: string,
): Promise<RemoteModelOptions> {
  const { headersOf } = await import('../clients/headerLines.ts');
  const { batch, inFlight, timeoutMs, request, response } = model;
  // Beside a model behind a plain address, its shadow may be on a server that knows a protocol.
  const isPlain = /^https?:/i.test(uri);
  const ca = settings.optionalString('score.model.ca') ?? '';
  return {
    spec: specOf(model),
    startTimeoutMs: settings.durationMs('models.request_timeout'),
    headers: headersOf(settings.secret('score.model.headers') ?? '', 'score.model.headers'),
    ...(ca !== '' && { ca: await readCa(resolve(cwd, ca)) }),
    ...(isPlain && request !== undefined && { request }),
    ...(isPlain && response !== undefined && { response }),
    guard: { batch, inFlight, timeoutMs },
  };
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot read score.model.ca ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** What the configuration says of a model, over what its file says. */
function specOf({ input, output }: ScoreModelConfig): Partial<ModelSpec> {
  return {
    ...(output.kind !== undefined && { kind: output.kind }),
    ...(input.length !== undefined && { length: input.length }),
    ...(input.fields !== undefined && { channels: input.fields }),
    ...(input.scaling !== undefined && { scaling: input.scaling }),
    ...(input.layout !== undefined && { layout: input.layout }),
    ...(input.name !== undefined && { input: input.name }),
    ...(output.name !== undefined && { output: output.name }),
    ...(output.direction !== undefined && { direction: output.direction }),
    ...(output.class !== undefined && { classIndex: output.class }),
  };
}

function completed(config: PipelineConfig, { length, channels, scaling }: ModelSpec): PipelineConfig {
  const score = config.score!;
  return { ...config, score: { ...score, model: { ...score.model!, reads: { length, fields: channels, scaling } } } };
}

async function resolved(place: Place, uri: string): Promise<ResolvedModel> {
  const { modelSources } = await import('./model/access.ts');
  const { resolveModel } = await import('../models/registry/resolveModel.ts');
  const sources = modelSources(place);
  try {
    return await resolveModel(uri, sources);
  } finally {
    await sources.close();
  }
}
