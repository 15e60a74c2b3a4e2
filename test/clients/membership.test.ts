import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  EAGER_ASSIGNORS,
  type MemberSubscription,
  rangeAssignor,
  roundRobinAssignor,
} from '../../src/clients/membership/assignors.ts';
import { GroupDriver } from '../../src/clients/membership/driver.ts';
import { GroupMachine, type JoinAnswer } from '../../src/clients/membership/machine.ts';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/clients/membership/protocol.ts';
import type { TopicPartition } from '../../src/clients/topicPartition.ts';

const joined = (answer: Partial<JoinAnswer> = {}): JoinAnswer => ({
  errorCode: 0,
  memberId: 'm',
  generation: 1,
  protocol: 'range',
  leader: 'm',
  members: [],
  ...answer,
});

const member = (memberId: string, topics: string[], instanceId: string | null = null): MemberSubscription => ({
  memberId,
  instanceId,
  subscription: { topics, owned: [], generation: -1 },
});

const plain = (assignments: Map<string, TopicPartition[]>) =>
  Object.fromEntries([...assignments].map(([id, list]) => [id, list.map((each) => `${each.topic}${each.partition}`)]));

describe('group state machine', () => {
  const parts = [{ topic: 't', partition: 0 }];

  function stable(generation = 1): GroupMachine {
    const machine = new GroupMachine();
    machine.joined(joined({ generation }));
    machine.synced(0, parts);
    machine.assigned();
    return machine;
  }

  test('joins, syncs, assigns and waits', () => {
    const machine = new GroupMachine();
    assert.deepEqual(machine.step, { do: 'join' });
    machine.joined(joined({ errorCode: 79, memberId: 'given' }));
    assert.equal(machine.memberId, 'given', 'KIP-394: the coordinator gives the id, and wants to be asked again');
    assert.deepEqual(machine.step, { do: 'join' });
    machine.joined(joined({ memberId: 'given', leader: 'other', generation: 7 }));
    assert.equal(machine.isLeader, false);
    assert.deepEqual(machine.step, { do: 'sync' });
    machine.synced(0, parts);
    assert.deepEqual(machine.step, { do: 'assign', partitions: parts });
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'wait' });
    assert.equal(machine.beats, true);
  });

  test('a rebalance gives the partitions back before it joins again, as the same member', () => {
    const machine = stable();
    machine.answered(27, 1);
    assert.deepEqual(machine.step, { do: 'revoke', partitions: parts, isLost: false });
    assert.equal(machine.generation, 1, 'the flush still commits in its generation');
    machine.answered(27, 1);
    machine.revoked();
    assert.deepEqual(machine.step, { do: 'join' });
    assert.equal(machine.memberId, 'm');
  });

  for (const [errorCode, memberId] of [
    [22, 'm'],
    [25, ''],
  ] as const) {
    test(`error ${errorCode} means that the partitions are lost`, () => {
      const machine = stable();
      machine.answered(errorCode, 1);
      assert.deepEqual(machine.step, { do: 'revoke', partitions: parts, isLost: true });
      assert.equal(machine.generation, -1);
      machine.revoked();
      assert.deepEqual(machine.step, { do: 'join' });
      assert.equal(machine.memberId, memberId);
    });
  }

  test('answers of an older generation change nothing', () => {
    const machine = stable(5);
    machine.answered(25, 4);
    assert.deepEqual(machine.step, { do: 'wait' });
  });

  test('a rebalance while the application is being told gives back what it was told', () => {
    const machine = new GroupMachine();
    machine.joined(joined());
    machine.synced(0, parts);
    machine.answered(27, 1);
    assert.equal(machine.state, 'assigning', 'nothing is joined before the application has returned');
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'revoke', partitions: parts, isLost: false });
    machine.revoked();
    assert.deepEqual(machine.step, { do: 'join' });
  });

  test('partitions lost while the application is being told are given back as lost, and the next ones are not', () => {
    const machine = new GroupMachine();
    machine.joined(joined());
    machine.synced(0, parts);
    machine.answered(25, 1);
    assert.equal(machine.generation, -1, 'nothing is committed in a generation that is over');
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'revoke', partitions: parts, isLost: true });
    machine.revoked();
    machine.joined(joined({ generation: 2 }));
    machine.synced(0, []);
    machine.answered(22, 2);
    machine.assigned();
    machine.joined(joined({ generation: 3 }));
    machine.synced(0, parts);
    machine.assigned();
    machine.answered(27, 3);
    assert.deepEqual(machine.step, { do: 'revoke', partitions: parts, isLost: false });
  });

  test('a coordinator on the move is asked again; what cannot be mended fails', () => {
    const machine = new GroupMachine();
    for (const errorCode of [14, 15, 16]) machine.joined(joined({ errorCode }));
    assert.deepEqual(machine.step, { do: 'join' });
    machine.joined(joined());
    machine.synced(27, []);
    assert.deepEqual(machine.step, { do: 'join' });
    machine.joined(joined({ errorCode: 23 }));
    assert.deepEqual(machine.step, { do: 'fail', errorCode: 23 });
    const fenced = stable();
    fenced.answered(82, 1);
    assert.deepEqual(fenced.step, { do: 'fail', errorCode: 82 });
  });

  test('whatever is answered and however late, the application gives back what it was told before any join', () => {
    const codes = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constantFrom(14, 16, 22, 25, 27, 79));
    // The application takes its time: it begins a step at one event and returns at a later one.
    const who = fc.constantFrom('answer', 'beat', 'begin', 'return');
    fc.assert(
      fc.property(fc.array(fc.tuple(who, codes), { size: 'large' }), (events) => {
        const machine = new GroupMachine();
        let told: readonly TopicPartition[] = [];
        let running: 'assign' | 'revoke' | null = null;
        let generation = 0;
        for (const [event, errorCode] of events) {
          const { step } = machine;
          if (event === 'beat' && machine.beats) machine.answered(errorCode, machine.generation);
          else if (event === 'begin' && running === null && (step.do === 'assign' || step.do === 'revoke')) {
            running = step.do;
            if (step.do === 'assign') told = step.partitions;
            else assert.deepEqual(step.partitions, told);
          } else if (event === 'return' && running !== null) {
            if (running === 'assign') machine.assigned();
            else {
              told = [];
              machine.revoked();
            }
            running = null;
          } else if (event === 'answer' && step.do === 'join') {
            generation += 1;
            machine.joined(joined({ errorCode, generation }));
          } else if (event === 'answer' && step.do === 'sync') {
            machine.synced(errorCode, [{ topic: 't', partition: generation }]);
          }
          const next = machine.step.do;
          if (next === 'join' || next === 'sync') assert.deepEqual([told, running], [[], null]);
          if (running === null) assert.deepEqual(machine.held, told);
        }
      }),
      { numRuns: 300 },
    );
  });

  const cooperative = { protocol: 'cooperative-sticky', leader: 'other' };
  const of = (...numbers: number[]) => numbers.map((partition) => ({ topic: 't', partition }));

  function keeping(...numbers: number[]): GroupMachine {
    const machine = new GroupMachine(['cooperative-sticky']);
    machine.joined(joined(cooperative));
    machine.synced(0, of(...numbers));
    machine.assigned();
    return machine;
  }

  test('cooperative: partitions are kept over a join, and only the difference is told', () => {
    const machine = keeping(0, 1, 2);
    const { tenure } = machine;
    machine.answered(27, 1);
    assert.deepEqual(machine.step, { do: 'join' });
    assert.deepEqual(machine.held, of(0, 1, 2));
    machine.joined(joined({ ...cooperative, generation: 2 }));
    machine.synced(0, of(0, 2));
    assert.deepEqual(machine.step, { do: 'revoke', partitions: of(1), isLost: false });
    assert.equal(machine.generation, 2, 'the flush commits in the new generation');
    machine.revoked();
    assert.deepEqual(machine.step, { do: 'assign', partitions: [] });
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'join' }, 'so that the new owner gets it');
    machine.joined(joined({ ...cooperative, generation: 3 }));
    machine.synced(0, of(0, 2, 5));
    assert.deepEqual(machine.step, { do: 'assign', partitions: of(5) });
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'wait' });
    assert.deepEqual(machine.held, of(0, 2, 5));
    assert.equal(machine.tenure, tenure);
  });

  test('cooperative: a generation that is over, or an eager one, has taken everything', () => {
    for (const errorCode of [22, 25]) {
      const machine = keeping(0, 1);
      const { tenure } = machine;
      machine.answered(27, 1);
      machine.joined(joined({ errorCode }));
      assert.deepEqual(machine.step, { do: 'revoke', partitions: of(0, 1), isLost: true });
      assert.notEqual(machine.tenure, tenure);
      machine.revoked();
      assert.deepEqual(machine.step, { do: 'join' });
    }
    const machine = keeping(0, 1);
    machine.rejoin();
    machine.joined(joined({ generation: 2, protocol: 'range' }));
    assert.deepEqual(machine.step, { do: 'revoke', partitions: of(0, 1), isLost: true });
    machine.revoked();
    assert.deepEqual(machine.step, { do: 'sync' });
    machine.synced(0, of(1));
    machine.assigned();
    machine.answered(27, 2);
    assert.deepEqual(machine.step, { do: 'revoke', partitions: of(1), isLost: false }, 'eager from now on');
  });

  test('cooperative: lost while some partitions are being given back, the rest goes too', () => {
    const machine = keeping(0, 1, 2);
    machine.rejoin();
    machine.joined(joined({ ...cooperative, generation: 2 }));
    machine.synced(0, of(0, 2));
    machine.answered(25, 2);
    machine.revoked();
    assert.deepEqual(machine.step, { do: 'revoke', partitions: of(0, 2), isLost: true });
    machine.revoked();
    assert.deepEqual([machine.step, machine.memberId], [{ do: 'join' }, '']);
    machine.joined(joined({ ...cooperative, generation: 3 }));
    machine.synced(0, of(7));
    assert.deepEqual(machine.step, { do: 'assign', partitions: of(7) });
    machine.assigned();
    assert.deepEqual(machine.step, { do: 'wait' });
  });

  test('cooperative: whatever is answered, the application holds what it was told, and is told before it changes', () => {
    const codes = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.constantFrom(14, 16, 22, 25, 27, 79));
    const who = fc.constantFrom('answer', 'answer', 'beat', 'begin', 'return', 'rejoin');
    const given = fc.uniqueArray(fc.nat(4));
    const protocols = fc.constantFrom('cooperative-sticky', 'cooperative-sticky', 'range');
    fc.assert(
      fc.property(fc.array(fc.tuple(who, codes, given, protocols), { size: 'large' }), (events) => {
        const machine = new GroupMachine(['cooperative-sticky']);
        const told = new Set<number>();
        let running: { do: string; partitions: readonly number[] } | null = null;
        let generation = 0;
        for (const [event, errorCode, numbers, protocol] of events) {
          const { step } = machine;
          if (event === 'beat' && machine.beats) machine.answered(errorCode, machine.generation);
          else if (event === 'rejoin') machine.rejoin();
          else if (event === 'begin' && running === null && (step.do === 'assign' || step.do === 'revoke')) {
            running = { do: step.do, partitions: step.partitions.map(({ partition }) => partition) };
            for (const each of running.partitions) assert.equal(told.has(each), step.do === 'revoke');
          } else if (event === 'return' && running !== null) {
            for (const each of running.partitions) {
              if (running.do === 'assign') told.add(each);
              else told.delete(each);
            }
            if (running.do === 'assign') machine.assigned();
            else machine.revoked();
            running = null;
          } else if (event === 'answer' && step.do === 'join') {
            assert.equal(running, null, 'no join while the application is being told');
            generation += 1;
            machine.joined(joined({ errorCode, generation, protocol }));
          } else if (event === 'answer' && step.do === 'sync') {
            if (!machine.isCooperative) assert.equal(told.size, 0, 'eager: nothing is held when partitions are given');
            machine.synced(errorCode, of(...numbers));
          }
          if (running !== null) continue;
          assert.deepEqual(machine.held.map(({ partition }) => partition).sort(), [...told].sort());
        }
      }),
      { numRuns: 500 },
    );
  });

  test('no join is sent while the application is told of its partitions, and it gives back those same ones', async () => {
    const events: string[] = [];
    let returned!: () => void;
    const loading = new Promise<void>((resolve) => {
      returned = resolve;
    });
    let rebalanced!: () => void;
    const beat = new Promise<void>((resolve) => {
      rebalanced = resolve;
    });
    let joins = 0;
    const driver = new GroupDriver(
      'g',
      ['t'],
      {
        join: async () => {
          joins += 1;
          events.push('join');
          return joined({ generation: joins, leader: 'other' });
        },
        sync: async () => ({ errorCode: 0, partitions: [{ topic: 't', partition: joins }] }),
        heartbeat: async () => {
          setImmediate(rebalanced);
          return 27;
        },
        leave: async () => {},
        partitionCounts: async () => new Map(),
        assigned: async () => null,
        forgetCoordinator: () => {},
        close: () => {},
      },
      {
        assign: async (partitions) => {
          events.push(`assign ${partitions[0]!.partition}`);
          await loading;
        },
        revoke: async (partitions) => {
          events.push(`revoke ${partitions[0]!.partition}`);
        },
        signal: () => {},
      },
      {
        assignors: EAGER_ASSIGNORS,
        heartbeatIntervalMs: 1,
        isStatic: false,
        metadataIntervalMs: 60_000,
        retryTimeoutMs: 1000,
      },
    );
    driver.start();
    while (!driver.hasWork) await new Promise((resolve) => setImmediate(resolve));
    const assigning = driver.work();
    await beat;
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    returned();
    await assigning;
    await driver.work();
    while (!driver.hasWork) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(events, ['join', 'assign 1', 'revoke 1', 'join']);
    await driver.close();
  });
});

describe('assignors', () => {
  test('range gives consecutive partitions of each topic, the first members one more', () => {
    const members = [member('b', ['t', 'u']), member('a', ['t', 'u']), member('c', ['t'])];
    const result = rangeAssignor.assign(
      members,
      new Map([
        ['t', 7],
        ['u', 3],
      ]),
    );
    assert.deepEqual(plain(result), {
      a: ['t0', 't1', 't2', 'u0', 'u1'],
      b: ['t3', 't4', 'u2'],
      c: ['t5', 't6'],
    });
  });

  test('round robin deals over all topics, past members that do not subscribe', () => {
    const members = [member('a', ['t']), member('b', ['t', 'u']), member('c', ['u'])];
    const result = roundRobinAssignor.assign(
      members,
      new Map([
        ['t', 3],
        ['u', 3],
      ]),
    );
    assert.deepEqual(plain(result), { a: ['t0', 't2'], b: ['t1', 'u0', 'u2'], c: ['u1'] });
  });

  test('static members keep their order whatever ids they get', () => {
    const before = [member('x', ['t'], 'two'), member('y', ['t'], 'one'), member('a', ['t'])];
    const after = [member('0', ['t'], 'two'), member('9', ['t'], 'one'), member('a', ['t'])];
    const counts = new Map([['t', 3]]);
    assert.deepEqual(plain(rangeAssignor.assign(before, counts)), { y: ['t0'], x: ['t1'], a: ['t2'] });
    assert.deepEqual(plain(rangeAssignor.assign(after, counts)), { '9': ['t0'], '0': ['t1'], a: ['t2'] });
  });

  test('every partition goes to exactly one member that subscribes to it', () => {
    const topics = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
    const groups = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), topics), {
      minLength: 1,
      selector: ([id]) => id,
    });
    fc.assert(
      fc.property(groups, fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }), (group, sizes) => {
        const counts = new Map(['a', 'b', 'c', 'd'].map((topic, i) => [topic, sizes[i]!]));
        const members = group.map(([id, list]) => member(id, list));
        for (const assignor of [rangeAssignor, roundRobinAssignor]) {
          const seen = new Set<string>();
          for (const [id, partitions] of assignor.assign(members, counts)) {
            const wants = members.find((each) => each.memberId === id)!.subscription.topics;
            for (const { topic, partition } of partitions) {
              assert.ok(wants.includes(topic));
              assert.ok(!seen.has(`${topic}/${partition}`));
              seen.add(`${topic}/${partition}`);
            }
          }
          const subscribed = new Set(members.flatMap((each) => each.subscription.topics));
          const expected = [...subscribed].reduce((sum, topic) => sum + counts.get(topic)!, 0);
          assert.equal(seen.size, expected, assignor.name);
        }
      }),
    );
  });
});

describe('consumer protocol', () => {
  test('subscriptions and assignments are read as they were written', () => {
    const owned = [
      { topic: 'a', partition: 1 },
      { topic: 'a', partition: 4 },
      { topic: 'b', partition: 0 },
    ];
    assert.deepEqual(decodeSubscription(encodeSubscription({ topics: ['a', 'bé'], owned, generation: 7 })), {
      topics: ['a', 'bé'],
      owned,
      generation: 7,
    });
    assert.deepEqual(decodeAssignment(encodeAssignment(owned)), owned);
    assert.deepEqual(decodeAssignment(new Uint8Array(0)), []);
  });

  test('a subscription of version 0, as older clients send it, is read', () => {
    // version 0, one topic 't', user data of two bytes
    const bytes = Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 2, 9, 9]);
    assert.deepEqual(decodeSubscription(bytes), { topics: ['t'], owned: [], generation: -1 });
  });
});
