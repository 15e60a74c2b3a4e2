// A server closes a kept connection just as the next request is on its way over it: every client of ours goes on.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { httpRequest } from '../../src/clients/http.ts';
import { MlflowClient } from '../../src/models/registry/mlflowClient.ts';
import { Connections } from '../../src/platform/connections.ts';
import { httpCall } from '../../src/stores/httpCall.ts';

/** Answers the first request of a connection, and closes it without a word at the second one. */
async function closingServer(t: TestContext) {
  const answered = new WeakSet<Socket>();
  const closed: string[] = [];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (answered.has(request.socket)) {
      closed.push(request.method!);
      request.socket.destroy();
      return;
    }
    answered.add(request.socket);
    requests.push(request.method!);
    request.resume().on('end', () => response.end('{"ok": true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, closed };
}

const CLIENTS: Readonly<Record<string, (url: string, t: TestContext) => (method: 'GET' | 'POST') => Promise<unknown>>> =
  {
    'registry, Admin API': (url) => async (method) =>
      JSON.parse((await httpRequest(method, `${url}/`, {}, method === 'POST' ? '{}' : undefined, 10_000)).text),
    WebHDFS: (url, t) => {
      const connections = new Connections(false);
      t.after(() => connections.close());
      return async (method) =>
        JSON.parse((await httpCall({ method, url: `${url}/`, deadlineMs: 10_000, connections })).body.toString());
    },
    MLflow: (url, t) => {
      const client = new MlflowClient({ url, timeoutMs: 10_000 });
      t.after(() => client.close());
      return (method) => client.call(method, 'experiments/get', {});
    },
  };

for (const [name, open] of Object.entries(CLIENTS)) {
  test(`${name}: a GET over a connection that was closed is sent once more, a POST never goes over a kept one`, async (t) => {
    const server = await closingServer(t);
    const send = open(server.url, t);
    assert.deepEqual(await send('GET'), { ok: true });
    assert.deepEqual(await send('GET'), { ok: true });
    assert.deepEqual(await send('GET'), { ok: true });
    assert.ok(server.closed.length > 0, 'no connection was kept, so nothing was tried');
    const gets = server.closed.length;
    for (let i = 0; i < 3; i++) assert.deepEqual(await send('POST'), { ok: true });
    assert.equal(server.closed.length, gets);
    assert.deepEqual(server.requests, ['GET', 'GET', 'GET', 'POST', 'POST', 'POST']);
  });
}

test('a server that closes each connection is given up after the second one', async (t) => {
  let requests = 0;
  const server = createServer(({ socket }) => {
    requests++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await assert.rejects(httpRequest('GET', url, {}, undefined, 10_000), { code: 'ECONNRESET' });
  assert.equal(requests, 2);
  await assert.rejects(httpRequest('POST', url, {}, '{}', 10_000), { code: 'ECONNRESET' });
  assert.equal(requests, 3);
});
