import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { NO_CONTACT } from '../../../src/clients/contact.ts';
import { BrokerSocket } from '../../../src/clients/platformatic/brokerSocket.ts';

const TIMEOUT_MS = 800;

/** A broker in a thread of its own: echoes the correlation id of each request, and counts its answers in `answers`. */
const BROKER = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const server = createServer((socket) => {
  socket.on('data', (request) => {
    const answer = Buffer.alloc(8);
    answer.writeInt32BE(4, 0);
    answer.writeInt32BE(request.readInt32BE(0), 4);
    socket.write(answer, () => {
      Atomics.add(workerData, 0, 1);
      Atomics.notify(workerData, 0);
    });
  });
}).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

function ask(socket: BrokerSocket): Promise<'answered'> {
  const id = socket.nextCorrelationId();
  const request = Buffer.alloc(4);
  request.writeInt32BE(id);
  return new Promise((resolve, reject) => {
    socket.sendFrame(id, [request], TIMEOUT_MS, () => resolve('answered'), reject);
  });
}

async function dial(port: number, contact = NO_CONTACT): Promise<BrokerSocket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return new BrokerSocket(undefined as never, socket, `127.0.0.1:${port}`, 'test', TIMEOUT_MS, contact);
}

test('an answer that came while this process stood still is read, however long that was', async (t) => {
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(BROKER, { eval: true, workerData: answers });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  const socket = await dial(port);
  assert.equal(await ask(socket), 'answered');
  const answered = ask(socket);
  // As a machine that sleeps: nothing runs here until the answer has come, and the timeout is over by far.
  Atomics.wait(answers, 0, 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * TIMEOUT_MS);
  assert.equal(await answered, 'answered');
  socket.close();
});

test('a broker that does not answer is given up after the timeout, and not before', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const socket = await dial(port);
  const begun = performance.now();
  await assert.rejects(ask(socket), { code: 'ANM_TIMEOUT', message: /no answer came within 800 ms/ });
  assert.ok(performance.now() - begun > TIMEOUT_MS - 20, 'it had its time');
});

test('an answer counts with each part of it, and an end of the connection with how long was waited', async (t) => {
  const told: string[] = [];
  let wake = () => {};
  const contact = {
    answered: () => {
      told.push('answered');
      wake();
    },
    failed: (problem: string, waitedMs: number) =>
      told.push(`${problem.split(': ')[1]} ${waitedMs > 0 && waitedMs < 60_000}`),
  };
  const answering = createServer((peer) => {
    peer.on('data', () => {
      // A part of a frame of 8 bytes.
      peer.write(Buffer.from([0, 0, 0, 8, 0]));
      wake = () => peer.end();
    });
  }).listen(0, '127.0.0.1');
  await once(answering, 'listening');
  t.after(() => answering.close());
  const socket = await dial((answering.address() as { port: number }).port, contact);
  await assert.rejects(ask(socket), /the broker closed the connection/);
  assert.deepEqual(told, ['answered', 'the broker closed the connection true']);
});
