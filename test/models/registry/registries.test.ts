// The contract of model registries on a directory, and on S3 and HDFS in memory; tiers run it on MinIO and MLflow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RegistryAuthor } from '../../../src/models/registry/modelRegistry.ts';
import { ObjectRegistry } from '../../../src/models/registry/objectRegistry.ts';
import { FileObjectStore } from '../../../src/stores/fileObjectStore.ts';
import { S3ObjectStore } from '../../../src/stores/s3ObjectStore.ts';
import { WebhdfsObjectStore } from '../../../src/stores/webhdfsObjectStore.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startFakeS3 } from '../../stores/helpers/fakeS3.ts';
import { startFakeWebhdfs, USER } from '../../stores/helpers/fakeWebhdfs.ts';
import { MemoryStore } from '../../stores/helpers/memoryStore.ts';
import { quickPolicy } from '../../stores/helpers/policy.ts';
import { newVersion, registryContract } from './registryContract.ts';

const author = (by: string): RegistryAuthor => ({ by, now: Date.now, newId: randomUUID });
const ANN = author('ann@testbed');
const BOB = author('bob@elsewhere');

function directory(): { path: string; open: (by?: RegistryAuthor) => ObjectRegistry; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'anomaly-registry-'));
  const open = (by = ANN) => new ObjectRegistry(new FileObjectStore(path, path, quickPolicy()), by);
  return { path, open, remove: () => rmSync(path, { recursive: true, force: true }) };
}

registryContract(
  'directory',
  async () => {
    const { open, remove } = directory();
    return { registry: open(ANN), other: open(BOB), prefix: '', close: async () => remove() };
  },
  { isAtomic: true },
);

registryContract(
  's3',
  async () => {
    const fake = await startFakeS3();
    const open = async (by: RegistryAuthor) => {
      const options = {
        bucket: BUCKET,
        prefix: 'models/',
        endpoint: fake.endpoint,
        region: 'us-east-1',
        pathStyle: true,
      };
      const keys = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY, credentials: 'the test' };
      return new ObjectRegistry(await S3ObjectStore.open('s3://x', { ...options, ...keys }, quickPolicy()), by);
    };
    const [registry, other] = [await open(ANN), await open(BOB)];
    const close = async () => {
      await Promise.all([registry.close(), other.close()]);
      await fake.close();
    };
    return { registry, other, prefix: '', close };
  },
  { isAtomic: true },
);

registryContract(
  'webhdfs',
  async () => {
    const fake = await startFakeWebhdfs();
    const open = (by: RegistryAuthor) => {
      const options = { endpoint: `http://${fake.host}`, path: '/models', user: USER };
      return new ObjectRegistry(new WebhdfsObjectStore(`webhdfs://${fake.host}/models`, options, quickPolicy()), by);
    };
    const [registry, other] = [open(ANN), open(BOB)];
    const close = async () => {
      await Promise.all([registry.close(), other.close()]);
      await fake.close();
    };
    return { registry, other, prefix: '', close };
  },
  { isAtomic: true },
);

test('an upload that breaks off is no version, and is swept up when it is a day old', async () => {
  const store = new MemoryStore();
  const registry = new ObjectRegistry(store, { ...ANN, now: () => store.nowMs });
  store.onPut = (name) => {
    if (name.includes('/versions/')) throw new Error('the plug is pulled');
  };
  await assert.rejects(registry.add(newVersion('pump')), /the plug is pulled/);
  assert.deepEqual(await registry.models(), []);
  assert.equal([...store.objects.keys()].length, 1);
  store.onPut = () => {};
  assert.equal((await registry.add(newVersion('pump', 'whole'))).version, '1');
  assert.equal([...store.objects.keys()].filter((name) => name.includes('/files/')).length, 2);
  store.nowMs += 25 * 3_600_000;
  const second = await registry.add(newVersion('pump', 'second'));
  assert.equal([...store.objects.keys()].filter((name) => name.includes('/files/')).length, 2);
  for (const version of await registry.versions('pump')) await registry.read(version, version.files[0]!);
  assert.equal(second.version, '2');
});

test('a version and an alias at the same time: the alias keeps the version, or is not set', async () => {
  for (let i = 0; i < 20; i++) {
    const { open, remove } = directory();
    try {
      const [ann, bob] = [open(ANN), open(BOB)];
      const name = 'pump';
      for (const text of ['one', 'two']) await ann.add(newVersion(name, text));
      await ann.setAlias({ name, alias: 'champion', version: '1', kind: 'promote' });
      const [set, removed] = await Promise.allSettled([
        ann.setAlias({ name, alias: 'champion', version: '2', kind: 'promote' }),
        bob.remove(name, '2'),
      ]);
      const [model] = await ann.models();
      const target = model!.aliases[0]!.version;
      assert.ok(model!.versions.includes(target), `${target} of ${model!.versions.join(', ')}`);
      if (removed.status === 'fulfilled') assert.equal(set.status, 'rejected');
      const version = await bob.version(name, target);
      await bob.read(version!, version!.files[0]!);
    } finally {
      remove();
    }
  }
});

test('what is damaged is named: a file of the model, a manifest, a change of an alias', async () => {
  const { path, open, remove } = directory();
  try {
    const registry = open();
    const added = await registry.add(newVersion('pump'));
    await registry.setAlias({ name: 'pump', alias: 'champion', version: '1', kind: 'promote' });
    const file = join(path, 'pump/files', added.location, 'model.onnx');
    writeFileSync(file, 'other weights');
    const read = registry.read(added, added.files[0]!);
    await assert.rejects(read, {
      code: 'ANM_MODEL_CORRUPT',
      message: /model\.onnx of pump\/1 in .* its sha256 is [0-9a-f]{64}/,
    });
    rmSync(file);
    await assert.rejects(registry.read(added, added.files[0]!), {
      code: 'ANM_MODEL_CORRUPT',
      message: /there is no object/,
    });
    writeFileSync(join(path, 'pump/versions/000001.json'), '{"format": 1, "name": 7}');
    await assert.rejects(registry.version('pump', '1'), {
      code: 'ANM_MODEL_CORRUPT',
      message: /000001\.json in .* as name is 7, not a text/,
    });
    writeFileSync(join(path, 'pump/aliases/champion/000001.json'), 'torn');
    await assert.rejects(registry.alias('pump', 'champion'), { code: 'ANM_MODEL_CORRUPT', message: /it is no JSON/ });
  } finally {
    remove();
  }
});

test('processes that are killed while they promote leave a registry that reads and goes on', async () => {
  const { path, open, remove } = directory();
  try {
    const registry = open();
    for (const text of ['one', 'two']) await registry.add(newVersion('pump', text));
    const script = `
      import { FileObjectStore } from '${new URL('../../../src/stores/fileObjectStore.ts', import.meta.url)}';
      import { ObjectRegistry } from '${new URL('../../../src/models/registry/objectRegistry.ts', import.meta.url)}';
      const policy = { timeoutMs: 10000, retryMs: 0, now: Date.now, sleep: async () => {}, random: () => 0.5 };
      let id = 0;
      const author = { by: 'worker', now: Date.now, newId: () => process.pid + '-' + id++ };
      const registry = new ObjectRegistry(new FileObjectStore(process.argv[1], 'x', policy), author);
      for (let i = 0; ; i++) {
        const change = { name: 'pump', alias: 'champion', version: String((i % 2) + 1), kind: 'promote' };
        process.stdout.write('.');
        await registry.setAlias(change).catch((error) => { if (error.code !== 'ANM_MODEL_CONFLICT') throw error; });
      }`;
    // In the middle of the change of that number.
    const killed = async (during: number) => {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
      let begun = 0;
      child.stdout.on('data', (dots: Buffer) => {
        begun += dots.length;
        if (begun >= during) child.kill('SIGKILL');
      });
      assert.equal(await exit, 'SIGKILL');
    };
    for (const during of [5, 9]) await Promise.all([killed(during), killed(during + 3)]);
    const state = (await registry.alias('pump', 'champion'))!;
    assert.equal(state.by, 'worker');
    // Each change is there, whole, and the last one goes on from the one before it.
    const changes = readdirSync(join(path, 'pump/aliases/champion')).filter((name) => !name.startsWith('.'));
    assert.ok(changes.length > 4, String(changes.length));
    assert.deepEqual(
      changes.sort(),
      changes.map((_, i) => `${String(i + 1).padStart(6, '0')}.json`),
    );
    for (const name of changes) assert.ok(statSync(join(path, 'pump/aliases/champion', name)).size > 50, name);
    const to = state.version === '1' ? '2' : '1';
    const set = await registry.setAlias({
      name: 'pump',
      alias: 'champion',
      version: to,
      kind: 'promote',
      expect: state.version,
    });
    assert.equal(set.previous[0], state.version);
  } finally {
    remove();
  }
});
