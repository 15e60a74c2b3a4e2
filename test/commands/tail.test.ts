import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker } from '../../src/broker/broker.ts';
import { connect } from '../../src/clients/connect.ts';
import { send, startWorld } from '../helpers/world.ts';

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
