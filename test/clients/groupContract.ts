import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Consumer } from '../../src/clients/client.ts';
import type { ClientName } from '../../src/clients/connect.ts';
import type { TopicPartition } from '../../src/clients/topicPartition.ts';
import { type ContractContext, withClient } from './helpers/context.ts';
import { appendText, plainRecords } from './helpers/records.ts';

/** A member that reads, and commits what it has read when its partitions are taken. */
class Member {
  readonly name: string;
  readonly read: string[] = [];
  readonly events: string[] = [];
  held: readonly TopicPartition[] = [];
  #isRunning = true;
  #loop: Promise<void> = Promise.resolve();
  #consumer: Consumer;

  constructor(name: string, consumer: Consumer) {
    this.name = name;
    this.#consumer = consumer;
  }

  async join(topic: string): Promise<void> {
    const consumer = this.#consumer;
    await consumer.subscribe([topic], 'earliest', {
      onRevoked: async (partitions) => {
        // The flush hook: what was read is committed before another member goes on from there.
        await consumer.commit(
          partitions.map((each) => ({ ...each, offset: consumer.position(each.topic, each.partition) })),
        );
        this.held = [];
        this.events.push(`revoked ${partitions.map((each) => each.partition).sort()}`);
      },
      onAssigned: async (partitions) => {
        this.held = partitions;
        this.events.push(`assigned ${partitions.map((each) => each.partition).sort()}`);
        return undefined;
      },
    });
    this.#loop = this.#run();
  }

  async leave(): Promise<void> {
    this.#isRunning = false;
    await this.#loop;
    await this.#consumer.close();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const batch = await this.#consumer.poll(20);
      if (batch !== null) for (const record of plainRecords(batch)) this.read.push(record.value!);
    }
  }
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Membership, as both clients keep it. */
export function runGroupContract(name: ClientName): void {
  describe(`groups by the client ${name}`, { timeout: 600_000 }, () => withClient(name, defineGroupContract));
}

/** The tests that hold on any broker. */
export function defineGroupContract({ client, topic, open, named }: ContractContext): void {
  const times = { sessionTimeoutMs: 6000, heartbeatIntervalMs: 50 };

  test('members share the partitions, hand them over flushed, and take them back', async () => {
    const source = await topic(4);
    const producer = await client().createProducer();
    let written = 0;
    const write = async () => {
      for (let i = 0; i < 40; i++) appendText(producer, source, i % 4, String(written++));
      await producer.flush();
    };
    const [first, second] = await Promise.all(
      ['a', 'b'].map(
        async (id) => new Member(id, await client().createConsumer({ groupId: named('shared'), ...times })),
      ),
    );
    const all = () => [...first!.read, ...second!.read];
    await first!.join(source);
    await write();
    await until('one member reads all', () => first!.read.length === 40);
    assert.equal(first!.held.length, 4);

    await second!.join(source);
    await until('two each', () => first!.held.length === 2 && second!.held.length === 2);
    await write();
    await until('both read on', () => all().length === 80);
    assert.equal(second!.read.length, 20);

    await second!.leave();
    await until('all back', () => first!.held.length === 4);
    await write();
    await until('one member reads on', () => all().length === 120);
    await first!.leave();
    assert.deepEqual(
      all()
        .map(Number)
        .sort((x, y) => x - y),
      Array.from({ length: 120 }, (_, i) => i),
      'each record once, since each hand-over was committed',
    );
    assert.deepEqual(first!.events.slice(0, 3), [
      'assigned 0,1,2,3',
      'revoked 0,1,2,3',
      `assigned ${first!.events[2]!.slice(9)}`,
    ]);
    const ends = await client().admin.groupOffsets(named('shared'));
    assert.deepEqual(
      ends.map((each) => each.offset),
      [30, 30, 30, 30],
    );
    await producer.close();
  });

  test('a member that starts again goes on from the committed offsets', async () => {
    const source = await topic(1);
    const producer = await client().createProducer();
    for (let i = 0; i < 10; i++) appendText(producer, source, 0, String(i));
    await producer.flush();
    const other = await open();
    const before = new Member('before', await other.createConsumer({ groupId: named('again'), ...times }));
    await before.join(source);
    await until('read', () => before.read.length === 10);
    await before.leave();
    for (let i = 10; i < 15; i++) appendText(producer, source, 0, String(i));
    await producer.close();
    const next = new Member('next', await client().createConsumer({ groupId: named('again'), ...times }));
    await next.join(source);
    await until('read on', () => next.read.length >= 5);
    await next.leave();
    assert.deepEqual(next.read, ['10', '11', '12', '13', '14']);
  });

  test('the offsets that onAssigned returns come before the committed ones', async () => {
    const source = await topic(1);
    const producer = await client().createProducer();
    for (let i = 0; i < 10; i++) appendText(producer, source, 0, String(i));
    await producer.close();
    const consumer = await client().createConsumer({ groupId: named('given'), ...times });
    await consumer.subscribe([source], 'latest', {
      onRevoked: async () => {},
      onAssigned: async () => [{ topic: source, partition: 0, offset: 6 }],
    });
    const read: string[] = [];
    while (read.length < 4) {
      const batch = await consumer.poll(1000);
      if (batch !== null) read.push(...plainRecords(batch).map((record) => record.value!));
    }
    assert.deepEqual(read, ['6', '7', '8', '9']);
    await consumer.close();
  });
}
