import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HttpServer } from '../../../src/broker/httpServer.ts';
import { startRegistry } from '../../../src/broker/registry.ts';
import { createRegistry } from '../../../src/clients/createRegistry.ts';
import type { SchemaRegistry } from '../../../src/clients/registry.ts';
import { REASON } from '../../../src/engine/decode/reasons.ts';
import { SourceSchemas } from '../../../src/runtime/input/sourceSchemas.ts';
import { configOf, LogLines } from '../helpers/config.ts';

let server: HttpServer;
let registry: SchemaRegistry;
before(async () => {
  server = await startRegistry({ port: 0 });
  registry = createRegistry({ urls: [server.url] });
});
after(() => server.close());

const YAML = 'source: {topics: [t], time: ts, fields: {value: value, extra: extra}}\n';
const TS = { name: 'ts', type: 'long' };
const VALUE = { name: 'value', type: 'double' };
let subjects = 0;

async function load(fields: readonly object[], from: SchemaRegistry | undefined = registry) {
  const schema = JSON.stringify({ type: 'record', name: 'R', fields });
  const { id } = await registry.register(`s${++subjects}`, schema);
  const log = new LogLines();
  const schemas = new SourceSchemas(await configOf(YAML), from, log);
  await schemas.load(id);
  return { schemas, id, log };
}

test('a schema is compiled once, and what it lacks is said', async () => {
  const { schemas, id, log } = await load([TS, VALUE]);
  const reader = schemas.readers.get(id);
  assert.ok(reader);
  assert.deepEqual(log.lines, [`warn schema ${id} has no field extra: it is read as null`]);
  await schemas.load(id);
  assert.equal(schemas.readers.get(id), reader);
  assert.equal(log.lines.length, 1);
});

test('an unknown id is refused once and said; its records are to become dead letters', async () => {
  const { schemas, log } = await load([TS, VALUE, { name: 'extra', type: 'int' }]);
  await schemas.load(4711);
  assert.equal(schemas.readers.get(4711), null);
  assert.deepEqual(log.lines, ['warn the registry has no Avro schema 4711: its records go to dead letters']);
});

test('a schema without the time, or without any of the fields, ends the run', async () => {
  await assert.rejects(load([VALUE]), { code: 'ANM_SCHEMA_UNSUPPORTED' });
  await assert.rejects(load([TS, { name: 'other', type: 'double' }]), { code: 'ANM_SCHEMA_UNSUPPORTED' });
});

test('a schema without them beside one that has them is refused once and said; so it is where a restart meets it first', async () => {
  const { schemas, id } = await load([TS, VALUE]);
  const odd = await registry.register('odd', JSON.stringify({ type: 'record', name: 'Odd', fields: [VALUE] }));
  await schemas.load(odd.id);
  assert.equal(schemas.readers.get(odd.id), null);
  assert.equal(schemas.readers.reasonOf(odd.id), REASON.unfitSchema);
  assert.deepEqual(schemas.ids, [id]);

  await registry.register('t-value', JSON.stringify({ type: 'record', name: 'R', fields: [TS, VALUE] }));
  const log = new LogLines();
  const restarted = new SourceSchemas(await configOf(YAML), registry, log);
  await restarted.load(odd.id);
  await restarted.load(odd.id);
  assert.equal(restarted.readers.get(odd.id), null);
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0]!, /^warn .*no field ts: its records go to dead letters$/);
});

test('no registry, and one that does not answer, are errors and no refusal', async () => {
  const config = await configOf(YAML);
  const none = new SourceSchemas(config, undefined, new LogLines());
  await assert.rejects(none.load(1), { code: 'ANM_CONFIG' });
  const gone = await startRegistry({ port: 0 });
  await gone.close();
  const deaf = new SourceSchemas(config, createRegistry({ urls: [gone.url] }), new LogLines());
  await assert.rejects(deaf.load(1), (error: { code?: string }) => error.code !== 'ANM_SCHEMA_UNKNOWN');
  assert.equal(deaf.readers.get(1), undefined);
});
