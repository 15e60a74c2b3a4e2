import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/broker/clock.ts';
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
