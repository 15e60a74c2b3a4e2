// The tool's own processes, as a user starts them: `anomaly dev` and whatever is measured against it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const ANOMALY = fileURLToPath(new URL('../bin/anomaly.js', import.meta.url));

/** What a command is run against. */
export interface Cluster {
  readonly brokers: string;
  readonly registry: string;
  /** Default auto. */
  readonly client?: 'platformatic' | 'librdkafka';
}

export interface Dev extends Cluster {
  readonly admin: string;
  stop(): Promise<void>;
}

export async function startDev(...args: string[]): Promise<Dev> {
  const [kafka, registry, admin] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = ['--port', kafka, '--registry-port', registry, '--admin-port', admin].map(String);
  const child = spawn(process.execPath, [ANOMALY, 'dev', ...ports, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if ([kafka, registry, admin].every((port) => text.includes(String(port)))) resolve();
    });
    child.once('exit', (code) => reject(new Error(`anomaly dev ended with ${code}`)));
  });
  return {
    brokers: `127.0.0.1:${kafka}`,
    registry: `http://127.0.0.1:${registry}`,
    admin: `http://127.0.0.1:${admin}`,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

export interface RunResult {
  readonly json: Record<string, unknown>;
  /** User and system time of the whole process, start-up included. */
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
  readonly wallSeconds: number;
}

/** Runs a command to its end, and gives its JSON and what it cost. */
export async function runAnomaly(cluster: Cluster, cwd: string, args: readonly string[]): Promise<RunResult> {
  return await spawnAnomaly(cluster, cwd, args).result;
}

export function spawnAnomaly(cluster: Cluster, cwd: string, args: readonly string[]) {
  const env = {
    ...process.env,
    ANOMALY_BROKERS: cluster.brokers,
    ANOMALY_REGISTRY_URLS: cluster.registry,
    ...(cluster.client !== undefined && { ANOMALY_CLIENT: cluster.client }),
    XDG_STATE_HOME: cwd,
  };
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', COST, ANOMALY, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [out, err, cost] = [1, 2, 3].map((fd) => collect(child.stdio[fd] as NodeJS.ReadableStream));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const finish = async (): Promise<RunResult> => {
    const code = await closed;
    const wallSeconds = (performance.now() - started) / 1000;
    if (code !== 0) throw new Error(`anomaly ${args.join(' ')} ended with ${code}:\n${await err}`);
    const { cpuSeconds, peakRssMiB } = JSON.parse(await cost!);
    return { json: JSON.parse(await out!), cpuSeconds, peakRssMiB, wallSeconds };
  };
  return { child, result: finish() };
}

/** User and system time of a process so far, by Linux' account. */
export function cpuSecondsOf(pid: number): number {
  // The name, in brackets, may hold spaces; utime and stime are the 12th and 13th field after it, in hundredths.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Writes what the process cost to descriptor 3 as it exits; the kernel's account, so all threads are in it. */
const COST = `data:text/javascript,${encodeURIComponent(`
import { writeSync } from 'node:fs';
process.on('exit', () => {
  const use = process.resourceUsage();
  const cpuSeconds = (use.userCPUTime + use.systemCPUTime) / 1e6;
  writeSync(3, JSON.stringify({ cpuSeconds, peakRssMiB: use.maxRSS / 1024 }));
});`)}`;

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
