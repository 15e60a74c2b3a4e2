import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parseModelReference, parseModelUri } from '../../../src/models/registry/modelUri.ts';
import { ObjectRegistry } from '../../../src/models/registry/objectRegistry.ts';
import { type ResolveOptions, resolveModel } from '../../../src/models/registry/resolveModel.ts';
import { MemoryStore } from '../../stores/helpers/memoryStore.ts';
import { bytesOf, hashOf, newVersion } from './registryContract.ts';

test('URIs of models: registry, file, server', () => {
  const cases: [string, unknown][] = [
    ['models:/pump-lstm@champion', { kind: 'alias', name: 'pump-lstm', alias: 'champion' }],
    ['models:/pump lstm/12', { kind: 'version', name: 'pump lstm', version: '12' }],
    ['pump.onnx', { kind: 'file', path: 'pump.onnx' }],
    ['/a/b@2.onnx', { kind: 'file', path: '/a/b@2.onnx' }],
    ['file:///a/b%20c.onnx', { kind: 'file', path: '/a/b c.onnx' }],
    ['file:models/a.onnx', { kind: 'file', path: 'models/a.onnx' }],
    ['oip+http://triton:8000/pump', { kind: 'remote', protocol: 'oip', url: 'http://triton:8000/pump' }],
    ['tfs+https://tf/pump', { kind: 'remote', protocol: 'tfs', url: 'https://tf/pump' }],
    ['https://host/score', { kind: 'remote', protocol: 'http', url: 'https://host/score' }],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(parseModelUri(text), wanted, text);
  for (const text of [
    'models:/pump',
    'models:/pump@',
    'models:/pump/x',
    'models:/@a',
    'models:/a@latest',
    's3://b/m.onnx',
  ]) {
    assert.throws(() => parseModelUri(text), { code: 'ANM_USAGE' }, text);
  }
  assert.deepEqual(parseModelReference('pump@a'), { kind: 'alias', name: 'pump', alias: 'a' });
  assert.equal(parseModelReference('pump'), undefined);
});

async function withRegistry(
  body: (options: ResolveOptions, registry: ObjectRegistry, store: MemoryStore, opened: () => number) => Promise<void>,
): Promise<void> {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'anomaly-cache-'));
  const store = new MemoryStore();
  const registry = new ObjectRegistry(store, { by: 'ann@testbed', now: Date.now, newId: randomUUID });
  let reads = 0;
  const get = store.get.bind(store);
  store.get = async (name) => {
    if (name.includes('/files/')) reads++;
    return await get(name);
  };
  try {
    await body({ registry: async () => registry, cacheDirectory, cwd: '/srv' }, registry, store, () => reads);
  } finally {
    rmSync(cacheDirectory, { recursive: true, force: true });
  }
}

test('a model of a registry is downloaded once, checked at each use, with its files beside it', () =>
  withRegistry(async (options, registry, _store, reads) => {
    const files = [
      { path: 'model.onnx', bytes: bytesOf('graph') },
      { path: 'weights/w.data', bytes: bytesOf('weights') },
    ];
    const added = await registry.add({ name: 'pump', files });
    await registry.setAlias({ name: 'pump', alias: 'champion', version: '1', kind: 'promote' });
    const found = await resolveModel('models:/pump@champion', options);
    assert.deepEqual(found.identity, { name: 'pump', version: '1', sha256: hashOf(bytesOf('graphweights')) });
    assert.equal(found.alias?.by, 'ann@testbed');
    assert.deepEqual(found.version, added);
    assert.equal(readFileSync(found.path, 'utf8'), 'graph');
    assert.equal(readFileSync(join(dirname(found.path), 'weights/w.data'), 'utf8'), 'weights');
    assert.equal(reads(), 2);
    assert.equal((await resolveModel('models:/pump/1', options)).path, found.path);
    assert.equal(reads(), 2);
    writeFileSync(join(dirname(found.path), 'weights/w.data'), 'weightz');
    const again = await Promise.all([1, 2, 3].map(() => resolveModel('models:/pump/1', options)));
    assert.ok(reads() >= 4);
    for (const each of again) assert.equal(each.path, found.path);
    assert.equal(readFileSync(join(dirname(found.path), 'weights/w.data'), 'utf8'), 'weights');
    assert.deepEqual(readdirSync(options.cacheDirectory), [found.identity.sha256]);
  }));

test('what is not there, or is damaged in the registry, is named, and nothing is kept of it', () =>
  withRegistry(async (options, registry, store) => {
    const rejects = (text: string, code: string, message: RegExp) =>
      assert.rejects(resolveModel(text, options), { code, message }, text);
    await rejects('models:/pump@champion', 'ANM_MODEL_UNKNOWN', /there is no model pump in memory:/);
    const added = await registry.add(newVersion('pump'));
    await rejects('models:/pump@champion', 'ANM_MODEL_UNKNOWN', /model pump has no alias champion/);
    await rejects('models:/pump/2', 'ANM_MODEL_UNKNOWN', /there is no version 2 of model pump/);
    await rejects('oip+http://x/pump', 'ANM_USAGE', /is a server, not a file/);
    store.objects.set(`pump/files/${added.location}/model.onnx`, { bytes: bytesOf('other'), modifiedMs: 0 });
    await rejects('models:/pump/1', 'ANM_MODEL_CORRUPT', /its sha256 is/);
    assert.deepEqual(readdirSync(options.cacheDirectory), []);
  }));

test('a file is where it is: no registry is opened for it', async () => {
  const registry = () => assert.fail('opened');
  const found = await resolveModel('models/pump.onnx', { registry, cacheDirectory: '/none', cwd: '/srv' });
  assert.deepEqual(found, { identity: { name: 'models/pump.onnx' }, path: '/srv/models/pump.onnx' });
});
