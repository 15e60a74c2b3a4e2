import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker } from '../../src/broker/broker.ts';
import { connect } from '../../src/clients/connect.ts';
import { append, send, startWorld } from '../helpers/world.ts';

test('who follows a topic outlives an outage longer than retry_timeout; who reads a range is told after it', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'anomaly-tail-'));
  const world = await startWorld({ data });
  t.after(async () => {
    await world.close();
    rmSync(data, { recursive: true, force: true });
  });
  const one = (value: number) => [{ partition: 0, key: 'k', value: { value } }];
  await send(world.client, 'values', 1, one(1));
  const signals = new EventEmitter();
  let [stdout, stderr] = ['', ''];
  const watched = {
    ...{ signals, onOutput: (text: string) => (stdout = text), onError: (text: string) => (stderr = text) },
  };
  const short = ['-X', 'retry_timeout=1s', '-X', 'request_timeout=1s'];
  const following = world.run(['tail', 'values', '--offset', 'start', '--follow', ...short], watched);
  let code: number | undefined;
  void following.then((result) => {
    code = result.code;
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      assert.equal(code, undefined, stderr);
      await delay(20);
    }
  };
  await until(() => stdout.includes('"value":1'));
  const { address } = world.broker;
  await world.broker.close();
  const range = await world.run(['tail', 'values', '--offset', 'start', ...short]);
  assert.equal(range.code, 3, range.stderr);
  await until(() => stderr.includes('no answer from the cluster since'));
  const next = await startBroker({ port: Number(address.split(':')[1]), data });
  t.after(() => next.close());
  const client = await connect({ brokers: [address], client: 'platformatic' });
  t.after(() => client.close());
  await send(client, 'values', 1, one(2));
  await until(() => stdout.includes('"value":2'));
  signals.emit('SIGTERM');
  assert.equal((await following).code, 0, stderr);
  assert.equal(stdout.split('"value":1').length, 2, 'what was printed is not printed again');
});

const NO_MEMBER = { groupId: 'none', generation: -1, memberId: '', instanceId: null };

test('the last ones of a topic of transactions are as many as asked for: markers have offsets, and are no records', async (t) => {
  const world = await startWorld();
  t.after(() => world.close());
  const { client } = world;
  await client.admin.createTopics([{ name: 'committed', partitions: 2 }]);
  const producer = await client.createTransactionalProducer({ transactionalId: 'p', transactionTimeoutMs: 10_000 });
  for (let value = 0; value < 12; value++) {
    const record = { partition: value % 2, key: 'k', value: { value }, timestamp: 1_700_000_000_000 + value };
    append(producer, 'committed', record);
    await producer.commitTransaction([{ topic: 'committed', partition: 0, offset: value }], NO_MEMBER);
  }
  await producer.close();
  for (const [num, wanted] of [
    [1, [11]],
    [3, [9, 10, 11]],
    [50, [...Array(12).keys()]],
  ] as const) {
    const { code, stdout, stderr } = await world.run(['tail', 'committed', '-n', String(num), '-o', 'ndjson']);
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).value.value),
      wanted,
    );
  }
});
