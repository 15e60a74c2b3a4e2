import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { AnomalyError } from '../../errors.ts';
import type { MlflowOptions } from '../../models/registry/mlflowClient.ts';
import type { ModelRegistry } from '../../models/registry/modelRegistry.ts';
import { openRegistry } from '../../models/registry/openRegistry.ts';
import type { ResolveOptions } from '../../models/registry/resolveModel.ts';
import { cacheDirectory, dataDirectory } from '../../platform/paths.ts';
import { userName } from '../../platform/userName.ts';
import type { CommandContext } from '../command.ts';
import { storeOptions } from '../options/storeSettings.ts';

type Place = Pick<CommandContext, 'settings' | 'env' | 'cwd' | 'now'>;

/** Opens the registry of models.registry, runs, and closes it. */
export async function withRegistry(context: Place, run: (registry: ModelRegistry) => Promise<number>): Promise<number> {
  const registry = await openModelRegistry(context);
  try {
    return await run(registry);
  } finally {
    await registry.close();
  }
}

/**
 * The registry that models.registry names. Nothing is sent before its first use.
 *
 * @throws ANM_CONFIG for what names none, ANM_STORE_DENIED for an s3: registry without credentials
 */
export async function openModelRegistry(place: Place): Promise<ModelRegistry> {
  const { settings, env, cwd, now } = place;
  const given = settings.optionalString('models.registry') ?? '';
  const text = given === '' ? join(dataDirectory(env), 'models') : given;
  return await openRegistry(/^[a-z][a-z0-9+.-]+:/i.test(text) ? text : resolve(cwd, text), {
    author: { by: `${userName()}@${hostname()}`, now, newId: randomUUID },
    store: storeOptions(place),
    mlflow: () => mlflowOptions(place),
  });
}

/** How `resolveModel` finds models: one registry, opened when it is first needed; close it after the last use. */
export function modelSources(place: Place): ResolveOptions & { close(): Promise<void> } {
  const { settings, env, cwd } = place;
  const given = settings.optionalString('models.cache') ?? '';
  let opened: Promise<ModelRegistry> | undefined;
  return {
    registry: () => {
      opened ??= openModelRegistry(place);
      return opened;
    },
    cacheDirectory: given === '' ? join(cacheDirectory(env), 'models') : resolve(cwd, given),
    cwd,
    close: async () => {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

async function mlflowOptions({ settings, env, cwd }: Place): Promise<Omit<MlflowOptions, 'url'>> {
  const text = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
  const user = text(settings.optionalString('models.mlflow.user')) ?? text(env['MLFLOW_TRACKING_USERNAME']);
  const password = text(settings.secret('models.mlflow.password')) ?? text(env['MLFLOW_TRACKING_PASSWORD']);
  const token = text(settings.secret('models.mlflow.token')) ?? text(env['MLFLOW_TRACKING_TOKEN']);
  const ca = text(settings.optionalString('models.mlflow.ca')) ?? text(env['MLFLOW_TRACKING_SERVER_CERT_PATH']);
  return {
    timeoutMs: settings.durationMs('models.request_timeout'),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
    ...(ca !== undefined && { ca: await readCa(resolve(cwd, ca)) }),
  };
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AnomalyError('ANM_CONFIG', `cannot read models.mlflow.ca ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
