// The contract suite of the clients on a real Kafka, and the same pipeline on it and on the embedded broker.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDev } from '../../bench/processes.ts';
import { connect } from '../../src/clients/connect.ts';
import { defineContract } from '../clients/contract.ts';
import { defineFastContract } from '../clients/fastContract.ts';
import { defineGroupContract } from '../clients/groupContract.ts';
import { withClientOn } from '../clients/helpers/context.ts';
import { appendText } from '../clients/helpers/records.ts';
import { defineLookContract } from '../clients/lookContract.ts';
import { parseLines, type Surroundings, tool } from './helpers/cli.ts';
import { realKafka, realRegistry } from './helpers/realCluster.ts';

const NAB = fileURLToPath(new URL('../../fixtures/nab/demo', import.meta.url));
const CLIENTS = ['platformatic', 'librdkafka'] as const;
const START_MS = Date.UTC(2026, 0, 1);

let kafka: Awaited<ReturnType<typeof realKafka>>;
let registry: Awaited<ReturnType<typeof realRegistry>>;
let dev: Awaited<ReturnType<typeof startDev>>;
const dir = mkdtempSync(join(tmpdir(), 'anomaly-conformance-'));
before(async () => {
  [kafka, registry, dev] = await Promise.all([realKafka(), realRegistry(), startDev()]);
});
after(async () => {
  await Promise.all([kafka?.close(), registry?.close(), dev?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

for (const name of CLIENTS) {
  describe(`the contract of ${name} on a real Kafka`, { timeout: 850_000 }, () => {
    const start = async () => ({ address: kafka.address, close: async () => {} });
    withClientOn(start, name, (context) => {
      defineContract(name, context);
      defineGroupContract(context);
      defineLookContract(context);
      if (name === 'platformatic') defineFastContract(context);
    });
  });
}

describe('one pipeline end to end', { timeout: 850_000 }, () => {
  let reference: Outcome;
  before(async () => {
    reference = await pipeline({ brokers: dev.brokers, registry: dev.registry, dir: `${dir}/reference` }, 'reference');
  });

  test('the reference has records of every kind', () => {
    const counts = Object.entries(reference.topics).map(([topic, records]) => [topic, records.length]);
    for (const [topic, count] of counts) assert.ok((count as number) > 0, `${topic} is empty`);
  });

  for (const client of CLIENTS) {
    const cases = [
      ['the embedded broker', () => ({ brokers: dev.brokers, registry: dev.registry })],
      ['Kafka and Apicurio', () => ({ brokers: kafka.address, registry: registry.url })],
    ] as const;
    for (const [where, at] of cases) {
      test(`${client} on ${where}: the same records, lag and summaries`, async () => {
        const name = `e2e-${client}-${where.split(' ').at(-1)!.toLowerCase()}-${process.pid}`;
        const outcome = await pipeline({ ...at(), dir: `${dir}/${name}`, client }, name);
        assert.deepEqual(outcome.produced, reference.produced);
        assert.deepEqual(outcome.summary, reference.summary);
        assert.deepEqual(outcome.lag, reference.lag);
        for (const [topic, records] of Object.entries(reference.topics)) {
          const own = outcome.topics[topic]!;
          assert.equal(own.length, records.length, topic);
          // One by one, since a difference of two whole topics cannot be read.
          for (const [i, record] of records.entries()) assert.deepEqual(own[i], record, `${topic}, record ${i}`);
        }
      });
    }
  }
});

interface Outcome {
  readonly produced: unknown;
  readonly summary: unknown;
  readonly lag: unknown;
  readonly topics: Readonly<Record<string, readonly unknown[]>>;
}

/** Real data with labelled anomalies as Avro, JSON with what cannot be decoded, and all that comes of them. */
async function pipeline(around: Surroundings, name: string): Promise<Outcome> {
  const [sensors, mixed] = [`${name}.sensors`, `${name}.mixed`];
  const flags = ['--partitions', '4', '--record-time', 'event', '-o', 'json'];
  const produced = JSON.parse(await tool(around, 'produce', NAB, '--topic', sensors, ...flags));
  await sendMixed(around, mixed);
  const shape = ['--window', '5m', '--max-ahead', 'off', '--until', 'end', '-o', 'json'];
  const from = ['--key', 'series', '--time', 'timestamp', '--detector', 'kpi'];
  const summaries = [
    await tool(around, 'run', '--topic', sensors, ...from, ...shape),
    await tool(around, 'run', '--topic', mixed, '--time', 'ts', '--detector', 'rolling-z', ...shape),
  ].map((text) => JSON.parse(text));
  const lag = knownLag(JSON.parse(await tool(around, 'lag', sensors, mixed, '-o', 'json')));
  const topics: Record<string, unknown[]> = {};
  const sinks = ['', '.windows', '.anomalies', '.late', '.dlq'];
  for (const topic of [...sinks.map((sink) => sensors + sink), ...sinks.map((sink) => mixed + sink)]) {
    const records = parseLines(await tool(around, 'tail', topic, '--offset', 'start:end', '-o', 'ndjson'));
    // NAB's files are whole, and without spikes nothing of the mixed topic is late.
    if (topic === `${sensors}.dlq`) assert.equal(records.length, 0);
    else topics[topic.slice(name.length + 1)] = comparable(records, name);
  }
  return {
    produced: plain(produced, name),
    summary: summaries.map((summary) => plain(summary, name)),
    lag: plain(lag, name),
    topics,
  };
}

async function sendMixed({ brokers, client = 'platformatic' }: Surroundings, topic: string): Promise<void> {
  const made = await connect({ brokers: [brokers], client });
  await made.admin.createTopics([{ name: topic, partitions: 2 }]);
  const producer = await made.createProducer({ compression: 'lz4' });
  for (let i = 0; i < 2000; i++) {
    const lateMs = i % 400 === 399 ? 3_600_000 : 0;
    const reading = { ts: START_MS + i * 10_000 - lateMs, value: (i % 7) / 10 + (i % 900 === 899 ? 40 : 0) };
    const value = i % 500 === 250 ? `no JSON ${i}` : JSON.stringify(reading);
    appendText(producer, topic, i % 2, value, { key: `s-${i % 2}`, timestampMs: START_MS + i * 10_000 });
  }
  await producer.flush();
  await made.close();
}

/** What does not depend on when it was looked at. */
function knownLag({
  groups,
  partitions,
}: {
  groups: Record<string, unknown>[];
  partitions: Record<string, unknown>[];
}) {
  const rates = new Set(['in_rate', 'out_rate', 'drain_ms', 'trend', 'reasons']);
  return JSON.parse(JSON.stringify({ groups, partitions }, (key, value) => (rates.has(key) ? undefined : value)));
}

/** In order by partition: partitions come as the broker's answers do. */
function comparable(records: Record<string, unknown>[], name: string): unknown[] {
  const byPlace = (a: Record<string, unknown>, b: Record<string, unknown>) =>
    Number(a['partition']) - Number(b['partition']) || Number(a['offset']) - Number(b['offset']);
  return records.sort(byPlace).map((record) => plain(record, name));
}

/** Without what no two runs have in common: the run's own name, times of the wall clock and what they decide, a registry's ids. */
function plain(value: unknown, name: string): unknown {
  const timed = ['seconds', 'rows_per_second', 'events_per_second', 'commits', 'checkpoints', 'latency', 'at'];
  const own = new Set(['schema_id', ...timed]);
  const text = JSON.stringify(value, (key, each) => (own.has(key) ? undefined : each));
  return JSON.parse(text.replaceAll(name, 'NAME'));
}
