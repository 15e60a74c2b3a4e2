import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { BrokerOptions } from '../../src/broker/brokerOptions.ts';
import { type Clock, systemClock } from '../../src/broker/clock.ts';
import { RETENTION_INTERVAL_MS } from '../../src/broker/log/housekeeper.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import type { Producer } from '../../src/clients/producer.ts';
import { type CliOptions, type CliRun, runCli } from './cli.ts';

/** A broker, a registry, a client and a directory of their own for one test file. */
export interface World {
  readonly broker: Broker;
  readonly registryUrl: string;
  readonly client: KafkaClient;
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command line against this world, in this process. */
  run(argv: readonly string[], options?: CliOptions): Promise<CliRun>;
  close(): Promise<void>;
}

/**
 * Retention never comes: it would delete what bears old times, as most records of tests do, from a test file that takes
 * more than the five minutes up to its first look.
 */
const WITHOUT_RETENTION: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, action) =>
    delayMs === RETENTION_INTERVAL_MS ? { cancel: () => {} } : systemClock.after(delayMs, action),
};

export async function startWorld(options: BrokerOptions = {}): Promise<World> {
  const broker = await startBroker({ port: 0, clock: WITHOUT_RETENTION, ...options });
  const registry = await startRegistry({ port: 0 });
  const client = await connect({ brokers: [broker.address], client: 'platformatic' });
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
  const env = {
    ANOMALY_BROKERS: broker.address,
    ANOMALY_REGISTRY_URLS: registry.url,
    ANOMALY_CLIENT: 'platformatic',
    XDG_STATE_HOME: join(dir, 'state'),
  };
  return {
    broker,
    registryUrl: registry.url,
    client,
    dir,
    env,
    run: (argv, options = {}) => runCli(argv, { cwd: dir, ...options, env: { ...env, ...options.env } }),
    close: async () => {
      await client.close();
      await registry.close();
      await broker.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface JsonRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: unknown;
  readonly timestamp?: number;
}

/** Creates the topic and appends records with JSON values (a string is sent as it is); returns when acknowledged. */
export async function send(
  client: KafkaClient,
  topic: string,
  partitions: number,
  records: readonly JsonRecord[],
): Promise<void> {
  await client.admin.createTopics([{ name: topic, partitions }]);
  const producer = await client.createProducer();
  for (const record of records) append(producer, topic, record);
  await producer.flush();
  await producer.close();
}

export function append(producer: Producer, topic: string, { partition, key, value, timestamp }: JsonRecord): void {
  const encode = (text: string) => new TextEncoder().encode(text);
  const keyBytes = key === null ? null : encode(key);
  const valueBytes = encode(typeof value === 'string' ? value : JSON.stringify(value));
  producer.append(
    topic,
    partition,
    timestamp ?? 1_700_000_000_000,
    keyBytes,
    keyBytes === null ? -1 : 0,
    keyBytes?.length ?? -1,
    valueBytes,
    0,
    valueBytes.length,
  );
}

/** All records of a topic as `anomaly tail -o ndjson` prints them, in order by partition. */
export async function readTopic(world: World, topic: string): Promise<Record<string, unknown>[][]> {
  const { stdout, code, stderr } = await world.run(['tail', topic, '--offset', 'start:end', '-o', 'ndjson']);
  if (code !== 0) throw new Error(stderr);
  const partitions: Record<string, unknown>[][] = [];
  for (const line of stdout.split('\n').filter(Boolean)) {
    const record = JSON.parse(line) as Record<string, unknown> & { partition: number };
    while (partitions.length <= record.partition) partitions.push([]);
    partitions[record.partition]!.push(record);
  }
  return partitions;
}
