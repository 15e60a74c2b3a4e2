import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { Producer } from '../../src/clients/producer.ts';
import { isAnomalyError } from '../../src/errors.ts';
import type { ContractContext } from './helpers/context.ts';
import { ReadingMember, until } from './helpers/member.ts';
import { ownTime } from './helpers/ownTime.ts';
import { appendText } from './helpers/records.ts';

const COOPERATIVE = { rebalance: 'cooperative', sessionTimeoutMs: 6000, heartbeatIntervalMs: 20 } as const;
const EAGER = { ...COOPERATIVE, rebalance: 'eager' } as const;

/** Writes a record into each partition every few milliseconds, until it is told to stop. */
class Source {
  written = 0;
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #partitions: number;
  readonly #timer: NodeJS.Timeout;

  constructor(producer: Producer, topic: string, partitions: number) {
    this.#producer = producer;
    this.#topic = topic;
    this.#partitions = partitions;
    this.#timer = setInterval(() => this.write(), 10);
  }

  write(): void {
    for (let partition = 0; partition < this.#partitions; partition++) {
      appendText(this.#producer, this.#topic, partition, String(this.written++));
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#producer.close();
  }
}

async function sourceOf({ client, topic }: ContractContext, partitions: number): Promise<[string, Source]> {
  const name = await topic(partitions);
  return [name, new Source(await client().createProducer(), name, partitions)];
}

const numbersOf = (...members: ReadingMember[]) =>
  members
    .flatMap(({ values }) => values)
    .map(Number)
    .sort((a, b) => a - b);

/** A second where the machine is quiet, more where a member that is new to its group takes long, too. */
const atOnceMs = (usualMs: number) => 1000 + 5 * usualMs;

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Who joins, leaves and starts again, as the fast client takes it. The tests hold on any broker. */
export function defineRebalanceContract(context: ContractContext): void {
  cooperativeTests(context);
  mixedTests(context);
  staticTests(context);
  transactionTests(context);
}

function cooperativeTests(context: ContractContext): void {
  test('cooperative: only what moves is given back, the rest is read on without a gap, and each record is read once', async () => {
    const [topic, source] = await sourceOf(context, 9);
    const groupId = context.named('cooperative');
    const join = async (name: string) =>
      ReadingMember.join(await context.open(), name, topic, { ...COOPERATIVE, groupId });
    const first = await join('first');
    await until('one has all', () => first.offsets(topic).length === 9);
    // What the machine makes of the same topic at the same time without a rebalance.
    const control = await ReadingMember.alone(await context.open(), topic, 9);
    await until('all is read beside it', () => control.gapMs.size === 9);
    for (const each of [first, control]) each.gapMs.clear();
    const second = await join('second');
    await until('two share', () => first.held.size + second.held.size === 9 && second.held.size === 4);
    const third = await join('third');
    await until('three share', () => [first, second, third].every(({ held }) => held.size === 3));
    const stayed = [first, second].map(({ list, gapMs }) => list.map((partition) => gapMs.get(partition)!));
    await second.leave();
    await until('two share again', () => first.held.size + third.held.size === 9);
    const stayedOn = [first, third].map(({ gapMs }) => [...gapMs.values()]);
    const controlMs = Math.max(...control.gapMs.values());
    await source.stop();
    await until('all is read', () => numbersOf(first, second, third).length >= source.written);
    assert.deepEqual(numbersOf(first, second, third), upTo(source.written));
    for (const gaps of [...stayed, ...stayedOn]) {
      assert.ok(Math.max(...gaps) < 200 + 2 * controlMs, `gaps of ${gaps} ms, ${controlMs} ms without a rebalance`);
    }
    assert.equal(first.events[0], 'assigned 0,1,2,3,4,5,6,7,8');
    const given = first.events.filter((event) => event.startsWith('revoked')).map((event) => event.split(',').length);
    assert.deepEqual(given, [4, 2], 'what moved, and nothing else');
    const told = first.events.filter((event) => event.startsWith('assigned')).slice(1);
    assert.ok(
      told.every((event) => event.split(',').length < 9),
      `only what came: ${told}`,
    );
    assert.equal(third.failure ?? first.failure, null);
    for (const member of [first, third, control]) await member.leave();
  });

  test('cooperative: commits go on while others join, in the generation of the day', async () => {
    const [topic, source] = await sourceOf(context, 4);
    const groupId = context.named('commits');
    const first = await ReadingMember.join(await context.open(), 'first', topic, { ...COOPERATIVE, groupId });
    await until('it has all', () => first.offsets(topic).length === 4);
    let isDone = false;
    let commits = 0;
    const committing = (async () => {
      while (!isDone) {
        const offsets = first.offsets(topic);
        await first.consumer.commit(offsets);
        commits += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const others: ReadingMember[] = [];
    for (const name of ['a', 'b', 'c']) {
      others.push(await ReadingMember.join(await context.open(), name, topic, { ...COOPERATIVE, groupId }));
      await until(`${name} has one`, () => others.at(-1)!.held.size > 0);
    }
    isDone = true;
    await committing;
    assert.ok(commits > 3);
    assert.deepEqual([first.failure, first.events.filter((event) => event.startsWith('lost'))], [null, []]);
    await source.stop();
    for (const member of [first, ...others]) await member.leave();
  });
}

function mixedTests(context: ContractContext): void {
  test('an eager member makes a cooperative group eager, and nothing is lost or left unread', async () => {
    const [topic, source] = await sourceOf(context, 4);
    const groupId = context.named('mixed');
    const keeps = await ReadingMember.join(await context.open(), 'keeps', topic, { ...COOPERATIVE, groupId });
    await until('it has all', () => keeps.held.size === 4);
    const eager = await ReadingMember.join(await context.open(), 'eager', topic, { ...EAGER, groupId });
    await until('two each', () => keeps.held.size === 2 && eager.held.size === 2);
    const described = await context.client().admin.describeGroup(groupId);
    assert.equal(described.protocol, 'range');
    assert.ok(keeps.events.includes('lost 0,1,2,3'), 'others may have had them before it could flush');
    const again = await ReadingMember.join(await context.open(), 'again', topic, { ...COOPERATIVE, groupId });
    await until('three share', () => keeps.held.size + eager.held.size + again.held.size === 4 && again.held.size > 0);
    assert.ok(
      keeps.events.some((event) => event.startsWith('revoked')),
      'eager from then on: flushed',
    );
    await eager.leave();
    await until('two share', () => keeps.held.size === 2 && again.held.size === 2);
    assert.equal((await context.client().admin.describeGroup(groupId)).protocol, 'cooperative-sticky');
    await source.stop();
    await until('all is read', () => new Set(numbersOf(keeps, eager, again)).size === source.written);
    for (const member of [keeps, again]) await member.leave();
  });
}

function staticTests(context: ContractContext): void {
  const STATIC = { ...COOPERATIVE, sessionTimeoutMs: 30_000 };

  for (const rebalance of ['cooperative', 'eager'] as const) {
    test(`${rebalance}: a second process of an instance takes its place at once, and the first stops by name`, async () => {
      const [topic, source] = await sourceOf(context, 4);
      const groupId = context.named(`static-${rebalance}`);
      const options = { ...STATIC, rebalance, groupId };
      const join = async (instanceId: string) =>
        ReadingMember.join(await context.open(), instanceId, topic, { ...options, instanceId });
      const freshMs = ownTime.now();
      const one = await join('one');
      await until('it reads for the first time', () => one.values.length > 0);
      const usualMs = ownTime.now() - freshMs;
      const two = await join('two');
      await until('they share', () => one.held.size === 2 && two.held.size === 2);
      const before = two.events.length;
      const begunMs = ownTime.now();
      const again = await join('one');
      await until('it reads', () => again.values.length > 0);
      const tookMs = ownTime.now() - begunMs;
      assert.ok(tookMs < atOnceMs(usualMs), `${tookMs} ms, and ${usualMs} ms for the first time`);
      assert.deepEqual(again.list, one.list);
      await until('the first has stopped', () => one.failure !== null);
      assert.ok(isAnomalyError(one.failure) && one.failure.code === 'ANM_INSTANCE_FENCED', String(one.failure));
      assert.equal(one.consumer.membership(), undefined);
      await one.leave();
      assert.equal(two.events.length, before, 'nobody else was disturbed');
      await source.stop();
      for (const member of [two, again]) await member.leave();
    });
  }

  test('kill -9, and the same instance again: it reads within a second, and nobody else is disturbed', async () => {
    const [topic, source] = await sourceOf(context, 4);
    const groupId = context.named('killed');
    const freshMs = ownTime.now();
    const options = { ...STATIC, groupId, instanceId: 'other' };
    const other = await ReadingMember.join(await context.open(), 'other', topic, options);
    await until('one has all', () => other.held.size === 4 && other.values.length > 0);
    const usualMs = ownTime.now() - freshMs;
    const script = new URL('./helpers/staticMember.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--import', 'tsx', script, context.address(), topic, groupId, 'killed'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise<void>((resolve, reject) => {
        child.stdout.once('data', () => resolve());
        child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
      });
      await until('they share', () => other.held.size === 2);
      const before = other.events.length;
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      const client = await context.open();
      const begunMs = ownTime.now();
      const again = await ReadingMember.join(client, 'again', topic, { ...STATIC, groupId, instanceId: 'killed' });
      await until('it reads', () => again.values.length > 0);
      const tookMs = ownTime.now() - begunMs;
      assert.ok(tookMs < atOnceMs(usualMs), `${tookMs} ms, and ${usualMs} ms for the first time`);
      assert.equal(again.held.size, 2);
      assert.equal(other.events.length, before, 'nobody else was disturbed');
      await source.stop();
      for (const member of [other, again]) await member.leave();
    } finally {
      child.kill('SIGKILL');
    }
  });
}

function transactionTests(context: ContractContext): void {
  test('transactions of partitions that stay go on while others join', async () => {
    const [topic, source] = await sourceOf(context, 4);
    const target = await context.topic(1);
    const groupId = context.named('transactions');
    const client = await context.open();
    const first = await ReadingMember.join(client, 'first', topic, { ...COOPERATIVE, groupId });
    const producer = await client.createTransactionalProducer({ transactionalId: groupId });
    await until('it has all', () => first.offsets(topic).length === 4);
    const member = first.consumer.membership()!;
    let isDone = false;
    let commits = 0;
    const committing = (async () => {
      while (!isDone) {
        const offsets = first.offsets(topic);
        appendText(producer, target, 0, String(commits));
        await producer.commitTransaction(offsets, member);
        commits += 1;
      }
    })();
    const others: ReadingMember[] = [];
    for (const name of ['a', 'b', 'c']) {
      others.push(await ReadingMember.join(await context.open(), name, topic, { ...COOPERATIVE, groupId }));
      await until(`${name} has one`, () => others.at(-1)!.held.size > 0);
    }
    isDone = true;
    await committing;
    assert.ok(commits > 3);
    assert.ok(member.generation >= 4, 'the proof is of the generation of the day');
    assert.equal(first.failure, null);
    await source.stop();
    await producer.close();
    for (const each of [first, ...others]) await each.leave();
    const end = await context.client().admin.listOffsets([{ topic: target, partition: 0 }], 'latest');
    assert.ok(end[0]!.offset >= commits);
  });
}
