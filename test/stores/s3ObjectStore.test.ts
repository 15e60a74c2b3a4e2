import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { RequestPolicy } from '../../src/stores/retry.ts';
import { S3ObjectStore, type S3Options } from '../../src/stores/s3ObjectStore.ts';
import { ACCESS_KEY, BUCKET, type FakeS3, SECRET_KEY, startFakeS3 } from './helpers/fakeS3.ts';
import { quickPolicy } from './helpers/policy.ts';
import { objectStoreContract } from './objectStoreContract.ts';

const open = (fake: FakeS3, options: Partial<S3Options> = {}, policy: RequestPolicy = quickPolicy()) =>
  S3ObjectStore.open(
    `s3://${options.bucket ?? BUCKET}/room/`,
    {
      bucket: BUCKET,
      prefix: 'room/',
      endpoint: fake.endpoint,
      region: 'us-east-1',
      pathStyle: true,
      accessKeyId: ACCESS_KEY,
      secretAccessKey: SECRET_KEY,
      credentials: 'AWS_ACCESS_KEY_ID',
      ...options,
    },
    policy,
  );

async function withFake(run: (fake: FakeS3) => Promise<void>): Promise<void> {
  const fake = await startFakeS3();
  try {
    await run(fake);
  } finally {
    await fake.close();
  }
}

objectStoreContract('s3', async () => {
  const fake = await startFakeS3();
  const [store, other] = [await open(fake), await open(fake)];
  return {
    store,
    other,
    close: async () => {
      await Promise.all([store.close(), other.close()]);
      assert.deepEqual([...fake.uploads], []);
      await fake.close();
    },
  };
});

const BYTES = [new TextEncoder().encode('some bytes')];
const error = (status: number, code: string) => ({
  status,
  body: `<Error><Code>${code}</Code><Message>no ${code}</Message></Error>`,
});

test('a bucket without a region in the settings is asked for its own', () =>
  withFake(async (fake) => {
    const { region: _, ...options } = { region: '' };
    const store = await S3ObjectStore.open(
      's3://x',
      {
        bucket: BUCKET,
        prefix: '',
        endpoint: fake.endpoint,
        pathStyle: true,
        accessKeyId: ACCESS_KEY,
        secretAccessKey: SECRET_KEY,
        credentials: 'x',
        ...options,
      },
      quickPolicy(),
    );
    await store.put('a', BYTES);
    assert.ok(fake.log.includes(`GET /${BUCKET}?location`), fake.log.join('\n'));
    await store.close();
  }));

test('the write test names wrong credentials and where they are from', () =>
  withFake(async (fake) => {
    const wrong = await open(fake, { secretAccessKey: 'wrong' });
    await assert.rejects(wrong.probe(), (thrown: Error & { hint: string }) => {
      assert.match(
        thrown.message,
        /^cannot write probe-\S+ in s3:\/\/checkpoints\/room\/ as 127\.0\.0\.1:\d+ refuses: SignatureDoesNotMatch/,
      );
      assert.match(thrown.hint, /AWS_ACCESS_KEY_ID/);
      assert.doesNotMatch(thrown.message + thrown.hint, /wrong|kept to ourselves/);
      return true;
    });
    const unknown = await open(fake, { accessKeyId: 'nobody' });
    await assert.rejects(unknown.probe(), { code: 'ANM_STORE_DENIED', message: /InvalidAccessKeyId/ });
    await Promise.all([wrong.close(), unknown.close()]);
  }));

test('a skewed clock is named with both times', () =>
  withFake(async (fake) => {
    fake.skewMs = -3_600_000;
    const store = await open(fake);
    await assert.rejects(store.probe(), (thrown: Error & { code: string; details: Record<string, string> }) => {
      assert.equal(thrown.code, 'ANM_STORE_DENIED');
      assert.match(thrown.message, /clocks differ too much: here it is \d{4}-\d\d-\d\dT\S+, at \S+ \d{4}-\d\d-\d\dT/);
      const apart = Date.parse(thrown.details['request_time']!) - Date.parse(thrown.details['server_time']!);
      assert.ok(Math.abs(apart - 3_600_000) < 600_000, String(apart));
      return true;
    });
    await store.close();
  }));

test('a bucket that is not there, a full one and a region that is wrong are named', () =>
  withFake(async (fake) => {
    const missing = await open(fake, { bucket: 'elsewhere' });
    await assert.rejects(missing.probe(), { code: 'ANM_STORE_MISSING', message: /there is no bucket elsewhere/ });
    await assert.rejects(missing.get('x'), { code: 'ANM_STORE_MISSING' });
    await assert.rejects(missing.list(''), { code: 'ANM_STORE_MISSING' });
    const store = await open(fake);
    fake.faulty = () => error(507, 'XMinioStorageFull');
    await assert.rejects(store.probe(), { code: 'ANM_STORE_FULL', message: /XMinioStorageFull/ });
    fake.faulty = () => ({
      status: 400,
      body: '<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>',
    });
    await assert.rejects(store.probe(), { code: 'ANM_STORE_DENIED', hint: 'set checkpoint.s3.region to eu-central-1' });
    await Promise.all([missing.close(), store.close()]);
  }));

test('passing failures are tried again: overload, broken connections, lost and torn answers', () =>
  withFake(async (fake) => {
    for (const fault of [
      error(503, 'SlowDown'),
      error(500, 'InternalError'),
      'reset',
      'answer lost',
      'torn',
    ] as const) {
      const policy = quickPolicy();
      const store = await open(fake, {}, policy);
      let left = 3;
      fake.faulty = () => (left-- > 0 ? fault : undefined);
      await store.put('again', BYTES);
      left = 3;
      assert.deepEqual(await store.get('again'), BYTES[0]);
      left = 3;
      assert.deepEqual(
        (await store.list('')).map(({ name }) => name),
        ['again'],
      );
      left = 2;
      await store.remove(['again']);
      assert.ok(policy.slept.length >= 8, `${JSON.stringify(fault)}: ${policy.slept.length}`);
      await store.close();
    }
  }));

test('what does not pass in checkpoint.retry_timeout is told with the last reason and the number of attempts', () =>
  withFake(async (fake) => {
    fake.faulty = () => error(503, 'SlowDown');
    const store = await open(fake);
    const message =
      /is not able to at the moment: SlowDown: no SlowDown, \d+ times in \d+ ms \(checkpoint\.retry_timeout\)$/;
    await assert.rejects(store.probe(), { code: 'ANM_STORE_UNREACHABLE', message });
    await store.close();
  }));

test('a store that never answers is given up after checkpoint.request_timeout', () =>
  withFake(async (fake) => {
    fake.faulty = () => 'hang';
    const store = await open(fake, {}, quickPolicy({ timeoutMs: 30, retryMs: 0 }));
    await assert.rejects(store.get('x'), {
      code: 'ANM_STORE_TIMEOUT',
      message: /no answer within 30 ms \(checkpoint\.request_timeout\)/,
    });
    await store.close();
  }));

test('a server that is none of S3 is named with what it says', async () => {
  const server = createServer((_, response) => {
    response.writeHead(404, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
    response.end('{"error_code":404,"message":"Not found"}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = await S3ObjectStore.open(
    's3://checkpoints',
    {
      ...{ bucket: BUCKET, prefix: '', endpoint, region: 'us-east-1', pathStyle: true },
      ...{ accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY, credentials: 'x' },
    },
    quickPolicy(),
  );
  for (const work of [() => store.probe(), () => store.list(''), () => store.get('a')]) {
    await assert.rejects(work(), {
      code: 'ANM_PROTOCOL',
      message: /127\.0\.0\.1:\d+ does not answer as S3 does: HTTP 404 \{"error_code":404,"message":"Not found"\}/,
      hint: /checkpoint\.s3\.endpoint/,
    });
  }
  await store.close();
  server.close();
});

test('a server that is not there is named', async () => {
  const fake = await startFakeS3();
  await fake.close();
  const store = await open(fake);
  await assert.rejects(store.probe(), {
    code: 'ANM_STORE_UNREACHABLE',
    message: /127\.0\.0\.1:\d+ refuses connections/,
  });
  await store.close();
});

test('a large upload that fails leaves no object, and its parts are taken back', () =>
  withFake(async (fake) => {
    const store = await open(fake);
    fake.faulty = ({ url }) => (url.includes('partNumber=3') ? error(403, 'AccessDenied') : undefined);
    await assert.rejects(store.put('large', [new Uint8Array(30_000_000)]), { code: 'ANM_STORE_DENIED' });
    assert.equal(fake.objects.size, 0);
    assert.equal(fake.uploads.size, 0);
    await store.close();
  }));

test('an object whose creation lost its answer counts as created, by its writer only', () =>
  withFake(async (fake) => {
    const store = await open(fake);
    let left = 1;
    fake.faulty = ({ method, url }) =>
      method === 'PUT' && url.includes('first') && left-- > 0 ? 'answer lost' : undefined;
    assert.equal(await store.create('first', BYTES[0]!), true);
    assert.equal(fake.log.filter((line) => line.startsWith('PUT') && line.includes('first')).length, 2);
    left = 1;
    assert.equal(await store.create('first', new TextEncoder().encode('other bytes')), false);
    assert.deepEqual(await store.get('first'), BYTES[0]);
    await store.close();
  }));

test('a service that does not know conditional writes is refused before two writers overwrite each other', () =>
  withFake(async (fake) => {
    fake.isUnconditional = true;
    const store = await open(fake);
    for (let i = 0; i < 2; i++) {
      const message = /cannot write probe-\S+ in s3:\S+ as 127\.0\.0\.1:\d+ does not honour If-None-Match/;
      await assert.rejects(store.create('first', BYTES[0]!), { code: 'ANM_PROTOCOL', message });
    }
    assert.deepEqual(await store.list(''), []);
    await store.close();
  }));

test('parts that were sent again make one whole object', () =>
  withFake(async (fake) => {
    const store = await open(fake);
    const seen = new Set<string>();
    let reads = 0;
    // The answer to each part and to the completion is lost once, every second range is torn.
    fake.faulty = ({ method, url }) => {
      if (method === 'GET' && !url.includes('list-type')) return reads++ % 2 === 0 ? 'torn' : undefined;
      if (seen.has(url) || !url.includes('uploadId')) return undefined;
      seen.add(url);
      return 'answer lost';
    };
    const bytes = new Uint8Array(20_000_000).map((_, i) => (i * 7) >> 3);
    await store.put('large', [bytes]);
    assert.equal(seen.size, 4);
    const back = await store.get('large');
    assert.ok(back !== undefined && Buffer.compare(back, bytes) === 0);
    await store.close();
  }));

test('uploads that a killed process left are aborted when they are old', () =>
  withFake(async (fake) => {
    const store = await open(fake);
    const upload = (key: string, initiatedMs: number) => ({ key, initiatedMs, parts: new Map() });
    fake.uploads.set('old', upload('room/t-0/a', Date.now() - 7_200_000));
    fake.uploads.set('new', upload('room/t-0/b', Date.now()));
    fake.uploads.set('other', upload('hall/t-0/a', Date.now() - 7_200_000));
    await store.removeUnfinished('t-0/', Date.now() - 3_600_000);
    assert.deepEqual([...fake.uploads.keys()].sort(), ['new', 'other']);
    await store.close();
  }));
