// Real services as processes of the test that starts them: they end with it, also when it is killed.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../bench/processes.ts';
import { answersApiVersions } from './apiVersions.ts';

const SCRIPTS = fileURLToPath(new URL('../../services', import.meta.url));
export const KAFKA_VERSION = '4.1.0';
const APICURIO_VERSION = '3.0.9';
const HADOOP_VERSION = '3.4.1';
const MLFLOW_VERSION = '3.17.2';
const FASTAPI_VERSION = '0.165.0';
const MLSERVER_VERSION = '1.7.1';
/** An installation downloads some hundred MB; MinIO is compiled. */
const INSTALL_TIMEOUT_MS = 900_000;
const POLL_MS = 100;
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 20_000;
const QUICK_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/** What is downloaded once per machine: `ANOMALY_SERVICES_DIR`, or a folder in the user's cache. */
export function servicesDir(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return process.env['ANOMALY_SERVICES_DIR'] ?? join(cache, 'anomaly', 'services');
}

/** The jars of the broker, of its clients and of its console tools, as a class path for `java -cp`. */
export function kafkaClassPath(): string {
  return `${kafkaLibDir()}/*`;
}

/** The same one by one, for programs that know no wildcard. */
export const kafkaJars = (): string[] => readdirSync(kafkaLibDir()).map((name) => join(kafkaLibDir(), name));

const kafkaLibDir = () => join(servicesDir(), `kafka-${KAFKA_VERSION}`);

export interface Service {
  readonly pid: number;
  readonly dataDir: string;
  /** What it has written to stdout and stderr so far. */
  log(): string;
  /** SIGTERM, or the signal given; resolves once the process is gone. Its data stay until `remove`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and deletes its data. */
  remove(): Promise<void>;
}

export interface Kafka extends Service {
  /** host:port of the plain listener. */
  readonly brokers: string;
  readonly port: number;
  readonly controllerPort: number;
  readonly tool: typeof consoleTool;
}

export interface KafkaOptions {
  /** Default a new folder. Give that of a stopped broker, and its ports, to start it again. */
  readonly dataDir?: string;
  readonly port?: number;
  readonly controllerPort?: number;
  /** More lines of server.properties; the last of a repeated key counts. */
  readonly properties?: (ports: { port: number; controllerPort: number }) => readonly string[];
  /** Java's -Xmx. Default 1g. */
  readonly heap?: string;
  /** Starts in two thirds of the CPU time, and is slower at work: for what starts it often. */
  readonly startsQuickly?: boolean;
}

/**
 * Apache Kafka of one node, in KRaft mode, installed where it is missing; resolves when it answers ApiVersions.
 *
 * @throws Error with the end of its log where it does not start
 */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const port = options.port ?? (await freePort());
  const controllerPort = options.controllerPort ?? (await freePort());
  const env = {
    PORT: String(port),
    CONTROLLER_PORT: String(controllerPort),
    KAFKA_VERSION,
    LIB_DIR: kafkaLibDir(),
    XMX: options.heap ?? '1g',
    JAVA_OPTS: options.startsQuickly ? QUICK_START.join(' ') : '',
    EXTRA: (options.properties?.({ port, controllerPort }) ?? []).join('\n'),
  };
  const service = await start('kafka.sh', options.dataDir, env, (signal) => answersApiVersions(port, signal));
  return { ...service, brokers: `127.0.0.1:${port}`, port, controllerPort, tool: consoleTool };
}

export interface Apicurio extends Service {
  /** Base URL of the API that is compatible with Confluent's. */
  readonly url: string;
  readonly port: number;
}

/** Apicurio Registry; resolves when it lists subjects. */
export async function startApicurio(options: { dataDir?: string; port?: number } = {}): Promise<Apicurio> {
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const appDir = join(servicesDir(), `apicurio-${APICURIO_VERSION}`);
  const answers = async (signal: AbortSignal) => (await fetch(`${url}/subjects`, { signal })).ok;
  const service = await start(
    'apicurio.sh',
    options.dataDir,
    { PORT: String(port), APICURIO_VERSION, APP_DIR: appDir },
    answers,
  );
  return { ...service, url, port };
}

export interface Minio extends Service {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** MinIO, built from its Go module where it is missing; resolves when it says that it lives. */
export async function startMinio(options: { dataDir?: string } = {}): Promise<Minio> {
  const [port, consolePort] = [await freePort(), await freePort()];
  const endpoint = `http://127.0.0.1:${port}`;
  const [accessKeyId, secretAccessKey] = ['anomaly-test', 'anomaly-test-secret'];
  const answers = async (signal: AbortSignal) => (await fetch(`${endpoint}/minio/health/live`, { signal })).ok;
  const env = {
    PORT: String(port),
    CONSOLE_PORT: String(consolePort),
    MINIO_ROOT_USER: accessKeyId,
    MINIO_ROOT_PASSWORD: secretAccessKey,
    BIN_DIR: join(servicesDir(), 'minio'),
  };
  return { ...(await start('minio.sh', options.dataDir, env, answers)), endpoint, accessKeyId, secretAccessKey };
}

export interface Mlflow extends Service {
  readonly url: string;
  /** Python of its virtual environment, in which its own client is. */
  readonly python: string;
}

/** MLflow's tracking server with its registry and its proxy for artifacts, installed by pip where it is missing. */
export async function startMlflow(): Promise<Mlflow> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const venv = join(servicesDir(), `mlflow-${MLFLOW_VERSION}`);
  const answers = async (signal: AbortSignal) => (await fetch(`${url}/health`, { signal })).ok;
  const env = { PORT: String(port), MLFLOW_VERSION, VENV: venv };
  return { ...(await start('mlflow.sh', undefined, env, answers)), url, python: join(venv, 'bin', 'python') };
}

export interface Fastapi extends Service {
  readonly url: string;
  /** What its endpoints want as a bearer. */
  readonly token: string;
}

/** A small model behind FastAPI (test/services/fastapi/model.py), installed by pip where it is missing. */
export async function startFastapi(): Promise<Fastapi> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const token = 'token-of-the-test';
  const venv = join(servicesDir(), `fastapi-${FASTAPI_VERSION}`);
  const answers = async (signal: AbortSignal) => (await fetch(`${url}/healthz`, { signal })).ok;
  const env = { PORT: String(port), FASTAPI_VERSION, VENV: venv, TOKEN: token };
  return { ...(await start('fastapi.sh', undefined, env, answers)), url, token };
}

export interface Mlserver extends Service {
  /** host:port of its HTTP. */
  readonly host: string;
}

/** Seldon's MLServer with the model of test/services/mlserver, installed by pip where it is missing. */
export async function startMlserver(): Promise<Mlserver> {
  const [port, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const host = `127.0.0.1:${port}`;
  const venv = join(servicesDir(), `mlserver-${MLSERVER_VERSION}`);
  const answers = async (signal: AbortSignal) => (await fetch(`http://${host}/v2/models/pump/ready`, { signal })).ok;
  const ports = { PORT: String(port), GRPC_PORT: String(grpc), METRICS_PORT: String(metrics) };
  return { ...(await start('mlserver.sh', undefined, { ...ports, MLSERVER_VERSION, VENV: venv }, answers)), host };
}

export interface Prometheus extends Service {
  readonly url: string;
}

/** Prometheus of the distribution; resolves when it is ready. */
export async function startPrometheus(options: {
  /** Job to host:port. */
  readonly scrape: Readonly<Record<string, string>>;
  /** A file, or a pattern of files. */
  readonly rules: string;
  /** host:port of an Alertmanager. */
  readonly alertmanager: string;
  /** Of scrapes and of evaluations, as 500ms. */
  readonly interval: string;
}): Promise<Prometheus> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    SCRAPE: Object.entries(options.scrape)
      .map(([job, address]) => `${job}=${address}`)
      .join(','),
    ...{ RULES: options.rules, ALERTMANAGER: options.alertmanager, INTERVAL: options.interval },
  };
  const answers = async (signal: AbortSignal) => (await fetch(`${url}/-/ready`, { signal })).ok;
  return { ...(await start('prometheus.sh', undefined, env, answers)), url };
}

export interface Hdfs extends Service {
  /** host:port of the NameNode's HTTP. */
  readonly host: string;
}

/** A NameNode and a DataNode; resolves when both are there. */
export async function startHdfs(): Promise<Hdfs> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const query = 'qry=Hadoop:service=NameNode,name=FSNamesystemState';
  const answers = async (signal: AbortSignal) => {
    const beans = (await (await fetch(`http://${host}/jmx?${query}`, { signal })).json()) as {
      beans: { NumLiveDataNodes: number }[];
    };
    return beans.beans[0]!.NumLiveDataNodes > 0;
  };
  const env = {
    PORT: String(port),
    LIB_DIR: join(servicesDir(), `hdfs-${HADOOP_VERSION}`),
    JAVA_OPTS: QUICK_START[0]!,
  };
  return { ...(await start('hdfs.sh', undefined, env, answers)), host };
}

export interface Alertmanager extends Service {
  readonly url: string;
  readonly port: number;
}

/**
 * Prometheus' Alertmanager of one node, from its Debian package; without a `config` it groups everything, a second after
 * the first alert, for the one receiver that `webhook` is; resolves when it is ready.
 */
export async function startAlertmanager(options: {
  readonly webhook?: string;
  /** A file. */
  readonly config?: string;
  readonly dataDir?: string;
  readonly port?: number;
}): Promise<Alertmanager> {
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const answers = async (signal: AbortSignal) => (await fetch(`${url}/-/ready`, { signal })).ok;
  const env = { PORT: String(port), WEBHOOK: options.webhook ?? '', CONFIG: options.config ?? '' };
  return { ...(await start('alertmanager.sh', options.dataDir, env, answers)), url, port };
}

/** Kafka's console tool of this class (`org.apache.kafka.tools.TopicCommand`), as its scripts run it. Gives stdout. */
export function consoleTool(className: string, args: readonly string[], input = ''): string {
  const options = { input, encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 26 } as const;
  const java = [...QUICK_START, '-cp', kafkaClassPath(), className, ...args];
  const ran = spawnSync('java', java, options);
  if (ran.status !== 0) throw new Error(`${className} ${args.join(' ')}: ${ran.error ?? ran.stdout + ran.stderr}`);
  return ran.stdout;
}

/** The broker's jars, downloaded where they are missing: `startKafka` does so too. */
export function installKafka(): void {
  install('kafka.sh', servicesDir(), { KAFKA_VERSION, LIB_DIR: kafkaLibDir() });
}

function install(script: string, dataDir: string, env: Record<string, string>): void {
  const installed = spawnSync('bash', [join(SCRIPTS, script), dataDir], {
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, ...env, INSTALL_ONLY: '1' },
  });
  if (installed.status !== 0) throw new Error(`${script} cannot install: ${installed.error ?? installed.stderr}`);
}

async function start(
  script: string,
  givenDir: string | undefined,
  env: Record<string, string>,
  answers: (signal: AbortSignal) => Promise<boolean>,
): Promise<Service> {
  const dataDir = givenDir ?? mkdtempSync(join(tmpdir(), `anomaly-${script.replace('.sh', '')}-`));
  const isOwn = givenDir === undefined;
  install(script, dataDir, env);

  const logFile = join(dataDir, `${script}.log`);
  const output = openSync(logFile, 'a');
  // The kernel ends it when this process is gone, however that ends.
  const args = ['--pdeathsig', 'KILL', 'bash', join(SCRIPTS, script), dataDir];
  const child = spawn('setpriv', args, { env: { ...process.env, ...env }, stdio: ['ignore', output, output] });
  closeSync(output);
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const over = () => {
      isOver = true;
      resolve();
    };
    child.once('exit', over);
    child.once('error', over);
  });
  const log = () => readFileSync(logFile, 'utf8');
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!isOver) child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(patience);
  };
  let leftMs = START_TIMEOUT_MS;
  for (let asked = performance.now(); ; asked = performance.now()) {
    if (await answers(AbortSignal.timeout(2000)).catch(() => false)) break;
    // This process stands still while it installs another service: that is not the time of this one.
    leftMs -= Math.min(performance.now() - asked + POLL_MS, 3000);
    const isLate = leftMs <= 0;
    if (isOver || isLate) {
      await stop('SIGKILL');
      const end = log().slice(-4000);
      if (isOwn) rmSync(dataDir, { recursive: true, force: true });
      const how = isLate ? `does not answer within ${START_TIMEOUT_MS} ms` : 'ended as it started';
      throw new Error(`${script} ${how}:\n${end}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const remove = async () => {
    await stop('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { pid: child.pid!, dataDir, log, stop, remove };
}
