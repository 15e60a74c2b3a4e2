import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestPolicy } from '../../src/stores/retry.ts';
import { WebhdfsObjectStore } from '../../src/stores/webhdfsObjectStore.ts';
import { type FakeWebhdfs, startFakeWebhdfs, USER } from './helpers/fakeWebhdfs.ts';
import { quickPolicy } from './helpers/policy.ts';
import { objectStoreContract } from './objectStoreContract.ts';

const open = (fake: FakeWebhdfs, user = USER, policy: RequestPolicy = quickPolicy()) =>
  new WebhdfsObjectStore(
    `webhdfs://${fake.host}/check points`,
    { endpoint: `http://${fake.host}`, path: '/check points', user },
    policy,
  );

async function withFake(run: (fake: FakeWebhdfs) => Promise<void>): Promise<void> {
  const fake = await startFakeWebhdfs();
  try {
    await run(fake);
  } finally {
    await fake.close();
  }
}

for (const isHttpfs of [false, true]) {
  objectStoreContract(isHttpfs ? 'HttpFS' : 'webhdfs', async () => {
    const fake = await startFakeWebhdfs();
    fake.isHttpfs = isHttpfs;
    const [store, other] = [open(fake), open(fake)];
    return {
      store,
      other,
      close: async () => {
        await Promise.all([store.close(), other.close()]);
        assert.deepEqual(
          [...fake.files.keys()].filter((path) => path.endsWith('.tmp')),
          [],
        );
        await fake.close();
      },
    };
  });
}

const BYTES = [new TextEncoder().encode('some bytes')];
const remote = (status: number, exception: string, message: string) => ({
  status,
  body: JSON.stringify({ RemoteException: { exception, javaClassName: exception, message } }),
});

test('the write test names a user without rights, safe mode, a quota, DataNodes without room, a standby', () =>
  withFake(async (fake) => {
    const stranger = open(fake, 'nobody');
    await assert.rejects(stranger.probe(), {
      code: 'ANM_STORE_DENIED',
      message: /refuses user nobody: AccessControlException/,
    });
    const store = open(fake);
    const cases = [
      [
        remote(403, 'SafeModeException', 'Cannot create file. Name node is in safe mode.'),
        'ANM_STORE_DENIED',
        /in safe mode, and read-only/,
      ],
      [remote(403, 'DSQuotaExceededException', 'The DiskSpace quota of /x is exceeded'), 'ANM_STORE_FULL', /quota/],
      [
        remote(403, 'IOException', 'File /x could only be written to 0 of the 1 minReplication nodes.'),
        'ANM_STORE_FULL',
        /no DataNode/,
      ],
      [
        remote(403, 'StandbyException', 'Operation category WRITE is not supported in state standby'),
        'ANM_STORE_UNREACHABLE',
        /standby NameNode/,
      ],
      [{ status: 404, body: '<html>no such page</html>' }, 'ANM_STORE_MISSING', /has no WebHDFS/],
    ] as const;
    for (const [fault, code, message] of cases) {
      fake.faulty = () => fault;
      await assert.rejects(store.probe(), { code, message });
    }
    await Promise.all([stranger.close(), store.close()]);
  }));

test('passing failures are tried again, at the NameNode and at the DataNode', () =>
  withFake(async (fake) => {
    const busy = remote(503, 'RetriableException', 'the server is too busy');
    for (const fault of [busy, 'reset', 'answer lost', 'torn'] as const) {
      for (const where of [/op=(CREATE|OPEN).*user\.name/, /\/data\?/, /op=(RENAME|GETFILESTATUS|LISTSTATUS|DELETE)/]) {
        const store = open(fake);
        const left = new Map<string, number>();
        fake.faulty = ({ method, url }) => {
          const key = `${method} ${where.exec(url)?.[0]}`;
          const count = left.get(key) ?? 0;
          left.set(key, count + 1);
          return where.test(url) && count < 2 ? fault : undefined;
        };
        await store.put('again', BYTES);
        assert.deepEqual(await store.get('again'), BYTES[0], `${JSON.stringify(fault)} at ${where}`);
        assert.deepEqual(
          (await store.list('')).map(({ name }) => name),
          ['again'],
        );
        await store.remove(['again']);
        assert.equal(await store.get('again'), undefined);
        await store.close();
      }
    }
  }));

test('a file of which always less comes than it has is an error, not read for ever', () =>
  withFake(async (fake) => {
    const store = open(fake);
    await store.put('short', BYTES);
    fake.faulty = ({ method, url }) =>
      method === 'GET' && url.includes('/data?') ? { status: 200, body: 'x' } : undefined;
    await assert.rejects(store.get('short'), {
      code: 'ANM_STORE_UNREACHABLE',
      message: /less comes than the 10 bytes/,
    });
    await store.close();
  }));

test('a DataNode that this machine cannot reach is named with a hint', () =>
  withFake(async (fake) => {
    const store = open(fake);
    const body = JSON.stringify({ Location: 'http://127.0.0.1:1/webhdfs/v1/x' });
    fake.faulty = ({ url }) => (url.includes('op=CREATE') ? { status: 200, body } : undefined);
    await assert.rejects(store.probe(), {
      code: 'ANM_STORE_UNREACHABLE',
      message: /127\.0\.0\.1:1 refuses connections/,
      hint: /the NameNode named the DataNode 127\.0\.0\.1:1/,
    });
    await store.close();
  }));

test('a store that never answers is given up after checkpoint.request_timeout', () =>
  withFake(async (fake) => {
    fake.faulty = () => 'hang';
    const store = open(fake, USER, quickPolicy({ timeoutMs: 30, retryMs: 0 }));
    await assert.rejects(store.get('x'), {
      code: 'ANM_STORE_TIMEOUT',
      message: /within 30 ms \(checkpoint\.request_timeout\)/,
    });
    await store.close();
  }));

test('a delegation token goes in place of the user, and into no message', () =>
  withFake(async (fake) => {
    const options = { endpoint: `http://${fake.host}`, path: '/p', user: USER, token: 'SECRETTOKEN' };
    const store = new WebhdfsObjectStore('webhdfs://x/p', options, quickPolicy());
    await assert.rejects(store.probe(), (thrown: Error) => {
      assert.doesNotMatch(
        JSON.stringify(thrown) + thrown.message + String((thrown as { hint?: string }).hint),
        /SECRETTOKEN/,
      );
      return true;
    });
    assert.ok(
      fake.log.every((line) => line.includes('delegation=SECRETTOKEN') && !line.includes('user.name')),
      fake.log.join('\n'),
    );
    await store.close();
  }));
