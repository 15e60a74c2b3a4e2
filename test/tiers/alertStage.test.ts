// The alert stage against a real Kafka: its group owns one topic, and its transactions commit offsets of another.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { IncidentRecord } from '../../src/alerts/stage/outbox.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { AlertStage } from '../../src/runtime/alerts/alertStage.ts';
import { readOutbox } from '../../src/runtime/alerts/outboxReader.ts';
import { append } from '../helpers/world.ts';
import { killTheRest, startAnomaly } from '../invariants/helpers/child.ts';
import { type Kafka, startKafka } from './helpers/services.ts';

let kafka: Kafka;
let client: KafkaClient;
let dir: string;
before(async () => {
  kafka = await startKafka({ startsQuickly: true });
  client = await connect({ brokers: [kafka.brokers], client: 'platformatic' });
  dir = mkdtempSync(join(tmpdir(), 'anomaly-tier-'));
});
afterEach(killTheRest);
after(async () => {
  await client?.close();
  await kafka?.remove();
  rmSync(dir, { recursive: true, force: true });
});

const NEVER = new AbortController().signal;

async function put(from: number, to: number): Promise<void> {
  await client.admin.createTopics([{ name: 'plant.anomalies', partitions: 2 }]);
  const producer = await client.createProducer();
  for (let i = from; i < to; i++) {
    const now = Date.now();
    const value = {
      ...{
        id: `kpi@value/s${i}/${now}/1`,
        series: `s${i}`,
        field: 'value',
        rule: 'kpi@value',
        start: now + i,
        end: now + i,
      },
      ...{ value: 9, score: 3, threshold: 2.5, parts: [], record_time: now, state: 'open' },
    };
    append(producer, 'plant.anomalies', { partition: i % 2, key: `s${i}`, value, timestamp: now });
  }
  await producer.flush();
  await producer.close();
}

async function untilThereAre(count: number): Promise<IncidentRecord[]> {
  for (;;) {
    const records = (await readOutbox(client, 'plant', NEVER)).map(({ record }) => record);
    const incidents = records.filter((record) => record?.type === 'incident') as IncidentRecord[];
    if (incidents.length >= count) return incidents;
  }
}

test('after kill -9 another process goes on from the outbox and the committed offsets', {
  timeout: 850_000,
}, async () => {
  await put(0, 10);
  await AlertStage.prepare({ client, config: { pipeline: 'plant' } as never });
  const env = { ANOMALY_BROKERS: kafka.brokers, ANOMALY_CLIENT: 'platformatic', XDG_STATE_HOME: join(dir, 'state') };
  const start = () => startAnomaly({ dir, env }, ['alerts', 'run', 'plant', '-X', 'alerts.group_within=0s']);
  const first = start();
  await untilThereAre(10);
  const standby = start();
  await put(10, 15);
  await untilThereAre(15);
  first.kill('SIGKILL');
  await first.ended;
  await put(15, 20);
  const incidents = await untilThereAre(20);
  standby.kill('SIGTERM');
  const { code, stderr } = await standby.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    incidents.map(({ notification: { revision, status } }) => [revision, status]),
    incidents.map(() => [1, 'open']),
  );
  const series = incidents.flatMap(({ notification }) => notification.series);
  assert.equal(new Set(series).size, 20);
  const book = (await readOutbox(client, 'plant', NEVER)).find(({ key }) => key === '~book/anomaly')!.record;
  assert.equal((book as { state: { alerts: number } }).state.alerts, 20, 'each alert was taken once');
});
