import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../src/broker/clock.ts';
import { Group } from '../../src/broker/groups/group.ts';
import { EAGER_ASSIGNORS } from '../../src/clients/membership/assignors.ts';
import { GroupDriver, type GroupTransport } from '../../src/clients/membership/driver.ts';
import { decodeAssignment, encodeAssignment } from '../../src/clients/membership/protocol.ts';
import { cooperativeStickyAssignor } from '../../src/clients/membership/stickyAssignor.ts';
import type { TopicPartition } from '../../src/clients/topicPartition.ts';
import { until } from './helpers/member.ts';

// Static members against the embedded broker's group, which tells a former leader that another leads as Kafka does.

const listOf = (partitions: Iterable<TopicPartition>) =>
  [...partitions].map(({ topic, partition }) => `${topic}${partition}`).sort();

class Coordinator {
  readonly group: Group;
  readonly counts: Map<string, number>;
  /** Whether it tells who has what. */
  describes = true;
  beats = 0;

  constructor(counts: Record<string, number>) {
    let ids = 0;
    const newMemberId = (name: string) => `${name}-${ids++}`;
    this.group = new Group('g', { clock: new ManualClock(), rebalanceDelayMs: 0, newMemberId });
    this.counts = new Map(Object.entries(counts));
  }

  transport(instanceId: string): GroupTransport {
    const { group, counts } = this;
    return {
      join: async (memberId, protocols) => {
        const times = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, requiresMemberId: true };
        const who = { memberId, instanceId, clientId: instanceId, clientHost: '', protocolType: 'consumer' };
        const offered = protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
        const { generationId, protocolName, members, ...answer } = await group.join({
          ...times,
          ...who,
          protocols: offered,
        });
        const told = members.map((each) => ({ ...each, instanceId: each.groupInstanceId }));
        return { ...answer, generation: generationId, protocol: protocolName, members: told };
      },
      sync: async ({ memberId, generation }, assignments) => {
        const given = [...(assignments ?? [])].map(([id, list]) => [id, encodeAssignment(list)] as const);
        const { errorCode, assignment } = await group.sync(memberId, instanceId, generation, new Map(given));
        return { errorCode, partitions: errorCode === 0 ? decodeAssignment(assignment) : [] };
      },
      heartbeat: async (memberId, generation) => {
        this.beats += 1;
        return group.heartbeat(memberId, instanceId, generation);
      },
      leave: async () => {},
      partitionCounts: async (topics) => new Map(topics.map((topic) => [topic, counts.get(topic) ?? 0])),
      assigned: async () => (this.describes && group.state === 'Stable' ? this.assigned : null),
      forgetCoordinator: () => {},
      close: () => {},
    };
  }

  get assigned(): TopicPartition[] {
    return [...this.group.members.values()].flatMap(({ assignment }) => decodeAssignment(assignment));
  }
}

class StaticMember {
  readonly driver: GroupDriver;
  readonly told: string[] = [];
  #isRunning = true;
  readonly #loop: Promise<void>;

  constructor(coordinator: Coordinator, instanceId: string, topics: string[], rebalance: 'cooperative' | 'eager') {
    this.driver = new GroupDriver(
      'g',
      topics,
      coordinator.transport(instanceId),
      {
        assign: async (partitions) => {
          this.told.push(...listOf(partitions));
        },
        revoke: async () => {},
        signal: () => {},
      },
      {
        assignors: rebalance === 'eager' ? EAGER_ASSIGNORS : [cooperativeStickyAssignor, ...EAGER_ASSIGNORS],
        heartbeatIntervalMs: 1,
        isStatic: true,
        metadataIntervalMs: 0,
        retryTimeoutMs: 1000,
      },
    );
    this.driver.start();
    this.#loop = this.#run();
  }

  get held(): string[] {
    return listOf(this.driver.machine.held);
  }

  async close(): Promise<void> {
    this.#isRunning = false;
    await this.#loop;
    await this.driver.close();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      if (this.driver.hasWork) await this.driver.work();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Each member has had its looks, and nobody wants a rebalance. */
async function calm(coordinator: Coordinator, members: readonly StaticMember[]): Promise<void> {
  const from = coordinator.beats;
  await until('all have looked', () => coordinator.beats > from + 20 * members.length);
  await until('all are stable', () => members.every(({ driver }) => driver.machine.state === 'stable'));
}

/** A pool that has been started member by member. */
async function poolOf(coordinator: Coordinator, names: readonly string[], start: (name: string) => StaticMember) {
  const members = new Map<string, StaticMember>();
  for (const name of names) {
    members.set(name, start(name));
    await calm(coordinator, [...members.values()]);
  }
  return members;
}

for (const rebalance of ['cooperative', 'eager'] as const) {
  const starting =
    (coordinator: Coordinator, topics: string[]) =>
    (name: string): StaticMember =>
      new StaticMember(coordinator, name, topics, rebalance);

  test(`${rebalance}: a leader that came back sees partitions that were added, and one rebalance gives them out`, async () => {
    const coordinator = new Coordinator({ a: 1 });
    const start = starting(coordinator, ['a']);
    const lone = start('one');
    await calm(coordinator, [lone]);
    await lone.close();
    const back = start('one');
    await calm(coordinator, [back]);
    const { generationId } = coordinator.group;
    assert.equal(back.driver.machine.isLeader, false, 'it is told that its former self leads');
    coordinator.counts.set('a', 3);
    await until('it has what was added', () => back.held.length === 3);
    await calm(coordinator, [back]);
    assert.deepEqual([coordinator.group.generationId, back.driver.machine.isLeader], [generationId + 1, true]);
    await back.close();
  });

  test(`${rebalance}: restarts of a pool, a spare member included, cost no rebalance, and growth costs one`, async () => {
    const coordinator = new Coordinator({ a: 2 });
    const start = starting(coordinator, ['a']);
    const members = await poolOf(coordinator, ['one', 'two', 'three'], start);
    const { generationId } = coordinator.group;
    for (const name of ['one', 'two', 'three', 'one']) {
      await members.get(name)!.close();
      members.set(name, start(name));
      await calm(coordinator, [...members.values()]);
    }
    assert.equal(coordinator.group.generationId, generationId);
    coordinator.counts.set('a', 5);
    const held = () => [...members.values()].flatMap((each) => each.held).sort();
    await until('all have what was added', () => held().length === 5);
    await calm(coordinator, [...members.values()]);
    assert.deepEqual(held(), ['a0', 'a1', 'a2', 'a3', 'a4']);
    assert.equal(coordinator.group.generationId, generationId + 1);
    for (const each of members.values()) await each.close();
  });

  test(`${rebalance}: partitions that were added while it was away are read`, async () => {
    const coordinator = new Coordinator({ a: 1 });
    const start = starting(coordinator, ['a']);
    const first = start('one');
    await calm(coordinator, [first]);
    await first.close();
    coordinator.counts.set('a', 2);
    const back = start('one');
    await until('it has what was added', () => back.held.length === 2);
    await back.close();
  });

  for (const name of ['one', 'two']) {
    test(`${rebalance}: topics that member ${name} came back with or without are read or not, by one rebalance`, async () => {
      const coordinator = new Coordinator({ a: 2, b: 2 });
      const members = await poolOf(coordinator, ['one', 'two'], starting(coordinator, ['a']));
      const { generationId } = coordinator.group;
      await members.get(name)!.close();
      const more = starting(coordinator, ['a', 'b'])(name);
      members.set(name, more);
      await until('it has the topic that it came with', () => more.held.includes('b0') && more.held.includes('b1'));
      await calm(coordinator, [...members.values()]);
      // Balanced by what each may have, partitions of the other topic move once more where they are kept.
      const moved = coordinator.group.generationId;
      assert.ok(moved <= generationId + 2, `${moved - generationId} rebalances`);
      await more.close();
      const less = starting(coordinator, ['a'])(name);
      members.set(name, less);
      await until(
        'the topic is given up',
        () => less.driver.machine.state === 'stable' && coordinator.group.generationId > moved,
      );
      await calm(coordinator, [...members.values()]);
      assert.deepEqual(listOf(coordinator.assigned), ['a0', 'a1']);
      assert.ok(!less.told.some((each) => each.startsWith('b')), `it was given ${less.told}`);
      for (const each of members.values()) await each.close();
    });
  }
}

test('where the coordinator does not say who has what, nobody is disturbed', async () => {
  const coordinator = new Coordinator({ a: 1 });
  coordinator.describes = false;
  const first = new StaticMember(coordinator, 'one', ['a'], 'cooperative');
  await calm(coordinator, [first]);
  await first.close();
  const { generationId } = coordinator.group;
  coordinator.counts.set('a', 2);
  const back = new StaticMember(coordinator, 'one', ['a'], 'cooperative');
  await calm(coordinator, [back]);
  assert.equal(coordinator.group.generationId, generationId);
  coordinator.counts.set('a', 3);
  await until('it has what was added', () => back.held.length === 3);
  await back.close();
});
