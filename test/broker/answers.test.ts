import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { startBroker } from '../../src/broker/broker.ts';
import { requestFrame } from '../../src/broker/protocol/apis.ts';
import { ZERO_UUID } from '../../src/broker/protocol/schema.ts';
import { batchOf, RawClient } from './helpers/rawClient.ts';

const MIB = 1 << 20;

test('clients that ask for much and do not read get little, and those who read still get on', async (t) => {
  const limit = 32 * MIB;
  const broker = await startBroker({ maxAnswerBytes: limit });
  t.after(() => broker.close());
  const client = await RawClient.to(broker);
  await client.createTopic('t');
  const batch = batchOf(['x'.repeat(MIB - 1000)], 1000);
  for (let i = 0; i < 16; i++) await client.produce('t', 0, Buffer.from(batch));
  const { answers } = broker.context;
  assert.equal(answers.usedBytes, 0);
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 30 }];
  const topics = [{ topic: 't', topicId: ZERO_UUID, partitions }];
  const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 30, isolationLevel: 0, topics };
  const sockets: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(broker.port, broker.host);
    sockets.push(socket);
    socket.write(Buffer.concat(requestFrame('Fetch', 12, 1, 'slow', request)));
    await once(socket, 'data');
    socket.pause();
  }
  // Each asked for 16 MiB. What is small enough for the system's own buffers is out of our hands already.
  assert.ok(answers.usedBytes > limit / 2, `${answers.usedBytes}`);
  assert.ok(answers.usedBytes <= limit + sockets.length * MIB, `${answers.usedBytes}`);
  let read = 0;
  while (read < 16) {
    const { records } = await client.fetch('t', 0, read, { maxBytes: 1 << 30, partitionMaxBytes: 1 << 30 });
    assert.ok(records!.length >= batch.length, 'one batch at the least');
    read += records!.length / batch.length;
  }
  for (const socket of sockets) socket.destroy();
  while (broker.metrics.activeConnections > 1) await client.send('ApiVersions', 0, {});
  assert.equal(answers.usedBytes, 0);
  client.close();
});
