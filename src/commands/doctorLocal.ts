import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { compareVersions, LEAST_NODE, runtimeInfo } from '../platform/runtime.ts';
import { toolVersion } from '../platform/version.ts';
import type { CommandContext } from './command.ts';
import type { Finding } from './doctorRun.ts';

/** Checks that need no network. */
export async function checkRuntime(): Promise<readonly Finding[]> {
  const { name, version } = runtimeInfo();
  const old = name === 'node' && compareVersions(version, LEAST_NODE) < 0;
  return [
    {
      check: 'runtime',
      status: old ? 'fail' : 'ok',
      detail: `anomaly ${toolVersion()} on ${name} ${version}, ${process.platform} ${process.arch}`,
      fix: old ? `install Node ${LEAST_NODE} or newer` : null,
    },
  ];
}

export async function checkConfiguration({ settings }: CommandContext): Promise<readonly Finding[]> {
  const found = settings.files.filter((file) => file.found).map((file) => file.path);
  if (settings.problems.length === 0) {
    const detail = found.length === 0 ? 'no file: flags, environment and defaults' : found.join(', ');
    return [{ check: 'configuration', status: 'ok', detail, fix: null }];
  }
  return settings.problems.map(({ place, key, message }) => ({
    check: 'configuration',
    status: 'fail' as const,
    detail: `${place}: ${key} ${message}`,
    fix: 'docs/configuration.md describes each key',
  }));
}

const PACKAGE = '@confluentinc/kafka-javascript';
const DEBIAN = 'libcurl4-openssl-dev libssl-dev zlib1g-dev libsasl2-dev libzstd-dev';
const INSTALL = `npm install ${PACKAGE}; where no binary can be downloaded: apt-get install ${DEBIAN}, then CKJS_LINKING=dynamic npm install ${PACKAGE}`;

/** The second client is optional, so its absence only matters when it is asked for. */
export async function checkNativeClient({ settings }: CommandContext): Promise<readonly Finding[]> {
  const check = 'native client';
  const needed = settings.string('client') === 'librdkafka';
  const { name, nativeClient } = runtimeInfo();
  if (!nativeClient) {
    const detail = `librdkafka runs on Node only, not on ${name}`;
    return [
      { check, status: needed ? 'fail' : 'ok', detail, fix: needed ? 'use --client platformatic, or Node' : null },
    ];
  }
  const { loadBinding } = await import('../clients/librdkafka/binding.ts');
  try {
    const binding = await loadBinding();
    return [{ check, status: 'ok', detail: `librdkafka ${binding.librdkafkaVersion} loads`, fix: null }];
  } catch (error) {
    const detail = needed ? (error as Error).message : `librdkafka is not installed; it is optional`;
    return [{ check, status: needed ? 'fail' : 'warn', detail, fix: INSTALL }];
  }
}

export async function checkStateDirectory({ settings }: CommandContext): Promise<readonly Finding[]> {
  const check = 'state directory';
  const path = settings.string('state_dir');
  try {
    const existing = await nearestExisting(path);
    await access(existing, constants.W_OK);
    const detail = existing === path ? `${path} can be written` : `${path} can be made`;
    return [{ check, status: 'ok', detail, fix: null }];
  } catch (error) {
    const detail = `${path} cannot be written: ${(error as Error).message}`;
    return [{ check, status: 'fail', detail, fix: 'name another one with --state-dir or ANOMALY_STATE_DIR' }];
  }
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

export async function checkTerminal({ stdout, stderr, env, output }: CommandContext): Promise<readonly Finding[]> {
  const size = stdout.columns === undefined ? '' : `, ${stdout.columns} columns`;
  const tty = (isTerminal: boolean | undefined) => (isTerminal === true ? 'terminal' : 'pipe or file');
  const detail = `stdout ${tty(stdout.isTTY)}${size}, stderr ${tty(stderr.isTTY)}, TERM ${env['TERM'] ?? 'not set'}, colour ${output.color ? 'on' : 'off'}`;
  const narrow = stdout.isTTY === true && (stdout.columns ?? 80) < 60;
  return [
    {
      check: 'terminal',
      status: narrow ? 'warn' : 'ok',
      detail,
      fix: narrow ? 'make it at least 60 columns wide' : null,
    },
  ];
}
