import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { startHttpServer } from '../../src/broker/httpServer.ts';

describe('HTTP server of the embedded services', () => {
  it('has room for so many bytes of bodies at once, and again when a request is over', async (t) => {
    const server = await startHttpServer({
      port: 0,
      host: '127.0.0.1',
      purpose: 'test',
      maxBodyBytes: 1000,
      maxBufferedBytes: 1200,
      tooLarge: { status: 413, contentType: 'text/plain', body: 'too large' },
      handle: async ({ body }) => ({ status: 200, contentType: 'text/plain', body: String(body.length) }),
    });
    t.after(() => server.close());
    const post = async (bytes: number) => {
      const answer = await fetch(server.url, { method: 'POST', body: 'x'.repeat(bytes) });
      return [answer.status, await answer.text()];
    };
    assert.deepEqual(await post(1000), [200, '1000']);
    assert.deepEqual(await post(1001), [413, 'too large']);
    const slow = connect(server.port, '127.0.0.1');
    t.after(() => slow.destroy());
    slow.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(900)}`);
    // Until the server has read what the slow client sent.
    let [status, text] = await post(500);
    while (status === 200) [status, text] = await post(500);
    assert.equal(status, 503);
    assert.match(String(text), /too many large requests at once/);
    assert.deepEqual(await post(200), [200, '200']);
    slow.write('x'.repeat(100));
    const [answer] = (await once(slow, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200 .*1000$/s);
    assert.deepEqual(await post(500), [200, '500']);
  });

  it('drops a client that goes away in the middle of its body, and its bytes', async (t) => {
    const server = await startHttpServer({
      port: 0,
      host: '127.0.0.1',
      purpose: 'test',
      maxBodyBytes: 1000,
      maxBufferedBytes: 1000,
      tooLarge: { status: 413, contentType: 'text/plain', body: '' },
      handle: ({ body }) => ({ status: 200, contentType: 'text/plain', body: String(body.length) }),
    });
    t.after(() => server.close());
    const post = async () => (await fetch(server.url, { method: 'POST', body: 'x'.repeat(500) })).status;
    const gone = connect(server.port, '127.0.0.1');
    gone.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(900)}`);
    while ((await post()) === 200);
    gone.destroy();
    while ((await post()) === 503);
    assert.equal(await post(), 200);
  });
});
