import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const running = new Set<ChildProcess>();

/** For `afterEach`: a test that fails in the middle must not leave its process behind. */
export function killDevs(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** `anomaly dev` in a process of its own. */
export interface Dev {
  readonly port: number;
  readonly registryUrl: string;
  readonly child: ChildProcess;
  readonly ended: Promise<NodeJS.Signals | null>;
  stderr(): string;
}

/** Starts it on free ports; resolves when all three answer. */
export async function startDev(...flags: string[]): Promise<Dev> {
  if (!existsSync(`${ROOT}/dist/cli.js`)) throw new Error('dist/ is missing: run `npm run build` first');
  const ports = ['--port', '0', '--registry-port', '0', '--admin-port', '0'];
  const args = [`${ROOT}/bin/anomaly.js`, 'dev', ...ports, '-o', 'ndjson', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('close', (_code, signal) => {
      running.delete(child);
      resolve(signal);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (stdout.split('\n').length > 3) resolve();
    });
    void ended.then(() => reject(new Error(`dev ended:\n${stderr}`)));
  });
  const addresses = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { address: string }).address);
  return { port: Number(addresses[0]!.split(':')[1]), registryUrl: addresses[1]!, child, ended, stderr: () => stderr };
}
