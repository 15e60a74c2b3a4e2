import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Admin } from '../../../src/clients/client.ts';
import { encodeStatus, statusKey } from '../../../src/observe/statusRecord.ts';
import { LagSampler } from '../../../src/runtime/lag/lagSampler.ts';
import { pastLooks } from '../../../src/runtime/lag/pastLooks.ts';
import { statusOf } from '../../helpers/status.ts';
import { append, startWorld, type World } from '../../helpers/world.ts';

let world: World;
before(async () => {
  world = await startWorld({ autoCreate: false });
  await world.client.admin.createTopics([{ name: 'watched', partitions: 2 }]);
  await commit('sampled', 0);
});
after(() => world.close());

async function commit(groupId: string, offset: number): Promise<void> {
  const consumer = await world.client.createConsumer({ groupId });
  await consumer.commit([0, 1].map((partition) => ({ topic: 'watched', partition, offset })));
  await consumer.close();
}

test('looks never overlap: who asks while one is under way gets its sample', async () => {
  let [open, most, count] = [0, 0, 0];
  const { admin } = world.client;
  const counted = {
    groups: async () => {
      count++;
      most = Math.max(most, ++open);
      const groups = await admin.groups();
      open--;
      return groups;
    },
    lookAtGroups: (ids: readonly string[]) => admin.lookAtGroups(ids),
    lookAtTopics: (names: readonly string[]) => admin.lookAtTopics(names),
  } as unknown as Admin;
  const sampler = new LagSampler({ admin: counted, now: Date.now });
  const [first, second] = await Promise.all([sampler.sample(), sampler.sample()]);
  assert.equal(first, second);
  const third = await sampler.sample();
  assert.notEqual(third, first);
  assert.deepEqual([count, most], [2, 1]);
  assert.equal(third.groups.find(({ group }) => group === 'sampled')?.lag, 0);
});

test('watch gives sample after sample, and ends with the signal at once', async () => {
  const sampler = new LagSampler({ admin: world.client.admin, now: Date.now, isGroup: (name) => name === 'sampled' });
  const controller = new AbortController();
  let count = 0;
  for await (const sample of sampler.watch(1, controller.signal)) {
    assert.deepEqual(
      sample.groups.map(({ group }) => group),
      ['sampled'],
    );
    if (++count === 3) controller.abort();
  }
  assert.equal(count, 3);
  const begunMs = performance.now();
  const late = new AbortController();
  for await (const _ of sampler.watch(600_000, late.signal)) late.abort();
  assert.ok(performance.now() - begunMs < 60_000, 'it waited for the interval');
});

test('a coordinator and leaders on the move are asked again; those that stay away have their reason', async () => {
  const sampler = new LagSampler({ admin: world.client.admin, now: Date.now });
  world.broker.faults.inject({ api: 'OffsetFetch', errorCode: 16 });
  world.broker.faults.inject({ api: 'DescribeGroups', errorCode: 15 });
  world.broker.faults.inject({ api: 'ListOffsets', errorCode: 6 });
  const passing = await sampler.sample();
  assert.deepEqual(
    passing.groups.map(({ problem }) => problem),
    passing.groups.map(() => null),
  );
  assert.equal(passing.groups.find(({ group }) => group === 'sampled')?.lag, 0);
  world.broker.faults.inject({ api: 'ListOffsets', errorCode: 6, count: 6 });
  const away = await sampler.sample();
  for (const row of away.partitions) {
    assert.equal(row.lagRecords, null);
    assert.match(row.lagReason!, /NOT_LEADER_OR_FOLLOWER/);
  }
  world.broker.faults.inject({ api: 'OffsetFetch', errorCode: 30 });
  const refused = await sampler.sample();
  assert.match(refused.groups[0]!.problem!, /GROUP_AUTHORIZATION_FAILED/);
  assert.equal(refused.groups[0]!.verdict, null);
});

test('a group that a broker does not list any more is asked for by name, and is there', async () => {
  const { admin } = world.client;
  let isListed = true;
  const partial = {
    groups: async () => (isListed ? await admin.groups() : []),
    lookAtGroups: (ids: readonly string[]) => admin.lookAtGroups(ids),
    lookAtTopics: (names: readonly string[]) => admin.lookAtTopics(names),
  } as unknown as Admin;
  await commit('brief', 0);
  const sampler = new LagSampler({ admin: partial, now: Date.now });
  const names = async () => (await sampler.sample()).groups.map(({ group }) => group);
  const all = await names();
  assert.ok(all.includes('brief') && all.includes('sampled'), all.join());
  isListed = false;
  assert.deepEqual(await names(), all);
  world.broker.context.groups.delete('brief');
  assert.deepEqual(
    await names(),
    all.filter((name) => name !== 'brief'),
  );
});

test("one look at a pipeline's group has the minutes before it from the status topic", async () => {
  const { client } = world;
  await client.admin.createTopics([
    { name: 't', partitions: 1 },
    { name: 'p.status', partitions: 1 },
  ]);
  const producer = await client.createProducer();
  for (let i = 0; i < 9; i++) append(producer, 't', { partition: 0, key: null, value: i });
  const nowMs = Date.now();
  // Offset 5 of 9 for two minutes, and another group's member among them.
  const statuses = Array.from({ length: 13 }, (_, i) => statusOf({ atMs: nowMs - 10_000 * (13 - i) }));
  for (const status of [...statuses, statusOf({ group: 'other' })]) {
    append(producer, 'p.status', {
      partition: 0,
      key: statusKey(status),
      value: new TextDecoder().decode(encodeStatus(status)),
    });
  }
  await producer.flush();
  await producer.close();
  const consumer = await client.createConsumer({ groupId: 'p' });
  await consumer.commit([{ topic: 't', partition: 0, offset: 5 }]);
  await consumer.close();
  const looks = await pastLooks(client, ['p', 'sampled']);
  assert.deepEqual(
    looks.map(({ atMs }) => atMs),
    statuses.map(({ atMs }) => atMs),
  );
  assert.deepEqual(looks[0], { group: 'p', topic: 't', partition: 0, atMs: nowMs - 130_000, committed: 5, end: 9 });
  assert.deepEqual(await pastLooks(client, ['sampled']), []);
  const { code, stdout } = await world.run(['lag', 'p', '--looks', '1', '-o', 'json']);
  assert.equal(code, 0);
  const { groups, partitions } = JSON.parse(stdout);
  assert.deepEqual([partitions[0].verdict, groups[0].verdict, partitions[0].lag], ['STALL', 'ERR', 4]);
});
