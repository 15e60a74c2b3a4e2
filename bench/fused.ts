// The fused job: 8,000,000 readings, 5-minute windows and the rolling z rule, through `anomaly run` as a user has it.
// usage: npm run bench -- fused [--records N]
// The broker lives in its own process, so the figures are the pipeline's alone. The output is checked row by row
// against bench/reference.ts; a run whose output differs fails.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../src/clients/connect.ts';
import { compareFused } from './compareFused.ts';
import { loadReadings, registerReadings } from './load.ts';
import { type Cluster, runAnomaly, startDev } from './processes.ts';
import { reference } from './reference.ts';

const SENSORS = 10_000;
const PARTITIONS = 4;

/** Against `anomaly dev`. */
export async function fused(records = 8_000_000) {
  const dev = await startDev();
  try {
    return await fusedOn(dev, 'readings', records);
  } finally {
    await dev.stop();
  }
}

/** Against any cluster, on a topic of its own; the run's client is the cluster's. */
export async function fusedOn(cluster: Cluster, topic: string, records: number, watch: FusedWatch = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const client = await connect({ brokers: [cluster.brokers], client: 'platformatic' });
  try {
    const schemaId = await registerReadings(cluster.registry, topic);
    await loadReadings(client, topic, schemaId, records, SENSORS, PARTITIONS);
    writeFileSync(join(dir, 'anomaly.yaml'), configOf(topic));
    watch.begins?.();
    const result = await runAnomaly(cluster, dir, ['run', '--until', 'end', '--leave-open', '-o', 'json']);
    watch.ended?.();
    const wanted = reference(records, SENSORS, PARTITIONS);
    const checked = await compareFused(client, cluster.registry, topic, wanted);
    return { records, ...result, ...checked };
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Called around the measured process. */
export interface FusedWatch {
  readonly begins?: () => void;
  readonly ended?: () => void;
}

const configOf = (topic: string) => `version: 1
pipeline: fused-${topic}
sinks: {windows: ${topic}.windows, anomalies: ${topic}.anomalies, late: ${topic}.late, dead_letters: ${topic}.dlq}
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
`;
