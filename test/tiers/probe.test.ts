// Probes and the latency of a run on a real Kafka, beside the embedded broker.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from '../../src/clients/connect.ts';
import type { latencyFigures } from '../../src/observe/latencyFigures.ts';
import { append } from '../helpers/world.ts';
import { withBothBrokers } from './helpers/bothBrokers.ts';
import { tool } from './helpers/cli.ts';

const both = withBothBrokers();
const dir = mkdtempSync(join(tmpdir(), 'anomaly-probe-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const BROKERS = [
  ['Kafka', () => both().kafka],
  ['the embedded broker', () => both().dev.brokers],
] as const;

for (const [name, brokers] of BROKERS) {
  const around = () => ({
    brokers: brokers(),
    registry: both().dev.registry,
    dir: join(dir, name.replaceAll(' ', '-')),
  });

  test(`probes come back from ${name}, and its clock is this machine’s`, { timeout: 850_000 }, async (t) => {
    const argv = ['probe', '--interval', '20ms', '--count', '50', '--group', 'prober', '-o', 'json'];
    // A broker that has just started makes the topic of the offsets with the first commit.
    await tool(around(), ...argv);
    const summary = JSON.parse(await tool(around(), ...argv));
    assert.deepEqual([summary.sent, summary.received, summary.lost, summary.duplicates], [50, 50, 0, 0]);
    assert.ok(summary.commit.count > 0, 'commits were timed');
    const [{ clock_skew_ms: skew, clock_skew_error_ms: error }] = summary.brokers;
    // Half a round trip: what is left of it on a busy machine is still far from another clock.
    assert.ok(Math.abs(skew) <= error && error < 5000, `${skew} ± ${error}`);
    t.diagnostic(
      JSON.stringify({ ack: summary.ack, roundtrip: summary.roundtrip, commit: summary.commit, skew, error }),
    );
  });

  test(`exactly once on ${name}: every hop of an alert is measured`, { timeout: 850_000 }, async (t) => {
    const client = await connect({ brokers: [brokers()], client: 'platformatic' });
    const topic = `latency-${process.pid}`;
    try {
      const configs = { 'message.timestamp.type': 'LogAppendTime' };
      await client.admin.createTopics([{ name: topic, partitions: 1, configs }]);
      const producer = await client.createProducer();
      for (let i = 0; i < 1000; i++) {
        const value = (i % 7) / 10 + (i % 50 === 49 ? 40 : 0);
        append(producer, topic, { partition: 0, key: 'a', value: { ts: 1_700_000_000_000 + i * 1000, value } });
      }
      await producer.close();
    } finally {
      await client.close();
    }
    const flags = ['--topic', topic, '--time', 'ts', '--detector', 'rolling-z', '--max-ahead', 'off'];
    const argv = ['run', ...flags, '--guarantee', 'exactly-once', '--until', 'end', '-o', 'json'];
    const { alerts, latency } = JSON.parse(await tool(around(), ...argv)) as {
      alerts: number;
      latency: NonNullable<ReturnType<typeof latencyFigures>>;
    };
    assert.ok(alerts > 5, `${alerts} alerts`);
    assert.deepEqual([latency.from, latency.to_alert.count], ['append', alerts]);
    const hops = ['broker', 'fetch_wait', 'decode', 'score', 'produce', 'commit'];
    assert.deepEqual(Object.keys(latency.hops), hops);
    t.diagnostic(JSON.stringify(latency));
  });
}
