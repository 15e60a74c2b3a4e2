import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { append, startWorld, type World } from '../../helpers/world.ts';
import { configOf, LogLines } from '../helpers/config.ts';
import { startMember } from '../helpers/member.ts';

const START_MS = Date.UTC(2026, 0, 1);
let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

test('a transaction that a killed member left open holds back its own partition, and no other', async () => {
  await world.client.admin.createTopics([{ name: 'held', partitions: 2 }]);
  const producer = await world.client.createProducer();
  for (let i = 0; i < 100; i++) {
    append(producer, 'held', { partition: i % 2, key: `k${i % 2}`, value: { ts: START_MS + i * 1000, value: i % 7 } });
  }
  await producer.close();
  // The end of the transaction does not come: it is on its way for as long as the test takes.
  world.broker.faults.inject({ api: 'EndTxn', delayMs: 600_000 });
  const killed = await world.client.createTransactionalProducer({ transactionalId: 'killed' });
  const nobody = { groupId: 'held', generation: -1, memberId: '', instanceId: null };
  void killed.commitTransaction([{ topic: 'held', partition: 1, offset: 0 }], nobody).catch(() => {});
  while (world.broker.faults.armedCount > 0) await setTimeout(5);
  const yaml = [
    'pipeline: held',
    'source: {topics: [held], time: ts, format: json}',
    'time: {max_ahead: off}',
    'windows: [{size: 10s}]',
    'sinks: {format: json}',
    'guarantee: exactly-once',
    'commit_every: 20ms',
  ].join('\n');
  const stop = new AbortController();
  const member = startMember({ world, config: await configOf(yaml), log: new LogLines(), signal: stop.signal });
  const ended = member.run();
  const partitions = () => member.statuses()[0]!.partitions;
  // Were it held back, this would never end.
  while (partitions()[0]?.committed !== 50) await setTimeout(5);
  assert.deepEqual(
    partitions().map(({ partition, committed }) => [partition, committed]),
    [[0, 50]],
  );
  stop.abort('SIGTERM');
  await ended;
});
