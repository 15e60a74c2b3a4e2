// The contract of model registries on a real MinIO and a real MLflow; what each of them says to wrong credentials; and
// what MLflow's own client makes of our versions, and we of its.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { MlflowClient, type MlflowOptions } from '../../src/models/registry/mlflowClient.ts';
import { MlflowRegistry } from '../../src/models/registry/mlflowRegistry.ts';
import type { RegistryAuthor } from '../../src/models/registry/modelRegistry.ts';
import { ObjectRegistry } from '../../src/models/registry/objectRegistry.ts';
import { openStore } from '../../src/stores/openStore.ts';
import { bytesOf, newVersion, registryContract } from '../models/registry/registryContract.ts';
import { type Minio, type Mlflow, startMinio, startMlflow } from './helpers/services.ts';

let minio: Minio;
let mlflow: Mlflow;
before(async () => {
  [minio, mlflow] = await Promise.all([startMinio(), startMlflow()]);
  const { Client } = await import('minio');
  const { hostname, port } = new URL(minio.endpoint);
  const keys = { accessKey: minio.accessKeyId, secretKey: minio.secretAccessKey };
  await new Client({ endPoint: hostname, port: Number(port), useSSL: false, ...keys }).makeBucket('models');
});
after(async () => {
  await Promise.all([minio?.remove(), mlflow?.remove()]);
});

const author = (by: string): RegistryAuthor => ({ by, now: Date.now, newId: randomUUID });
const ANN = author('ann@testbed');
const BOB = author('bob@elsewhere');

async function onMinio(url: string, by: RegistryAuthor, secretAccessKey = minio.secretAccessKey) {
  const none = () => assert.fail('no WebHDFS here');
  const s3 = async () => {
    const { endpoint, accessKeyId } = minio;
    return { endpoint, pathStyle: true, accessKeyId, secretAccessKey, credentials: 'the test' };
  };
  return new ObjectRegistry(
    await openStore(url, { policy: { timeoutMs: 30_000, retryMs: 5000 }, s3, webhdfs: none }),
    by,
  );
}

function onMlflow(by: RegistryAuthor, options: Partial<MlflowOptions> = {}): MlflowRegistry {
  return new MlflowRegistry(new MlflowClient({ url: mlflow.url, timeoutMs: 30_000, ...options }), by);
}

registryContract(
  'MinIO',
  async () => {
    const url = `s3://models/${randomUUID()}`;
    const [registry, other] = await Promise.all([onMinio(url, ANN), onMinio(url, BOB)]);
    return {
      registry,
      other,
      prefix: '',
      close: async () => void (await Promise.all([registry.close(), other.close()])),
    };
  },
  { isAtomic: true },
);

registryContract(
  'MLflow',
  async () => {
    const [registry, other] = [onMlflow(ANN), onMlflow(BOB)];
    const close = async () => void (await Promise.all([registry.close(), other.close()]));
    return { registry, other, prefix: `${randomUUID().slice(0, 8)}-`, close };
  },
  { isAtomic: false },
);

test('MinIO: wrong credentials and a bucket that is not there are named', async () => {
  const wrong = await onMinio('s3://models/x', ANN, 'wrong-secret');
  await assert.rejects(wrong.models(), { code: 'ANM_STORE_DENIED', message: /SignatureDoesNotMatch/ });
  const absent = await onMinio('s3://not-there', ANN);
  await assert.rejects(absent.models(), { code: 'ANM_STORE_MISSING', message: /there is no bucket not-there/ });
  await Promise.all([wrong.close(), absent.close()]);
});

test('MLflow: a server that is not there, is too slow, or is none of MLflow, is named', async () => {
  const refused = onMlflow(ANN, { url: 'http://127.0.0.1:1' });
  await assert.rejects(refused.models(), { code: 'ANM_MODEL_REGISTRY', message: /127\.0\.0\.1:1 refuses connections/ });
  const slow = onMlflow(ANN, { timeoutMs: 1 });
  await assert.rejects(slow.models(), {
    code: 'ANM_MODEL_REGISTRY',
    message: /within 1 ms \(models\.request_timeout\)/,
  });
  const foreign = onMlflow(ANN, { url: minio.endpoint });
  await assert.rejects(foreign.models(), /as MLflow does|does not allow that/);
  await Promise.all([refused.close(), slow.close(), foreign.close()]);
});

/** Passes everything on to MLflow; `meddle` runs before the answer to the setting of an alias goes back. */
async function withProxy(meddle: () => Promise<void>, run: (registry: MlflowRegistry) => Promise<void>): Promise<void> {
  const proxy = createServer((incoming, outgoing) => {
    const { host: _, ...headers } = incoming.headers;
    const to = request(`${mlflow.url}${incoming.url}`, { method: incoming.method!, headers }, async (answer) => {
      if (incoming.method === 'POST' && incoming.url?.endsWith('/registered-models/alias')) await meddle();
      outgoing.writeHead(answer.statusCode!, answer.headers);
      (answer as IncomingMessage).pipe(outgoing);
    });
    incoming.pipe(to);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const registry = onMlflow(ANN, { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
  try {
    await run(registry);
  } finally {
    await registry.close();
    proxy.closeAllConnections();
    proxy.close();
  }
}

test('MLflow: an alias that another one sets meanwhile is a conflict, by this tool or by any other client', async () => {
  const other = onMlflow(BOB);
  const name = `meddled-${randomUUID().slice(0, 8)}`;
  for (const text of ['one', 'two', 'three']) await other.add(newVersion(name, text));
  const change = { name, alias: 'champion', version: '1', kind: 'promote' } as const;
  const byTool = async () => void (await other.setAlias({ ...change, version: '2' }));
  await withProxy(byTool, async (registry) => {
    const message = /@champion to version 1 as it is version 2, set by bob@elsewhere at 2.*, and none was expected$/;
    await assert.rejects(registry.setAlias(change), { code: 'ANM_MODEL_CONFLICT', message });
  });
  const byClient = async () => {
    const body = JSON.stringify({ name, alias: 'champion', version: '3' });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${mlflow.url}/api/2.0/mlflow/registered-models/alias`, {
      method: 'POST',
      headers,
      body,
    });
    assert.equal(answer.status, 200);
  };
  await withProxy(byClient, async (registry) => {
    const message = /@champion to version 1 as it is version 3, not version 2$/;
    await assert.rejects(registry.setAlias(change), { code: 'ANM_MODEL_CONFLICT', message });
  });
  // What the other client replaced is known from the tag, and a rollback finds it; 1 was there for a moment.
  assert.deepEqual((await other.alias(name, 'champion'))?.previous, ['2', '1']);
  await other.close();
});

/** Runs Python with MLflow's own client. */
function python(script: string): string {
  const env = {
    ...process.env,
    MLFLOW_TRACKING_URI: mlflow.url,
    MLFLOW_DISABLE_TELEMETRY: 'true',
    GIT_PYTHON_REFRESH: 'quiet',
  };
  const ran = spawnSync(mlflow.python, ['-c', script], { encoding: 'utf8', env, timeout: 120_000 });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout.trim();
}

test('MLflow: its own client reads what was added: files, signature, metrics, tags, alias', async () => {
  const registry = onMlflow(ANN);
  const name = `shown-${randomUUID().slice(0, 8)}`;
  const shape = ['batch', 33, 1];
  const signature = {
    inputs: [{ name: 'window', type: 'float32', shape }],
    outputs: [{ name: 'next', type: 'float32', shape: [null, 1] }],
  };
  const added = await registry.add({
    ...newVersion(name, 'the weights'),
    signature,
    metrics: { f1: 0.5 },
    description: 'seen',
  });
  await registry.setAlias({ name, alias: 'champion', version: added.version, kind: 'promote' });
  const told = python(`
import json, mlflow
client = mlflow.MlflowClient()
version = client.get_model_version_by_alias(${JSON.stringify(name)}, 'champion')
info = mlflow.models.get_model_info('models:/${name}@champion')
path = mlflow.artifacts.download_artifacts('models:/${name}@champion')
run = client.get_run(version.run_id)
print(json.dumps({
  'version': version.version, 'description': version.description, 'sha256': version.tags['anomaly.sha256'],
  'flavors': sorted(info.flavors), 'inputs': str(info.signature.inputs), 'outputs': str(info.signature.outputs),
  'weights': open(path + '/model.onnx').read(), 'metrics': run.data.metrics, 'status': run.info.status,
}))`);
  assert.deepEqual(JSON.parse(told), {
    version: added.version,
    description: 'seen',
    sha256: added.sha256,
    flavors: ['onnx', 'python_function'],
    inputs: "['window': Tensor('float32', (-1, 33, 1))]",
    outputs: "['next': Tensor('float32', (-1, 1))]",
    weights: 'the weights',
    metrics: { f1: 0.5 },
    status: 'FINISHED',
  });
  await registry.close();
});

test('MLflow: what was copied to another name keeps its files when the first version is removed, or the copy', async () => {
  const adding = onMlflow(ANN);
  const [name, copy] = ['staging', 'production'].map((each) => `${each}-${randomUUID().slice(0, 8)}`);
  for (const version of ['1', '2']) await adding.add(newVersion(name!, `weights ${version}`));
  await adding.close();
  python(`
import mlflow
for version in '12': mlflow.MlflowClient().copy_model_version('models:/${name}/' + version, '${copy}')`);
  const registry = onMlflow(ANN);
  await registry.remove(name!, '1');
  await registry.remove(copy!, '2');
  for (const [kept, version] of [
    [copy!, '1'],
    [name!, '2'],
  ] as const) {
    const found = (await registry.version(kept, version))!;
    assert.equal(Buffer.from(await registry.read(found, found.files[0]!)).toString(), `weights ${version}`);
  }
  await registry.close();
});

test('MLflow: a version that its own client registered is read, and one without ONNX says so', async () => {
  const name = `theirs-${randomUUID().slice(0, 8)}`;
  python(`
import mlflow, pathlib, tempfile
client = mlflow.MlflowClient()
mlflow.set_experiment('theirs')
client.create_registered_model('${name}')
for files in (['model.onnx', 'model.onnx.data', 'MLmodel'], ['model.pkl']):
    folder = pathlib.Path(tempfile.mkdtemp())
    for file in files: (folder / file).write_text('their ' + file)
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), 'model')
        client.create_model_version('${name}', run.info.artifact_uri + '/model', run.info.run_id)
client.set_registered_model_alias('${name}', 'champion', '1')`);
  const registry = onMlflow(ANN);
  const [onnx, pickle] = await registry.versions(name);
  assert.deepEqual(
    onnx!.files.map(({ path }) => path),
    ['model.onnx', 'model.onnx.data'],
  );
  assert.equal(onnx!.sha256, undefined);
  assert.deepEqual(await registry.read(onnx!, onnx!.files[1]!), bytesOf('their model.onnx.data'));
  assert.deepEqual(pickle!.files, []);
  const state = await registry.alias(name, 'champion');
  assert.deepEqual([state?.version, state?.by, state?.previous], ['1', '', []]);
  const set = await registry.setAlias({ name, alias: 'champion', version: '2', kind: 'promote', expect: '1' });
  assert.deepEqual(set.previous, ['1']);
  await registry.close();
});
