import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import { AnomalyError } from '../../errors.ts';
import { userName } from '../../platform/userName.ts';
import type { ObjectStore } from '../../stores/objectStore.ts';
import { type OpenStoreOptions, openStore } from '../../stores/openStore.ts';
import { findCredentials } from '../../stores/s3Credentials.ts';
import { parseStoreUrl } from '../../stores/storeUrl.ts';
import type { CommandContext } from '../command.ts';

type Place = Pick<CommandContext, 'settings' | 'env' | 'cwd'>;

/**
 * The store that `given` names, by default checkpoint.store, else state_dir. Nothing is sent before its first use.
 *
 * @throws ANM_CONFIG for what names no store, ANM_STORE_DENIED for an s3: store without credentials
 */
export async function openCheckpointObjects(
  place: Place,
  given = place.settings.optionalString('checkpoint.store') ?? '',
): Promise<ObjectStore> {
  const { settings, cwd } = place;
  const text = given === '' ? settings.string('state_dir') : given;
  const url = parseStoreUrl(text);
  const store = url.kind === 'file' ? resolve(cwd, url.directory) : text;
  return await openStore(store, storeOptions(place));
}

/** How stores are reached: settings, else the variables and files that AWS's and Hadoop's own tools read. */
export function storeOptions({ settings, env, cwd }: Place): OpenStoreOptions {
  return {
    policy: {
      timeoutMs: settings.durationMs('checkpoint.request_timeout'),
      retryMs: settings.durationMs('checkpoint.retry_timeout'),
    },
    s3: async () => {
      const endpoint = first(settings, 'checkpoint.s3.endpoint', env, 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL');
      const region = first(settings, 'checkpoint.s3.region', env, 'AWS_REGION', 'AWS_DEFAULT_REGION');
      const ca = first(settings, 'checkpoint.s3.ca', env, 'AWS_CA_BUNDLE');
      const { origin, ...credentials } = findCredentials({
        settings: ownKeys(settings),
        env,
        file: await credentialsFile(settings, env, cwd),
        profile: first(settings, 'checkpoint.s3.profile', env, 'AWS_PROFILE') ?? 'default',
      });
      return {
        ...(endpoint !== undefined && { endpoint: checkEndpoint(endpoint) }),
        ...(region !== undefined && { region }),
        pathStyle: settings.boolean('checkpoint.s3.path_style'),
        ...credentials,
        credentials: origin,
        ...(ca !== undefined && { ca: await readCa(resolve(cwd, ca)) }),
      };
    },
    webhdfs: () => {
      const user = first(settings, 'checkpoint.webhdfs.user', env, 'HADOOP_USER_NAME') ?? userName();
      const token = settings.secret('checkpoint.webhdfs.token') ?? given(env['HADOOP_TOKEN']);
      return { user, ...(token !== undefined && { token }) };
    },
  };
}

function ownKeys(settings: Settings) {
  const accessKeyId = settings.optionalString('checkpoint.s3.access_key_id');
  const secretAccessKey = settings.secret('checkpoint.s3.secret_access_key');
  const sessionToken = settings.secret('checkpoint.s3.session_token');
  return {
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(secretAccessKey !== undefined && { secretAccessKey }),
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

function first(
  settings: Settings,
  key: string,
  env: CommandContext['env'],
  ...names: readonly string[]
): string | undefined {
  return (
    given(settings.optionalString(key)) ?? names.map((name) => given(env[name])).find((value) => value !== undefined)
  );
}

function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function checkEndpoint(text: string): string {
  const url = /^[a-z]+:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && /^\/?$/.test(url.pathname)) {
    return url.origin;
  }
  throw new AnomalyError(
    'ANM_CONFIG',
    `checkpoint.s3.endpoint cannot be ${shownEndpoint(text)} as it is no http:// or https:// address`,
    {
      hint: 'as http://minio:9000, without a path and without credentials',
    },
  );
}

/** Without what may be credentials. */
function shownEndpoint(text: string): string {
  return text.includes('@') ? 'an address with credentials' : JSON.stringify(text);
}

async function credentialsFile(settings: Settings, env: CommandContext['env'], cwd: string) {
  const named = first(settings, 'checkpoint.s3.credentials_file', env, 'AWS_SHARED_CREDENTIALS_FILE');
  const path = named === undefined ? join(env['HOME'] ?? homedir(), '.aws', 'credentials') : resolve(cwd, named);
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { path, text: undefined };
    throw unreadable(path, 'checkpoint.s3.credentials_file', cause);
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, 'checkpoint.s3.ca', cause);
  }
}

function unreadable(path: string, key: string, cause: unknown): AnomalyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnomalyError('ANM_CONFIG', `cannot read ${key} ${path}: ${reason}`, { cause });
}
