import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerBudget } from '../../../src/broker/answerBudget.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import type { BrokerContext, Call } from '../../../src/broker/context.ts';
import { fetchHandler } from '../../../src/broker/handlers/fetch.ts';
import { produceHandler } from '../../../src/broker/handlers/produce.ts';
import { TopicStore } from '../../../src/broker/topics.ts';
import { TransactionCoordinator } from '../../../src/broker/transactions/coordinator.ts';
import { NO_PRODUCER, type ProducerIdentity } from '../../../src/broker/transactions/transaction.ts';
import { ColumnBatch } from '../../../src/engine/batch.ts';
import { PartitionReader } from '../../../src/wire/partitionReader.ts';
import { batchOf } from '../helpers/rawClient.ts';

// Goal: whatever two transactional producers and a plain one do, and whenever a reader looks, read_committed gives
// exactly the records of committed transactions and plain ones, in log order, none before its transaction is decided,
// and offsets miss only where fences are. Model: a list of records with their fate.

const TIMEOUT_MS = 1000;
type Fate = 'open' | 'committed' | 'aborted';
interface ModelTransaction {
  fate: Fate;
}
interface ModelRecord {
  readonly value: string;
  readonly transaction: ModelTransaction;
}

type Step =
  | { readonly kind: 'produce'; readonly who: 0 | 1; readonly count: number; readonly bytes: number }
  | { readonly kind: 'plain' }
  | { readonly kind: 'end'; readonly who: 0 | 1; readonly isCommit: boolean }
  | { readonly kind: 'restart'; readonly who: 0 | 1 }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'fetch'; readonly maxBytes: number };

const who = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('produce' as const),
      who,
      count: fc.integer({ min: 1, max: 3 }),
      bytes: fc.constantFrom(1, 6000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('plain' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), who, isCommit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 700 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('fetch' as const), maxBytes: fc.integer({ min: 1, max: 20_000 }) }),
  },
);

/** The broker's produce and fetch, without a socket. */
class World {
  readonly clock = new ManualClock();
  readonly topics = new TopicStore({ newId: () => 'a'.repeat(32) });
  readonly coordinator: TransactionCoordinator;
  private readonly call = { version: 7, closed: false, onClose: () => () => {}, holds() {} } as unknown as Call;
  private readonly produce;
  private readonly fetch;

  constructor(hasFences: boolean) {
    let ids = 0;
    this.topics.create('t', 1);
    this.coordinator = new TransactionCoordinator({
      clock: this.clock,
      nextProducerId: () => ++ids,
      partition: (topic, partition) => this.topics.partition(topic, partition),
      group: () => undefined,
      maxTimeoutMs: 900_000,
      idExpirationMs: 1e9,
      hasFences,
      markerDelayMs: 0,
    });
    const context = {
      clock: this.clock,
      topics: this.topics,
      transactions: this.coordinator,
      answers: new AnswerBudget(1 << 20),
    } as unknown as BrokerContext;
    this.produce = produceHandler(context);
    this.fetch = fetchHandler(context);
  }

  append(values: readonly string[], producer: ProducerIdentity, baseSequence: number, transactionalId: string | null) {
    const isTransactional = transactionalId !== null;
    const batch = batchOf(values, this.clock.now(), { ...producer, baseSequence, transactional: isTransactional });
    const partitionData = [{ index: 0, records: batch }];
    const request = { transactionalId, acks: -1, timeoutMs: 0, topicData: [{ name: 't', partitionData }] };
    const answer = this.produce(request, this.call) as { responses: { partitionResponses: { errorCode: number }[] }[] };
    return answer.responses[0]!.partitionResponses[0]!.errorCode;
  }

  read(fetchOffset: number, maxBytes: number) {
    const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset, partitionMaxBytes: maxBytes }];
    const topic = { topic: 't', topicId: '', partitions };
    const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, isolationLevel: 1, sessionId: 0, topics: [topic] };
    // biome-ignore lint/suspicious/noExplicitAny: the shape of a whole response says no more here.
    const answer = this.fetch(request as any, { ...this.call, version: 11 }) as any;
    return answer.responses[0].partitions[0] as {
      readonly errorCode: number;
      readonly lastStableOffset: number;
      readonly records: readonly Buffer[];
      readonly abortedTransactions: readonly { producerId: number; firstOffset: number }[];
    };
  }
}

/** A producer and what it believes of itself. */
class Actor {
  readonly id: string;
  identity: ProducerIdentity = NO_PRODUCER;
  open: ModelTransaction | null = null;
  private sequence = 0;
  private readonly world: World;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
    this.restart();
  }

  restart(): void {
    const { coordinator } = this.world;
    for (;;) {
      const result = coordinator.initProducerId(this.id, TIMEOUT_MS, NO_PRODUCER);
      if (result.errorCode === 0) {
        this.identity = result;
        break;
      }
      assert.equal(result.errorCode, 51);
    }
    this.sequence = 0;
    if (this.open !== null) this.open.fate = 'aborted';
    this.open = null;
  }

  /** Learns from the coordinator when its time was over. */
  private isFenced(): boolean {
    return this.world.coordinator.get(this.id)!.producerEpoch !== this.identity.producerEpoch;
  }

  produce(values: readonly string[]): ModelTransaction | null {
    if (this.isFenced()) {
      assert.equal(this.world.append(values, this.identity, this.sequence, this.id), 47);
      this.restart();
      return null;
    }
    if (this.open === null) {
      assert.deepEqual(this.world.coordinator.addPartitions(this.id, this.identity, [{ name: 't', partitions: [0] }]), [
        [0],
      ]);
      this.open = { fate: 'open' };
    }
    assert.equal(this.world.append(values, this.identity, this.sequence, this.id), 0);
    this.sequence += values.length;
    return this.open;
  }

  end(isCommit: boolean): void {
    const code = this.world.coordinator.end(this.id, this.identity, isCommit);
    if (this.isFenced()) {
      assert.equal(code, 90);
      this.restart();
    } else if (this.open !== null) {
      assert.equal(code, 0);
      this.open.fate = isCommit ? 'committed' : 'aborted';
      this.open = null;
    }
  }
}

/** Follows the log as the fast client does, with its reader and its continuity check. */
class Follower {
  readonly values: string[] = [];
  /** Holes that the check could not explain by itself: a client looks at them again, raw. */
  readonly holes: (readonly [number, number])[] = [];
  private readonly reader = new PartitionReader(0, { isolation: 'read_committed' });
  private readonly out = new ColumnBatch(0);
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  get position(): number {
    return this.reader.position;
  }

  poll(maxBytes: number): void {
    const { errorCode, records, abortedTransactions } = this.world.read(this.reader.position, maxBytes);
    assert.equal(errorCode, 0);
    const bytes = Buffer.concat(records);
    const aborted = abortedTransactions.flatMap(({ producerId, firstOffset }) => [producerId, firstOffset]);
    this.reader.open(bytes, 0, bytes.length, aborted, 0);
    for (;;) {
      const result = this.reader.next(this.out);
      if (result === 'end') return;
      assert.notEqual(result, 'corrupt');
      if (result === 'hole') {
        this.holes.push([this.reader.hole!.from, this.reader.hole!.to]);
        this.reader.acceptHole();
        continue;
      }
      for (let i = 0; i < this.out.count; i++) {
        const view = Buffer.from(this.out.bytes.buffer, this.out.bytes.byteOffset, this.out.bytes.byteLength);
        this.values.push(view.toString('latin1', this.out.valueStart[i], this.out.valueEnd[i]));
      }
    }
  }
}

function committedPrefix(model: readonly ModelRecord[]): string[] {
  const firstOpen = model.findIndex(({ transaction }) => transaction.fate === 'open');
  const decided = firstOpen < 0 ? model : model.slice(0, firstOpen);
  return decided.filter(({ transaction }) => transaction.fate === 'committed').map(({ value }) => value);
}

function run(steps: readonly Step[], hasFences: boolean): void {
  const world = new World(hasFences);
  const actors = [new Actor(world, 'a'), new Actor(world, 'b')] as const;
  const follower = new Follower(world);
  const model: ModelRecord[] = [];
  const log = world.topics.partition('t', 0)!;
  let values = 0;
  // What time ended is seen by the log alone, until its producer speaks again.
  const syncTimeouts = () => {
    for (const actor of actors) {
      if (actor.open !== null && log.transactions.openOf(actor.identity.producerId) === undefined) {
        actor.open.fate = 'aborted';
        actor.open = null;
      }
    }
  };
  for (const one of steps) {
    if (one.kind === 'produce') {
      const sent = Array.from({ length: one.count }, () => `v${values++}`.padEnd(one.bytes, '.'));
      const transaction = actors[one.who].produce(sent);
      if (transaction !== null) model.push(...sent.map((value) => ({ value, transaction })));
    } else if (one.kind === 'plain') {
      const value = `v${values++}`;
      assert.equal(world.append([value], NO_PRODUCER, -1, null), 0);
      model.push({ value, transaction: { fate: 'committed' } });
    } else if (one.kind === 'end') actors[one.who].end(one.isCommit);
    else if (one.kind === 'restart') actors[one.who].restart();
    else if (one.kind === 'wait') world.clock.advance(one.ms);
    else if (one.kind === 'fetch') follower.poll(one.maxBytes);
    syncTimeouts();
    const expected = committedPrefix(model);
    assert.deepEqual(follower.values, expected.slice(0, follower.values.length));
  }
  for (let before = -1; before !== follower.position; ) {
    before = follower.position;
    follower.poll(1 << 20);
  }
  assert.deepEqual(follower.values, committedPrefix(model));
  // A reader from the start sees the same, whatever it asks for at a time.
  const fresh = new Follower(world);
  for (let before = -1; before !== fresh.position; ) {
    before = fresh.position;
    fresh.poll(1);
  }
  assert.deepEqual(fresh.values, follower.values);
  assert.equal(log.recordsProduced, model.length);
  if (!hasFences) assert.deepEqual([...follower.holes, ...fresh.holes], []);
  // A hole that needs a second look is fences only: nothing is to be read there.
  for (const [from, to] of fresh.holes) {
    const { chunks } = log.read(from, 1, true);
    assert.ok(chunks[0]!.readBigInt64BE(0) >= BigInt(to));
  }
  for (const actor of actors) actor.end(false);
  assert.equal(log.lastStableOffset, log.highWatermark);
}

for (const hasFences of [true, false]) {
  test(`any interleaving of two producers, time and fetches, ${hasFences ? 'with' : 'without'} fences`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => run(steps, hasFences)),
      { numRuns: 300 },
    );
  });
}
