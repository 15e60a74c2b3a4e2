// Ingestion to alert at a steady rate: `anomaly run` in its own process, score.on: record, at least once.
// A latency is the time from the producer's stamp of a record to the moment when a consumer has the alert in hand, so
// it holds the producer's wait, the broker, the pipeline, and the broker again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import type { Consumer, KafkaClient, Producer } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { createRegistry } from '../src/clients/registry.ts';
import { LatencySketch } from '../src/observe/latencySketch.ts';
import { encodeReading, registerReadings } from './load.ts';
import { type Cluster, spawnAnomaly, startDev } from './processes.ts';

const PARTITIONS = 4;
const SENSORS = 1000;
/** One record in so many is far off its sensor's level: enough alerts for a p99, few enough to stay outliers. */
const SPIKE_EVERY = 211;
const TICK_MS = 5;
/** After the first alert: V8 is still compiling what runs often. */
const WARM_UP_SECONDS = 5;

/** Against `anomaly dev`. */
export async function latency(eventsPerSecond = 10_000, seconds = 60) {
  const dev = await startDev();
  try {
    return await latencyOn(dev, 'readings', eventsPerSecond, seconds);
  } finally {
    await dev.stop();
  }
}

/** Against any cluster, on a topic of its own; the pipeline's client is the cluster's. */
export async function latencyOn(cluster: Cluster, topic: string, eventsPerSecond: number, seconds: number) {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const client = await connect({ brokers: [cluster.brokers], client: 'platformatic' });
  try {
    const schemaId = await registerReadings(cluster.registry, topic);
    await client.admin.createTopics([
      { name: topic, partitions: PARTITIONS },
      { name: `${topic}.anomalies`, partitions: PARTITIONS },
    ]);
    writeFileSync(join(dir, 'anomaly.yaml'), configOf(topic));
    const run = spawnAnomaly(cluster, dir, ['run', '-o', 'json']);
    const watch = await watchAlerts(client, cluster.registry, topic, seconds);
    const producer = await client.createProducer({ lingerMs: 1 });
    // What is sent until the pipeline has joined its group and put out a first alert warms up, and is not counted.
    while (watch.seen() === 0) await send(producer, topic, schemaId, eventsPerSecond, 1);
    await send(producer, topic, schemaId, eventsPerSecond, WARM_UP_SECONDS);
    watch.begin();
    const sent = await send(producer, topic, schemaId, eventsPerSecond, seconds);
    const lag = await watch.end(client);
    run.child.kill('SIGTERM');
    const ended = await run.result;
    return {
      eventsPerSecond,
      seconds,
      sent,
      ...watch.figures(),
      ...lag,
      cpuSeconds: ended.cpuSeconds,
      peakRssMiB: ended.peakRssMiB,
    };
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function send(
  producer: Producer,
  topic: string,
  schemaId: number,
  eventsPerSecond: number,
  seconds: number,
): Promise<number> {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  const keys = Array.from({ length: SENSORS }, (_, k) =>
    new TextEncoder().encode(`sensor-${String(k).padStart(5, '0')}`),
  );
  const started = performance.now();
  let state = 1;
  let i = 0;
  while (i < eventsPerSecond * seconds) {
    const due = Math.min(
      eventsPerSecond * seconds,
      Math.floor(((performance.now() - started) / 1000) * eventsPerSecond),
    );
    const now = Date.now();
    for (; i < due; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const noise = (state >>> 0) / 4294967296;
      const k = i % SENSORS;
      const value = 20 + noise + (i % SPIKE_EVERY === 0 ? 1000 : 0);
      const length = encodeReading(bytes, view, schemaId, keys[k]!, now, value);
      producer.append(topic, k % PARTITIONS, now, keys[k]!, 0, keys[k]!.length, bytes, 0, length);
    }
    await producer.ready();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await producer.flush();
  return i;
}

async function watchAlerts(client: KafkaClient, registryUrl: string, topic: string, seconds: number) {
  const consumer = await client.createConsumer({ maxWaitMs: 500 });
  await consumer.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: `${topic}.anomalies`, partition, offset: 0 })),
  );
  const all = new LatencySketch();
  const thirds = [new LatencySketch(), new LatencySketch(), new LatencySketch()];
  let began = Infinity;
  let stopped = false;
  let seen = 0;
  const reading = readAlerts(
    consumer,
    registryUrl,
    () => stopped,
    (latencyMs, atMs) => {
      seen++;
      if (atMs - latencyMs < began) return;
      all.add(latencyMs);
      thirds[Math.min(2, Math.floor(((atMs - began) / (seconds * 1000)) * 3))]!.add(latencyMs);
    },
  );
  return {
    seen: () => seen,
    begin: () => {
      began = Date.now();
    },
    /** Waits for the last alerts, and gives what the pipeline had not committed when the sending stopped. */
    end: async (admin: KafkaClient) => {
      const sources = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
      const ends = await admin.admin.listOffsets(sources, 'latest');
      const committed = await admin.admin.groupOffsets(`latency-${topic}`, sources);
      stopped = true;
      await reading;
      await consumer.close();
      const lagRecords = ends.reduce((sum, { offset }, p) => sum + offset - Math.max(0, committed[p]?.offset ?? 0), 0);
      return { uncommittedAtEnd: lagRecords };
    },
    figures: () => ({
      alerts: all.count,
      p50Ms: all.quantileMs(0.5),
      p95Ms: all.quantileMs(0.95),
      p99Ms: all.quantileMs(0.99),
      maxMs: all.maxMs,
      p99MsByThird: thirds.map((each) => each.quantileMs(0.99)),
    }),
  };
}

async function readAlerts(
  consumer: Consumer,
  registryUrl: string,
  stopped: () => boolean,
  add: (latencyMs: number, atMs: number) => void,
) {
  const registry = createRegistry({ urls: [registryUrl] });
  let type: avro.Type | undefined;
  for (;;) {
    const batch = await consumer.poll(200);
    if (batch === null) {
      if (stopped()) return;
      continue;
    }
    const at = performance.timeOrigin + performance.now();
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (let i = 0; i < batch.count; i++) {
      const from = batch.valueStart[i]!;
      type ??= avro.Type.forSchema(JSON.parse((await registry.schemaById(bytes.readInt32BE(from + 1))).schema));
      const alert = type.fromBuffer(bytes.subarray(from + 5, batch.valueEnd[i]!)) as { record_time: number };
      add(at - alert.record_time, at);
    }
  }
}

const configOf = (topic: string) => `version: 1
pipeline: latency-${topic}
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
`;
