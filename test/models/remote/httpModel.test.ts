// What a server can do to a request: close it, be slow, answer too much, refuse, move.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { HttpModel } from '../../../src/models/remote/httpModel.ts';
import { certificate, certificateWithKey } from '../../helpers/certificates/files.ts';
import { distance, type Handler, localServer } from './localServer.ts';
import { close, failure, opened, someWindows } from './opening.ts';

const ENDPOINT = { request: '{"x": "$windows"}', response: 'y' };
const score: Handler = ({ body }) => ({ body: { y: (JSON.parse(body) as { x: number[][] }).x.map(distance) } });
const never = new AbortController().signal;

test('requests share a connection', async (t) => {
  const server = await localServer(t, score);
  const scorer = await opened(t, `http://${server.host}/`, ENDPOINT);
  const { windows, rows } = someWindows(5, 4);
  for (let i = 0; i < 3; i++) await scorer.score({ rows, windows });
  assert.equal(server.requests.length, 6);
  assert.deepEqual(new Set(server.requests.map(({ connection }) => connection)), new Set([0]));
});

test('a connection closed before anything of an answer came is replaced once', async (t) => {
  let closings = 1;
  const server = await localServer(t, (received, response) => {
    if (server.requests.length <= 3 || closings === 0) return score(received, response);
    closings--;
    received.socket.destroy();
    return undefined;
  });
  const scorer = await opened(t, `http://${server.host}/`, ENDPOINT);
  const { windows, rows, lists } = someWindows(5, 4);
  const before = server.requests.length;
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  assert.equal(server.requests.length, before + 2);
  assert.notEqual(server.requests.at(-1)!.connection, 0);
  closings = 10;
  const { fallback } = await scorer.score({ rows, windows });
  assert.equal(fallback, 'error');
  // Deno by itself replaces a connection that was idle.
  const tries = 10 - closings;
  assert.ok(tries >= 2 && tries <= 4, `${tries} requests`);
  assert.match(
    scorer.counters().lastError!,
    /^cannot POST http:\/\/127.0.0.1:\d+\/ as 127.0.0.1:\d+ broke the connection/,
  );
});

test('an answer that breaks off is not asked for again', async (t) => {
  const server = await localServer(t, ({ socket }, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{"y": [', () => socket.destroy());
    return undefined;
  });
  const http = new HttpModel(new URL(`http://${server.host}`), {});
  await failure(http.send('POST', '/', '{}', never), 'ANM_MODEL_SERVER', /as the answer broke off$/);
  assert.equal(server.requests.length, 1);
  http.close();
});

test('a slow server leaves rows to the deadline, and its request is given up', async (t) => {
  let isSlow = false;
  let closed: Promise<unknown> | undefined;
  const server = await localServer(t, (received, response) => {
    if (!isSlow) return score(received, response);
    closed = once(received.socket, 'close');
    return undefined;
  });
  const scorer = await opened(t, `http://${server.host}/`, { ...ENDPOINT, guard: { timeoutMs: 50, batch: 64 } });
  isSlow = true;
  const { windows, rows } = someWindows(5, 4);
  const { scores, fallback } = await scorer.score({ rows, windows });
  assert.equal(fallback, 'deadline');
  assert.ok(scores.every(Number.isNaN));
  // Of the runtimes, some tell the server only when the answer would begin.
  while (closed === undefined) await new Promise((resolve) => setImmediate(resolve));
  await closed;
  await failure(
    opened(t, `http://${server.host}/`, { ...ENDPOINT, startTimeoutMs: 30 }),
    'ANM_MODEL_SERVER',
    /as there is no answer within 30 ms \(models.request_timeout\)$/,
  );
});

test('statuses are told apart, with the words of the server and without credentials', async (t) => {
  let status = 500;
  let body: unknown = {};
  let headers = {};
  const server = await localServer(t, () => ({ status, body, headers }));
  const secrets = { headers: { 'x-api-key': 'key-of-mine' }, ...ENDPOINT };
  const open = () => opened(t, `http://ann:open%20sesame@${server.host}/p?token=query-token`, secrets);
  const cases: [number, unknown, string, RegExp][] = [
    [401, { error: 'no key-of-mine here' }, 'ANM_AUTHENTICATION', /401 Unauthorized: no \*{8} here$/],
    [403, 'Forbidden for query-token', 'ANM_AUTHORIZATION', /403 Forbidden: Forbidden for \*{8}$/],
    [404, { detail: 'Not Found' }, 'ANM_MODEL_UNKNOWN', /404 Not Found: Not Found$/],
    [
      422,
      { detail: [{ loc: ['body', 'inputs'], msg: 'Field required', type: 'missing' }] },
      'ANM_PROTOCOL',
      /422 Unprocessable (Entity|Content): body\.inputs: Field required$/,
    ],
    [429, { message: 'slow down' }, 'ANM_MODEL_SERVER', /429 Too Many Requests: slow down$/],
    [500, `<html>\n  <b>${'x'.repeat(500)}`, 'ANM_MODEL_SERVER', /500 Internal Server Error: <html> <b>x+\.\.\.$/],
    [
      500,
      'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no such shape\n',
      'ANM_MODEL_SERVER',
      /500 Internal Server Error: ValueError: no such shape$/,
    ],
    [503, '', 'ANM_MODEL_SERVER', /503 Service Unavailable$/],
  ];
  for (const [code, words, expected, message] of cases) {
    [status, body] = [code, words];
    const error = await failure(open(), expected, message);
    assert.match(error.message, /^cannot POST http:\/\/127\.0\.0\.1:\d+\/p\?\.\.\. as it answers /);
    assert.doesNotMatch(
      `${error.message} ${error.hint} ${JSON.stringify(error.details)}`,
      /sesame|of-mine|query-token/,
    );
  }
  [status, body, headers] = [302, '', { location: 'http://elsewhere/' }];
  const { hint } = await failure(open(), 'ANM_PROTOCOL', /302 Found/);
  assert.match(hint, /no redirect is followed/);
  const sent = server.requests.at(-1)!;
  assert.equal(sent.headers['x-api-key'], 'key-of-mine');
  assert.equal(sent.headers.authorization, `Basic ${Buffer.from('ann:open sesame').toString('base64')}`);
});

test('an answer that is too large is not read to its end', async (t) => {
  const server = await localServer(t, () => ({ body: { y: 'x'.repeat(100_000) } }));
  const open = opened(t, `http://${server.host}/`, { ...ENDPOINT, mostAnswerBytes: 1000 });
  await failure(open, 'ANM_MODEL_OUTPUT', /as the answer has more than 1000 bytes$/);
});

test('a server that is not there, and one that is none, are named', async (t) => {
  await failure(opened(t, 'http://127.0.0.1:1/', ENDPOINT), 'ANM_MODEL_SERVER', /127\.0\.0\.1:1 refuses connections$/);
  await failure(opened(t, 'oip+http://127.0.0.1:1/m'), 'ANM_MODEL_SERVER', /cannot GET http:.*refuses connections$/);
  await failure(opened(t, 'models/pump.onnx', ENDPOINT), 'ANM_USAGE', /as a model server as it is no address/);
  await failure(opened(t, 'http://', ENDPOINT), 'ANM_USAGE', /as a model server as it is no address/);
});

test('https: the authority is given, or the certificate is told apart; a server of the other kind is, too', async (t) => {
  let closings = 0;
  const server = await localServer(
    t,
    (received, response) => {
      if (closings === 0) return score(received, response);
      closings--;
      received.socket.destroy();
      return undefined;
    },
    certificateWithKey('server'),
  );
  const scorer = await opened(t, `https://${server.host}/`, { ...ENDPOINT, ca: certificate('ca') });
  const { windows, rows, lists } = someWindows(5, 4);
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  // The connection that takes the place of a closed one trusts the same.
  closings = 1;
  close((await scorer.score({ rows, windows })).scores, lists.map(distance));
  const { hint } = await failure(
    opened(t, `https://${server.host}/`, ENDPOINT),
    'ANM_TLS',
    /as TLS with 127\.0\.0\.1:\d+ fails: /,
  );
  assert.match(hint, /score\.model\.ca/);
  const plain = await localServer(t, score);
  await failure(opened(t, `https://${plain.host}/`, ENDPOINT), 'ANM_TLS', /as TLS with 127\.0\.0\.1:\d+ fails: /);
});
