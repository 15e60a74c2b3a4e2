// What was written is what the records give: `replay --verify` finds a single bit that is not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startWorld, type World } from '../helpers/world.ts';
import { Readings, seeded } from './helpers/readings.ts';
import { TopicReader } from './helpers/topicReader.ts';

const SEED = Number(process.env['ANOMALY_TEST_SEED'] ?? 33);
const PARTITIONS = 2;
const RECORDS = 4000;
const FLIPS = 8;
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

function configOf(windows: string): string {
  const text = `version: 1
pipeline: bits
source: {topics: [bits], time: ts}
time: {max_ahead: off}
windows: [{name: w1m, type: tumbling, size: 1m}]
score: {detector: rolling-z}
guarantee: exactly-once
sinks: {format: json, windows: ${windows}}
`;
  writeFileSync(join(world.dir, `${windows}.yaml`), text);
  return `${windows}.yaml`;
}

/** Copies the window rows, with a bit of one value turned over where that is asked for. */
async function copy(to: string, flip?: { readonly row: number; readonly draw: () => number }): Promise<string> {
  await world.client.admin.createTopics([{ name: to, partitions: PARTITIONS, configs: { 'retention.ms': '-1' } }]);
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: 'bits.windows',
    partition,
    offset: 0,
  }));
  const ends = await world.client.admin.listOffsets(places, 'latest');
  const consumer = await world.client.createConsumer({ isolation: 'read_committed' });
  const producer = await world.client.createProducer();
  await consumer.assign(places);
  let row = 0;
  let what = 'nothing';
  while (ends.some(({ topic, partition, offset }) => consumer.position(topic, partition) < offset)) {
    const batch = await consumer.poll(100);
    for (let k = 0; batch !== null && k < batch.count; k++) {
      const { bytes, partition, recordTimes, keyStart, keyEnd } = batch;
      const value = Uint8Array.from(bytes.subarray(batch.valueStart[k], batch.valueEnd[k]));
      if (row++ === flip?.row) {
        const at = Math.floor(flip.draw() * value.length);
        const bit = Math.floor(flip.draw() * 8);
        value[at]! ^= 1 << bit;
        what = `bit ${bit} of byte ${at} of ${Buffer.from(value).toString('latin1')}`;
      }
      producer.append(to, partition, recordTimes[k]!, bytes, keyStart[k]!, keyEnd[k]!, value, 0, value.length);
    }
  }
  await consumer.close();
  await producer.close();
  return what;
}

const verify = (config: string) => world.run(['replay', 'bits', '--verify', '--config', config, '-o', 'json']);

test(`${FLIPS} times one bit of one row is turned over: each is found`, async (t) => {
  t.diagnostic(`seed ${SEED} (ANOMALY_TEST_SEED)`);
  const draw = seeded(SEED);
  await world.client.admin.createTopics([{ name: 'bits', partitions: PARTITIONS, configs: { 'retention.ms': '-1' } }]);
  const producer = await world.client.createProducer();
  const readings = new Readings(producer, 'bits', PARTITIONS, 5, SEED);
  readings.append(RECORDS);
  await producer.close();
  const config = configOf('bits.windows');
  const { code, stderr } = await world.run(['run', '--config', config, '--until', 'end', '--max-bad-rate', '1']);
  assert.equal(code, 0, stderr);
  const windows = await (await TopicReader.open(world, 'bits.windows', PARTITIONS)).toEnd(world);
  await windows.close();
  // The same bytes under another name are equal.
  await copy('plain');
  const plain = await verify(configOf('plain'));
  assert.equal(plain.code, 0, plain.stderr);
  for (let n = 0; n < FLIPS; n++) {
    const what = await copy(`flipped-${n}`, { row: Math.floor(draw() * windows.count), draw });
    const found = await verify(configOf(`flipped-${n}`));
    // 6: it differs; 5: it is no JSON any more.
    assert.ok(found.code === 6 || found.code === 5, `${what}: ${found.code} ${found.stderr}`);
    assert.match(found.stderr, new RegExp(`flipped-${n}/\\d`), what);
  }
});
