import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import { RawClient } from '../helpers/rawClient.ts';
import { RawMember } from '../helpers/rawMember.ts';
import { RawProducer } from '../helpers/rawProducer.ts';

// Goal: offsets committed within a transaction show with its commit only, and only the group's members of now may
// commit them (KIP-98, KIP-447).

const TOPIC = 'source';
const clock = new ManualClock();
let broker: Broker;
let client: RawClient;
let names = 0;

before(async () => {
  broker = await startBroker({ clock });
  client = await RawClient.to(broker);
  await client.createTopic(TOPIC);
});
after(async () => {
  client.close();
  await broker.close();
});

const newGroup = () => `group-${names++}`;

async function newProducer(groupId: string): Promise<RawProducer> {
  const producer = await new RawProducer(client, `id-${names++}`).ready();
  assert.equal(await producer.addOffsets(groupId), 0);
  return producer;
}

/** Offset and error code. */
async function fetched(groupId: string, requireStable: boolean, version = 7): Promise<[number, number]> {
  const topics = [{ name: TOPIC, partitionIndexes: [0] }];
  const request = { groupId, topics, groups: [{ groupId, topics }], requireStable };
  const answer = await client.send('OffsetFetch', version, request);
  const found = version < 8 ? answer.topics : answer.groups[0]!.topics;
  const { committedOffset, errorCode } = found[0]!.partitions[0]!;
  return [committedOffset, errorCode];
}

async function stableMember(groupId: string, instanceId: string | null = null): Promise<RawMember> {
  const member = await RawMember.to(broker, groupId, { instanceId });
  assert.equal(await member.join(), 0);
  assert.equal(await member.sync(), 0);
  return member;
}

test('pending offsets: unstable for who asks, absent for others, there after the commit', async () => {
  const groupId = newGroup();
  const producer = await newProducer(groupId);
  assert.deepEqual(await fetched(groupId, true), [-1, 0]);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 7), 0);
  for (const version of [7, 8]) {
    assert.deepEqual(await fetched(groupId, true, version), [-1, 88]);
    assert.deepEqual(await fetched(groupId, false, version), [-1, 0]);
  }
  assert.equal(await producer.end(true), 0);
  assert.deepEqual(await fetched(groupId, true), [7, 0]);
});

test('an abort, by the producer or by time, forgets them', async () => {
  const groupId = newGroup();
  const producer = await newProducer(groupId);
  await producer.commitOffset(groupId, TOPIC, 7);
  await producer.end(false);
  assert.deepEqual(await fetched(groupId, true), [-1, 0]);
  await producer.addOffsets(groupId);
  await producer.commitOffset(groupId, TOPIC, 8);
  clock.advance(60_000);
  assert.deepEqual(await fetched(groupId, true), [-1, 0]);
});

test('of a plain commit and one of a transaction the later one holds', async () => {
  const groupId = newGroup();
  const plain = async (committedOffset: number) => {
    await client.send('OffsetCommit', 8, {
      groupId,
      topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }] }],
    });
  };
  const producer = await newProducer(groupId);
  await producer.commitOffset(groupId, TOPIC, 7);
  await plain(20);
  await producer.end(true);
  assert.deepEqual(await fetched(groupId, true), [20, 0]);
  await producer.addOffsets(groupId);
  await producer.commitOffset(groupId, TOPIC, 9);
  await producer.end(true);
  assert.deepEqual(await fetched(groupId, true), [9, 0]);
});

test('a group has to be added first, and by the producer of now', async () => {
  const groupId = newGroup();
  const producer = await new RawProducer(client, `id-${names++}`).ready();
  assert.equal(await producer.commitOffset(groupId, TOPIC, 1), 48);
  assert.equal(await producer.addOffsets(''), 24);
  await producer.addOffsets(groupId);
  assert.equal(await producer.commitOffset(groupId, 'absent', 1), 3);
  assert.equal(await producer.commitOffset('', TOPIC, 1), 24);
  await producer.end(true);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 1), 48, 'the transaction is over');
});

test('in version 3 the member, its generation and its instance fence; before, the epoch alone does', async () => {
  const groupId = newGroup();
  const member = await stableMember(groupId, 'instance');
  const producer = await newProducer(groupId);
  const { memberId, generationId } = member;
  const commit = (more: object) => producer.commitOffset(groupId, TOPIC, 3, more);
  const now = { memberId, generationId, groupInstanceId: 'instance' };
  assert.equal(await commit({ ...now, generationId: generationId - 1 }), 22);
  assert.equal(await commit({ ...now, memberId: 'nobody', groupInstanceId: null }), 25);
  assert.equal(await commit({ ...now, memberId: 'former self' }), 82);
  assert.equal(await commit({ ...now, groupInstanceId: 'another' }), 25);
  assert.equal(await commit(now), 0);
  for (const version of [0, 1, 2]) assert.equal(await commit({ version }), 0);
  assert.equal(await commit({}), 0, 'who names no member is not checked');
  member.close();
});

test('a generation of a group that is not there is none', async () => {
  const groupId = newGroup();
  const producer = await newProducer(groupId);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 1, { memberId: 'm', generationId: 3 }), 22);
});

test('while a generation is not settled, groups answer CONCURRENT_TRANSACTIONS; the zombie of before is fenced', async () => {
  const groupId = newGroup();
  const member = await stableMember(groupId);
  const producer = await newProducer(groupId);
  const before = { memberId: member.memberId, generationId: member.generationId };
  const second = await RawMember.to(broker, groupId);
  const joining = second.join();
  while (broker.context.groups.get(groupId)!.state === 'Stable') await client.send('ApiVersions', 0, {});
  assert.equal(await producer.commitOffset(groupId, TOPIC, 4, before), 0, 'members may still commit when they rejoin');
  assert.deepEqual([await member.join(), await joining], [0, 0]);
  assert.equal(broker.context.groups.get(groupId)!.state, 'CompletingRebalance');
  const other = await new RawProducer(client, `id-${names++}`).ready();
  assert.equal(await other.addOffsets(groupId), 51);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 5), 51);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 5, before), 22);
  const [leader, follower] = member.isLeader ? [member, second] : [second, member];
  const synced = follower.sync();
  assert.deepEqual([await leader.sync(), await synced], [0, 0]);
  assert.equal(await producer.commitOffset(groupId, TOPIC, 5, before), 22);
  assert.equal(await other.addOffsets(groupId), 0);
  await producer.end(true);
  assert.deepEqual(await fetched(groupId, true), [4, 0]);
  member.close();
  second.close();
});

test('a group that is deleted meanwhile is not brought back by the end of a transaction', async () => {
  const groupId = newGroup();
  const producer = await newProducer(groupId);
  await producer.commitOffset(groupId, TOPIC, 7);
  const { results } = await client.send('DeleteGroups', 2, { groupsNames: [groupId] });
  assert.equal(results[0]!.errorCode, 0);
  assert.equal(await producer.end(true), 0);
  assert.equal(broker.context.groups.get(groupId), undefined);
});
