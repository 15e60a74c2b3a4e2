// Every Avro topic of ours, read by a deserialiser and a registry client that nobody here wrote.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDev } from '../../bench/processes.ts';
import { parseLines, type Surroundings, tool } from './helpers/cli.ts';
import { assertSame, type FeatureRow, holdResult } from './helpers/features.ts';
import { confluentKafkaVersion, PYTHON_SOURCE, pythonWithRequirements } from './helpers/python.ts';
import { realKafka, realRegistry } from './helpers/realCluster.ts';

const NAB = fileURLToPath(new URL('../../fixtures/nab/demo', import.meta.url));
/** Topics by what their names end with. */
const NAMES: Record<string, string> = {
  '': 'rows of produce',
  '.windows': 'windows',
  '.anomalies': 'anomalies',
  '.late': 'late records',
  '.dlq': 'dead letters',
};

interface Tailed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: unknown;
}

let python: string;
let dev: Awaited<ReturnType<typeof startDev>>;
let kafka: Awaited<ReturnType<typeof realKafka>>;
let registry: Awaited<ReturnType<typeof realRegistry>>;
const dir = mkdtempSync(join(tmpdir(), 'anomaly-avro-'));
before(async () => {
  python = pythonWithRequirements();
  [dev, kafka, registry] = await Promise.all([startDev(), realKafka(), realRegistry()]);
});
after(async () => {
  await Promise.all([dev?.stop(), kafka?.close(), registry?.close()]);
  rmSync(dir, { recursive: true, force: true });
});

/** Records by topic's name, of each place: what detectors say changes, that both places say the same does not. */
const counts: Record<string, Record<string, number>> = {};
const rows: Record<string, FeatureRow[]> = { 'the embedded broker and registry': [], 'Kafka and Apicurio': [] };

for (const where of ['the embedded broker and registry', 'Kafka and Apicurio'] as const) {
  test(`confluent-kafka reads every Avro topic of a pipeline on ${where}`, { timeout: 850_000 }, async (t) => {
    const at =
      where === 'Kafka and Apicurio'
        ? { brokers: kafka.address, registry: registry.url }
        : { brokers: dev.brokers, registry: dev.registry };
    const around: Surroundings = { ...at, dir: join(dir, where.replaceAll(' ', '-')) };
    mkdirSync(around.dir, { recursive: true });
    writeFileSync(
      join(around.dir, 'ahead.csv'),
      'timestamp,value,series\n2199-01-01 00:00:00,1.5,a\n2199-01-02 00:00:00,2.5,b\n',
    );
    const source = `avro-${process.pid}`;
    await tool(around, 'produce', NAB, '--topic', source, '--partitions', '2', '--order', 'file');
    // Event times that no clock has reached: refused, and kept as they came in the dead letters.
    await tool(around, 'produce', 'ahead.csv', '--topic', source, '--key', 'series');
    const flags = ['--key', 'series', '--time', 'timestamp', '--window', '5m', '--detector', 'kpi', '--until', 'end'];
    await tool(around, 'run', '--topic', source, ...flags);
    const topics = Object.keys(NAMES).map((sink) => source + sink);
    const ours = new Map<string, unknown>();
    for (const topic of topics) {
      for (const record of parseLines<Tailed>(
        await tool(around, 'tail', topic, '--offset', 'start:end', '-o', 'ndjson'),
      ))
        ours.set(`${topic}/${record.partition}/${record.offset}`, record.value);
    }
    const ran = spawnSync(python, [join(PYTHON_SOURCE, 'avro.py'), at.brokers, at.registry, ...topics], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: 850_000,
    });
    assert.equal(ran.status, 0, ran.stderr);
    const theirs = parseLines<Tailed>(ran.stdout);
    assert.equal(theirs.length, ours.size);
    for (const { topic, partition, offset, value } of theirs) {
      assert.deepEqual(value, ours.get(`${topic}/${partition}/${offset}`), `${topic}/${partition}/${offset}`);
    }
    counts[where] = {};
    for (const topic of topics) {
      const count = theirs.filter((record) => record.topic === topic).length;
      assert.ok(count > 0, `${topic} is empty`);
      const feature = NAMES[topic.slice(source.length)]!;
      counts[where][feature] = count;
      rows[where]!.push({ feature, outcome: 'ok', detail: 'every record, equal values' });
      t.diagnostic(`${feature}: ${count} records, equal values`);
    }
  });
}

test('the same on both, as in the table', () => {
  const [embedded, real] = Object.values(rows);
  assertSame(embedded!, real!);
  const [here, there] = Object.values(counts);
  assert.deepEqual(here, there);
  const client = 'confluent-kafka (Python), AvroDeserializer';
  holdResult('avro', { client, version: confluentKafkaVersion(), rows: embedded! });
});
