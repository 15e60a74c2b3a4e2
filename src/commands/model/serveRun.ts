import { setTimeout as sleepFor } from 'node:timers/promises';
import { AnomalyError } from '../../errors.ts';
import { resolveModel } from '../../models/registry/resolveModel.ts';
import type { RuntimeSettings } from '../../models/runtime/ortRuntime.ts';
import { type WatchedAlias, watchAliases } from '../../models/serving/aliasWatch.ts';
import { InferenceServer } from '../../models/serving/inferenceServer.ts';
import { ServedModel } from '../../models/serving/servedModel.ts';
import { ServedModels } from '../../models/serving/servedModels.ts';
import { toolVersion } from '../../platform/version.ts';
import type { CommandContext } from '../command.ts';
import { modelSources } from './access.ts';
import { type ServeTarget, serveTargets } from './serveTargets.ts';

/** A file has no version of its own; the protocol wants one. */
const FILE_VERSION = '1';

/** `model serve`. */
export async function runModelServe(context: CommandContext): Promise<number> {
  const { args, signal, stderr } = context;
  const limits = limitsOf(context);
  const sources = modelSources(context);
  const serving = new Serving(context, sources, limits);
  try {
    await serving.load(await serveTargets(args, sources.registry));
    if (signal.aborted) return 0;
    await serving.listen();
    const watching = serving.watch();
    await aborted(signal);
    const isWhole = await serving.server!.drain(limits.drainMs);
    await watching;
    if (isWhole) stderr.write('stopped; every request that came was answered\n');
    else context.logger.warn(`requests were cut off, as they took longer than ${limits.drainMs} ms (--drain-timeout)`);
    return 0;
  } finally {
    await serving.close();
    await sources.close();
  }
}

type Limits = ReturnType<typeof limitsOf>;

function limitsOf({ flags }: CommandContext) {
  const count = (name: string, fallback: number): number => {
    const value = (flags[name] as number | undefined) ?? fallback;
    if (value >= 1) return value;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new AnomalyError('ANM_USAGE', `--${flag} wants at least 1, got ${value}`);
  };
  const listen = (flags['listen'] as string | undefined) ?? '127.0.0.1:8000';
  if (!/^.*:\d{1,5}$/.test(listen)) {
    throw new AnomalyError('ANM_USAGE', `--listen cannot be ${JSON.stringify(listen)}`, { hint: 'as 127.0.0.1:8000' });
  }
  return {
    listen,
    maxBatch: count('maxBatch', 64),
    maxDelayMs: (flags['maxDelay'] as number | undefined) ?? 0,
    maxRows: count('maxRows', 4096),
    maxBodyBytes: count('maxBody', 16_777_216),
    maxInFlight: count('maxInFlight', 256),
    reloadMs: (flags['reload'] as number | undefined) ?? 10_000,
    drainMs: (flags['drainTimeout'] as number | undefined) ?? 30_000,
    runtime: {
      runtime: (flags['runtime'] ?? 'auto') as RuntimeSettings['runtime'],
      threads: count('threads', 1),
    },
  };
}

/** The models of one server, from loading to closing. */
class Serving {
  server: InferenceServer | undefined;
  readonly #context: CommandContext;
  readonly #sources: ReturnType<typeof modelSources>;
  readonly #limits: Limits;
  readonly #models = new ServedModels();
  readonly #watched: WatchedAlias[] = [];
  /** Versions that an argument names by number: no alias takes them away. */
  readonly #pinned = new Set<string>();

  /** Names that are of files. */
  readonly #files = new Set<string>();

  constructor(context: CommandContext, sources: ReturnType<typeof modelSources>, limits: Limits) {
    this.#context = context;
    this.#sources = sources;
    this.#limits = limits;
  }

  async load(targets: readonly ServeTarget[]): Promise<void> {
    for (const { uri, name, alias } of targets) {
      const version = await this.#load(uri, name, alias);
      if (alias === undefined) this.#pinned.add(`${name}/${version}`);
      else this.#watched.push({ name, alias, version });
    }
  }

  async listen(): Promise<void> {
    const { logger, output } = this.#context;
    const { listen, maxBodyBytes, maxInFlight } = this.#limits;
    const models = this.#models;
    this.server = await InferenceServer.listen({
      ...{ listen, models, maxBodyBytes, maxInFlight, toolVersion: toolVersion(), now: () => performance.now() },
      onFault: (error) => logger.error(`the server failed on a request: ${(error as Error).stack ?? String(error)}`),
    });
    const { url } = this.server;
    const list = models.all().map(({ name, version, sha256, runtime, whyAlone, tensors, loadMs }) => ({
      model: name,
      version,
      sha256,
      runtime,
      sharesRuns: whyAlone === undefined,
      leftOut: tensors.leftOut,
      loadMs: Math.round(loadMs),
    }));
    await output.document({ url, models: list }, () => {
      const lines = list.map((each) => `  ${each.model}/${each.version}  ${each.sha256.slice(0, 12)}  ${each.runtime}`);
      return [`serving ${list.length} model${list.length === 1 ? '' : 's'} on ${url}`, ...lines].join('\n');
    });
  }

  /** Follows the aliases until the signal. */
  async watch(): Promise<void> {
    const { signal, logger } = this.#context;
    if (this.#limits.reloadMs <= 0 || this.#watched.length === 0) return;
    const registry = await this.#sources.registry();
    const options = {
      aliases: this.#watched,
      everyMs: this.#limits.reloadMs,
      look: async (name: string, alias: string) => (await registry.alias(name, alias))?.version ?? null,
      move: async (watched: WatchedAlias, version: string) => await this.#move(watched, version),
      onProblem: ({ name, alias, version }: WatchedAlias, error: unknown) =>
        logger.warn(`cannot follow ${name}@${alias}, and stays at version ${version}: ${(error as Error).message}`),
      sleep: async (ms: number, until: AbortSignal) =>
        void (await sleepFor(ms, undefined, { signal: until }).catch(() => {})),
    };
    await watchAliases(options, signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.#models.all().map((model) => model.close()));
  }

  async #move({ name, alias, version: before }: WatchedAlias, version: string): Promise<void> {
    await this.#load(`models:/${name}/${version}`, name, undefined);
    this.#models.move(name, alias, version);
    this.#context.logger.info(`${name}@${alias} is version ${version} now, it was ${before}`);
    const isUsed = this.#watched.some((each) => each.name === name && each.alias !== alias && each.version === before);
    if (isUsed || this.#pinned.has(`${name}/${before}`)) return;
    await this.#models.remove(name, before)?.close();
  }

  /** Gives the version. */
  async #load(uri: string, name: string, alias: string | undefined): Promise<string> {
    const { logger } = this.#context;
    const { maxBatch, maxDelayMs, maxRows, runtime } = this.#limits;
    const found = await resolveModel(uri, this.#sources);
    const version = found.identity.version ?? FILE_VERSION;
    if (this.#models.has(name, version)) {
      // Of a registry it is the same model; files of one name are two.
      if (found.version === undefined || this.#files.has(name)) throw sameName(uri, name);
      if (alias !== undefined) this.#models.move(name, alias, version);
      return version;
    }
    const model = await ServedModel.open({
      ...{ name, version, path: found.path, sha256: found.identity.sha256 },
      ...{ maxBatch, maxDelayMs, maxRows, runtime, now: () => performance.now() },
      onRun: (rows, _requests, latencyMs) => this.server?.metrics.run(name, version, rows, latencyMs),
    });
    this.#models.add(model, alias);
    if (found.version === undefined) this.#files.add(name);
    if (model.whyAlone !== undefined) logger.info(`${name}/${version}: each request runs alone, as ${model.whyAlone}`);
    const { leftOut } = model.tensors;
    if (leftOut.length > 0)
      logger.warn(`${name}/${version}: ${leftOut.join(', ')} is no tensor of numbers, and is not served`);
    return version;
  }
}

function sameName(uri: string, name: string): AnomalyError {
  return new AnomalyError('ANM_USAGE', `cannot serve ${uri} as another model is served as ${name}/${FILE_VERSION}`, {
    hint: 'rename the file, or add both to the registry as versions: anomaly model add FILE --name NAME',
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
