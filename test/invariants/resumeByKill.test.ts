// A load that is killed again and again, by `kill -9` and in the middle, ends as one that nobody disturbed.
// Against `anomaly dev` in a process of its own; against the brokers in ANOMALY_TEST_BROKERS where that is set.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { startDev } from '../../bench/processes.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { readHeaders } from '../../src/wire/headers.ts';
import { killTheRest, startAnomaly } from './helpers/child.ts';
import { seeded } from './helpers/readings.ts';

const KILLS = 20;
const PARTITIONS = 3;
const ROWS = 240_000;
/** Rows a second: a kill finds a process at work. */
const RATE = 20_000;
const RUN = `${process.pid}-${Date.now()}`;
const stops: (() => Promise<unknown>)[] = [];
let world: { client: KafkaClient; dir: string; env: Record<string, string> };

before(async () => {
  const outside = process.env['ANOMALY_TEST_BROKERS'];
  const dev = outside === undefined ? await startDev() : null;
  if (dev !== null) stops.push(() => dev.stop());
  const registry = await startRegistry({ port: 0 });
  stops.push(() => registry.close());
  const brokers = outside ?? dev!.brokers;
  const client = await connect({ brokers: brokers.split(',') });
  stops.push(() => client.close());
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-resume-'));
  stops.push(async () => rmSync(dir, { recursive: true, force: true }));
  const env = { ANOMALY_BROKERS: brokers, ANOMALY_REGISTRY_URLS: registry.url, XDG_STATE_HOME: dir };
  world = { client, dir, env };
  const fields = [
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'sensor_id', type: 'string' },
    { name: 'value', type: 'long' },
  ];
  // The same for both topics: an inferred one is named after its topic.
  writeFileSync(join(dir, 'reading.avsc'), JSON.stringify({ type: 'record', name: 'Reading', fields }));
  writeFileSync(join(dir, 'a.csv'), csvOf('a', 0));
  writeFileSync(join(dir, 'b.csv'), csvOf('b', 5));
});
afterEach(killTheRest);
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** Half of the rows each, in step with each other; now and then a row that is none. */
function csvOf(name: string, shiftMs: number): string {
  let text = 'ts,sensor_id,value\n';
  for (let i = 0; i < ROWS / 2; i++) {
    const value = i % 9973 === 17 ? 'broken' : (i * 7919) % 1000;
    text += `${1_767_225_600_000 + i * 10 + shiftMs},${name}-${i % 50},${value}\n`;
  }
  return text;
}

const flags = (topic: string, ...more: string[]) => [
  ...['produce', 'a.csv', 'b.csv', '--topic', `${topic}-${RUN}`, '--partitions', String(PARTITIONS)],
  ...['--schema', 'reading.avsc'],
  ...['--record-time', 'event', '--topic-config', 'retention.ms=-1', '-o', 'json', ...more],
];

const partitionsOf = (topic: string) =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: `${topic}-${RUN}`, partition }));

async function recordsIn(topic: string): Promise<number> {
  const known = await world.client.admin.topics([`${topic}-${RUN}`]);
  if (known.length === 0) return 0;
  const ends = await world.client.admin.listOffsets(partitionsOf(topic), 'latest');
  return ends.reduce((sum, { offset }) => sum + offset, 0);
}

async function succeed(argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await startAnomaly(world, argv).ended;
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Every record of a topic, by partition: key, value, headers and time. */
async function contentOf(topic: string): Promise<string[][]> {
  const content: string[][] = partitionsOf(topic).map(() => []);
  const ends = await world.client.admin.listOffsets(partitionsOf(topic), 'latest');
  const consumer = await world.client.createConsumer();
  await consumer.assign(ends.map((end) => ({ ...end, offset: 0 })));
  while (ends.some((end) => consumer.position(end.topic, end.partition) < end.offset)) {
    const batch = await consumer.poll(1000);
    if (batch === null) continue;
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const key = bytes.toString('latin1', batch.keyStart[i], batch.keyEnd[i]);
      const value = bytes.toString('latin1', batch.valueStart[i], batch.valueEnd[i]);
      const headers = readHeaders(batch, i).map(({ key: name, value: of }) => `${name}=${Buffer.from(of!).toString()}`);
      content[batch.partition]!.push([batch.recordTimes[i], key, value, ...headers].join('|'));
    }
  }
  await consumer.close();
  return content;
}

test(`${KILLS} kills of a load double and lose nothing`, async (t) => {
  const random = seeded(771);
  const rejects = (name: string) => ['--rejects', `${name}.rejects.ndjson`];
  let died = 0;
  let records = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = startAnomaly(world, flags('killed', '--resume', '--rate', String(RATE), ...rejects('killed')));
    // Of what is left: what a busy machine lets one life load beyond its target, the others have less.
    const target = records + 1 + Math.floor((random() * Math.max(0, ROWS * 0.4 - records)) / (KILLS - kill));
    let ended = false;
    void child.ended.then(() => {
      ended = true;
    });
    for (records = await recordsIn('killed'); records < target && !ended; ) records = await recordsIn('killed');
    child.kill('SIGKILL');
    const { signal, stderr, code } = await child.ended;
    assert.equal(signal, 'SIGKILL', `it ended with ${code} before the kill:\n${stderr}`);
    if (signal === 'SIGKILL') died++;
    records = await recordsIn('killed');
  }
  assert.equal(died, KILLS);
  assert.ok(records < ROWS, 'the last kill came before the end');
  const last = await succeed(flags('killed', '--resume', ...rejects('killed')));
  const whole = await succeed(flags('whole', '--resumable', ...rejects('whole')));
  assert.equal((last['rows'] as number) + (last['found'] as number), whole['rows']);
  t.diagnostic(`${died} kills, ${last['found']} rows before the last start and ${last['rows']} after it`);
  const content = await contentOf('whole');
  assert.equal(content.flat().length, whole['rows']);
  const killed = await contentOf('killed');
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [got, want] = [killed[partition]!, content[partition]!];
    const first = want.findIndex((record, i) => record !== got[i]);
    assert.equal(first, -1, `record ${first} of partition ${partition} is ${got[first]}, not ${want[first]}`);
    assert.equal(got.length, want.length);
  }
  assert.equal(last['rejected'], whole['rejected']);
  const again = await succeed(flags('killed', '--resume', ...rejects('killed')));
  assert.deepEqual([again['rows'], again['found']], [0, whole['rows']]);
});
