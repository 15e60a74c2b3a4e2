import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/broker/clock.ts';
import { call } from '../../src/clients/librdkafka/binding.ts';
import { type Assignment, type GroupReader, nativeBinding, openReader } from './helpers/native.ts';
import { RawClient } from './helpers/rawClient.ts';
import { RawMember, type RawMemberOptions } from './helpers/rawMember.ts';

// Goal: groups over TCP: every state is seen and listed, static members come back unnoticed, groups and offsets go only
// when nobody uses them, and a foreign client's cooperative members keep what they may keep.

const { binding, missing } = await nativeBinding();
const clock = new ManualClock();
let broker: Broker;
let admin: RawClient;
let names = 0;

before(async () => {
  broker = await startBroker({ clock });
  admin = await RawClient.to(broker);
  await admin.createTopic('t', 4);
});
after(async () => {
  admin.close();
  await broker.close();
});

const newGroup = () => `group-${names++}`;
const member = (groupId: string, options?: RawMemberOptions) => RawMember.to(broker, groupId, options);
const stateOf = async (groupId: string) =>
  (await admin.send('DescribeGroups', 5, { groups: [groupId] })).groups[0]!.groupState;

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await admin.send('ApiVersions', 0, {});
}

async function listed(...statesFilter: string[]): Promise<string[]> {
  const { groups } = await admin.send('ListGroups', 4, { statesFilter });
  return groups.map(({ groupId }) => groupId).sort();
}

const deleted = async (groupId: string) =>
  (await admin.send('DeleteGroups', 2, { groupsNames: [groupId] })).results[0]!.errorCode;

/** Joins and syncs all of them into one generation. */
async function settle(...members: readonly RawMember[]): Promise<void> {
  const joins = members.map((one) => one.join());
  assert.deepEqual(new Set(await Promise.all(joins)), new Set([0]));
  assert.deepEqual(new Set(await Promise.all(members.map((one) => one.sync()))), new Set([0]));
}

test('a group goes through every state, is listed by it, and is deleted only when empty', async () => {
  const groupId = newGroup();
  assert.equal(await stateOf(groupId), 'Dead');
  assert.equal(await deleted(groupId), 69);
  const first = await member(groupId);
  const second = await member(groupId);
  await first.join();
  assert.equal(await stateOf(groupId), 'CompletingRebalance');
  assert.deepEqual(await listed('completingrebalance'), [groupId]);
  await first.sync();
  assert.equal(await stateOf(groupId), 'Stable');
  assert.equal(await deleted(groupId), 68);
  const joining = second.join();
  await until(async () => (await stateOf(groupId)) === 'PreparingRebalance');
  assert.equal(await first.heartbeat(), 27);
  assert.deepEqual(await listed('PreparingRebalance', 'Stable'), [groupId]);
  assert.deepEqual(await listed('Stable'), []);
  await first.join();
  await joining;
  await Promise.all([first.sync(), second.sync()]);
  assert.deepEqual([first.assignment, second.assignment], [first.memberId, second.memberId]);
  const { groups } = await admin.send('DescribeGroups', 5, { groups: [groupId] });
  assert.deepEqual(
    [groups[0]!.protocolType, groups[0]!.protocolData, groups[0]!.members.length],
    ['consumer', 'range', 2],
  );
  assert.equal(await first.commit('t', 5), 0);
  assert.deepEqual([await first.leave(), await first.leave()], [0, 25]);
  await second.join();
  await second.sync();
  assert.equal(await second.leave(), 0);
  assert.equal(await stateOf(groupId), 'Empty');
  assert.ok((await listed('Empty')).includes(groupId));
  assert.equal(await second.heartbeat(), 25);
  assert.equal(await deleted(groupId), 0);
  assert.equal(await stateOf(groupId), 'Dead');
  for (const one of [first, second]) one.close();
});

test('offsets are deleted where no member reads their topic', async () => {
  const groupId = newGroup();
  // ConsumerProtocolSubscription 0: the topic t, no user data.
  const metadata = Buffer.from('00000000000100017400000000', 'hex');
  const one = await member(groupId, { protocols: [{ name: 'range', metadata }] });
  await admin.createTopic('other');
  await settle(one);
  for (const topic of ['t', 'other']) assert.equal(await one.commit(topic, 7), 0);
  const remove = async () => {
    const topics = ['t', 'other'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
    const answer = await admin.send('OffsetDelete', 0, { groupId, topics });
    return [answer.errorCode, ...answer.topics.map(({ partitions }) => partitions[0]!.errorCode)];
  };
  assert.deepEqual(await remove(), [0, 86, 0]);
  await one.leave();
  assert.deepEqual(await remove(), [0, 0, 0]);
  assert.ok(broker.context.groups.get(groupId)!.offsets.isEmpty);
  one.close();
});

test('a static member that restarts gets its assignment back without a rebalance; its former self is fenced', async () => {
  const groupId = newGroup();
  const [leader, follower] = [await member(groupId, { instanceId: 'a' }), await member(groupId, { instanceId: 'b' })];
  await settle(leader);
  const joining = follower.join();
  await until(async () => (await stateOf(groupId)) === 'PreparingRebalance');
  await leader.join();
  await joining;
  await Promise.all([leader.sync(), follower.sync()]);
  const { generationId } = follower;
  for (const former of [follower, leader]) {
    const instanceId = former === follower ? 'b' : 'a';
    const back = await member(groupId, { instanceId });
    assert.equal(await back.join(), 0);
    assert.equal(back.generationId, generationId);
    assert.notEqual(back.memberId, former.memberId);
    assert.equal(back.isLeader, false, 'who leads would assign anew');
    assert.equal(await back.sync(), 0);
    assert.equal(back.assignment, former.assignment);
    assert.equal(await stateOf(groupId), 'Stable');
    assert.deepEqual([await former.heartbeat(), await former.sync(), await former.commit('t', 1)], [82, 82, 82]);
    assert.deepEqual([await former.join(), await former.leave()], [82, 82]);
    assert.equal(await back.heartbeat(), 0);
    back.close();
  }
  assert.equal(broker.context.groups.get(groupId)!.generationId, generationId);
  for (const one of [leader, follower]) one.close();
});

test('a static member stays while it is away, leaves by its instance id, and is out when its session ends', async () => {
  const groupId = newGroup();
  const one = await member(groupId, { instanceId: 'a', sessionTimeoutMs: 30_000 });
  await settle(one);
  one.close();
  clock.advance(29_999);
  assert.equal(await stateOf(groupId), 'Stable', 'a dropped connection says nothing');
  clock.advance(1);
  assert.equal(await stateOf(groupId), 'Empty');
  const again = await member(groupId, { instanceId: 'a', sessionTimeoutMs: 30_000 });
  await settle(again);
  assert.equal(await again.leave(true), 0);
  assert.equal(await stateOf(groupId), 'Empty');
  assert.equal(await again.leave(true), 25);
  again.close();
});

test('a static member that comes back starts a rebalance only where another protocol is chosen then', async () => {
  const groupId = newGroup();
  const offer = (...protocols: string[]) => ({
    instanceId: 'a',
    protocols: protocols.map((name) => ({ name, metadata: Buffer.from(`of ${groupId} ${names++}`) })),
  });
  const one = await member(groupId, offer('range'));
  await settle(one);
  const changed = await member(groupId, offer('range', 'sticky'));
  assert.equal(await changed.join(), 0);
  assert.equal(changed.generationId, one.generationId, 'its subscription alone changed');
  const other = await member(groupId, offer('sticky'));
  assert.equal(await other.join(), 0);
  assert.equal(other.generationId, one.generationId + 1);
  for (const each of [one, changed, other]) each.close();
});

test('the delay before the first rebalance brings members that start together into one generation', async () => {
  const slowClock = new ManualClock();
  const slow = await startBroker({ clock: slowClock, rebalanceDelayMs: 3000 });
  const members = await Promise.all([0, 1, 2].map(() => RawMember.to(slow, 'g')));
  const joins: Promise<number>[] = [];
  const group = () => slow.context.groups.get('g');
  const look = await RawClient.to(slow);
  for (const [i, one] of members.entries()) {
    joins.push(one.join());
    while ((group()?.members.size ?? 0) <= i) await look.send('ApiVersions', 0, {});
    slowClock.advance(2000);
    assert.equal(group()!.state, 'PreparingRebalance');
  }
  slowClock.advance(3000);
  await Promise.all(joins);
  assert.deepEqual(
    members.map(({ generationId }) => generationId),
    [1, 1, 1],
  );
  for (const one of [...members, look]) one.close();
  await slow.close();
});

/** A cooperative librdkafka consumer that keeps account of what it is given and what it loses. */
class CooperativeReader {
  readonly reader: GroupReader;
  readonly events: string[] = [];
  private isRunning = true;
  private readonly loop: Promise<void>;

  constructor(reader: GroupReader) {
    this.reader = reader;
    this.loop = this.run();
  }

  static async open(address: string, groupId: string, more: object = {}): Promise<CooperativeReader> {
    let self: CooperativeReader | null = null;
    const onRebalance = (error: { code: number }, partitions: Assignment[]) => self?.rebalanced(error.code, partitions);
    const reader = await openReader(binding!, {
      'bootstrap.servers': address,
      'group.id': groupId,
      'enable.auto.commit': false,
      'partition.assignment.strategy': 'cooperative-sticky',
      'session.timeout.ms': 6000,
      'heartbeat.interval.ms': 100,
      ...more,
      rebalance_cb: onRebalance,
    });
    self = new CooperativeReader(reader);
    reader.subscribe(['shared']);
    return self;
  }

  get held(): number[] {
    return this.reader
      .assignments()
      .map(({ partition }) => partition)
      .sort();
  }

  async close(): Promise<void> {
    this.isRunning = false;
    await this.loop;
    await call((done) => this.reader.disconnect(done));
  }

  private rebalanced(code: number, partitions: Assignment[]): void {
    const numbers = partitions.map(({ partition }) => partition).sort();
    const isAssign = code === -175;
    this.events.push(`${isAssign ? '+' : '-'}${numbers.join('')}`);
    if (isAssign) this.reader.incrementalAssign(partitions);
    else this.reader.incrementalUnassign(partitions);
  }

  private async run(): Promise<void> {
    while (this.isRunning) await call((done) => this.reader.consume(1, done)).catch(() => {});
  }
}

describe('librdkafka', { skip: binding === null ? missing : false, timeout: 600_000 }, () => {
  test('cooperative-sticky: a second member takes half, the first keeps the rest without giving it up', async () => {
    const own = await startBroker();
    own.context.topics.create('shared', 4);
    const pause = () => new Promise((resolve) => own.context.clock.after(20, () => resolve(null)));
    const first = await CooperativeReader.open(own.address, 'g');
    while (first.held.length < 4) await pause();
    const second = await CooperativeReader.open(own.address, 'g');
    while (first.held.length !== 2 || second.held.length !== 2) await pause();
    const kept = first.held;
    assert.equal(own.context.groups.get('g')!.protocolName, 'cooperative-sticky');
    assert.equal(first.events[0], '+0123');
    const losses = first.events.filter((event) => event.startsWith('-'));
    assert.deepEqual(losses, [`-${[0, 1, 2, 3].filter((each) => !kept.includes(each)).join('')}`]);
    assert.ok(own.context.groups.get('g')!.generationId >= 3, 'one rebalance to give up, one to take over');
    await first.close();
    while (second.held.length < 4) await pause();
    assert.deepEqual(
      second.events.filter((event) => event.startsWith('-')),
      [],
    );
    await second.close();
    await own.close();
  });

  test('a static member restarts within its session: the other one notices nothing', async () => {
    const own = await startBroker();
    own.context.topics.create('shared', 4);
    const pause = () => new Promise((resolve) => own.context.clock.after(20, () => resolve(null)));
    const open = (instance: string) => CooperativeReader.open(own.address, 'g', { 'group.instance.id': instance });
    const [a, b] = [await open('a'), await open('b')];
    const group = () => own.context.groups.get('g')!;
    while (a.held.length !== 2 || b.held.length !== 2 || group().state !== 'Stable') await pause();
    const { generationId } = group();
    const [held, events] = [b.held, a.events.length];
    await b.close();
    const back = await open('b');
    while (back.held.length !== 2) await pause();
    assert.deepEqual(back.held, held);
    assert.equal(group().generationId, generationId);
    assert.equal(a.events.length, events);
    await back.close();
    await a.close();
    await own.close();
  });
});
