import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import { readSchemaId, type SchemaRegistry, writeWireHeader } from '../../src/clients/registry.ts';
import { type ErrorCode, isAnomalyError } from '../../src/errors.ts';

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
const READING = record({ name: 'value', type: 'double' });
const WITH_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string', default: '' });
const WITHOUT_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string' });

async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isAnomalyError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error.message;
  }
  return assert.fail(`no ${code}`);
}

describe('Schema Registry client', () => {
  let server: HttpServer;
  let registry: SchemaRegistry;
  let subject = '';
  let count = 0;
  before(async () => {
    server = await startRegistry({ port: 0 });
    registry = createRegistry({ urls: [server.url] });
  });
  after(() => server.close());
  beforeEach(() => {
    subject = `pumps/${++count}-value`;
  });

  it('registers, finds and lists schemas', async () => {
    const { id } = await registry.register(subject, READING);
    assert.equal((await registry.register(subject, READING)).id, id);
    assert.deepEqual(await registry.schemaById(id), { id, schema: READING, type: 'AVRO', references: [] });
    await registry.register(subject, WITH_DEFAULT);
    assert.deepEqual(await registry.versions(subject), [1, 2]);
    assert.equal((await registry.version(subject, 1)).id, id);
    assert.equal((await registry.latest(subject))?.version, 2);
    assert.equal((await registry.lookup(subject, READING))?.version, 1);
    assert.equal(await registry.lookup(subject, WITHOUT_DEFAULT), null);
    assert.ok((await registry.subjects()).includes(subject));
    assert.equal(await registry.compatibility(subject), 'BACKWARD');
    assert.equal(await registry.ready(), server.url);
  });

  it('takes a subject that does not exist for one that fits anything', async () => {
    assert.equal(await registry.latest(subject), null);
    assert.equal(await registry.lookup(subject, READING), null);
    assert.deepEqual(await registry.check(subject, READING), { compatible: true, messages: [] });
    assert.equal(await registry.compatibility(subject), 'BACKWARD');
    assert.match(await failure(registry.versions(subject), 'ANM_SCHEMA_UNKNOWN'), /40401/);
  });

  it('names field, rule, level and version of an incompatible schema', async () => {
    await registry.register(subject, READING);
    const message = await failure(registry.register(subject, WITHOUT_DEFAULT), 'ANM_SCHEMA_INCOMPATIBLE');
    assert.equal(
      message,
      `cannot register the schema under subject '${subject}': field 'site': the new schema gives it no default and ` +
        'version 1 has no such field (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1), BACKWARD against version 1',
    );
    const { compatible, messages } = await registry.check(subject, WITHOUT_DEFAULT);
    assert.equal(compatible, false);
    assert.deepEqual(messages.length, 1);
    assert.match(messages[0]!, /^field 'site'.*READER_FIELD_MISSING_DEFAULT_VALUE/);
    assert.deepEqual(await registry.check(subject, WITH_DEFAULT), { compatible: true, messages: [] });
  });

  it('tells an invalid schema from an unknown one', async () => {
    assert.match(await failure(registry.register(subject, '{"type":"strng"}'), 'ANM_SCHEMA_INVALID'), /strng/);
    await failure(registry.schemaById(424242), 'ANM_SCHEMA_UNKNOWN');
    await registry.register(subject, READING);
    await failure(registry.version(subject, 9), 'ANM_SCHEMA_UNKNOWN');
    await failure(registry.check(subject, READING, 9), 'ANM_SCHEMA_UNKNOWN');
  });

  it('names the address that does not answer, and the setting of the timeout', async (t) => {
    const closed = await startRegistry({ port: 0 });
    await closed.close();
    const gone = createRegistry({ urls: [closed.url] });
    assert.ok((await failure(gone.subjects(), 'ANM_REGISTRY_UNREACHABLE')).includes(closed.url));
    // Accepts and never answers.
    const silent = await listen(t, () => {});
    const slow = createRegistry({ urls: [silent.url], timeoutMs: 20 });
    assert.match(await failure(slow.subjects(), 'ANM_TIMEOUT'), /within 20 ms \(request_timeout\)/);
  });

  it('goes on to the next address, and begins there the next time', async (t) => {
    const down = await startRegistry({ port: 0 });
    await down.close();
    let broken = 0;
    const failing = await listen(t, (_, response) => {
      broken += 1;
      response.writeHead(503).end('<html>');
    });
    const address = server.url.replace('http://', '');
    const several = createRegistry({ urls: [down.url, failing.url, address] });
    await several.register(subject, READING);
    await several.subjects();
    assert.equal(broken, 1);
  });

  it('sends basic credentials, and reports refused ones without showing them', async (t) => {
    const seen: (string | undefined)[] = [];
    const guard = await listen(t, (request, response) => {
      seen.push(request.headers.authorization);
      const ok = request.headers.authorization === `Basic ${btoa('ana:secret')}`;
      response.writeHead(ok ? 200 : 401, { 'content-type': 'application/json' });
      response.end(ok ? '[]' : '{"error_code":40101,"message":"Unauthorized"}');
    });
    const urls = [guard.url];
    assert.deepEqual(await createRegistry({ urls, username: 'ana', password: 'secret' }).subjects(), []);
    const inUrl = guard.url.replace('http://', 'http://ana:secret@');
    assert.deepEqual(await createRegistry({ urls: [inUrl] }).subjects(), []);
    const wrong = createRegistry({ urls: [guard.url.replace('http://', 'http://ana:hunter2@')] });
    const message = await failure(wrong.subjects(), 'ANM_AUTHENTICATION');
    assert.ok(!message.includes('hunter2'), message);
    await failure(createRegistry({ urls }).subjects(), 'ANM_AUTHENTICATION');
    assert.equal(seen.at(-1), undefined);
  });

  it('asks for an id once, but again after a failure', async (t) => {
    let requests = 0;
    let known = false;
    const counting = await listen(t, (_, response) => {
      requests += 1;
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
      response.end(known ? '{"schema":"\\"int\\""}' : '{"error_code":40403,"message":"not found"}');
    });
    const client = createRegistry({ urls: [counting.url] });
    await failure(client.schemaById(5), 'ANM_SCHEMA_UNKNOWN');
    known = true;
    await Promise.all([client.schemaById(5), client.schemaById(5)]);
    await client.schemaById(5);
    assert.equal(requests, 2);
  });

  it('falls back to the words of the registry where the own comparison finds nothing', async (t) => {
    const strict = await listen(t, (request, response) => {
      const path = request.url ?? '';
      const answer = path.startsWith('/compatibility')
        ? { is_compatible: false, messages: ['house rule 7'] }
        : path.startsWith('/config')
          ? { compatibilityLevel: 'BACKWARD' }
          : path.endsWith('/versions')
            ? [1]
            : { id: 1, version: 1, schema: READING };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    const client = createRegistry({ urls: [strict.url] });
    assert.deepEqual(await client.check(subject, READING), { compatible: false, messages: ['house rule 7'] });
  });

  it('says when the other side is no registry', async (t) => {
    const page = await listen(t, (_, response) => response.writeHead(200).end('<html>hello</html>'));
    await failure(createRegistry({ urls: [page.url] }).subjects(), 'ANM_PROTOCOL');
    await assert.rejects(async () => createRegistry({ urls: [] }), /registry\.urls is empty/);
    await assert.rejects(async () => createRegistry({ urls: ['ftp://x'] }), /scheme ftp/);
  });
});

describe('wire format', () => {
  it('reads back what it wrote, at any place', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.nat(20), (id, position) => {
        const bytes = new Uint8Array(40).fill(0xee);
        const end = writeWireHeader(bytes, position, id);
        assert.equal(end, position + 5);
        assert.equal(readSchemaId(bytes, position, end), id);
        assert.equal(bytes[end], 0xee);
      }),
    );
  });

  it('knows what is not in wire format', () => {
    assert.equal(readSchemaId(new Uint8Array([0, 0, 0, 0]), 0, 4), -1);
    assert.equal(readSchemaId(new Uint8Array([1, 0, 0, 0, 1]), 0, 5), -1);
    assert.equal(readSchemaId(new Uint8Array(8), -1, -1), -1);
    assert.equal(readSchemaId(new Uint8Array([0, 0, 0, 1, 2]), 0, 5), 258);
  });
});

/** A server of the test's own, for answers that no healthy registry gives. */
async function listen(t: TestContext, handle: NonNullable<Parameters<typeof createServer>[1]>) {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}` };
}
