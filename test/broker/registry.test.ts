import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { isAnomalyError } from '../../src/errors.ts';

const READING = record({ name: 'value', type: 'double' });
const WITH_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string', default: '' });
const WITHOUT_DEFAULT = record({ name: 'value', type: 'double' }, { name: 'site', type: 'string' });

function record(...fields: object[]): string {
  return JSON.stringify({ type: 'record', name: 'Reading', fields });
}

describe('embedded Schema Registry', () => {
  let server: HttpServer;
  let count = 0;
  let subject = '';
  before(async () => {
    server = await startRegistry({ port: 0 });
  });
  after(() => server.close());
  beforeEach(() => {
    subject = `topic-${++count}-value`;
  });

  async function call(method: string, path: string, body?: unknown, type = 'application/vnd.schemaregistry.v1+json') {
    const response = await fetch(server.url + path, {
      method,
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': type } }),
    });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: text === '' ? null : JSON.parse(text),
    };
  }
  const register = (schema: string, to = subject) => call('POST', `/subjects/${to}/versions`, { schema });
  async function refused(status: number, code: number, method: string, path: string, body?: unknown) {
    const answer = await call(method, path, body);
    assert.deepEqual([answer.status, answer.body.error_code], [status, code], JSON.stringify(answer.body));
    assert.equal(typeof answer.body.message, 'string');
    return answer.body.message as string;
  }

  it('is ready, offers three languages, and answers in the registry content type', async () => {
    assert.deepEqual(await call('GET', '/status/ready'), {
      status: 200,
      type: 'application/vnd.schemaregistry.v1+json',
      body: null,
    });
    assert.deepEqual((await call('GET', '/schemas/types')).body, ['JSON', 'PROTOBUF', 'AVRO']);
    await refused(404, 404, 'GET', '/nothing/here');
    await refused(405, 405, 'PATCH', '/subjects/a/versions');
  });

  it('gives one id to one schema, whatever its white space, under every subject', async () => {
    const first = (await register(READING)).body.id;
    assert.equal((await register(READING)).body.id, first);
    const spaced = JSON.stringify(JSON.parse(READING), null, 2);
    assert.equal((await register(spaced, `${subject}-2`)).body.id, first);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions`)).body, [1]);
    assert.deepEqual((await call('GET', `/schemas/ids/${first}`)).body, { schema: READING });
    const places = (await call('GET', `/schemas/ids/${first}/versions`)).body;
    assert.ok(places.some((place: { subject: string }) => place.subject === `${subject}-2`));
    assert.ok((await call('GET', `/schemas/ids/${first}/subjects`)).body.includes(subject));
  });

  it('gives versions by number, as latest and as bare schema', async () => {
    const one = (await register(READING)).body.id;
    const two = (await register(WITH_DEFAULT)).body.id;
    assert.notEqual(one, two);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions/1`)).body, {
      subject,
      version: 1,
      id: one,
      schema: READING,
    });
    assert.equal((await call('GET', `/subjects/${subject}/versions/latest`)).body.version, 2);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions/2/schema`)).body, JSON.parse(WITH_DEFAULT));
    assert.deepEqual((await call('POST', `/subjects/${subject}`, { schema: WITH_DEFAULT })).body.version, 2);
    assert.ok((await call('GET', '/subjects')).body.includes(subject));
  });

  it('answers what is missing or malformed by the codes of Redpanda', async () => {
    await refused(404, 40401, 'GET', `/subjects/${subject}/versions`);
    await refused(404, 40401, 'GET', `/subjects/${subject}/versions/latest`);
    await refused(404, 40401, 'POST', `/subjects/${subject}`, { schema: READING });
    await refused(404, 40401, 'DELETE', `/subjects/${subject}`);
    await register(READING);
    await refused(404, 40402, 'GET', `/subjects/${subject}/versions/7`);
    await refused(404, 40403, 'GET', '/schemas/ids/99999');
    await refused(404, 40403, 'POST', `/subjects/${subject}`, { schema: WITH_DEFAULT });
    await refused(422, 42202, 'GET', `/subjects/${subject}/versions/first`);
    await refused(422, 42202, 'GET', `/subjects/${subject}/versions/0`);
    await refused(422, 42201, 'POST', `/subjects/${subject}/versions`, { schema: '' });
    await refused(422, 422, 'POST', `/subjects/${subject}/versions`, { schema: '{"type":"strng"}' });
    await refused(422, 422, 'POST', `/subjects/${subject}/versions`, '{');
    assert.equal((await call('POST', `/subjects/${subject}/versions`, READING, 'text/csv')).status, 415);
  });

  it('refuses what it cannot do, and says so', async () => {
    const path = `/subjects/${subject}/versions`;
    assert.match(await refused(422, 422, 'POST', path, { schema: '{}', schemaType: 'XML' }), /"XML": valid are JSON/);
    await refused(422, 42205, 'POST', path, { schema: READING, id: 12 });
    await refused(422, 42201, 'POST', path, { schema: READING, version: 2 });
    assert.match(await refused(422, 422, 'POST', path, { schema: READING, ruleSet: {} }), /'ruleSet' is not supported/);
    const metadata = { tags: { a: ['PII'] } };
    assert.match(
      await refused(422, 422, 'POST', path, { schema: READING, metadata }),
      /metadata\.tags is not supported/,
    );
    assert.match(await refused(422, 422, 'GET', '/subjects/:.ctx:a/versions'), /':\.ctx:a' names a context/);
    assert.match(await refused(422, 422, 'GET', '/contexts/.ctx/subjects'), /contexts are not supported/);
    await register(READING);
    assert.match(await refused(422, 422, 'GET', `${path}/1?format=resolved`), /format 'resolved'/);
  });

  it('takes what clients send without meaning anything by it', async () => {
    const nothing = { schemaType: 'AVRO', references: [], metadata: null, ruleSet: null, id: -1, version: null };
    const { id } = (await call('POST', `/subjects/${subject}/versions`, { schema: READING, ...nothing })).body;
    assert.equal((await register(READING)).body.id, id);
    assert.equal((await register(READING, `:.:${subject}`)).body.id, id);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions`)).body, [1]);
    assert.deepEqual((await call('GET', '/contexts')).body, ['.']);
  });

  it('refuses an incompatible version with field and rule', async () => {
    await register(READING);
    const message = await refused(409, 409, 'POST', `/subjects/${subject}/versions`, { schema: WITHOUT_DEFAULT });
    assert.match(message, /READER_FIELD_MISSING_DEFAULT_VALUE/);
    assert.match(message, /field 'site'/);
    await call('PUT', `/config/${subject}`, { compatibility: 'NONE' });
    assert.equal((await register(WITHOUT_DEFAULT)).status, 200);
  });

  it('checks compatibility against a version, tersely and verbosely', async () => {
    await register(READING);
    const path = `/compatibility/subjects/${subject}/versions/latest`;
    assert.deepEqual((await call('POST', path, { schema: WITH_DEFAULT })).body, { is_compatible: true });
    assert.deepEqual((await call('POST', path, { schema: WITHOUT_DEFAULT })).body, { is_compatible: false });
    const verbose = (await call('POST', `${path}?verbose=true`, { schema: WITHOUT_DEFAULT })).body;
    assert.equal(verbose.is_compatible, false);
    assert.match(verbose.messages[0], /^\{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', .*\/fields\/1/);
    assert.deepEqual(verbose.messages.slice(1), ['{oldSchemaVersion: 1}', '{compatibility: BACKWARD}']);
    await refused(422, 422, 'POST', path, { schema: '{' });
    assert.equal((await call('POST', `${path}?verbose=true`, { schema: '{' })).body.is_compatible, false);
    await refused(404, 40402, 'POST', `/compatibility/subjects/${subject}/versions/3`, { schema: READING });
    await refused(404, 40401, 'POST', '/compatibility/subjects/none/versions/latest', { schema: READING });
  });

  it('compares with the latest version only, unless the level is transitive', async () => {
    await register(READING);
    await register(WITH_DEFAULT);
    assert.equal((await register(WITHOUT_DEFAULT)).status, 200);
    const other = `${subject}-t`;
    await call('PUT', `/config/${other}`, { compatibility: 'BACKWARD_TRANSITIVE' });
    await register(READING, other);
    await register(WITH_DEFAULT, other);
    const answer = await register(WITHOUT_DEFAULT, other);
    assert.equal(answer.status, 409);
    assert.match(answer.body.message, /version 1/);
  });

  it('holds FORWARD and FULL', async () => {
    const changed = record({ name: 'level', type: 'double', default: 0 });
    await call('PUT', `/config/${subject}`, { compatibility: 'FORWARD' });
    await register(READING);
    assert.match((await register(changed)).body.message, /version 1 gives it no default/);
    assert.equal((await register(WITHOUT_DEFAULT)).status, 200);
    await call('PUT', `/config/${subject}`, { compatibility: 'FULL' });
    const both = await register(record({ name: 'level', type: 'int' }));
    assert.match(both.body.message, /field 'level'.*field 'value'/);
  });

  it('keeps a level for a subject and one for all', async () => {
    await refused(404, 40408, 'GET', `/config/${subject}`);
    assert.deepEqual((await call('GET', `/config/${subject}?defaultToGlobal=true`)).body, {
      compatibilityLevel: 'BACKWARD',
    });
    assert.deepEqual((await call('PUT', `/config/${subject}`, { compatibility: 'FULL' })).body, {
      compatibility: 'FULL',
    });
    assert.deepEqual((await call('GET', `/config/${subject}`)).body, { compatibilityLevel: 'FULL' });
    await refused(422, 42203, 'PUT', '/config', { compatibility: 'SIDEWAYS' });
    assert.deepEqual((await call('DELETE', `/config/${subject}`)).body, { compatibilityLevel: 'FULL' });
    await refused(404, 40401, 'DELETE', `/config/${subject}`);
  });

  it('gives up a level for all by DELETE /config', async () => {
    const own = await startRegistry({ port: 0 });
    const ask = async (method: string, body?: object) =>
      (
        await fetch(`${own.url}/config`, {
          headers: { 'content-type': 'application/json' },
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      ).json();
    assert.deepEqual(await ask('PUT', { compatibility: 'full_transitive' }), { compatibility: 'FULL_TRANSITIVE' });
    assert.deepEqual(await ask('GET'), { compatibilityLevel: 'FULL_TRANSITIVE' });
    await ask('DELETE');
    assert.deepEqual(await ask('GET'), { compatibilityLevel: 'BACKWARD' });
    await own.close();
  });

  it('changes nothing in READONLY mode', async () => {
    await refused(404, 40409, 'GET', `/mode/${subject}`);
    assert.deepEqual((await call('GET', '/mode')).body, { mode: 'READWRITE' });
    await register(READING);
    assert.deepEqual((await call('PUT', `/mode/${subject}`, { mode: 'READONLY' })).body, { mode: 'READONLY' });
    assert.deepEqual((await call('GET', `/mode/${subject}`)).body, { mode: 'READONLY' });
    const message = await refused(422, 42205, 'POST', `/subjects/${subject}/versions`, { schema: WITH_DEFAULT });
    assert.equal(message, `Subject ${subject} is in read-only mode`);
    await refused(422, 42205, 'DELETE', `/subjects/${subject}/versions/1`);
    await refused(422, 42205, 'DELETE', `/subjects/${subject}`);
    await refused(422, 42205, 'PUT', `/config/${subject}`, { compatibility: 'NONE' });
    assert.equal((await register(READING)).status, 200, 'what is there already needs no write');
    await refused(422, 42204, 'PUT', `/mode/${subject}`, { mode: 'SOMETIMES' });
    assert.deepEqual((await call('DELETE', `/mode/${subject}`)).body, { mode: 'READONLY' });
    await refused(404, 40401, 'DELETE', `/mode/${subject}`);
    assert.equal((await register(WITH_DEFAULT)).status, 200);
  });

  it('takes given ids and versions in IMPORT mode, unchecked, and never two schemas of one id', async () => {
    const path = `/subjects/${subject}/versions`;
    const imported = (type: string) => record({ name: 'imported', type });
    await call('PUT', `/mode/${subject}`, { mode: 'IMPORT' });
    assert.deepEqual((await call('POST', path, { schema: imported('int'), id: 5001, version: 7 })).body, { id: 5001 });
    assert.deepEqual((await call('POST', path, { schema: imported('string'), id: 5002, version: 9 })).body, {
      id: 5002,
    });
    assert.deepEqual((await call('GET', path)).body, [7, 9]);
    assert.match(
      await refused(422, 42207, 'POST', path, { schema: imported('bytes'), id: 5001 }),
      /id 5001 is not permitted/,
    );
    assert.match(
      await refused(422, 42207, 'POST', path, { schema: imported('int'), id: 6 }),
      /with id 5001 instead of input id 6/,
    );
    await refused(422, 42205, 'POST', path, { schema: imported('bytes') });
    await refused(422, 42205, 'PUT', '/mode', { mode: 'IMPORT' });
    await call('DELETE', `/mode/${subject}`);
    await refused(422, 42205, 'PUT', `/mode/${subject}`, { mode: 'IMPORT' });
    assert.equal((await call('PUT', `/mode/${subject}?force=true`, { mode: 'IMPORT' })).status, 200);
    await call('DELETE', `/mode/${subject}`);
    // Ids that come after are new ones.
    const fresh = record({ name: 'fresh', type: 'int' });
    assert.equal((await register(fresh, `${subject}-other`)).body.id, 5003);
  });

  it('hides deleted versions, brings them back, and forgets them only on demand', async () => {
    await register(READING);
    const id = (await register(WITH_DEFAULT)).body.id;
    await refused(404, 40407, 'DELETE', `/subjects/${subject}/versions/2?permanent=true`);
    assert.equal((await call('DELETE', `/subjects/${subject}/versions/2`)).body, 2);
    await refused(404, 40406, 'DELETE', `/subjects/${subject}/versions/2`);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions`)).body, [1]);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions?deleted=true`)).body, [1, 2]);
    await refused(404, 40402, 'GET', `/subjects/${subject}/versions/2`);
    // As on Redpanda: the same id under a new version.
    assert.equal((await register(WITH_DEFAULT)).body.id, id);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions`)).body, [1, 3]);
    assert.equal((await call('GET', `/subjects/${subject}/versions/2?deleted=true`)).body.id, id);
    assert.equal((await call('DELETE', `/subjects/${subject}/versions/2?permanent=true`)).body, 2);
    assert.deepEqual((await call('GET', `/subjects/${subject}/versions?deleted=true`)).body, [1, 3]);

    await refused(404, 40405, 'DELETE', `/subjects/${subject}?permanent=true`);
    assert.deepEqual((await call('DELETE', `/subjects/${subject}`)).body, [1, 3]);
    await refused(404, 40404, 'DELETE', `/subjects/${subject}`);
    await refused(404, 40401, 'GET', `/subjects/${subject}/versions`);
    assert.ok(!(await call('GET', '/subjects')).body.includes(subject));
    assert.ok((await call('GET', '/subjects?deleted=true')).body.includes(subject));
    assert.deepEqual((await call('DELETE', `/subjects/${subject}?permanent=true`)).body, [1, 3]);
    assert.ok(!(await call('GET', '/subjects?deleted=true')).body.includes(subject));
  });

  it('gives a schema that is gone for good a new id, never an old one again', async () => {
    const only = record({ name: 'only', type: 'int' });
    const first = (await register(only)).body.id;
    await call('DELETE', `/subjects/${subject}`);
    assert.equal((await call('GET', `/schemas/ids/${first}`)).status, 200, 'records with the id are still there');
    await call('DELETE', `/subjects/${subject}?permanent=true`);
    assert.ok((await register(only)).body.id > first);
  });

  it('takes subjects with a slash, and refuses bodies without end', async () => {
    assert.equal((await register(READING, encodeURIComponent('a/b'))).status, 200);
    assert.deepEqual((await call('GET', '/subjects/a%2Fb/versions')).body, [1]);
    await refused(413, 413, 'POST', `/subjects/${subject}/versions`, { schema: ' '.repeat(2 ** 21) });
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    await assert.rejects(
      startRegistry({ port }),
      (error) =>
        isAnomalyError(error) && error.code === 'ANM_PORT_IN_USE' && error.message.includes(`127.0.0.1:${port}`),
    );
    await new Promise((resolve) => other.close(resolve));
  });
});
