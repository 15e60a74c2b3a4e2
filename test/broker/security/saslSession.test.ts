import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Broker, startBroker } from '../../../src/broker/broker.ts';
import type { BrokerSasl } from '../../../src/broker/brokerOptions.ts';
import { ManualClock } from '../../../src/broker/clock.ts';
import { RawClient } from '../helpers/rawClient.ts';

const USERS = { alice: 'wonder land', bob: 'builder' };
const ALL = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;

interface Setting {
  readonly broker: Broker;
  readonly clock: ManualClock;
  client(): Promise<RawClient>;
}

async function start(t: TestContext, sasl: Partial<BrokerSasl> = {}): Promise<Setting> {
  const clock = new ManualClock();
  const broker = await startBroker({ clock, sasl: { users: USERS, mechanisms: ALL, ...sasl } });
  const clients: RawClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await broker.close();
  });
  const client = async () => {
    const made = await RawClient.to(broker);
    clients.push(made);
    return made;
  };
  return { broker, clock, client };
}

const plain = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`);

async function login(client: RawClient, user: keyof typeof USERS = 'alice') {
  await client.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
  return await client.send('SaslAuthenticate', 2, { authBytes: plain(user, USERS[user]) });
}

const closed = /closed the connection/;

test('before the login only ApiVersions and SaslHandshake are answered, anything else costs the connection', async (t) => {
  const { client } = await start(t);
  const early = await client();
  assert.equal((await early.send('ApiVersions', 3, {})).errorCode, 0);
  await assert.rejects(early.send('Metadata', 9, { topics: null }), closed);
  const eager = await client();
  await assert.rejects(eager.send('SaslAuthenticate', 2, { authBytes: plain('alice', USERS.alice) }), closed);
});

test('who has not logged in cannot make the broker keep large requests', async (t) => {
  const { client } = await start(t);
  const size = Buffer.alloc(4);
  size.writeInt32BE(600 * 1024);
  const raw = await client();
  assert.equal(await raw.exchange([size]), null);
  const user = await client();
  await login(user);
  const groups = Array.from({ length: 40_000 }, (_, i) => `a-group-of-some-length-${i}`);
  assert.equal((await user.send('DescribeGroups', 4, { groups })).groups.length, groups.length);
});

test('within the login another request gets ILLEGAL_SASL_STATE, then the connection ends', async (t) => {
  const { client } = await start(t);
  const raw = await client();
  await raw.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
  const answer = await raw.send('FindCoordinator', 3, { key: 'g' });
  assert.equal(answer.errorCode, 34);
  await assert.rejects(raw.send('SaslAuthenticate', 2, { authBytes: plain('alice', USERS.alice) }), closed);
});

test('a mechanism that is not offered is refused with those that are', async (t) => {
  const { client } = await start(t, { mechanisms: ['SCRAM-SHA-512'] });
  const raw = await client();
  const answer = await raw.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
  assert.deepEqual([answer.errorCode, answer.mechanisms], [33, ['SCRAM-SHA-512']]);
  await assert.rejects(raw.send('SaslHandshake', 1, { mechanism: 'SCRAM-SHA-512' }), closed);
});

test('PLAIN: the right password opens the broker, a wrong one closes the connection and is not told', async (t) => {
  const { client } = await start(t);
  const right = await client();
  assert.deepEqual((await login(right)).errorCode, 0);
  assert.equal((await right.send('Metadata', 9, { topics: [] })).brokers.length, 1);
  for (const authBytes of [plain('alice', 'secret-guess'), plain('nobody', 'x'), Buffer.from('x')]) {
    const wrong = await client();
    await wrong.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
    const answer = await wrong.send('SaslAuthenticate', 2, { authBytes });
    assert.equal(answer.errorCode, 58);
    assert.doesNotMatch(answer.errorMessage!, /secret-guess/);
    await assert.rejects(wrong.send('ApiVersions', 3, {}), closed);
  }
});

test('SCRAM by a client written for this test, both hashes', async (t) => {
  const { client } = await start(t);
  for (const [mechanism, hash, bytes] of [
    ['SCRAM-SHA-256', 'sha256', 32],
    ['SCRAM-SHA-512', 'sha512', 64],
  ] as const) {
    const raw = await client();
    await raw.send('SaslHandshake', 1, { mechanism });
    const bare = 'n=bob,r=abc';
    const first = await raw.send('SaslAuthenticate', 2, { authBytes: Buffer.from(`n,,${bare}`) });
    const challenge = first.authBytes.toString();
    const [, nonce, salt, iterations] = /^r=(.*),s=(.*),i=(\d+)$/.exec(challenge)!;
    const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest();
    const salted = pbkdf2Sync(USERS.bob, Buffer.from(salt!, 'base64'), Number(iterations), bytes, hash);
    const clientKey = hmac(salted, 'Client Key');
    const message = `${bare},${challenge},c=biws,r=${nonce}`;
    const signature = hmac(createHash(hash).update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64');
    const last = await raw.send('SaslAuthenticate', 2, { authBytes: Buffer.from(`c=biws,r=${nonce},p=${proof}`) });
    assert.equal(last.errorMessage, null);
    assert.equal(last.authBytes.toString(), `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`);
    assert.equal((await raw.send('Metadata', 9, { topics: [] })).brokers.length, 1);
  }
});

test('after version 0 of the handshake the tokens go bare', async (t) => {
  const { client } = await start(t);
  const framed = (token: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(token.length);
    return [length, token];
  };
  const raw = await client();
  await raw.send('SaslHandshake', 0, { mechanism: 'PLAIN' });
  assert.deepEqual(await raw.exchange(framed(plain('alice', USERS.alice))), Buffer.alloc(0));
  assert.equal((await raw.send('Metadata', 9, { topics: [] })).brokers.length, 1);
  const wrong = await client();
  await wrong.send('SaslHandshake', 0, { mechanism: 'PLAIN' });
  assert.equal(await wrong.exchange(framed(plain('alice', 'x'))), null);
});

test('a login runs out, and is renewed on the same connection by the same user alone', async (t) => {
  const { client, clock } = await start(t, { maxReauthMs: 60_000 });
  const raw = await client();
  assert.equal((await login(raw)).sessionLifetimeMs, 60_000);
  clock.advance(59_000);
  await raw.send('Metadata', 9, { topics: [] });
  assert.equal((await login(raw)).sessionLifetimeMs, 60_000);
  clock.advance(59_000);
  await raw.send('Metadata', 9, { topics: [] });
  const other = await login(raw, 'bob');
  assert.equal(other.errorCode, 58);
  const late = await client();
  await login(late);
  clock.advance(60_000);
  await assert.rejects(late.send('Metadata', 9, { topics: [] }), closed);
});

test('without a lifetime a second login is out of place, and harms nothing', async (t) => {
  const { client } = await start(t);
  const raw = await client();
  await login(raw);
  assert.equal((await raw.send('SaslHandshake', 1, { mechanism: 'PLAIN' })).errorCode, 34);
  assert.equal((await login(raw)).errorCode, 34);
  assert.equal((await raw.send('Metadata', 9, { topics: [] })).brokers.length, 1);
});

test('OAUTHBEARER: a token counts until it expires, a bad one is refused in two steps', async (t) => {
  const { client, clock } = await start(t);
  const token = (sub: string, exp: number) =>
    ['{"alg":"none"}', JSON.stringify({ sub, exp }), '']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
  const message = (text: string) => Buffer.from(`n,,\x01auth=Bearer ${text}\x01\x01`);
  const raw = await client();
  await raw.send('SaslHandshake', 1, { mechanism: 'OAUTHBEARER' });
  const good = token('robot', Math.floor(clock.now() / 1000) + 30);
  const answer = await raw.send('SaslAuthenticate', 2, { authBytes: message(good) });
  assert.deepEqual([answer.errorCode, answer.sessionLifetimeMs], [0, 30_000 - (clock.now() % 1000)]);
  const wrong = await client();
  await wrong.send('SaslHandshake', 1, { mechanism: 'OAUTHBEARER' });
  const refusal = await wrong.send('SaslAuthenticate', 2, { authBytes: message(token('robot', 1)) });
  assert.deepEqual([refusal.errorCode, refusal.authBytes.toString()], [0, '{"status":"invalid_token"}']);
  const end = await wrong.send('SaslAuthenticate', 2, { authBytes: Buffer.from([1]) });
  assert.equal(end.errorCode, 58);
  await assert.rejects(wrong.send('ApiVersions', 3, {}), closed);
});

test('users are described, made, changed and deleted; what is wrong changes nothing', async (t) => {
  const { client } = await start(t);
  const raw = await client();
  await login(raw);
  const describe = async () => {
    const { results } = await raw.send('DescribeUserScramCredentials', 0, { users: null });
    return results.map(({ user, credentialInfos }) => `${user}:${credentialInfos.map(({ mechanism }) => mechanism)}`);
  };
  assert.deepEqual(await describe(), ['alice:1,2', 'bob:1,2']);
  const salt = Buffer.from('salt');
  const saltedPassword = pbkdf2Sync('new', salt, 4096, 32, 'sha256');
  const upsertion = { name: 'carol', mechanism: 1, iterations: 4096, salt, saltedPassword };
  const alter = async (request: Parameters<typeof raw.send<'AlterUserScramCredentials'>>[2]) =>
    (await raw.send('AlterUserScramCredentials', 0, request)).results.map(({ user, errorCode }) => [user, errorCode]);
  assert.deepEqual(await alter({ deletions: [{ name: 'bob', mechanism: 2 }], upsertions: [upsertion] }), [
    ['bob', 0],
    ['carol', 0],
  ]);
  assert.deepEqual(await describe(), ['alice:1,2', 'bob:1', 'carol:1']);
  assert.deepEqual(
    await alter({
      deletions: [
        { name: 'dora', mechanism: 1 },
        { name: 'alice', mechanism: 7 },
        { name: 'bob', mechanism: 1 },
        { name: 'bob', mechanism: 1 },
      ],
      upsertions: [{ ...upsertion, name: 'eve', iterations: 1 }],
    }),
    [
      ['dora', 91],
      ['alice', 33],
      ['bob', 92],
      ['eve', 93],
    ],
  );
  assert.deepEqual(await describe(), ['alice:1,2', 'bob:1', 'carol:1']);
  const asked = await raw.send('DescribeUserScramCredentials', 0, { users: [{ name: 'x' }, { name: 'bob' }] });
  assert.deepEqual(
    asked.results.map(({ user, errorCode }) => [user, errorCode]),
    [
      ['x', 91],
      ['bob', 0],
    ],
  );
  const carol = await client();
  await carol.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
  assert.equal((await carol.send('SaslAuthenticate', 2, { authBytes: plain('carol', 'new') })).errorCode, 0);
});
