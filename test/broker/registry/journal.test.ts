import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RegistryChange } from '../../../src/broker/registry/changes.ts';
import { startRegistry } from '../../../src/broker/registry.ts';
import { avroRecord, registryCalls } from '../helpers/registryCalls.ts';

const PATHS = [
  '/subjects?deleted=true',
  '/subjects/a/versions?deleted=true',
  '/subjects/a/versions/latest',
  '/subjects/b/versions/1',
  '/config',
  '/config/a',
  '/mode/b',
  '/schemas/ids/1',
  '/schemas/ids/1/versions',
];

async function change(url: string): Promise<void> {
  const { call, register } = registryCalls(() => url);
  await register('a', avroRecord({ name: 'v', type: 'int' }));
  await register('a', avroRecord({ name: 'v', type: 'long' }));
  await register('a', avroRecord({ name: 'v', type: 'double' }));
  await register('b', 'syntax = "proto3"; message M { int32 a = 1; }', { schemaType: 'PROTOBUF' });
  await register('gone', avroRecord({ name: 'last', type: 'string' }));
  await call('DELETE', '/subjects/gone');
  await call('DELETE', '/subjects/gone?permanent=true');
  await call('DELETE', '/subjects/a/versions/2');
  await call('PUT', '/config', { compatibility: 'FULL' });
  await call('PUT', '/config/a', { compatibility: 'NONE' });
  await call('PUT', '/mode/b', { mode: 'READONLY' });
}

async function answers(url: string): Promise<unknown[]> {
  const { call } = registryCalls(() => url);
  return await Promise.all(PATHS.map(async (path) => (await call('GET', path)).body));
}

describe('journal of the registry', () => {
  it('brings everything back, from the changes and from a snapshot of them', async () => {
    const lines: string[] = [];
    const append = async (each: RegistryChange) => {
      lines.push(JSON.stringify(each));
    };
    const read = () => lines.map((line) => JSON.parse(line) as RegistryChange);
    const first = await startRegistry({ port: 0, journal: { read: () => [], append } });
    await change(first.url);
    const before = await answers(first.url);
    const snapshot = [...first.snapshot()].map((each) => JSON.stringify(each));
    await first.close();
    assert.ok(snapshot.length < lines.length, `${snapshot.length} of ${lines.length}`);
    for (const kept of [read(), [...read(), ...read().slice(-1)], snapshot.map((line) => JSON.parse(line))]) {
      const again = await startRegistry({ port: 0, journal: { read: () => kept, append: async () => {} } });
      assert.deepEqual(await answers(again.url), before);
      // Not even the id of a schema that is gone for good is given again.
      const { body } = await registryCalls(() => again.url).register('new', avroRecord({ name: 'n', type: 'int' }));
      assert.equal(body.id, 6);
      await again.close();
    }
  });

  it('answers only when the change is kept, and stops answering when it cannot be', async () => {
    const waiting: { keep: () => void; fail: (error: Error) => void }[] = [];
    const append = () => new Promise<void>((keep, fail) => waiting.push({ keep, fail }));
    const server = await startRegistry({ port: 0, journal: { read: () => [], append } });
    const { call, register } = registryCalls(() => server.url);
    let answered = false;
    const registering = register('a', avroRecord()).then((answer) => {
      answered = true;
      return answer;
    });
    while (waiting.length < 2) await new Promise(setImmediate);
    assert.equal(answered, false);
    for (const { keep } of waiting.splice(0)) keep();
    assert.equal((await registering).status, 200);
    const failing = call('PUT', '/config', { compatibility: 'NONE' });
    while (waiting.length < 1) await new Promise(setImmediate);
    waiting[0]!.fail(new Error('the disk is full'));
    const { body } = await failing;
    assert.deepEqual(body, { error_code: 500, message: 'the registry cannot keep its changes: the disk is full' });
    assert.equal((await call('GET', '/subjects')).status, 500);
    await server.close();
  });
});
