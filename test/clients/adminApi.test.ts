import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startAdmin } from '../../src/broker/admin.ts';
import { startBroker } from '../../src/broker/broker.ts';
import { createAdminApi } from '../../src/clients/adminApi.ts';
import { certificate, certificateWithKey } from '../helpers/certificates/files.ts';

const TLS = { ca: certificate('ca') };

async function secured(t: TestContext): Promise<string> {
  const broker = await startBroker({ sasl: { users: { me: 'secret' } } });
  const { credentials } = broker.context;
  const admin = await startAdmin({ port: 0, broker, tls: certificateWithKey('server'), credentials });
  t.after(async () => {
    await admin.close();
    await broker.close();
  });
  return admin.url;
}

/** Answers each request with the same text. */
async function answering(t: TestContext, status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the embedded Admin API behind TLS and a user', async (t) => {
  const url = await secured(t);
  const api = createAdminApi({ urls: [url], tls: TLS, username: 'me', password: 'secret' });
  const health = await api.health();
  assert.deepEqual([health.isHealthy, health.nodesDown, health.url], [true, [], url]);
  assert.ok(Array.isArray(await api.get('/v1/brokers')));
  // The user may stand in the address.
  const inAddress = url.replace('https://', 'https://me:secret@');
  assert.equal((await createAdminApi({ urls: [inAddress], tls: TLS }).health()).url, url);
});

test('without the right user only metrics and readiness are answered, and no secret is told', async (t) => {
  const url = await secured(t);
  for (const login of [{}, { username: 'me', password: 'wrong-4711' }, { token: () => 'token-4711' }]) {
    const api = createAdminApi({ urls: [url], tls: TLS, ...login });
    await assert.rejects(api.health(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ANM_AUTHENTICATION');
      assert.doesNotMatch(`${error.message}${error.stack}`, /4711/);
      return true;
    });
    assert.match(await api.metrics(), /^# (HELP|TYPE) /);
    assert.deepEqual(await api.get('/v1/status/ready'), { status: 'ready' });
  }
});

test('TLS that does not fit is named with the setting of the Admin API', async (t) => {
  const url = await secured(t);
  const plain = await answering(t, 200, '{}');
  const cases = [
    [{ urls: [url] }, /authority that is not trusted/, /admin\.tls\.ca/],
    [{ urls: [url.replace('https', 'http')] }, /it speaks TLS/, /admin\.tls\.enabled=true/],
    [{ urls: [`https://${plain}`] }, /it speaks plain text/, /admin\.tls\.enabled=false/],
  ] as const;
  for (const [connection, message, hint] of cases) {
    await assert.rejects(createAdminApi(connection).health(), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'ANM_TLS', error.message);
      assert.match(error.message, message);
      assert.match(error.hint!, hint);
      return true;
    });
  }
});

test('the next address is asked when one is gone; an answer that is no Admin API is told', async (t) => {
  const unhealthy = JSON.stringify({
    is_healthy: false,
    unhealthy_reasons: ['nodes_down'],
    nodes_down: [2],
    leaderless_count: 3,
  });
  const good = await answering(t, 200, unhealthy);
  const health = await createAdminApi({ urls: ['127.0.0.1:1', good] }).health();
  assert.deepEqual(
    [health.isHealthy, health.reasons, health.nodesDown, health.leaderlessPartitions],
    [false, ['nodes_down'], [2], 3],
  );
  const codes = async (url: string) => {
    try {
      await createAdminApi({ urls: [url] }).health();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  };
  assert.equal(await codes('127.0.0.1:1'), 'ANM_BROKER_UNREACHABLE');
  assert.equal(await codes(await answering(t, 200, '<html>')), 'ANM_PROTOCOL');
  assert.equal(await codes(await answering(t, 200, '{}')), 'ANM_PROTOCOL');
  assert.equal(await codes(await answering(t, 404, '')), 'ANM_PROTOCOL');
  assert.equal(await codes('http://a b'), 'ANM_CONFIG');
});
