// What exactly once costs: the fused job's rate beside at least once, ingestion to an alert that is committed, and a
// restart after kill -9.
// usage: npm run bench -- exactly-once [--records N] [--rate N] [--seconds N] [--on-kafka]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRegistry } from '../src/broker/registry.ts';
import { connect } from '../src/clients/connect.ts';
import { startKafka } from '../test/tiers/helpers/services.ts';
import { compareFused } from './compareFused.ts';
import { type Guarantee, latencyOn } from './latency.ts';
import { loadReadings, registerReadings } from './load.ts';
import { type Cluster, runAnomaly, startDev } from './processes.ts';
import { reference } from './reference.ts';
import { restartOn } from './restart.ts';

const SENSORS = 10_000;
const PARTITIONS = 4;
const ROUNDS = 3;
/** Checkpoints take turns: of four partitions every 10 s, one each 2.5 s. At least once has none but the last. */
const CHECKPOINT_EVERY: { readonly [Each in Guarantee]: string } = { 'at-least-once': '1h', 'exactly-once': '10s' };

export type ExactlyOnceBench = Awaited<ReturnType<typeof exactlyOnceOn>>;

/** Against `anomaly dev`, or a real Kafka of its own. */
export async function exactlyOnce(records: number, eventsPerSecond: number, seconds: number, isOnKafka = false) {
  if (!isOnKafka) {
    const dev = await startDev();
    try {
      return await exactlyOnceOn(dev, records, eventsPerSecond, seconds);
    } finally {
      await dev.stop();
    }
  }
  const [broker, registry] = await Promise.all([startKafka(), startRegistry({ port: 0 })]);
  try {
    const cluster = { brokers: broker.brokers, registry: `http://127.0.0.1:${registry.port}`, client: 'platformatic' };
    return await exactlyOnceOn(cluster as Cluster, records, eventsPerSecond, seconds);
  } finally {
    await Promise.all([broker.remove(), registry.close()]);
  }
}

/** Against any cluster, on topics of its own. */
export async function exactlyOnceOn(cluster: Cluster, records: number, eventsPerSecond: number, seconds: number) {
  const load = [Number(loadavg()[0]!.toFixed(1))];
  const latency = await latencyOn(cluster, 'once-paced', eventsPerSecond, seconds, 'exactly-once');
  load.push(Number(loadavg()[0]!.toFixed(1)));
  console.log('latency', latency);
  const restart = await restartOn(cluster, 'once-killed');
  console.log('restart', restart);
  load.push(Number(loadavg()[0]!.toFixed(1)));
  const fused = await fusedOnBoth(cluster, 'once', records);
  load.push(Number(loadavg()[0]!.toFixed(1)));
  return { latency, restart, fused, load };
}

/** The fused job by both guarantees in turn, over the same records; every output of every run is compared. */
async function fusedOnBoth(cluster: Cluster, topic: string, records: number) {
  const client = await connect({ brokers: [cluster.brokers], client: 'platformatic' });
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  try {
    const schemaId = await registerReadings(cluster.registry, topic);
    await loadReadings(client, topic, schemaId, records, SENSORS, PARTITIONS);
    const wanted = reference(records, SENSORS, PARTITIONS);
    const rates: { [Each in Guarantee]: Rate[] } = { 'at-least-once': [], 'exactly-once': [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const guarantee of ['at-least-once', 'exactly-once'] as const) {
        const name = `${topic}-${guarantee}-${round}`;
        writeFileSync(join(dir, 'anomaly.yaml'), configOf(topic, name, guarantee));
        const { json, cpuSeconds } = await runAnomaly(cluster, dir, [
          ...['run', '--until', 'end', '--leave-open', '-o', 'json'],
        ]);
        await compareFused(client, cluster.registry, name, wanted);
        const { events_per_second: eventsPerSecond, commits, checkpoints } = json as { [name: string]: number };
        rates[guarantee].push({ eventsPerSecond: eventsPerSecond!, cpuSeconds });
        console.log(guarantee, { eventsPerSecond, cpuSeconds, commits, checkpoints });
      }
    }
    const [atLeastOnce, once] = [median(rates['at-least-once']), median(rates['exactly-once'])];
    const cpuRatio = atLeastOnce.cpuSeconds / once.cpuSeconds;
    return {
      records,
      atLeastOnce,
      exactlyOnce: once,
      ratio: once.eventsPerSecond / atLeastOnce.eventsPerSecond,
      cpuRatio,
    };
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Rate {
  readonly eventsPerSecond: number;
  readonly cpuSeconds: number;
}

function median(rates: readonly Rate[]): Rate {
  const of = (get: (rate: Rate) => number) => rates.map(get).sort((a, b) => a - b)[rates.length >> 1]!;
  return { eventsPerSecond: of((rate) => rate.eventsPerSecond), cpuSeconds: of((rate) => rate.cpuSeconds) };
}

const configOf = (topic: string, name: string, guarantee: Guarantee) => `version: 1
pipeline: ${name}
guarantee: ${guarantee}
checkpoint: {every: ${CHECKPOINT_EVERY[guarantee]}}
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
sinks: {windows: ${name}.windows, anomalies: ${name}.anomalies, late: ${name}.late, dead_letters: ${name}.dlq}
`;
