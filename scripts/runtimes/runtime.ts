// The runtimes that the tool runs on, and how a command is run on each.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const REPOSITORY_BIN = join(ROOT, 'bin/anomaly.js');

export interface Runtime {
  readonly id: 'node' | 'node24' | 'bun' | 'deno';
  /** 'Node 20.20.2' */
  readonly title: string;
  readonly command: string;
  /** What comes before the script's path. */
  readonly before: readonly string[];
  readonly version: string;
}

/** Node as it runs this script, and what `.ci/run` has installed into `folder`. */
export function findRuntimes(folder: string): Runtime[] {
  const bin = (name: string) => join(folder, 'node_modules/.bin', name);
  return [
    runtime('node', 'Node', process.execPath, []),
    runtime('node24', 'Node', bin('node'), []),
    runtime('bun', 'Bun', bin('bun'), []),
    runtime('deno', 'Deno', bin('deno'), ['run', '--quiet', '-A']),
  ];
}

function runtime(id: Runtime['id'], name: string, command: string, before: readonly string[]): Runtime {
  const { stdout, error } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  const version = /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0];
  if (version === undefined) throw new Error(`cannot run ${command}: ${error?.message ?? 'it prints no version'}`);
  return { id, title: `${name} ${version}`, command, before, version };
}

/** Nothing of the user's own configuration, and no colours. */
function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env;
  return { PATH, ...(TMPDIR !== undefined && { TMPDIR }), HOME: '/nonexistent', NO_COLOR: '1', ...extra };
}

export interface RunOptions {
  readonly bin?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command of the tool to its end, two minutes at most. */
export function run(on: Runtime, args: readonly string[], options: RunOptions = {}): SpawnSyncReturns<string> {
  return spawnSync(on.command, [...on.before, options.bin ?? REPOSITORY_BIN, ...args], {
    encoding: 'utf8',
    cwd: options.cwd ?? ROOT,
    env: environment(options.env ?? {}),
    timeout: 120_000,
    maxBuffer: 64 * 2 ** 20,
  });
}

/** Runs a command that has to end with 0, and returns what it printed. */
export function succeed(on: Runtime, args: readonly string[], options: RunOptions = {}): string {
  const { status, stdout, stderr, error } = run(on, args, options);
  if (status !== 0) throw new Error(`anomaly ${args.join(' ')}: exit ${status} ${error?.message ?? ''}\n${stderr}`);
  return stdout;
}

/** Runs a command that has to end with this code and name this error, and returns what it wrote to stderr. */
export function fails(on: Runtime, args: readonly string[], options: RunOptions, exit: number, error: string): string {
  const { status, stderr } = run(on, args, options);
  if (status !== exit || !stderr.includes(error)) {
    throw new Error(`anomaly ${args.join(' ')}: exit ${status} where ${exit} with ${error} was due\n${stderr}`);
  }
  return stderr;
}

export interface DevBroker {
  /** ANOMALY_BROKERS and ANOMALY_REGISTRY_URLS. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it by SIGTERM; the exit code. */
  stop(): Promise<number | null>;
}

/** `anomaly dev` on free ports. */
export async function startDev(on: Runtime, ...args: string[]): Promise<DevBroker> {
  const ports = ['--port', '0', '--registry-port', '0', '--admin-port', '0'];
  const child = spawn(on.command, [...on.before, REPOSITORY_BIN, 'dev', ...ports, ...args], {
    cwd: ROOT,
    env: environment({}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const found = new Promise<{ kafka: string; registry: string }>((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const kafka = /kafka +ready on (\S+)/.exec(text)?.[1];
      const registry = /registry +ready on (\S+)/.exec(text)?.[1];
      if (kafka !== undefined && registry !== undefined && /admin +ready/.test(text)) resolve({ kafka, registry });
    });
  });
  const failed = exited.then((code) => {
    throw new Error(`anomaly dev ended with ${code}\n${errors}`);
  });
  const { kafka, registry } = await Promise.race([found, failed]);
  failed.catch(() => {});
  return {
    env: { ANOMALY_BROKERS: kafka, ANOMALY_REGISTRY_URLS: registry },
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** Text in a form that may be compared by eye. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
