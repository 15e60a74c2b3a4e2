import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/broker/clock.ts';
import { parseFaults } from '../../src/broker/faultSpec.ts';
import { Faults } from '../../src/broker/faults.ts';
import { DEFAULT_PROFILE, profileNamed } from '../../src/broker/profiles.ts';
import { type ApiName, apiOf } from '../../src/broker/protocol/apis.ts';
import { ByteWriter } from '../../src/broker/protocol/bytes.ts';
import { errorResponse } from '../../src/broker/protocol/errorResponses.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

const clock = new ManualClock();
let broker: Broker;
let client: RawClient;

before(async () => {
  broker = await startBroker({ clock });
  client = await RawClient.to(broker);
  await client.createTopic('t');
});
beforeEach(() => broker.faults.clear());
after(async () => {
  client.close();
  await broker.close();
});

const batch = () => batchOf(['a'], clock.now());
const end = () => broker.context.topics.partition('t', 0)!.highWatermark;

test('an error code is answered as often as asked, and nothing is done', async () => {
  const before = end();
  broker.faults.inject({ api: 'Produce', errorCode: 6, count: 2, skip: 1 });
  const codes: number[] = [];
  for (let i = 0; i < 4; i++) codes.push((await client.produce('t', 0, batch())).errorCode);
  assert.deepEqual(codes, [0, 6, 6, 0]);
  assert.equal(end(), before + 2);
});

test('a refused request that expects no answer gets none: the connection ends, as Kafka has it', async () => {
  const raw = await RawClient.to(broker);
  const before = end();
  broker.faults.inject({ api: 'Produce', errorCode: 6 });
  await assert.rejects(raw.produce('t', 0, batch(), 0), /closed the connection/);
  assert.equal(end(), before);
});

test('a dropped connection: before, nothing was done; after, it was, and the answer is lost', async () => {
  for (const drop of ['before', 'after'] as const) {
    const raw = await RawClient.to(broker);
    const offset = end();
    broker.faults.inject({ api: 'Produce', drop });
    await assert.rejects(raw.produce('t', 0, batch()), /closed the connection/);
    assert.equal(end() - offset, drop === 'after' ? 1 : 0);
  }
});

test('a delay holds the request and those behind it, by the clock of the broker', async () => {
  broker.faults.inject({ api: 'ListGroups', delayMs: 1000 });
  const raw = await RawClient.to(broker);
  const order: string[] = [];
  const slow = raw.send('ListGroups', 0, {}).then(() => order.push('slow'));
  const behind = raw.send('ApiVersions', 0, {}).then(() => order.push('behind'));
  while (broker.faults.armedCount > 0) await client.send('ApiVersions', 0, {});
  assert.deepEqual(order, []);
  clock.advance(1000);
  await Promise.all([slow, behind]);
  assert.deepEqual(order, ['slow', 'behind']);
  raw.close();
});

test('a chance hits about as many as it says, and the same ones for the same seed', () => {
  const hits = (seed: number) => {
    const faults = new Faults([{ api: 'Fetch', errorCode: 6, probability: 0.2, seed }]);
    return Array.from({ length: 5000 }, () => faults.take('Fetch') !== undefined);
  };
  const first = hits(7);
  const count = first.filter(Boolean).length;
  assert.ok(count > 850 && count < 1150, `${count} of 5000`);
  assert.deepEqual(hits(7), first);
  assert.notDeepEqual(hits(8), first);
  const bounded = new Faults([{ api: '*', drop: 'after', probability: 1, count: 2, skip: 1 }]);
  assert.deepEqual(
    ['Fetch', 'Produce', 'Metadata', 'Fetch'].map((api) => bounded.take(api as ApiName)?.drop),
    [undefined, 'after', 'after', undefined],
  );
});

test('crash points come in their order, and none without a way to crash', async () => {
  assert.throws(() => broker.faults.inject({ api: 'Produce', crash: 'handled' }), /without a way to/);
  const points: [string, number][] = [];
  let at = '';
  const crashing = await startBroker({ clock, crash: () => points.push([at, log().highWatermark]) });
  const log = () => crashing.context.topics.partition('t', 0)!;
  const raw = await RawClient.to(crashing);
  await raw.createTopic('t');
  for (const crash of ['received', 'handled', 'synced', 'answered'] as const) {
    at = crash;
    crashing.faults.inject({ api: 'Produce', crash });
    await raw.produce('t', 0, batch());
  }
  await raw.send('ApiVersions', 0, {});
  assert.deepEqual(points, [
    ['received', 0],
    ['handled', 2],
    ['synced', 3],
    ['answered', 4],
  ]);
  raw.close();
  await crashing.close();
});

test('fault texts are read, and wrong ones refused with the path of the key', () => {
  assert.deepEqual(
    parseFaults(['Produce:error=NOT_LEADER_OR_FOLLOWER,count=3,skip=10', '1:delay=1.5s,probability=0.1,seed=7']),
    [
      { api: 'Produce', errorCode: 6, count: 3, skip: 10 },
      { api: 'Fetch', delayMs: 1500, probability: 0.1, seed: 7 },
    ],
  );
  assert.deepEqual(parseFaults(['*:drop=after', 'EndTxn:crash=synced', 'Fetch:error=74,delay=20']), [
    { api: '*', drop: 'after' },
    { api: 'EndTxn', crash: 'synced' },
    { api: 'Fetch', errorCode: 74, delayMs: 20 },
  ]);
  const wrong: Record<string, RegExp> = {
    Produce: /fault\[0\]: "Produce" has no colon/,
    'Prduce:drop=after': /fault\[0\]\.api: there is no API "Prduce"/,
    '999:drop=after': /fault\[0\]\.api/,
    'Produce:': /fault\[0\]\./,
    'Produce:drop': /fault\[0\]\.drop: it has no value/,
    'Produce:drop=never': /fault\[0\]\.drop: it is one of before, after, not "never"/,
    'Produce:error=NOPE': /fault\[0\]\.error: "NOPE" is no error/,
    'Produce:error=NONE': /fault\[0\]\.error/,
    'Produce:delay=soon': /fault\[0\]\.delay: "soon" is no duration/,
    'Produce:drop=after,count=0': /fault\[0\]\.count: it is a whole number from 1 on/,
    'Produce:drop=after,probability=2': /fault\[0\]\.probability/,
    'Produce:drop=after,drop=before': /fault\[0\]\.drop: it is given twice/,
    'Produce:count=2': /fault\[0\]: it does nothing/,
    'Produce:error=6,drop=after': /fault\[0\]\.error: an error is answered/,
    'Fetch:crash=torn': /fault\[0\]\.crash: only Produce/,
    'Produce:colour=red': /fault\[0\]\.colour: there is no such key/,
  };
  for (const [spec, message] of Object.entries(wrong)) assert.throws(() => parseFaults([spec]), message, spec);
  assert.throws(() => parseFaults(['Produce:drop=after', 'x']), /fault\[1\]/);
});

test('each API can say that it failed, in every version', () => {
  for (const [name, [first, last]] of Object.entries(profileNamed(DEFAULT_PROFILE)!.apis) as [
    ApiName,
    [number, number],
  ][]) {
    for (let version = first; version <= last; version++) {
      const { request, response } = apiOf(name);
      const writer = new ByteWriter();
      // Every field at its fallback, one element in each list.
      const plain = Object.fromEntries(
        Object.entries(request.shape).map(([key, { fallback }]) => [key, Array.isArray(fallback) ? [] : fallback]),
      );
      response.encode(writer, version, errorResponse(name, plain as never, 14, version));
      assert.ok(writer.position > 0, name);
    }
  }
});
