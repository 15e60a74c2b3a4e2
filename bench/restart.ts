// kill -9 to the first new output: a static member (`--instance`) that is started again at once, exactly once, while
// records go on coming. New is an alert of a record that was sent after the kill, read when it is committed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../src/clients/connect.ts';
import { steadySender, watchAlerts } from './latency.ts';
import { registerReadings } from './load.ts';
import { type Cluster, spawnAnomaly } from './processes.ts';

const SERIES = 10_000;
const PARTITIONS = 4;
const EVENTS_PER_SECOND = 10_000;
/** Each series has its 8 values before the first alert, and every partition has had a checkpoint. */
const WARM_UP_SECONDS = 15;
const KILLS = 5;
/** Between two kills, so that they fall at different times after a checkpoint. */
const APART_SECONDS = 4;
const LONGEST_SECONDS = 60;

export async function restartOn(cluster: Cluster, topic: string) {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-bench-'));
  const client = await connect({ brokers: [cluster.brokers], client: 'platformatic' });
  const start = () => {
    const { child, result } = spawnAnomaly(cluster, dir, ['run', '--instance', 'one', '-o', 'json']);
    const ended = result.catch((error: Error) => error);
    return { child, ended };
  };
  try {
    const schemaId = await registerReadings(cluster.registry, topic);
    const topics = [topic, `${topic}.anomalies`].map((name) => ({ name, partitions: PARTITIONS }));
    await client.admin.createTopics(topics);
    writeFileSync(join(dir, 'anomaly.yaml'), configOf(topic));
    const producer = await client.createProducer({ lingerMs: 1 });
    let run = start();
    const watch = await watchAlerts(client, cluster.registry, topic, 1);
    const sendFor = steadySender(producer, topic, schemaId, EVENTS_PER_SECOND, SERIES);
    await sendFor(WARM_UP_SECONDS);
    while (watch.seen() === 0) await sendFor(1);
    const toOutputMs: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      run.child.kill('SIGKILL');
      const first = watch.firstAfter(Date.now());
      const killed = performance.now();
      run = start();
      let found = false;
      void first.then(() => {
        found = true;
        toOutputMs.push(Math.round(performance.now() - killed));
      });
      const ended = run.ended;
      while (!found) {
        if (performance.now() - killed > LONGEST_SECONDS * 1000)
          throw new Error(`no output ${LONGEST_SECONDS} s after the kill`);
        if (run.child.exitCode !== null) throw new Error(`the restarted run ended: ${await ended}`);
        await sendFor(0.1);
      }
      await sendFor(APART_SECONDS + kill / 2);
    }
    await watch.end(client);
    await producer.close();
    run.child.kill('SIGTERM');
    const ended = await run.ended;
    if (ended instanceof Error) throw ended;
    return { series: SERIES, kills: KILLS, toOutputMs, longestMs: Math.max(...toOutputMs) };
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const configOf = (topic: string) => `version: 1
pipeline: latency-${topic}
guarantee: exactly-once
source: {topics: [${topic}], key: sensor_id, time: ts, fields: {value: value}}
windows: [{name: w5m, type: tumbling, size: 5m, aggregates: [count, mean, min, max, stddev]}]
score: {on: record, detector: rolling-z, window: 64, min_count: 8, threshold: 6}
sinks: {anomalies: ${topic}.anomalies}
`;
