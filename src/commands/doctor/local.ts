import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { lockDirectory } from '../../platform/directoryLock.ts';
import { compareVersions, LEAST_NODE, runtimeInfo } from '../../platform/runtime.ts';
import { toolVersion } from '../../platform/version.ts';
import { openCheckpointObjects } from '../options/storeSettings.ts';
import { fail, ok, type Seen, warn } from './check.ts';
import type { Doctor } from './doctor.ts';

export async function checkRuntime(): Promise<readonly Seen[]> {
  const { name, version } = runtimeInfo();
  const detail = `anomaly ${toolVersion()} on ${name} ${version}, ${process.platform} ${process.arch}`;
  const isOld = name === 'node' && compareVersions(version, LEAST_NODE) < 0;
  return [isOld ? fail(detail, `install Node ${LEAST_NODE} or newer`) : ok(detail)];
}

const FEWEST_COLUMNS = 60;
const FEWEST_ROWS = 20;

export async function checkTerminal({ context }: Doctor): Promise<readonly Seen[]> {
  const { stdout, stderr, env, output } = context;
  const rows = (stdout as { rows?: number }).rows;
  const kind = (isTerminal: boolean | undefined) => (isTerminal === true ? 'terminal' : 'pipe or file');
  const size =
    stdout.columns === undefined ? '' : ` of ${stdout.columns} columns${rows === undefined ? '' : ` and ${rows} rows`}`;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const isUnicode = /utf-?8/i.test(locale) || process.platform === 'win32' || process.platform === 'darwin';
  const detail =
    `stdout ${kind(stdout.isTTY)}${size}, stderr ${kind(stderr.isTTY)}, TERM ${env['TERM'] ?? 'not set'}, ` +
    `colour ${output.color ? 'on' : 'off'}, ${isUnicode ? 'Unicode' : `no Unicode (LANG ${locale || 'not set'})`}`;
  if (stdout.isTTY !== true) return [ok(detail)];
  if ((stdout.columns ?? 80) < FEWEST_COLUMNS || (rows ?? 24) < FEWEST_ROWS) {
    return [warn(detail, `make it at least ${FEWEST_COLUMNS} columns wide and ${FEWEST_ROWS} rows high`)];
  }
  return [
    isUnicode ? ok(detail) : warn(detail, 'set LANG to a UTF-8 locale, as C.UTF-8, or give --ascii where there is one'),
  ];
}

export async function checkConfiguration({ context, problem }: Doctor): Promise<readonly Seen[]> {
  const { settings } = context;
  const fix = 'docs/configuration.md describes each key; anomaly config show --origin where each value is from';
  if (settings.problems.length > 0) {
    return settings.problems.map(({ place, key, message }) => fail(`${place}: ${key} ${message}`, fix));
  }
  if (problem !== undefined) return [fail(problem.message, problem.hint)];
  const found = settings.files.filter((file) => file.found && file.kind !== 'rpk profile').map((file) => file.path);
  const { origin, place } = settings.origin('brokers');
  const files = found.length === 0 ? 'no file: flags, environment and defaults' : found.join(', ');
  return [ok(`${files}; brokers ${settings.list('brokers').join(', ')} from ${place || origin}`)];
}

/** The profile of rpk: which one, and what it gives. */
export async function checkProfile({ context }: Doctor): Promise<readonly Seen[]> {
  const { settings, flags, env } = context;
  if (flags['ignoreProfile'] === true) return [ok('rpk.yaml is left alone (--ignore-profile)')];
  const file = settings.files.find(({ kind }) => kind === 'rpk profile');
  if (file?.found !== true) return [ok(`there is no ${file?.path ?? 'rpk.yaml'}`)];
  const name = (flags['profile'] as string | undefined) ?? env['RPK_PROFILE'] ?? '';
  const keys = [...settings.entries()].filter(({ origin }) => origin === 'rpk profile').map(({ key }) => key);
  const which = name === '' ? 'its current profile' : `profile ${name}`;
  if (keys.length === 0) return [ok(`${file.path}: ${which} gives nothing that is not set elsewhere`)];
  return [ok(`${file.path}: ${which} gives ${keys.join(', ')}`)];
}

const PACKAGE = '@confluentinc/kafka-javascript';
const DEBIAN = 'libcurl4-openssl-dev libssl-dev zlib1g-dev libsasl2-dev libzstd-dev';
const INSTALL = `npm install ${PACKAGE}; where no binary can be downloaded: apt-get install ${DEBIAN}, then CKJS_LINKING=dynamic npm install ${PACKAGE}`;

/** The second client is optional, so its absence only matters when it is asked for. */
export async function checkNativeClient({ context }: Doctor): Promise<readonly Seen[]> {
  const isNeeded = context.settings.string('client') === 'librdkafka';
  const { name, nativeClient } = runtimeInfo();
  if (!nativeClient) {
    const detail = `librdkafka runs on Node only, not on ${name}`;
    return [isNeeded ? fail(detail, 'use --client platformatic, or Node') : ok(detail)];
  }
  const { loadBinding } = await import('../../clients/librdkafka/binding.ts');
  try {
    const binding = await loadBinding();
    return [ok(`librdkafka ${binding.librdkafkaVersion} loads`)];
  } catch (error) {
    if (isNeeded) return [fail((error as Error).message, INSTALL)];
    return [warn('librdkafka is not installed; it is optional', INSTALL)];
  }
}

/** Makes a directory where a run would, takes a lock in it and gives all of that back. */
export async function checkStateDirectory({ context }: Doctor): Promise<readonly Seen[]> {
  const path = resolve(context.cwd, context.settings.string('state_dir'));
  const fix = 'name another one with --state-dir or ANOMALY_STATE_DIR';
  const existing = await nearestExisting(path);
  try {
    await access(existing, constants.W_OK);
    const probe = await mkdtemp(join(existing, '.anomaly-doctor-'));
    try {
      const own = join(probe, randomBytes(4).toString('hex'));
      await mkdir(own);
      lockDirectory(own)();
    } finally {
      await rm(probe, { recursive: true, force: true });
    }
  } catch (error) {
    return [fail(`${path} cannot be written: ${(error as Error).message}`, fix)];
  }
  return [ok(existing === path ? `${path} can be written and locked` : `${path} can be made, and locked in`)];
}

async function nearestExisting(path: string): Promise<string> {
  for (let each = path; ; each = dirname(each)) {
    try {
      await access(each);
      return each;
    } catch (error) {
      if (dirname(each) === each) throw error;
    }
  }
}

/** The write test of a start. Without checkpoint.store the state directory is where checkpoints lie. */
export async function checkCheckpointStore({ context }: Doctor): Promise<readonly Seen[]> {
  if ((context.settings.optionalString('checkpoint.store') ?? '') === '') {
    return [
      ok(`checkpoints lie in the state directory, as checkpoint.store is not set: other machines cannot take over`),
    ];
  }
  const store = await openCheckpointObjects(context);
  await store.probe().finally(() => store.close());
  return [ok(`${store.url} can be written, read and removed from`)];
}

/** Loads the models as a start does, which runs each of them. */
export async function checkModel({ context, pipeline }: Doctor): Promise<readonly Seen[]> {
  const model = pipeline.score?.model;
  if (model === undefined) return [];
  const [{ openScorers, withModelReads }, { defineJob }] = await Promise.all([
    import('../scoreModel.ts'),
    import('../../runtime/job.ts'),
  ]);
  const begun = performance.now();
  defineJob(await withModelReads(context, pipeline), 'run');
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const scorers = await openScorers(context, pipeline, quiet);
  const ms = Math.round(performance.now() - begun);
  const all = [scorers!.live, scorers!.shadow, scorers!.canary].filter((each) => each !== undefined);
  const names = all.map(({ identity }) =>
    [identity.name, identity.version].filter((each) => each !== undefined).join(' version '),
  );
  await scorers!.close();
  return [ok(`${names.join(', ')} ${all.length === 1 ? 'loads and gives' : 'load and give'} scores, ${ms} ms in all`)];
}
