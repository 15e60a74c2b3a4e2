// A redrive that is killed again and again, by `kill -9` and in the middle, sends every dead letter once.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordHeader } from '../../src/clients/producer.ts';
import { readHeaders } from '../../src/wire/headers.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { killTheRest, startAnomaly } from './helpers/child.ts';
import { seeded } from './helpers/readings.ts';

const KILLS = 8;
const PARTITIONS = 2;
const LETTERS = 24_000;
let world: World;
before(async () => {
  world = await startWorld();
});
afterEach(killTheRest);
after(() => world.close());

const header = (key: string, text: string): RecordHeader => ({ key, value: Buffer.from(text) });

async function fill(): Promise<void> {
  // The letters bear old times, and a slow machine comes to the retention checks.
  const configs = { 'retention.ms': '-1' };
  const topics = ['src', 'src.dlq'].map((name) => ({ name, partitions: PARTITIONS, configs }));
  await world.client.admin.createTopics(topics);
  const producer = await world.client.createProducer();
  const value = Buffer.from('broken');
  for (let i = 0; i < LETTERS; i++) {
    const partition = i % PARTITIONS;
    producer.append('src.dlq', partition, 1_767_225_600_000 + i, null, -1, -1, value, 0, value.length, [
      header('__streams.errors.exception', 'ANM_BAD_DATA'),
      header('__streams.errors.topic', 'src'),
      header('__streams.errors.partition', String(partition)),
      header('__streams.errors.offset', String(i)),
    ]);
    if (i % 1000 === 0) await producer.ready();
  }
  await producer.close();
}

const partitionsOf = (topic: string) => Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));

async function recordsIn(topic: string): Promise<number> {
  const ends = await world.client.admin.listOffsets(partitionsOf(topic), 'latest');
  return ends.reduce((sum, { offset }) => sum + offset, 0);
}

/** Places in the dead-letter topic that committed records of the target name, as often as they do. */
async function places(): Promise<string[]> {
  const found: string[] = [];
  const ends = await world.client.admin.listOffsets(partitionsOf('src'), 'latest');
  const consumer = await world.client.createConsumer({ isolation: 'read_committed' });
  await consumer.assign(ends.map((end) => ({ ...end, offset: 0 })));
  while (ends.some((end) => consumer.position(end.topic, end.partition) < end.offset)) {
    const batch = await consumer.poll(1000);
    for (let i = 0; batch !== null && i < batch.count; i++) {
      const from = readHeaders(batch, i).find(({ key }) => key === 'anomaly.redrive.from');
      found.push(Buffer.from(from!.value!).toString());
    }
  }
  await consumer.close();
  return found;
}

test(`${KILLS} kills of a redrive double and lose nothing`, async (t) => {
  await fill();
  const random = seeded(4711);
  const argv = ['dlq', 'redrive', 'src.dlq', '--yes', '-o', 'json'];
  let inTheMiddle = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await recordsIn('src');
    const target = before + 1 + Math.floor((random() * LETTERS) / KILLS / 2);
    const child = startAnomaly(world, argv);
    let ended = false;
    void child.ended.then(() => {
      ended = true;
    });
    while (!ended && (await recordsIn('src')) < target) await delay(1);
    child.kill('SIGKILL');
    const { signal, stderr, code } = await child.ended;
    assert.equal(signal, 'SIGKILL', `it ended with ${code} before the kill:\n${stderr}`);
    if ((await recordsIn('src')) > before) inTheMiddle++;
  }
  const last = await startAnomaly(world, argv).ended;
  assert.equal(last.code, 0, last.stderr);
  const { redriven, already } = JSON.parse(last.stdout);
  t.diagnostic(
    `${inTheMiddle} of ${KILLS} kills in the middle; ${already} letters before the last start, ${redriven} after`,
  );
  assert.equal(inTheMiddle, KILLS);
  assert.ok(already > 0 && redriven > 0);
  const sent = await places();
  assert.equal(new Set(sent).size, LETTERS, 'none is missing');
  assert.equal(sent.length, LETTERS, 'none is doubled');
});
