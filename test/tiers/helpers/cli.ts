import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Where a command finds its cluster, and a folder of its own. */
export interface Surroundings {
  readonly brokers: string;
  readonly registry: string;
  readonly dir: string;
  readonly client?: 'platformatic' | 'librdkafka';
}

/** Environment of a user that has these services and nothing else. */
export function environment({ brokers, registry, dir, client }: Surroundings): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: dir,
    XDG_STATE_HOME: `${dir}/state`,
    ANOMALY_BROKERS: brokers,
    ANOMALY_REGISTRY_URLS: registry,
    ...(client === undefined ? {} : { ANOMALY_CLIENT: client }),
  };
}

/** Starts the built tool as a user does. */
export function startTool(around: Surroundings, argv: readonly string[]) {
  if (!existsSync(`${ROOT}/dist/cli.js`)) throw new Error('dist/ is missing: run `npm run build` first');
  mkdirSync(around.dir, { recursive: true });
  const child = spawn(process.execPath, [`${ROOT}/bin/anomaly.js`, ...argv], {
    cwd: around.dir,
    env: environment(around),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    texts.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    texts.stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>(
    (resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...texts })),
  );
  return { kill: (signal: NodeJS.Signals) => child.kill(signal), stderr: () => texts.stderr, ended };
}

/** Runs it to its end; gives stdout. */
export async function tool(around: Surroundings, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await startTool(around, argv).ended;
  if (code !== 0) throw new Error(`anomaly ${argv.join(' ')} ended with ${code}:\n${stderr}`);
  return stdout;
}

/** Lines of NDJSON as values. */
export function parseLines<T = Record<string, unknown>>(text: string): T[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
