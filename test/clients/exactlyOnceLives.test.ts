import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { KafkaClient } from '../../src/clients/client.ts';
import { connect } from '../../src/clients/connect.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { until } from './helpers/member.ts';
import { appendText, plainRecords, readRecords } from './helpers/records.ts';

const PARTITIONS = 3;
const RECORDS = 9000;
const LIVES = 12;
/** What ends a life that another one has taken the place of. */
const FENCED = new Set(['ANM_PRODUCER_FENCED', 'ANM_INSTANCE_FENCED', 'ANM_GROUP_REBALANCED']);

/** Copies source to target exactly once, until it is done or another life takes its place; it is never told to stop. */
class Life {
  commits = 0;
  readonly #client: KafkaClient;
  readonly #requireStable: boolean;
  readonly end: Promise<string>;

  constructor(client: KafkaClient, requireStable: boolean) {
    this.#client = client;
    this.#requireStable = requireStable;
    this.end = this.#run().catch((error: unknown) => {
      if (isAnomalyError(error) && FENCED.has(error.code)) return error.code;
      throw error;
    });
  }

  async #run(): Promise<string> {
    const consumer = await this.#client.createConsumer({
      groupId: 'copy',
      instanceId: 'one',
      rebalance: 'cooperative',
      requireStable: this.#requireStable,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 20,
      maxWaitMs: 10,
      maxPartitionBytes: 2000,
    });
    let isAssigned = false;
    await consumer.subscribe(['source'], 'earliest', {
      onRevoked: async () => {},
      onAssigned: async () => {
        isAssigned = true;
        return undefined;
      },
    });
    let batch = await consumer.poll(20);
    while (batch === null && !isAssigned) batch = await consumer.poll(20);
    // After the offsets were read: what the former life was just committing is not aborted by taking over its id.
    const producer = await this.#client.createTransactionalProducer({
      transactionalId: 'copy-one',
      transactionTimeoutMs: 20_000,
    });
    const ends = new Map<number, number>();
    for (let silent = 0; silent < 10; batch = await consumer.poll(20)) {
      if (batch !== null) {
        silent = 0;
        for (const { value } of plainRecords(batch)) appendText(producer, 'target', batch.partition, value);
        ends.set(batch.partition, batch.nextOffset);
        if (batch.nextOffset % 7 < 5) continue;
      } else silent += 1;
      if (ends.size === 0) continue;
      const offsets = [...ends].map(([partition, offset]) => ({ topic: 'source', partition, offset }));
      ends.clear();
      await producer.commitTransaction(offsets, consumer.membership()!);
      this.commits += 1;
    }
    await producer.close();
    await consumer.close();
    return 'done';
  }
}

function armFaults({ faults }: Broker, seed: number): void {
  for (const api of ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn', 'Produce'] as const) {
    faults.inject({ api, drop: 'before', probability: 0.01, seed });
    faults.inject({ api, drop: 'after', probability: 0.02, seed: seed + 1 });
  }
  faults.inject({ api: 'EndTxn', errorCode: 48, probability: 0.02, seed });
  faults.inject({ api: 'Produce', errorCode: 47, probability: 0.01, seed });
  faults.inject({ api: 'FindCoordinator', errorCode: 15, probability: 0.1, seed });
  faults.inject({ api: 'TxnOffsetCommit', errorCode: 16, probability: 0.02, seed });
}

/** What a read_committed consumer finds after several lives, of which each goes on when the next one begins. */
async function copied(seed: number, requireStable = true): Promise<{ ends: string[]; found: string[][] }> {
  const broker = await startBroker({ port: 0, minSessionTimeoutMs: 100, markerDelayMs: 8 });
  const clients: KafkaClient[] = [];
  const open = async () => {
    const client = await connect({ brokers: [broker.address], client: 'platformatic' });
    clients.push(client);
    return client;
  };
  try {
    const client = await open();
    await client.admin.createTopics(['source', 'target'].map((name) => ({ name, partitions: PARTITIONS })));
    const source = await client.createProducer({ batchBytes: 400 });
    for (let i = 0; i < RECORDS; i++) appendText(source, 'source', i % PARTITIONS, String(i));
    await source.flush();
    armFaults(broker, seed);
    const lives: Life[] = [];
    for (let i = 0; i < LIVES; i++) {
      const life = new Life(await open(), requireStable);
      lives.push(life);
      let isOver = false;
      const over = () => {
        isOver = true;
      };
      life.end.then(over, over);
      const enough = 1 + ((seed + i * 5) % 4);
      if (i < LIVES - 1) await until('it has committed', () => isOver || life.commits >= enough);
    }
    const ends = await Promise.all(lives.map(({ end }) => end));
    broker.faults.clear();
    const reader = await client.createConsumer({ isolation: 'read_committed', maxWaitMs: 50 });
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    await reader.assign(partitions.map((partition) => ({ topic: 'target', partition, offset: 0 })));
    const found = await readRecords(reader, RECORDS);
    for (let silent = 0; silent < 5; silent++) {
      const more = await reader.poll(50);
      if (more !== null) found.get(more.partition)!.push(...plainRecords(more));
    }
    return { ends, found: partitions.map((partition) => found.get(partition)!.map(({ value }) => value!)) };
  } finally {
    await Promise.allSettled(clients.map((each) => each.close()));
    await broker.close();
  }
}

for (const seed of [1, 2, 3]) {
  test(`seed ${seed}: whatever is lost, refused and abandoned, each record is copied once and in order`, {
    timeout: 120_000,
  }, async () => {
    const { ends, found } = await copied(seed);
    assert.equal(ends.at(-1), 'done');
    assert.ok(ends.filter((end) => FENCED.has(end)).length > LIVES / 3, `the former lives were fenced: ${ends}`);
    for (const [partition, values] of found.entries()) {
      const expected = Array.from({ length: RECORDS / PARTITIONS }, (_, i) => String(i * PARTITIONS + partition));
      assert.deepEqual(values, expected);
    }
  });
}

test('without require_stable the same lives copy records twice: the tests above would tell', {
  timeout: 120_000,
}, async () => {
  let isDoubled = false;
  for (let seed = 1; seed <= 4 && !isDoubled; seed++) {
    const { found } = await copied(seed, false);
    isDoubled = found.some((values) => values.length > new Set(values).size);
  }
  assert.ok(isDoubled);
});
