import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type RegistryServer, startRegistry } from '../../../src/broker/registry.ts';
import { avroRecord, registryCalls } from '../helpers/registryCalls.ts';

const JSON_TYPE = { schemaType: 'JSON' };
const PROTO = { schemaType: 'PROTOBUF' };
const CLOSED = { type: 'object', properties: { value: { type: 'number' } }, additionalProperties: false };
const proto = (body: string) => `syntax = "proto3"; package plant; ${body}`;

describe('JSON Schema and Protobuf in the registry', () => {
  let server: RegistryServer;
  let subject = '';
  let count = 0;
  const { call, refused, register, check, versions } = registryCalls(() => server.url);
  before(async () => {
    server = await startRegistry({ port: 0 });
  });
  after(() => server.close());
  beforeEach(() => {
    subject = `typed-${++count}-value`;
  });

  it('keeps JSON Schema, and gives its type back', async () => {
    const text = '{"type": "object",\n "properties": {"count": {"type": "integer", "maximum": 9223372036854775807}}}';
    const { id } = (await register(subject, text, JSON_TYPE)).body;
    const kept = '{"type":"object","properties":{"count":{"type":"integer","maximum":9223372036854775807}}}';
    assert.deepEqual((await call('GET', `/schemas/ids/${id}`)).body, { schemaType: 'JSON', schema: kept });
    assert.equal((await call('GET', `${versions(subject)}/1`)).body.schemaType, 'JSON');
    assert.equal((await register(subject, kept, JSON_TYPE)).body.id, id);
  });

  it('refuses what is no JSON Schema, with the place', async () => {
    const invalid = async (schema: unknown) =>
      refused(422, 'POST', versions(subject), {
        schema: typeof schema === 'string' ? schema : JSON.stringify(schema),
        ...JSON_TYPE,
      });
    assert.match(await invalid('{"type":'), /not JSON/);
    assert.match(await invalid('[]'), /an object or a boolean/);
    assert.match(await invalid({ type: 'strng' }), /at \/type: it breaks the meta-schema of draft 7/);
    assert.match(await invalid({ $schema: 'http://example.com/mine' }), /none of the dialects draft 7, 2020-12/);
    assert.match(await invalid({ properties: { a: { pattern: '(' } } }), /at \/properties\/a\/pattern: .*\(/);
    assert.match(await invalid({ $ref: '#/definitions/a' }), /'#\/definitions\/a' leads to nothing/);
    assert.match(await invalid({ $ref: 'http://example.com/other.json' }), /leads to nothing within the schema/);
    for (const draft of ['http://json-schema.org/draft-04/schema#', 'https://json-schema.org/draft/2020-12/schema']) {
      assert.equal(
        (await register(`${subject}-${draft.length}`, { $schema: draft, type: 'object' }, JSON_TYPE)).status,
        200,
      );
      assert.match(await invalid({ $schema: draft, minimum: 'low' }), /at \/minimum/);
    }
    const references = [{ name: 'a', subject: 'b', version: 1 }];
    await register('b', { type: 'string' }, JSON_TYPE);
    const referring = { schema: '{}', references, ...JSON_TYPE };
    assert.match(await refused(422, 'POST', versions(subject), referring), /references to other subjects \('a'\)/);
  });

  it('compares JSON Schema as far as it can, and says where it cannot', async () => {
    await register(subject, CLOSED, JSON_TYPE);
    const more = { ...CLOSED, properties: { ...CLOSED.properties, site: { type: 'string' } } };
    assert.deepEqual((await check(subject, more, JSON_TYPE)).body, { is_compatible: true, messages: [] });
    const narrow = { ...CLOSED, properties: { value: { type: 'integer' } } };
    const { body } = await check(subject, narrow, JSON_TYPE);
    assert.equal(body.is_compatible, false);
    assert.match(body.messages[0], /errorType:'TYPE_NARROWED'.*#\/properties\/value/);
    assert.deepEqual(body.messages.slice(1), ['{oldSchemaVersion: 1}', '{compatibility: BACKWARD}']);
    const answer = await register(subject, narrow, JSON_TYPE);
    assert.equal(answer.body.error_code, 409);
    const unsure = { ...CLOSED, not: { required: ['x'] } };
    const path = `/compatibility${versions(subject)}/latest?verbose=true`;
    const message = await refused(42290, 'POST', path, { schema: JSON.stringify(unsure), ...JSON_TYPE });
    assert.match(message, /cannot compare the new schema with version 1 at #\/not; compatibility NONE/);
    await refused(42290, 'POST', versions(subject), { schema: JSON.stringify(unsure), ...JSON_TYPE });
    await call('PUT', `/config/${subject}`, { compatibility: 'NONE' });
    assert.equal((await register(subject, unsure, JSON_TYPE)).status, 200);
  });

  it('keeps Protobuf with imports by reference, and gives its text back', async () => {
    const site = proto('message Site { string code = 1; }');
    await register(`${subject}-site`, site, PROTO);
    const text = proto(
      'import "site.proto"; import "google/protobuf/timestamp.proto"; message Pump { Site site = 1; google.protobuf.Timestamp at = 2; }',
    );
    const references = [{ name: 'site.proto', subject: `${subject}-site`, version: 1 }];
    const { id } = (await register(subject, text, { ...PROTO, references })).body;
    assert.deepEqual((await call('GET', `/schemas/ids/${id}`)).body, {
      schemaType: 'PROTOBUF',
      schema: text,
      references,
    });
    const response = await fetch(`${server.url}${versions(subject)}/1/schema`);
    assert.equal(await response.text(), text);
    await refused(42206, 'DELETE', `/subjects/${subject}-site`);
  });

  it('refuses what is no Protobuf, with the line', async () => {
    const invalid = async (schema: string) => refused(422, 'POST', versions(subject), { schema, ...PROTO });
    assert.match(
      await invalid('syntax = "proto3";\nmessage M { int32 a = ; }'),
      /at the schema, line 2: ';' where a whole number should stand/,
    );
    assert.match(await invalid('{"type":"int"}'), /line 1: '\{' where a message, enum/);
    assert.match(await invalid(proto('message M { Missing a = 1; }')), /the type 'Missing' is not defined/);
    assert.match(await invalid(proto('message M { int32 a = 1; int32 b = 1; }')), /two fields with the number 1/);
    assert.match(await invalid(proto('import "x.proto"; message M {}')), /imports 'x\.proto', which is neither/);
    assert.match(await invalid('CgpzaXRlLnByb3RvIhYKBFNpdGUSDgoEY29kZRgBIAEoCQ=='), /serialized descriptor/);
  });

  it('compares Protobuf by the rules of Redpanda', async () => {
    await register(subject, proto('message M { int32 a = 1; }'), PROTO);
    assert.equal(
      (await check(subject, proto('message M { int64 b = 1; string c = 2; }'), PROTO)).body.is_compatible,
      true,
    );
    const { body } = await check(subject, proto('message M { string a = 1; }'), PROTO);
    assert.match(body.messages[0], /FIELD_SCALAR_KIND_CHANGED.*#\/plant\.M\/1/);
    assert.match(
      (await check(subject, proto('message N { int32 a = 1; }'), PROTO)).body.messages[0],
      /MESSAGE_REMOVED/,
    );
    const commented = proto('/* the same */ message M {\n int32 a = 1; // with words\n}');
    const normal = await call('POST', `${versions(subject)}?normalize=true`, { schema: commented, ...PROTO });
    assert.equal(normal.body.id, (await call('GET', `${versions(subject)}/1`)).body.id);
  });

  it('never takes one language for another', async () => {
    await register(subject, avroRecord({ name: 'a', type: 'int' }));
    for (const [schema, type] of [
      ['{}', JSON_TYPE],
      [proto('message M {}'), PROTO],
    ] as const) {
      const answer = await register(subject, schema, type);
      assert.equal(answer.body.error_code, 409);
      assert.match(answer.body.message, /SCHEMA_TYPE_CHANGED/);
    }
    assert.deepEqual((await call('GET', versions(subject))).body, [1]);
  });
});

describe('normalize and metadata', () => {
  let server: RegistryServer;
  const { call, register, versions } = registryCalls(() => server.url);
  before(async () => {
    server = await startRegistry({ port: 0 });
  });
  after(() => server.close());

  it('takes away what the order of members says, when asked to', async () => {
    const one = '{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"number"}}}';
    const two = '{"properties":{"a":{"type":"number"},"b":{"type":"string"}},"type":"object"}';
    const normalized = (schema: string) => call('POST', `${versions('n')}?normalize=true`, { schema, ...JSON_TYPE });
    const { id } = (await normalized(one)).body;
    assert.equal((await normalized(two)).body.id, id);
    const found = await call('POST', '/subjects/n?normalize=true', { schema: one, ...JSON_TYPE });
    assert.deepEqual([found.body.id, found.body.schema], [id, two]);
    assert.equal((await call('POST', '/subjects/n', { schema: one, ...JSON_TYPE })).body.error_code, 40403);
  });

  it('keeps metadata.properties as a part of the schema', async () => {
    const schema = avroRecord({ name: 'm', type: 'int' });
    const metadata = { properties: { owner: 'plant' } };
    const plain = (await register('m', schema)).body.id;
    const { id } = (await register('m', schema, { metadata })).body;
    assert.notEqual(id, plain);
    assert.deepEqual((await call('GET', `/schemas/ids/${id}`)).body, { schema, metadata });
    assert.equal((await register('m', schema, { metadata })).body.id, id);
    assert.deepEqual((await call('GET', `/subjects/m/versions`)).body, [1, 2]);
  });
});
