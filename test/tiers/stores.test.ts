// The contract of object stores against a real MinIO, a real HDFS, and a disk that is really full; and what each of them
// says to wrong credentials, a missing bucket, a skewed clock, a quota.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ObjectCheckpointStore } from '../../src/stores/checkpoints/objectCheckpointStore.ts';
import type { ObjectStore } from '../../src/stores/objectStore.ts';
import { openStore } from '../../src/stores/openStore.ts';
import type { S3Options } from '../../src/stores/s3ObjectStore.ts';
import { objectStoreContract } from '../stores/objectStoreContract.ts';
import { type Hdfs, type Minio, startHdfs, startMinio } from './helpers/services.ts';

let minio: Minio;
let hdfs: Hdfs;
before(async () => {
  [minio, hdfs] = await Promise.all([startMinio(), startHdfs()]);
  const { Client } = await import('minio');
  const { hostname, port } = new URL(minio.endpoint);
  const client = new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey: minio.accessKeyId,
    secretKey: minio.secretAccessKey,
  });
  await client.makeBucket('checkpoints');
});
after(async () => {
  await Promise.all([minio?.remove(), hdfs?.remove()]);
});

const POLICY = { timeoutMs: 30_000, retryMs: 5000 };

function open(url: string, s3: Partial<S3Options> = {}): Promise<ObjectStore> {
  return openStore(url, {
    policy: POLICY,
    s3: async () => ({
      endpoint: minio.endpoint,
      pathStyle: true,
      accessKeyId: minio.accessKeyId,
      secretAccessKey: minio.secretAccessKey,
      credentials: 'the test',
      ...s3,
    }),
    webhdfs: () => ({ user: 'anomaly' }),
  });
}

async function pair(url: string) {
  const [store, other] = await Promise.all([open(url), open(url)]);
  return { store, other, close: async () => void (await Promise.all([store.close(), other.close()])) };
}

objectStoreContract('MinIO', () => pair(`s3://checkpoints/${randomUUID()}`));
objectStoreContract('HDFS', () => pair(`webhdfs://${hdfs.host}/${randomUUID()}`));

test('MinIO names wrong credentials, a missing bucket, and a refused connection', async () => {
  const cases: [Promise<ObjectStore>, string, RegExp][] = [
    [open('s3://checkpoints', { secretAccessKey: 'wrong-secret' }), 'ANM_STORE_DENIED', /SignatureDoesNotMatch/],
    [open('s3://checkpoints', { accessKeyId: 'nobody' }), 'ANM_STORE_DENIED', /InvalidAccessKeyId/],
    [open('s3://not-there'), 'ANM_STORE_MISSING', /there is no bucket not-there/],
    [open('s3://checkpoints', { endpoint: 'http://127.0.0.1:1' }), 'ANM_STORE_UNREACHABLE', /refuses connections/],
  ];
  for (const [opening, code, message] of cases) {
    const store = await opening;
    await assert.rejects(store.probe(), { code, message });
    await store.close();
  }
});

test('MinIO names a skewed clock, with both times', async (t) => {
  const store = await open('s3://checkpoints');
  const now = Date.now();
  // This machine's clock, an hour behind: the signature's date is made from it.
  t.mock.timers.enable({ apis: ['Date'], now: now - 3_600_000 });
  await assert.rejects(store.probe(), (error: Error & { code: string; details: Record<string, string> }) => {
    assert.equal(error.code, 'ANM_STORE_DENIED');
    assert.match(error.message, /the clocks differ too much/);
    const apart = Date.parse(error.details['server_time']!) - Date.parse(error.details['request_time']!);
    assert.ok(Math.abs(apart - 3_600_000) < 60_000, error.message);
    return true;
  });
  t.mock.timers.reset();
  await store.close();
});

test('a user who may only read is refused at the write test', async () => {
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: ['arn:aws:s3:::*'] }],
  };
  const { accessKeyId, secretAccessKey, sessionToken } = await assumeRole(JSON.stringify(policy));
  const store = await open('s3://checkpoints', { accessKeyId, secretAccessKey, sessionToken });
  await assert.rejects(store.probe(), { code: 'ANM_STORE_DENIED', message: /AccessDenied/ });
  assert.equal(await store.get('nothing'), undefined);
  await store.close();
});

/** Temporary credentials with a policy of their own, of MinIO's STS. */
async function assumeRole(policy: string) {
  const { AssumeRoleProvider } = await import('minio/dist/esm/AssumeRoleProvider.mjs');
  const provider = new AssumeRoleProvider({
    stsEndpoint: minio.endpoint,
    accessKey: minio.accessKeyId,
    secretKey: minio.secretAccessKey,
    region: 'us-east-1',
    policy,
  });
  const credentials = await provider.getCredentials();
  return {
    accessKeyId: credentials.getAccessKey(),
    secretAccessKey: credentials.getSecretKey(),
    sessionToken: credentials.getSessionToken()!,
  };
}

test('HDFS names its quota', async () => {
  const directory = `/${randomUUID()}`;
  const url = `http://${hdfs.host}/webhdfs/v1${directory}?user.name=anomaly`;
  assert.equal((await fetch(`${url}&op=MKDIRS`, { method: 'PUT' })).status, 200);
  const quota = await fetch(`${url}&op=SETQUOTA&namespacequota=100&storagespacequota=1000000`, { method: 'PUT' });
  assert.equal(quota.status, 200, await quota.text());
  const store = await open(`webhdfs://${hdfs.host}${directory}`);
  await assert.rejects(store.probe(), { code: 'ANM_STORE_FULL', message: /quota/ });
  assert.deepEqual(await store.list(''), []);
  await store.close();
});

test('a disk that is full, and one that is read-only, are named at the write test', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'anomaly-full-'));
  const run = (command: string, ...args: string[]) => {
    const ran = spawnSync(command, args, { encoding: 'utf8' });
    assert.equal(ran.status, 0, `${command} ${args.join(' ')}: ${ran.stderr}`);
  };
  run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory);
  try {
    const store = await open(directory);
    await store.probe();
    await assert.rejects(store.put('large', [new Uint8Array(100_000)]), { code: 'ANM_STORE_FULL', message: /ENOSPC/ });
    assert.deepEqual(await store.list(''), []);
    run('mount', '-o', 'remount,ro', directory);
    await assert.rejects(store.probe(), { code: 'ANM_STORE_DENIED', message: /it is read-only: EROFS/ });
  } finally {
    run('umount', directory);
    rmSync(directory, { recursive: true });
  }
});

for (const kind of ['MinIO', 'HDFS', 'a directory'] as const) {
  test(`a snapshot of 200 MB goes to ${kind} and comes back, in pieces`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'anomaly-large-'));
    const urls = { MinIO: 's3://checkpoints/large', HDFS: `webhdfs://${hdfs.host}/large`, 'a directory': directory };
    const store = new ObjectCheckpointStore({ store: await open(urls[kind]), group: 'g', cluster: 'c' });
    const operators = ['keys', 'window/w5m'].map((id, o) => {
      const bytes = new Uint8Array(100_000_000);
      new Float64Array(bytes.buffer).forEach((_, i, all) => {
        all[i] = i * 0.1 + o;
      });
      return { id, definition: { id }, bytes };
    });
    const snapshot = {
      pipeline: 'p',
      group: 'g',
      cluster: 'c',
      topic: 't',
      partition: 0,
      offset: 5,
      watermark: 1,
      checkpoint: 'k1',
      createdMs: 1000,
      toolVersion: '0.1.0',
      definition: 'd',
      schemaIds: [],
      operators,
    };
    const started = performance.now();
    const reference = await store.save(snapshot);
    const saved = performance.now();
    const back = await store.load(reference);
    process.stderr.write(
      `${kind}: 200 MB saved in ${Math.round(saved - started)} ms, loaded in ${Math.round(performance.now() - saved)} ms\n`,
    );
    back.operators.forEach(({ bytes }, i) => {
      assert.equal(Buffer.compare(bytes, operators[i]!.bytes), 0);
    });
    await store.close();
    rmSync(directory, { recursive: true });
  });
}
