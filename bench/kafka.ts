// The same jobs against a real Apache Kafka: what each client produces, the fused job on each, ingestion to alert, and
// what the broker itself takes.
// usage: npm run bench -- kafka [--records N] [--rate N] [--seconds N] [--write]
// Needs Java 17, and Maven for the first time. The registry is the embedded one, which is asked a few times in all.
import { startRegistry } from '../src/broker/registry.ts';
import type { KafkaClient } from '../src/clients/client.ts';
import { type ClientName, connect, whichClient } from '../src/clients/connect.ts';
import { KAFKA_VERSION, startKafka } from '../test/tiers/helpers/services.ts';
import { fusedOn } from './fused.ts';
import { latencyOn } from './latency.ts';
import { encodeReading } from './load.ts';
import { type Cluster, cpuSecondsOf } from './processes.ts';
import { readings } from './readings.mjs';

/** librdkafka is the slower one by far, and would take minutes for what the fast client does in seconds. */
const LIBRDKAFKA_SHARE = 8;
const PARTITIONS = 4;
const ENCODED = 200_000;

export interface KafkaBench {
  readonly version: string;
  /** What --client auto takes against it, which has to be the faster one. */
  readonly auto: ClientName;
  readonly clients: readonly ClientBench[];
}

export interface ClientBench {
  readonly client: ClientName;
  readonly produce: Rate;
  readonly fused: Rate & { readonly windows: number; readonly alerts: number; readonly peakRssMiB: number };
  readonly latency: Awaited<ReturnType<typeof latencyOn>> & { readonly brokerCpuSeconds: number };
}

export interface Rate {
  readonly records: number;
  readonly wallSeconds: number;
  /** Of our process. */
  readonly cpuSeconds: number;
  readonly brokerCpuSeconds: number;
}

export async function kafka(records: number, eventsPerSecond: number, seconds: number): Promise<KafkaBench> {
  const [broker, registry] = await Promise.all([startKafka(), startRegistry({ port: 0 })]);
  try {
    const clients: ClientBench[] = [];
    for (const client of ['platformatic', 'librdkafka'] as const) {
      const cluster = { brokers: broker.brokers, registry: `http://127.0.0.1:${registry.port}`, client };
      const count = client === 'platformatic' ? records : Math.ceil(records / LIBRDKAFKA_SHARE);
      const brokerCpu = () => cpuSecondsOf(broker.pid);
      const produce = await produceRate(cluster, `produced-${client}`, count, brokerCpu);
      console.log(client, 'produce', produce);
      const fused = await fusedRate(cluster, `readings-${client}`, count, brokerCpu);
      console.log(client, 'fused', fused);
      const before = brokerCpu();
      const latency = await latencyOn(cluster, `paced-${client}`, eventsPerSecond, seconds);
      const brokerCpuSeconds = brokerCpu() - before;
      console.log(client, 'latency', latency);
      clients.push({ client, produce, fused, latency: { ...latency, brokerCpuSeconds } });
    }
    const { client: auto } = await whichClient({ brokers: [broker.brokers] });
    const [fastest] = [...clients].sort((a, b) => perCpuSecond(b.fused) - perCpuSecond(a.fused));
    if (auto !== fastest!.client) throw new Error(`--client auto takes ${auto}, and ${fastest!.client} is faster`);
    return { version: KAFKA_VERSION, auto, clients };
  } finally {
    await Promise.all([broker.remove(), registry.close()]);
  }
}

export function perCpuSecond({ records, cpuSeconds }: Rate): number {
  return records / cpuSeconds;
}

async function fusedRate(cluster: Cluster, topic: string, records: number, brokerCpu: () => number) {
  let brokerCpuSeconds = 0;
  const result = await fusedOn(cluster, topic, records, {
    begins: () => {
      brokerCpuSeconds -= brokerCpu();
    },
    ended: () => {
      brokerCpuSeconds += brokerCpu();
    },
  });
  const { wallSeconds, cpuSeconds, windows, alerts, peakRssMiB } = result;
  return { records, wallSeconds, cpuSeconds, brokerCpuSeconds, windows, alerts, peakRssMiB };
}

/** Records that were encoded before, so that the producer's own cost is what is measured; idempotent, acks of all. */
async function produceRate(cluster: Cluster, topic: string, records: number, brokerCpu: () => number): Promise<Rate> {
  const client = await connect({ brokers: [cluster.brokers], client: cluster.client! });
  try {
    await client.admin.createTopics([{ name: topic, partitions: PARTITIONS }]);
    const encoded = encodeAll(ENCODED);
    await produceAll(client, topic, encoded, Math.min(records, ENCODED));
    const [cpu, broker, started] = [process.cpuUsage(), brokerCpu(), performance.now()];
    await produceAll(client, topic, encoded, records);
    const wallSeconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { records, wallSeconds, cpuSeconds: (user + system) / 1e6, brokerCpuSeconds: brokerCpu() - broker };
  } finally {
    await client.close();
  }
}

async function produceAll(client: KafkaClient, topic: string, encoded: Encoded, records: number): Promise<void> {
  const { bytes, starts, keys } = encoded;
  const producer = await client.createProducer({ lingerMs: 5 });
  const nowMs = Date.now();
  for (let i = 0; i < records; i++) {
    const row = i % ENCODED;
    const key = keys[row % keys.length]!;
    producer.append(topic, row % PARTITIONS, nowMs, key, 0, key.length, bytes, starts[row]!, starts[row + 1]!);
    if ((i & 1023) === 1023) await producer.ready();
  }
  await producer.flush();
  if (producer.stats.recordsAcknowledged !== records) throw new Error(`acknowledged are ${producer.stats}`);
  await producer.close();
}

interface Encoded {
  readonly bytes: Uint8Array;
  /** Of each value, and the end of the last. */
  readonly starts: Int32Array;
  readonly keys: readonly Uint8Array[];
}

function encodeAll(count: number): Encoded {
  const bytes = new Uint8Array(count * 48);
  const starts = new Int32Array(count + 1);
  const value = new Uint8Array(64);
  const view = new DataView(value.buffer);
  const keys = Array.from({ length: 10_000 }, (_, k) =>
    new TextEncoder().encode(`sensor-${String(k).padStart(5, '0')}`),
  );
  let i = 0;
  for (const { tsMs, value: reading } of readings(count, keys.length, PARTITIONS)) {
    const length = encodeReading(value, view, 1, keys[i % keys.length]!, tsMs, reading);
    bytes.set(value.subarray(0, length), starts[i]!);
    starts[i + 1] = starts[i]! + length;
    i++;
  }
  return { bytes, starts, keys };
}
