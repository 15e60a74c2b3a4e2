import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import avsc from 'avsc';
import { createRegistry } from '../../src/clients/createRegistry.ts';
import type { SchemaRegistry } from '../../src/clients/registry.ts';
import { type ErrorCode, isAnomalyError } from '../../src/errors.ts';

/** A registry to hold to the contract, and in what it is known to differ from Redpanda's. */
export interface RegistryUnderTest {
  readonly url: string;
  /** Has GET and PUT /mode. */
  readonly modes: boolean;
  /** Checks schemas with references. */
  readonly checksReferences: boolean;
  /** A subject's NONE holds against another level for all. */
  readonly subjectNone: boolean;
  close(): Promise<void>;
}

const record = (...fields: object[]) => JSON.stringify({ type: 'record', name: 'Reading', fields });
const VALUE = { name: 'value', type: 'double' };
const READING = record(VALUE);
const WITH_DEFAULT = record(VALUE, { name: 'site', type: 'string', default: '' });
const WITHOUT_DEFAULT = record(VALUE, { name: 'site', type: 'string' });
const LEVELS = ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'];

/** What our client needs of any registry, and what the embedded one has in common with others. */
export function registryContract(name: string, start: () => Promise<RegistryUnderTest>): void {
  describe(`registry contract: ${name}`, () => {
    let server: RegistryUnderTest;
    let registry: SchemaRegistry;
    let subject = '';
    let count = 0;
    // A registry outside of the tests may hold the subjects of an earlier run.
    const run = `c${process.pid}-${Math.round(performance.timeOrigin)}`;
    before(async () => {
      server = await start();
      registry = createRegistry({ urls: [server.url] });
      await put('/config', { compatibility: 'BACKWARD' });
    });
    after(() => server?.close());
    beforeEach(() => {
      subject = `${run}-${++count}-value`;
    });

    async function ask(method: string, path: string, body?: unknown) {
      const answer = await fetch(server.url + path, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' } }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
    }
    const put = (path: string, body: unknown) => ask('PUT', path, body);
    /** A schema that no other test registers. */
    const own = (...fields: object[]) =>
      JSON.stringify({ type: 'record', name: 'Own', doc: subject, fields: [VALUE, ...fields] });

    it('gives the same id to the same schema, under every subject and after it is asked for again', async () => {
      const schema = own();
      const { id } = await registry.register(subject, schema);
      assert.equal((await registry.register(subject, schema)).id, id);
      assert.equal((await registry.register(`${subject}-2`, schema)).id, id);
      assert.deepEqual(await registry.versions(subject), [1]);
      const found = await registry.schemaById(id);
      assert.deepEqual(
        { ...found, schema: JSON.parse(found.schema) },
        { id, type: 'AVRO', references: [], schema: JSON.parse(schema) },
      );
      const places = (await ask('GET', `/schemas/ids/${id}/versions`)).body as { subject: string; version: number }[];
      for (const wanted of [subject, `${subject}-2`]) {
        assert.ok(
          places.some((place) => place.subject === wanted && place.version === 1),
          JSON.stringify(places),
        );
      }
    });

    it('finds versions by number, as latest, and by their schema', async () => {
      const one = await registry.register(subject, READING);
      const two = await registry.register(subject, WITH_DEFAULT);
      assert.notEqual(one.id, two.id);
      assert.equal((await registry.version(subject, 1)).id, one.id);
      const latest = await registry.latest(subject);
      assert.deepEqual([latest?.version, latest?.id, latest?.type], [2, two.id, 'AVRO']);
      assert.equal((await registry.lookup(subject, READING))?.version, 1);
      assert.equal(await registry.lookup(subject, WITHOUT_DEFAULT), null);
      assert.ok((await registry.subjects()).includes(subject));
      assert.deepEqual((await ask('GET', `/subjects/${subject}/versions/1/schema`)).body, JSON.parse(READING));
    });

    it('tells apart what is missing', async () => {
      assert.equal(await registry.latest(subject), null);
      assert.equal(await registry.lookup(subject, READING), null);
      assert.match(await failure(registry.versions(subject), 'ANM_SCHEMA_UNKNOWN'), /\(40401\)$/);
      assert.match(await failure(registry.schemaById(2_000_000_000), 'ANM_SCHEMA_UNKNOWN'), /\(40403\)$/);
      await registry.register(subject, READING);
      assert.match(await failure(registry.version(subject, 9), 'ANM_SCHEMA_UNKNOWN'), /\(40402\)$/);
      await failure(registry.register(subject, '{"type":"strng"}'), 'ANM_SCHEMA_INVALID');
    });

    it('names path, rule, level and version of a schema that does not fit', async () => {
      await registry.register(subject, READING);
      const wanted =
        "field 'site': the new schema gives it no default and version 1 has no such field " +
        '(READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1), BACKWARD against version 1';
      assert.equal(
        await failure(registry.register(subject, WITHOUT_DEFAULT), 'ANM_SCHEMA_INCOMPATIBLE'),
        `cannot register the schema under subject '${subject}': ${wanted}`,
      );
      assert.deepEqual(await registry.check(subject, WITHOUT_DEFAULT), { compatible: false, messages: [wanted] });
      assert.deepEqual(await registry.check(subject, WITH_DEFAULT), { compatible: true, messages: [] });
      assert.deepEqual(await registry.check(`${subject}-none`, WITHOUT_DEFAULT), { compatible: true, messages: [] });
      assert.deepEqual(await registry.versions(subject), [1]);
    });

    it('holds each level in the direction that it names', async () => {
      const renamed = record({ name: 'level', type: 'double', default: 0 });
      const takes: Record<string, [boolean, boolean]> = {
        // Adding a field without default, and removing one that has none.
        NONE: [true, true],
        BACKWARD: [false, true],
        BACKWARD_TRANSITIVE: [false, true],
        FORWARD: [true, false],
        FORWARD_TRANSITIVE: [true, false],
        FULL: [false, false],
        FULL_TRANSITIVE: [false, false],
      };
      await registry.register(subject, READING);
      for (const level of LEVELS) {
        if (level === 'NONE' && !server.subjectNone) continue;
        await put(`/config/${subject}`, { compatibility: level });
        assert.equal(await registry.compatibility(subject), level);
        const added = await registry.check(subject, WITHOUT_DEFAULT);
        const removed = await registry.check(subject, renamed);
        assert.deepEqual([added.compatible, removed.compatible], takes[level], level);
      }
      await ask('DELETE', `/config/${subject}`);
      assert.equal(await registry.compatibility(subject), 'BACKWARD');
    });

    it('looks at all versions for a transitive level, at the last one else', async () => {
      await registry.register(subject, READING);
      await registry.register(subject, WITH_DEFAULT);
      // The last version has the field, so only the first one stands against it.
      await put(`/config/${subject}`, { compatibility: 'BACKWARD_TRANSITIVE' });
      const { compatible, messages } = await registry.check(subject, WITHOUT_DEFAULT);
      assert.equal(compatible, false);
      assert.match(messages[0]!, /BACKWARD_TRANSITIVE against version 1$/);
      await put(`/config/${subject}`, { compatibility: 'BACKWARD' });
      assert.deepEqual(await registry.check(subject, WITHOUT_DEFAULT), { compatible: true, messages: [] });
    });

    it('hides what is deleted softly, shows it on demand, and forgets it for good', async () => {
      const { id } = await registry.register(subject, own());
      await registry.register(subject, own({ name: 'site', type: 'string', default: '' }));
      assert.equal((await ask('DELETE', `/subjects/${subject}/versions/2`)).body, 2);
      assert.deepEqual(await registry.versions(subject), [1]);
      assert.deepEqual(await registry.versions(subject, { deleted: true }), [1, 2]);
      assert.equal((await registry.latest(subject))?.version, 1);
      assert.equal((await registry.version(subject, 2, { deleted: true })).version, 2);
      assert.equal((await ask('DELETE', `/subjects/${subject}/versions/2`)).body.error_code, 40406);
      assert.deepEqual((await ask('DELETE', `/subjects/${subject}`)).body.includes(1), true);
      assert.ok(!(await registry.subjects()).includes(subject));
      assert.ok((await registry.subjects({ deleted: true })).includes(subject));
      assert.equal((await registry.schemaById(id)).id, id, 'records with the id are still there');
      assert.equal((await ask('DELETE', `/subjects/${subject}?permanent=true`)).status, 200);
      assert.ok(!(await registry.subjects({ deleted: true })).includes(subject));
    });

    it('reads schemas through references, and gives them whole to decoders', async () => {
      const site = JSON.stringify({
        type: 'record',
        name: 'plant.Site',
        doc: subject,
        fields: [{ name: 'code', type: 'string' }],
      });
      await registry.register(`${subject}-site`, site);
      const references = [{ name: 'plant.Site', subject: `${subject}-site`, version: 1 }];
      const pump = (...more: object[]) => {
        const fields = [{ name: 'site', type: 'plant.Site' }, ...more];
        return JSON.stringify({ type: 'record', name: 'Pump', namespace: 'plant', doc: subject, fields });
      };
      const { id } = await registry.register(subject, pump(), { references });
      assert.deepEqual((await registry.definitionById(id)).references, references);
      assert.deepEqual((await registry.latest(subject))?.references, references);
      assert.equal((await registry.lookup(subject, pump(), { references }))?.id, id);
      const whole = await registry.schemaById(id);
      const type = avsc.Type.forSchema(JSON.parse(whole.schema));
      assert.deepEqual({ ...type.fromBuffer(type.toBuffer({ site: { code: 'A' } })).site }, { code: 'A' });
      if (server.checksReferences) {
        const { compatible, messages } = await registry.check(subject, pump({ name: 'flow', type: 'int' }), 'latest', {
          references,
        });
        assert.equal(compatible, false);
        assert.match(messages[0]!, /^field 'flow'.*\(READER_FIELD_MISSING_DEFAULT_VALUE at \/fields\/1\)/);
      }
    });

    it('keeps JSON Schema and Protobuf with their type', async () => {
      const json = '{"type":"object","properties":{"value":{"type":"number"}}}';
      const doc = await registry.register(`${subject}-json`, json, { type: 'JSON' });
      const found = await registry.schemaById(doc.id);
      assert.deepEqual([found.type, JSON.parse(found.schema)], ['JSON', JSON.parse(json)]);
      const proto = 'syntax = "proto3";\nmessage Reading {\n  double value = 1;\n}\n';
      const message = await registry.register(`${subject}-proto`, proto, { type: 'PROTOBUF' });
      const text = await registry.schemaById(message.id);
      assert.equal(text.type, 'PROTOBUF');
      assert.match(text.schema, /message Reading \{\s*double value = 1;\s*\}/);
      assert.equal((await registry.latest(`${subject}-proto`))?.type, 'PROTOBUF');
      const narrowed = proto.replace('double', 'string');
      assert.equal(
        (await registry.check(`${subject}-proto`, narrowed, 'latest', { type: 'PROTOBUF' })).compatible,
        false,
      );
    });

    it('takes subjects with slashes, spaces and other letters', async () => {
      for (const odd of [`${subject}/a b`, `${subject}.ü-%`]) {
        const { id } = await registry.register(odd, own());
        assert.equal((await registry.latest(odd))?.id, id);
        assert.ok((await registry.subjects()).includes(odd));
      }
    });

    it('has its modes, or says that it has none', async () => {
      const { status, body } = await ask('GET', '/mode');
      assert.equal(status, server.modes ? 200 : 404);
      if (server.modes) assert.deepEqual(body, { mode: 'READWRITE' });
    });

    it('says that it is ready', async () => {
      assert.equal(await registry.ready(), server.url);
      const types = (await ask('GET', '/schemas/types')).body as string[];
      assert.deepEqual([...types].sort(), ['AVRO', 'JSON', 'PROTOBUF']);
    });
  });
}

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
