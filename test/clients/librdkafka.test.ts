import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBroker } from '../../src/broker/broker.ts';
import { connect } from '../../src/clients/connect.ts';
import { call, loadBinding, type NativeProducer } from '../../src/clients/librdkafka/binding.ts';
import { isAnomalyError } from '../../src/errors.ts';
import { partitionForKey } from '../../src/wire/murmur2.ts';
import { runContract } from './contract.ts';
import { runExactlyOnceContract } from './exactlyOnceContract.ts';
import { runGroupContract } from './groupContract.ts';
import { readRecords } from './helpers/records.ts';
import { runLookContract } from './lookContract.ts';
import { runTransactionContract } from './transactionContract.ts';

// The addon is an optional dependency: without it the reason is told once, and a tier of .ci/run insists on it.
let missing: string | null = null;
try {
  await loadBinding();
} catch (error) {
  assert.ok(isAnomalyError(error) && error.code === 'ANM_CLIENT_MISSING');
  missing = error.message;
}

/** librdkafka's own partitioner, as other programs use it, against ours. */
async function placementTest(): Promise<void> {
  const partitions = 7;
  const broker = await startBroker({ port: 0 });
  const client = await connect({ brokers: [broker.address], client: 'platformatic' });
  await client.admin.createTopics([{ name: 'placed', partitions }]);
  const binding = await loadBinding();
  const conf = { 'bootstrap.servers': broker.address };
  const producer: NativeProducer = new binding.Producer(conf, { partitioner: 'murmur2_random' });
  await call((done) => producer.connect({ timeout: 3000 }, done));
  const keys = Array.from({ length: 200 }, (_, i) => `sensor-${i}-${'é'.repeat(i % 5)}`);
  for (const key of keys) producer.produce('placed', -1, Buffer.from('v'), Buffer.from(key), 1, undefined);
  await call((done) => producer.disconnect(5000, done));
  const consumer = await client.createConsumer();
  await consumer.assign([...Array(partitions).keys()].map((partition) => ({ topic: 'placed', partition, offset: 0 })));
  let count = 0;
  for (const [partition, records] of await readRecords(consumer, keys.length)) {
    for (const record of records) {
      const key = Buffer.from(record.key!, 'latin1');
      assert.equal(partitionForKey(key, 0, key.length, partitions), partition, key.toString());
      count += 1;
    }
  }
  assert.equal(count, keys.length);
  await client.close();
  await broker.close();
}

/** Its producer asks its consumer for generation and member id: what another client says of a member is of no use to it. */
async function foreignMemberTest(): Promise<void> {
  const broker = await startBroker({ port: 0 });
  const client = await connect({ brokers: [broker.address], client: 'librdkafka' });
  const producer = await client.createTransactionalProducer({ transactionalId: 'tx' });
  const member = { groupId: 'g', generation: 1, memberId: 'm', instanceId: null };
  await assert.rejects(
    producer.commitTransaction([{ topic: 't', partition: 0, offset: 1 }], member),
    (error) => isAnomalyError(error) && error.code === 'ANM_UNSUPPORTED' && /platformatic/.test(error.hint),
  );
  await client.close();
  await broker.close();
}

if (missing === null) {
  runContract('librdkafka');
  runGroupContract('librdkafka');
  runLookContract('librdkafka');
  runTransactionContract('librdkafka');
  runExactlyOnceContract('librdkafka');
  test('what librdkafka cannot do in exactly once is refused by name', foreignMemberTest);
  test('keys land where librdkafka with murmur2 puts them', placementTest);
} else if (process.env['ANOMALY_REQUIRE_LIBRDKAFKA'] === '1') {
  test('the native client loads', () => assert.fail(missing));
} else {
  test('contract of the client librdkafka', { skip: missing }, () => {});
}
