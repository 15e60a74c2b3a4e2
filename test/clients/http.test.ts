import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { httpRequest } from '../../src/clients/http.ts';

const TIMEOUT_MS = 2000;

test('a request that is sent again over a new connection has what is left of its time', async (t) => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    if (requests === 1) response.end('kept');
    // The kept connection is closed in between, and the one in its place never answers.
    else if (requests === 2) void delay(0.6 * TIMEOUT_MS).then(() => request.socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const get = () => httpRequest('GET', url, {}, undefined, TIMEOUT_MS);
  assert.equal((await get()).text, 'kept');
  const begun = performance.now();
  await assert.rejects(get(), { name: 'TimeoutError', message: `no answer within ${TIMEOUT_MS} ms` });
  const tookMs = performance.now() - begun;
  assert.equal(requests, 3);
  assert.ok(tookMs < 1.4 * TIMEOUT_MS, `${tookMs} ms`);
});
