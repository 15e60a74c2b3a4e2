// Ingestion to alert at a steady rate: `anomaly run` in its own process, score.on: record, at least once or exactly once.
// A latency is the time from the producer's stamp of a record to the moment when a consumer has the alert in hand, so
// it holds the producer's wait, the broker, the pipeline, and the broker again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import type { Consumer, KafkaClient } from '../src/clients/client.ts';
import { connect } from '../src/clients/connect.ts';
import { createRegistry } from '../src/clients/createRegistry.ts';
import type { Producer } from '../src/clients/producer.ts';
import { LatencySketch } from '../src/observe/latencySketch.ts';
import { encodeReading, registerReadings } from './load.ts';
import { type Cluster, freePort, spawnAnomaly, startDev } from './processes.ts';

const PARTITIONS = 4;
const SENSORS = 1000;
/** One record in so many is far off its sensor's level: enough alerts for a p99, few enough to stay outliers. */
const SPIKE_EVERY = 211;
const TICK_MS = 5;
/** After the first alert: V8 is still compiling what runs often. */
const WARM_UP_SECONDS = 5;

/** What is scored, and how: rolling z where nothing else is given. */
export interface LatencyJob {
  /** The key score of anomaly.yaml, in flow style; files that it names are in `files`. */
  readonly score: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Alerts of other rules are not counted. */
  readonly rule: string;
  readonly spikeEvery: number;
  readonly warmUpSeconds: number;
  /** Whether the model's counters are read at /metrics. */
  readonly hasModel: boolean;
}

const ROLLING_Z: LatencyJob = {
  score: '{on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}',
  files: {},
  rule: 'rolling-z@value',
  spikeEvery: SPIKE_EVERY,
  warmUpSeconds: WARM_UP_SECONDS,
  hasModel: false,
};

export type Guarantee = 'at-least-once' | 'exactly-once';

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
export async function latencyOn(
  cluster: Cluster,
  topic: string,
  eventsPerSecond: number,
  seconds: number,
  guarantee: Guarantee = 'at-least-once',
  job: LatencyJob = ROLLING_Z,
) {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const client = await connect({ brokers: [cluster.brokers], client: 'platformatic' });
  try {
    const schemaId = await registerReadings(cluster.registry, topic);
    await client.admin.createTopics([
      { name: topic, partitions: PARTITIONS },
      { name: `${topic}.anomalies`, partitions: PARTITIONS },
    ]);
    const metrics = job.hasModel ? `127.0.0.1:${await freePort()}` : 'off';
    writeFileSync(join(dir, 'anomaly.yaml'), configOf(topic, guarantee, job.score, metrics));
    for (const [name, bytes] of Object.entries(job.files)) writeFileSync(join(dir, name), bytes);
    const run = spawnAnomaly(cluster, dir, ['run', '-o', 'json']);
    const watch = await watchAlerts(client, cluster.registry, topic, seconds, job.rule);
    const producer = await client.createProducer({ lingerMs: 1 });
    // What is sent until the pipeline has joined its group and put out a first alert warms up, and is not counted.
    const sendFor = steadySender(producer, topic, schemaId, eventsPerSecond, SENSORS, job.spikeEvery);
    while (watch.seen() === 0) await sendFor(1);
    await sendFor(job.warmUpSeconds);
    const before = job.hasModel ? await modelCounters(metrics) : undefined;
    watch.begin();
    const sent = await sendFor(seconds);
    const after = job.hasModel ? await modelCounters(metrics) : undefined;
    const lag = await watch.end(client);
    run.child.kill('SIGTERM');
    const ended = await run.result;
    return {
      eventsPerSecond,
      seconds,
      sent,
      ...watch.figures(),
      ...lag,
      ...(before !== undefined && after !== undefined && { model: between(before, after) }),
      cpuSeconds: ended.cpuSeconds,
      peakRssMiB: ended.peakRssMiB,
    };
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Sends at a steady rate for some seconds, again and again: each call goes on where the one before ended. */
export function steadySender(
  producer: Producer,
  topic: string,
  schemaId: number,
  eventsPerSecond: number,
  sensors = SENSORS,
  spikeEvery = SPIKE_EVERY,
): (seconds: number) => Promise<number> {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  const keys = Array.from({ length: sensors }, (_, k) =>
    new TextEncoder().encode(`sensor-${String(k).padStart(5, '0')}`),
  );
  let state = 1;
  let i = 0;
  return async (seconds) => {
    const [started, first] = [performance.now(), i];
    const end = first + Math.round(eventsPerSecond * seconds);
    while (i < end) {
      const due = Math.min(end, first + Math.floor(((performance.now() - started) / 1000) * eventsPerSecond));
      const now = Date.now();
      for (; i < due; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        const noise = (state >>> 0) / 4294967296;
        const k = i % sensors;
        const value = 20 + noise + (i % spikeEvery === 0 ? 1000 : 0);
        const length = encodeReading(bytes, view, schemaId, keys[k]!, now, value);
        producer.append(topic, k % PARTITIONS, now, keys[k]!, 0, keys[k]!.length, bytes, 0, length);
      }
      await producer.ready();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await producer.flush();
    return end - first;
  };
}

/** @param rule alerts of others are passed over */
export async function watchAlerts(
  client: KafkaClient,
  registryUrl: string,
  topic: string,
  seconds: number,
  rule = ROLLING_Z.rule,
) {
  const consumer = await client.createConsumer({ maxWaitMs: 500 });
  await consumer.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: `${topic}.anomalies`, partition, offset: 0 })),
  );
  const all = new LatencySketch();
  const thirds = [new LatencySketch(), new LatencySketch(), new LatencySketch()];
  let began = Infinity;
  let stopped = false;
  let seen = 0;
  let byModel = 0;
  let awaited: { readonly sentAfterMs: number; found(): void } | undefined;
  const reading = readAlerts(
    consumer,
    registryUrl,
    () => stopped,
    (alert, atMs) => {
      if (alert.rule !== rule) return;
      const latencyMs = atMs - alert.record_time;
      seen++;
      if (awaited !== undefined && atMs - latencyMs > awaited.sentAfterMs) awaited.found();
      if (atMs - latencyMs < began) return;
      if (alert.model !== null) byModel++;
      all.add(latencyMs);
      thirds[Math.min(2, Math.floor(((atMs - began) / (seconds * 1000)) * 3))]!.add(latencyMs);
    },
  );
  return {
    seen: () => seen,
    /** Resolves with the first alert of a record that was sent later than that. */
    firstAfter: (sentAfterMs: number) =>
      new Promise<void>((found) => {
        awaited = { sentAfterMs, found };
      }),
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
      /** Alerts that a model had a part in. */
      byModel,
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
  add: (alert: Alert, atMs: number) => void,
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
      add(type.fromBuffer(bytes.subarray(from + 5, batch.valueEnd[i]!)) as Alert, at);
    }
  }
}

interface Alert {
  readonly rule: string;
  readonly record_time: number;
  readonly model: unknown;
}

interface ModelCounters {
  readonly asked: number;
  readonly scored: number;
}

/** What /metrics says of the model. */
async function modelCounters(address: string): Promise<ModelCounters> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const read = (name: string) => {
    const found = new RegExp(`^anomaly_model_${name}_total(?:{[^}]*})? (\\S+)$`, 'm').exec(text);
    if (found === null) throw new Error(`/metrics has no anomaly_model_${name}_total`);
    return Number(found[1]);
  };
  return { asked: read('asked'), scored: read('scored') };
}

function between(before: ModelCounters, after: ModelCounters): ModelCounters & { readonly availability: number } {
  const [asked, scored] = [after.asked - before.asked, after.scored - before.scored];
  return { asked, scored, availability: Number((scored / asked).toFixed(4)) };
}

const configOf = (topic: string, guarantee: Guarantee, score: string, metrics: string) => `version: 1
pipeline: latency-${topic}
guarantee: ${guarantee}
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
score: ${score}
metrics: {listen: "${metrics}"}
sinks: {anomalies: ${topic}.anomalies}
`;
