import { formatDuration } from '../config/duration.ts';
import type { Command, CommandContext } from './command.ts';
import { DEV_SECURITY_OPTIONS, devSecurity, securityNote } from './devSecurity.ts';

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
    'One process that speaks the Kafka protocol with the API versions of a Redpanda release, a Schema Registry\n' +
    'for Avro, JSON Schema and Protobuf, and the part of the Admin API that this tool reads. In memory: everything is gone when it ends.',
  options: [
    { flags: '--port <n>', summary: 'port of the Kafka API; 0 = any free one', type: 'integer', default: 9092 },
    { flags: '--registry-port <n>', summary: 'port of the Schema Registry', type: 'integer', default: 8081 },
    { flags: '--admin-port <n>', summary: 'port of the Admin API', type: 'integer', default: 9644 },
    { flags: '--host <address>', summary: 'address to listen on', type: 'string', default: HOST },
    { flags: '--like <release>', summary: 'advertise what this release of Redpanda does, as v25.3', type: 'string' },
    { flags: '--no-auto-create', summary: 'refuse topics that nobody created, as production does', type: 'boolean' },
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
  const flags = readFlags(context);
  const security = devSecurity(context);
  const { tls } = security;
  const [{ startBroker }, { startRegistry }, { startAdmin }] = await Promise.all([
    import('../broker/broker.ts'),
    import('../broker/registry.ts'),
    import('../broker/admin.ts'),
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
    const registry = await startRegistry({ ...shared, port: flags.registryPort, profile: broker.version });
    listening.push(registry);
    const admin = await startAdmin({ ...shared, port: flags.adminPort, broker });
    listening.push(admin);
    await ready(context, 'kafka', broker.address);
    await ready(context, 'registry', registry.url);
    await ready(context, 'admin', admin.url);
    stderr.write(`${settingsNote(flags.broker, broker.version)}\n`);
    stderr.write(`security: ${securityNote(security)}\n`);
    await aborted(signal);
  } finally {
    await Promise.all(listening.map((server) => server.close()));
  }
  stderr.write('stopped; what the broker held is gone\n');
  return 0;
}

function readFlags({ flags }: CommandContext) {
  const like = flags['like'] as string | undefined;
  return {
    port: (flags['port'] as number | undefined) ?? 9092,
    registryPort: (flags['registryPort'] as number | undefined) ?? 8081,
    adminPort: (flags['adminPort'] as number | undefined) ?? 9644,
    host: (flags['host'] as string | undefined) ?? HOST,
    broker: {
      autoCreate: flags['autoCreate'] !== false,
      defaultPartitions: (flags['partitions'] as number | undefined) ?? 1,
      rebalanceDelayMs: (flags['rebalanceDelay'] as number | undefined) ?? 0,
      ...(like === undefined ? {} : { profile: like }),
    },
  };
}

function ready(context: CommandContext, endpoint: string, address: string): Promise<void> {
  return context.output.line({ endpoint, address, ready: true }, () => `${endpoint.padEnd(8)}  ready on ${address}`);
}

interface BrokerFlags {
  readonly autoCreate: boolean;
  readonly rebalanceDelayMs: number;
}

function settingsNote({ autoCreate, rebalanceDelayMs }: BrokerFlags, version: string): string {
  const creation = autoCreate ? 'topics are created on first use' : 'topics are not created on first use';
  const delay = rebalanceDelayMs === 0 ? 'no' : `as production has it, a ${formatDuration(rebalanceDelayMs)}`;
  return (
    `API versions of Redpanda ${version}, dev-container settings: ${creation}, nothing is synced to disk (in memory), ` +
    `${delay} rebalance delay. For development only; latencies are better than production has`
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
