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
import { runAnomaly, startDev } from './processes.ts';
import { reference } from './reference.ts';

const TOPIC = 'readings';

export async function fused(records = 8_000_000, sensors = 10_000, partitions = 4) {
  const dev = await startDev();
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  try {
    const schemaId = await registerReadings(dev.registry, TOPIC);
    const client = await connect({ brokers: [dev.brokers], client: 'platformatic' });
    await loadReadings(client, TOPIC, schemaId, records, sensors, partitions);
    writeFileSync(join(dir, 'anomaly.yaml'), CONFIG);
    const result = await runAnomaly(dev, dir, ['run', '--until', 'end', '--leave-open', '-o', 'json']);
    const checked = await compareFused(client, dev.registry, reference(records, sensors, partitions));
    await client.close();
    return { records, ...result, ...checked };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    await dev.stop();
  }
}

const CONFIG = `version: 1
pipeline: fused
source: {topics: [${TOPIC}], key: sensor_id, time: ts, fields: {value: value}}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
`;
