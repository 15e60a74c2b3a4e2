// The tool's processes of the criteria, as a user starts them.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './processes.ts';

const ANOMALY = fileURLToPath(new URL('../bin/anomaly.js', import.meta.url));

export interface Around {
  readonly cluster: Cluster;
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Process {
  /** SIGKILL, as a machine that is gone; resolves when it has ended. */
  kill(): Promise<void>;
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<number | null>;
}

function start({ cluster, dir, env }: Around, command: string, args: readonly string[], more = {}): Process {
  const child = spawn(command, args, {
    cwd: dir,
    env: {
      ...process.env,
      ...env,
      ANOMALY_BROKERS: cluster.brokers,
      ANOMALY_REGISTRY_URLS: cluster.registry,
      ...(cluster.client !== undefined && { ANOMALY_CLIENT: cluster.client }),
      XDG_STATE_HOME: dir,
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  return { child, kill, ended, stdout: () => texts.stdout, stderr: () => texts.stderr };
}

/** By its command line. */
export function nameOfProcess(commandLine: string): string {
  if (/minio server/.test(commandLine)) return 'minio';
  if (/esbuild/.test(commandLine)) return 'esbuild';
  const [, verb] = /anomaly\.js (\w+)/.exec(commandLine) ?? [];
  const named: Record<string, string> = {
    run: 'members',
    model: 'model server',
    tui: 'tui',
    dev: 'broker',
    replay: 'verify',
  };
  return named[verb ?? ''] ?? 'other children';
}

/** A static member: `end` drains it and gives its summary. */
export function startMember(around: Around, instance: string, metricsPort: number) {
  const args = ['run', '--instance', instance, '--metrics', `127.0.0.1:${metricsPort}`, '-o', 'json'];
  const member = start(around, process.execPath, [ANOMALY, ...args]);
  const end = async (): Promise<Record<string, unknown>> => {
    member.child.kill('SIGTERM');
    const code = await member.ended;
    if (code !== 0) throw new Error(`member ${instance} ended with ${code}:\n${member.stderr()}`);
    return JSON.parse(member.stdout());
  };
  return { ...member, end };
}

/** Resolves when it answers. */
export async function startModelServer(around: Around, port: number) {
  const args = ['model', 'serve', 'lstm.onnx', '--listen', `127.0.0.1:${port}`];
  const server = start(around, process.execPath, [ANOMALY, ...args]);
  for (let tries = 0; ; tries++) {
    const isReady = await fetch(`http://127.0.0.1:${port}/v2/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) break;
    if (tries > 300 || server.child.exitCode !== null)
      throw new Error(`the model server is not there:\n${server.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { ...server, stop: server.kill };
}

/** `anomaly tui` in a pseudo-terminal of util-linux' script; `frames` counts what it wrote to it. */
export function startTui(around: Around) {
  const command = `stty cols 160 rows 50; exec ${process.execPath} ${ANOMALY} tui`;
  const tui = start(around, 'script', ['-qfc', command, '/dev/null'], { TERM: 'xterm-256color', CI: '' });
  let frames = 0;
  tui.child.stdout!.on('data', () => {
    frames++;
  });
  return {
    frames: () => frames,
    stop: async () => {
      tui.child.kill('SIGTERM');
      await tui.ended;
    },
  };
}

/** Runs the whole range again from the journal, and holds what comes out against what was written. */
export async function verify(around: Around, topic: string): Promise<{ isEqual: boolean; text: string }> {
  const replay = start(around, process.execPath, [ANOMALY, 'replay', topic, '--verify']);
  const code = await replay.ended;
  const text = (code === 0 ? replay.stdout() : replay.stderr()).trim().split('\n')[0] ?? '';
  return { isEqual: code === 0, text };
}
