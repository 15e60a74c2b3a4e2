import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../src/broker/clock.ts';
import { Group } from '../../src/broker/groups/group.ts';
import type { Joiner, JoinResult, SyncResult } from '../../src/broker/groups/member.ts';

// The state machine of a classic group, without a socket: time is moved by hand, answers are looked at as they come.

const SESSION_MS = 10_000;
const REBALANCE_MS = 60_000;
const META = Buffer.from('topics');

interface Setup {
  readonly group: Group;
  readonly clock: ManualClock;
}

function setUp(rebalanceDelayMs = 0): Setup {
  const clock = new ManualClock();
  let ids = 0;
  const group = new Group('g', { clock, rebalanceDelayMs, newMemberId: (clientId) => `${clientId}-${ids++}` });
  return { group, clock };
}

function joiner(clientId: string, more: Partial<Joiner> = {}): Joiner {
  return {
    memberId: '',
    instanceId: null,
    clientId,
    clientHost: '127.0.0.1',
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: META }],
    requiresMemberId: false,
    ...more,
  };
}

/** An answer that may still be on its way. */
class Answer<T> {
  value: T | undefined;

  constructor(answer: Promise<T> | T) {
    if (answer instanceof Promise) {
      void answer.then((value) => {
        this.value = value;
      });
    } else this.value = answer;
  }
}

/** Lets promises that are settled run their continuations. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const join = ({ group }: Setup, clientId: string, more: Partial<Joiner> = {}) =>
  new Answer<JoinResult>(group.join(joiner(clientId, more)));

function sync({ group }: Setup, memberId: string, assigned: Record<string, string> = {}, generationId?: number) {
  const assignments = new Map(Object.entries(assigned).map(([id, text]) => [id, Buffer.from(text)]));
  return new Answer<SyncResult>(group.sync(memberId, null, generationId ?? group.generationId, assignments));
}

/** A stable group of one or two members; returns their ids, the leader first. */
async function stable(setup: Setup, clients: readonly string[], more: Partial<Joiner> = {}): Promise<string[]> {
  const ids: string[] = [];
  for (const client of clients) {
    const instance = more.instanceId === undefined ? {} : { instanceId: `static-${client}` };
    const joined = join(setup, client, { ...more, ...instance });
    for (const memberId of ids) join(setup, client, { memberId, ...more, ...(await instanceOf(setup, memberId)) });
    await settled();
    ids.push(joined.value!.memberId);
  }
  const assigned = Object.fromEntries(ids.map((id) => [id, `for ${id}`]));
  for (const id of [...ids].reverse()) {
    const instanceId = setup.group.members.get(id)!.instanceId;
    void setup.group.sync(
      id,
      instanceId,
      setup.group.generationId,
      new Map(Object.entries(assigned).map(([k, v]) => [k, Buffer.from(v)])),
    );
  }
  await settled();
  assert.equal(setup.group.state, 'Stable');
  return ids;
}

async function instanceOf({ group }: Setup, memberId: string): Promise<Partial<Joiner>> {
  const instanceId = group.members.get(memberId)?.instanceId ?? null;
  return instanceId === null ? {} : { instanceId };
}

test('one member joins, assigns itself and is stable', async () => {
  const setup = setUp();
  assert.equal(setup.group.state, 'Empty');
  const joined = join(setup, 'a');
  await settled();
  const { errorCode, generationId, leader, memberId, members, protocolName } = joined.value!;
  assert.deepEqual([errorCode, generationId, leader, protocolName], [0, 1, memberId, 'range']);
  assert.deepEqual(members, [{ memberId, groupInstanceId: null, metadata: META }]);
  assert.equal(setup.group.state, 'CompletingRebalance');
  const synced = sync(setup, memberId, { [memberId]: 'all' });
  await settled();
  assert.equal(synced.value!.assignment.toString(), 'all');
  assert.equal(setup.group.state, 'Stable');
  assert.equal(setup.group.heartbeat(memberId, null, 1), 0);
  assert.equal(setup.group.heartbeat(memberId, null, 0), 22);
  assert.equal(setup.group.heartbeat('another', null, 1), 25);
});

test('from version 4 on a member is first told its id, and an id never used is forgotten', async () => {
  const setup = setUp();
  const first = join(setup, 'a', { requiresMemberId: true });
  assert.equal(first.value!.errorCode, 79);
  const { memberId } = first.value!;
  assert.match(memberId, /^a-/);
  assert.equal(setup.group.members.size, 0);
  const joined = join(setup, 'a', { requiresMemberId: true, memberId });
  await settled();
  assert.equal(joined.value!.errorCode, 0);
  const other = join(setup, 'b', { requiresMemberId: true });
  setup.clock.advance(SESSION_MS);
  assert.equal(join(setup, 'b', { memberId: other.value!.memberId }).value!.errorCode, 25);
});

test('a second member starts a rebalance: the first hears of it, both share a generation, only the leader sees all', async () => {
  const setup = setUp();
  const [a] = await stable(setup, ['a']);
  const second = join(setup, 'b');
  await settled();
  assert.equal(second.value, undefined, 'it waits for the first');
  assert.equal(setup.group.state, 'PreparingRebalance');
  assert.equal(setup.group.heartbeat(a!, null, 1), 27);
  assert.equal(sync(setup, a!).value!.errorCode, 27);
  assert.equal(setup.group.commitError(a!, null, 1), 0, 'commits before the rebalance end are taken');
  const again = join(setup, 'a', { memberId: a! });
  await settled();
  assert.deepEqual([again.value!.generationId, second.value!.generationId], [2, 2]);
  assert.equal(again.value!.members.length, 2);
  assert.equal(second.value!.members.length, 0);
  assert.equal(second.value!.leader, a);
  const b = second.value!.memberId;
  assert.equal(setup.group.commitError(a!, null, 1), 22);
  assert.equal(setup.group.commitError(a!, null, 2), 27, 'none while the assignment is open');
  const waiting = sync(setup, b);
  await settled();
  assert.equal(waiting.value, undefined, 'the assignment comes with the leader');
  sync(setup, a!, { [a!]: 'left', [b]: 'right' });
  await settled();
  assert.equal(waiting.value!.assignment.toString(), 'right');
  assert.equal(sync(setup, b).value!.assignment.toString(), 'right', 'asked again');
});

test('a member without heartbeats is out after its session, one with them stays', async () => {
  const setup = setUp();
  const [a, b] = await stable(setup, ['a', 'b']);
  for (let i = 0; i < 3; i++) {
    setup.clock.advance(SESSION_MS / 2);
    assert.ok([0, 27].includes(setup.group.heartbeat(a!, null, setup.group.generationId)));
  }
  assert.equal(setup.group.members.has(b!), false);
  assert.equal(setup.group.state, 'PreparingRebalance');
  const again = join(setup, 'a', { memberId: a! });
  await settled();
  assert.deepEqual([again.value!.errorCode, again.value!.members.length], [0, 1]);
  setup.clock.advance(SESSION_MS * 3);
  assert.equal(setup.group.state, 'Empty');
  assert.equal(setup.group.heartbeat(a!, null, setup.group.generationId), 25);
});

test('a heartbeat that came while the process stood still is heard before its member is put out', async () => {
  const setup = setUp();
  const [a] = await stable(setup, ['a']);
  // The session's timer fires first, as timers do after a stall; what lies in the sockets is read right after it.
  setup.clock.after(SESSION_MS, () => assert.equal(setup.group.heartbeat(a!, null, 1), 0));
  setup.clock.advance(SESSION_MS);
  assert.equal(setup.group.state, 'Stable');
  setup.clock.advance(SESSION_MS);
  assert.equal(setup.group.state, 'Empty');
});

test('who does not rejoin within the rebalance timeout is left out', async () => {
  const setup = setUp();
  const [a] = await stable(setup, ['a'], { sessionTimeoutMs: 300_000 });
  const second = join(setup, 'b');
  setup.clock.advance(REBALANCE_MS - 1);
  await settled();
  assert.equal(second.value, undefined);
  setup.clock.advance(1);
  await settled();
  assert.deepEqual([second.value!.errorCode, second.value!.leader], [0, second.value!.memberId]);
  assert.equal(setup.group.heartbeat(a!, null, 2), 25);
});

test('a leader that never assigns is left out after the rebalance timeout', async () => {
  const setup = setUp();
  const first = join(setup, 'a', { sessionTimeoutMs: 300_000 });
  const second = join(setup, 'b', { sessionTimeoutMs: 300_000 });
  await settled();
  const again = join(setup, 'a', { memberId: first.value!.memberId, sessionTimeoutMs: 300_000 });
  await settled();
  assert.equal(again.value!.leader, first.value!.memberId);
  const waiting = sync(setup, second.value!.memberId);
  setup.clock.advance(REBALANCE_MS);
  await settled();
  assert.equal(waiting.value!.errorCode, 27);
  assert.equal(setup.group.members.has(first.value!.memberId), false);
});

test('leaving starts a rebalance at once; the last one out leaves an empty group', async () => {
  const setup = setUp();
  const [a, b] = await stable(setup, ['a', 'b']);
  assert.equal(setup.group.leave(a!, null), 0);
  assert.equal(setup.group.state, 'PreparingRebalance');
  const again = join(setup, 'b', { memberId: b! });
  await settled();
  assert.equal(again.value!.leader, b);
  assert.equal(setup.group.leave(a!, null), 25);
  assert.equal(setup.group.leave(b!, null), 0);
  assert.equal(setup.group.state, 'Empty');
  assert.equal(setup.group.commitError('', null, -1), 0, 'nobody is a member: a commit without one is taken');
});

test('a commit without a member is refused while the group has some', async () => {
  const setup = setUp();
  await stable(setup, ['a']);
  assert.equal(setup.group.commitError('', null, -1), 25);
});

test('members need a protocol in common; the one that most prefer is chosen', async () => {
  const setup = setUp();
  const offer = (...names: string[]) => ({ protocols: names.map((name) => ({ name, metadata: META })) });
  const a = join(setup, 'a', offer('range', 'sticky'));
  await settled();
  assert.equal(join(setup, 'b', offer('roundrobin')).value!.errorCode, 23);
  assert.equal(join(setup, 'b', { protocolType: 'connect' }).value!.errorCode, 23);
  assert.equal(join(setup, 'b', { protocols: [] }).value!.errorCode, 23);
  const b = join(setup, 'b', offer('sticky', 'roundrobin'));
  join(setup, 'a', { memberId: a.value!.memberId, ...offer('range', 'sticky') });
  await settled();
  assert.equal(b.value!.protocolName, 'sticky');
});

test('a leader that joins again starts a rebalance, a follower without changes just gets its answer', async () => {
  const setup = setUp();
  const [a, b] = await stable(setup, ['a', 'b']);
  const { generationId } = setup.group;
  assert.equal(join(setup, 'b', { memberId: b! }).value!.generationId, generationId);
  assert.equal(setup.group.state, 'Stable');
  const changed = join(setup, 'b', { memberId: b!, protocols: [{ name: 'range', metadata: Buffer.from('other') }] });
  assert.equal(changed.value, undefined);
  assert.equal(setup.group.state, 'PreparingRebalance');
  join(setup, 'a', { memberId: a! });
  await settled();
  assert.equal(changed.value!.generationId, generationId + 1);
});

test('a static member comes back under a new id without a rebalance, and its old self is fenced', async () => {
  const setup = setUp();
  const [a, b] = await stable(setup, ['a', 'b'], { instanceId: 'x' });
  const { generationId } = setup.group;
  const back = join(setup, 'b', { instanceId: 'static-b' });
  assert.deepEqual([back.value!.errorCode, back.value!.generationId, back.value!.leader], [0, generationId, a]);
  assert.notEqual(back.value!.memberId, b);
  assert.equal(setup.group.state, 'Stable');
  assert.equal(setup.group.heartbeat(b!, 'static-b', generationId), 82);
  assert.equal(setup.group.heartbeat(back.value!.memberId, 'static-b', generationId), 0);
  const answer = setup.group.sync(back.value!.memberId, 'static-b', generationId, new Map());
  assert.equal((answer as SyncResult).assignment.toString(), `for ${b}`);
  const leaderBack = join(setup, 'a', { instanceId: 'static-a' });
  assert.notEqual(leaderBack.value!.leader, leaderBack.value!.memberId, 'it must not assign again');
  assert.equal(setup.group.leave('', 'static-b'), 0);
  assert.equal(setup.group.leave('', 'static-b'), 25);
});

test('a static member that is away through a rebalance keeps its place until its session ends', async () => {
  const setup = setUp();
  const [a, b] = await stable(setup, ['a', 'b'], { instanceId: 'x', sessionTimeoutMs: 100_000 });
  const third = join(setup, 'c', { sessionTimeoutMs: 300_000 });
  const again = join(setup, 'a', { memberId: a!, instanceId: 'static-a', sessionTimeoutMs: 100_000 });
  setup.clock.advance(REBALANCE_MS);
  await settled();
  assert.equal(third.value!.errorCode, 0);
  assert.equal(again.value!.members.length, 3);
  assert.equal(setup.group.members.has(b!), true);
  setup.clock.advance(50_000);
  assert.equal(setup.group.members.has(b!), false);
});

test('the first rebalance of an empty group waits for more members, longer while they come', async () => {
  const setup = setUp(3000);
  const a = join(setup, 'a');
  setup.clock.advance(2000);
  const b = join(setup, 'b');
  setup.clock.advance(2000);
  await settled();
  assert.equal(a.value, undefined, 'b came meanwhile');
  setup.clock.advance(2000);
  await settled();
  assert.deepEqual([a.value!.generationId, b.value!.generationId, a.value!.members.length], [1, 1, 2]);
});

test('a group that is deleted answers nobody', async () => {
  const setup = setUp();
  setup.group.die();
  assert.equal(join(setup, 'a').value!.errorCode, 15);
  assert.equal(setup.group.heartbeat('a', null, 0), 15);
  assert.equal(setup.group.leave('a', null), 25);
});
