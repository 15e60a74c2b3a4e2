import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { World } from '../../helpers/world.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface ChildRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Resolves when stderr holds a match; rejects when the process ends before. */
  says(text: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ChildRun>;
}

const running = new Set<{ kill(signal: NodeJS.Signals): unknown }>();

/** For `afterEach`: a test that fails in the middle must not leave its process behind. */
export function killTheRest(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts `anomaly` as a user does, in a process of its own, against the broker of this one. */
export function startAnomaly(world: Pick<World, 'dir' | 'env'>, argv: readonly string[]): Child {
  if (!existsSync(`${ROOT}/dist/cli.js`)) {
    throw new Error('dist/ is missing, and this test starts the built tool: run `npm run build` first');
  }
  const child = spawn(process.execPath, [`${ROOT}/bin/anomaly.js`, ...argv], {
    cwd: world.dir,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent/home', ...world.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  let isOver = false;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    tell();
  });
  const ended = new Promise<ChildRun>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      isOver = true;
      tell();
      resolve({ code, signal, stdout, stderr });
    });
  });
  const says = (text: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (text.test(stderr)) resolve();
        else if (isOver) reject(new Error(`it ended without saying ${text}:\n${stderr}`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return { stderr: () => stderr, says, kill: (signal) => void child.kill(signal), ended };
}
