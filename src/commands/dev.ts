import { totalmem } from 'node:os';
import type { FsyncPolicy } from '../broker/storage/flusher.ts';
import { formatDuration } from '../config/duration.ts';
import { AnomalyError } from '../errors.ts';
import type { Command, CommandContext } from './command.ts';
import { DEV_SECURITY_OPTIONS, devSecurity, securityNote } from './dev/security.ts';

const HOST = '127.0.0.1';

/** Something that listens until it is closed. */
interface Listening {
  close(): Promise<void>;
}

export const dev: Command = {
  name: 'dev',
  group: 'Setup',
  summary: 'Start an embedded broker, Schema Registry and Admin API for development',
  description:
    'One process that speaks the Kafka protocol with the API versions of a Redpanda release, a Schema Registry for\n' +
    'Avro, JSON Schema and Protobuf, and the part of the Admin API that this tool reads. Without --data everything is\n' +
    'in memory, and gone when it ends; with it, topics, records, committed offsets, transactions and schemas are there\n' +
    'at the next start, after kill -9 too. --fsync says what a power cut may take: nothing that was acknowledged\n' +
    '(always), the last 100 ms (interval), or what the system had not written yet (never).\n' +
    '\n' +
    '--fault makes requests fail: API:KEY=VALUE,... with API a name (Produce), a number (0) or *; one or more of\n' +
    'error=NAME|CODE, delay=250ms, drop=before|after, crash=received|torn|handled|synced|answered; and count=N,\n' +
    'skip=N, probability=0..1, seed=N.',
  options: [
    { flags: '--port <n>', summary: 'port of the Kafka API; 0 = any free one', type: 'integer', default: 9092 },
    { flags: '--registry-port <n>', summary: 'port of the Schema Registry', type: 'integer', default: 8081 },
    { flags: '--admin-port <n>', summary: 'port of the Admin API', type: 'integer', default: 9644 },
    { flags: '--host <address>', summary: 'address to listen on', type: 'string', default: HOST },
    { flags: '--like <release>', summary: 'advertise what this release of Redpanda does, as v25.3', type: 'string' },
    { flags: '--no-auto-create', summary: 'refuse topics that nobody created, as production does', type: 'boolean' },
    { flags: '--data <dir>', summary: 'keep everything in this directory; default: in memory', type: 'string' },
    {
      flags: '--fsync <policy>',
      summary: 'when writes to --data reach the disk: before each answer, every 100 ms, or when the system likes',
      choices: ['always', 'interval', 'never'],
      default: 'interval',
    },
    {
      flags: '--max-memory <size>',
      summary: 'most that the logs take in memory, as 2GiB; default: half of what the machine has',
      type: 'string',
    },
    {
      flags: '--fault <spec>',
      summary: 'make requests fail, as Produce:error=NOT_LEADER_OR_FOLLOWER,count=3',
      type: 'string',
      repeatable: true,
    },
    { flags: '--partitions <n>', summary: 'partitions of a topic made on first use', type: 'integer', default: 1 },
    {
      flags: '--rebalance-delay <duration>',
      summary: "how long a group's first member waits for more; production has 3s",
      type: 'duration',
      default: '0s',
    },
    ...DEV_SECURITY_OPTIONS,
  ],
  examples: [
    { command: 'anomaly dev', comment: 'a broker on localhost:9092, ^C ends it' },
    { command: 'anomaly dev --like v25.3 --no-auto-create', comment: 'stricter, as an older cluster' },
    { command: 'anomaly dev --data ./kafka --fsync always', comment: 'kept on disk, safe from power cuts' },
    { command: 'anomaly dev --fault Fetch:delay=2s,probability=0.01', comment: 'a hundredth of all fetches is slow' },
    { command: 'anomaly dev --rebalance-delay 3s', comment: 'consumers start as late as in production' },
    { command: 'anomaly dev --port 0 --registry-port 0 --admin-port 0', comment: 'on any free ports, printed' },
    {
      command: 'anomaly dev --tls-cert server.crt --tls-key server.key --sasl-users users.txt',
      comment: 'TLS and SCRAM, as a secured cluster',
    },
  ],
  run: runDev,
};

async function runDev(context: CommandContext): Promise<number> {
  const { logger, signal, stderr } = context;
  const security = devSecurity(context);
  const { tls } = security;
  const [{ startBroker }, { startRegistry }, { startAdmin }, flags] = await Promise.all([
    import('../broker/broker.ts'),
    import('../broker/registry.ts'),
    import('../broker/admin.ts'),
    readFlags(context),
  ]);
  const { host } = flags;
  const listening: Listening[] = [];
  try {
    const broker = await startBroker({ ...flags.broker, ...security, host, port: flags.port, logger });
    listening.push(broker);
    // One set of users and one certificate for all three.
    const shared = {
      host,
      logger,
      ...(tls !== undefined && { tls }),
      ...(security.sasl !== undefined && { credentials: broker.context.credentials }),
    };
    const journal = broker.registryJournal();
    const registry = await startRegistry({
      ...shared,
      ...{ port: flags.registryPort, profile: broker.version },
      ...(journal === undefined ? {} : { journal }),
      observe: (status, seconds) => broker.metrics.registryRequest(status, seconds),
    });
    listening.push(registry);
    const admin = await startAdmin({ ...shared, port: flags.adminPort, broker });
    listening.push(admin);
    for (const cut of broker.cuts) stderr.write(`recovery ${cut}\n`);
    await ready(context, 'kafka', broker.address);
    await ready(context, 'registry', registry.url);
    await ready(context, 'admin', admin.url);
    stderr.write(`${settingsNote(flags.broker, broker.version)}\n`);
    stderr.write(`security: ${securityNote(security)}\n`);
    await aborted(signal);
  } finally {
    // The broker last: it has the data directory.
    for (const server of listening.reverse()) await server.close();
  }
  stderr.write(flags.broker.data === undefined ? 'stopped; what the broker held is gone\n' : 'stopped\n');
  return 0;
}

async function readFlags({ flags, crash }: CommandContext) {
  const like = flags['like'] as string | undefined;
  const data = flags['data'] as string | undefined;
  const fsync = flags['fsync'] as FsyncPolicy | undefined;
  const specs = (flags['fault'] as string[] | undefined) ?? [];
  if (data === undefined && fsync !== undefined) {
    throw new AnomalyError('ANM_USAGE', 'cannot use --fsync without --data: nothing is written to a disk');
  }
  if (data === '') throw new AnomalyError('ANM_USAGE', '--data wants a directory, got ""');
  const faults = specs.length === 0 ? [] : (await import('../broker/faultSpec.ts')).parseFaults(specs);
  return {
    port: (flags['port'] as number | undefined) ?? 9092,
    registryPort: (flags['registryPort'] as number | undefined) ?? 8081,
    adminPort: (flags['adminPort'] as number | undefined) ?? 9644,
    host: (flags['host'] as string | undefined) ?? HOST,
    broker: {
      autoCreate: flags['autoCreate'] !== false,
      defaultPartitions: (flags['partitions'] as number | undefined) ?? 1,
      maxMemoryBytes: sizeBytes(flags['maxMemory'] as string | undefined),
      faults,
      rebalanceDelayMs: (flags['rebalanceDelay'] as number | undefined) ?? 0,
      ...(like === undefined ? {} : { profile: like }),
      ...(data === undefined ? {} : { data, fsync: fsync ?? 'interval' }),
      ...(crash === undefined ? {} : { crash }),
    },
  };
}

const UNIT_BYTES = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, KB: 1e3, MB: 1e6, GB: 1e9 } as const;

/** --max-memory; half of the machine's where it is not given. */
function sizeBytes(text: string | undefined): number {
  if (text === undefined) return Math.floor(totalmem() / 2);
  const match = /^(\d+(?:\.\d+)?) ?(|[KMG]i?B)$/.exec(text);
  const bytes = match === null ? 0 : Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES];
  if (bytes >= 1) return Math.floor(bytes);
  throw new AnomalyError('ANM_USAGE', `--max-memory wants a size such as 512MiB or 2GiB, got "${text}"`);
}

function ready(context: CommandContext, endpoint: string, address: string): Promise<void> {
  return context.output.line({ endpoint, address, ready: true }, () => `${endpoint.padEnd(8)}  ready on ${address}`);
}

type BrokerFlags = Awaited<ReturnType<typeof readFlags>>['broker'];

function settingsNote(flags: BrokerFlags, version: string): string {
  const { autoCreate, rebalanceDelayMs, data, fsync, maxMemoryBytes, faults } = flags;
  const creation = autoCreate ? 'topics are created on first use' : 'topics are not created on first use';
  const storage =
    data === undefined
      ? `nothing is synced to disk (in memory, up to ${(maxMemoryBytes / 2 ** 30).toFixed(1)} GiB, see --max-memory)`
      : `everything is kept in ${data} (fsync ${fsync})`;
  const delay = rebalanceDelayMs === 0 ? 'no' : `as production has it, a ${formatDuration(rebalanceDelayMs)}`;
  const armed = faults.length === 0 ? '' : `${faults.length} fault(s) armed. `;
  return (
    `API versions of Redpanda ${version}, dev-container settings: ${creation}, ${storage}, ${delay} rebalance delay. ` +
    `${armed}For development only; latencies are better than production has`
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
