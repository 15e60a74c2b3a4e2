import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientOptions, KafkaClient, SaslOptions } from '../../src/clients/client.ts';
import { type ClientName, connect } from '../../src/clients/connect.ts';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';
import { type AnomalyError, type ErrorCode, isAnomalyError } from '../../src/errors.ts';
import { certificate, certificateWithKey } from '../helpers/certificates/files.ts';
import { appendText, readRecords } from './helpers/records.ts';
import { unsecuredToken } from './helpers/tokens.ts';

// Goal: every way to connect works on both clients, and every way in which it cannot is named with what to set.

export const USER = 'pump-room';
export const PASSWORD = 'pa=ss w%rd~8361';
/** Far above what the slowest way takes on a busy machine, so that only what waits for the timeout takes as long. */
const DIAL_TIMEOUT_MS = 20_000;
const CA = { ca: certificate('ca') };

/** Listeners of a cluster, by how they want to be spoken to; the certificates are those of test/helpers/certificates. */
export const LISTENERS = [
  'plain',
  'tls',
  /** A client certificate of `ca` is required. */
  'mutual',
  /** The certificate is for another name, or expired. */
  'elsewhere',
  'expired',
  /** All four mechanisms, in plain text and over TLS. */
  'sasl',
  'secured',
  'scram512',
  /** A login by SCRAM-SHA-256 counts for 1.5 s. */
  'reauth',
] as const;
export type ListenerName = (typeof LISTENERS)[number];
/** host:port of a listener. */
export type AddressOf = (listener: ListenerName) => string;

export const REAUTH_MS = 1500;

const sasl = (mechanism: SaslOptions['mechanism'], password = PASSWORD): SaslOptions =>
  mechanism === 'OAUTHBEARER'
    ? { mechanism, token: () => unsecuredToken('robot', 3600) }
    : { mechanism, username: USER, password };

type Security = Pick<ClientOptions, 'tls' | 'sasl'>;

function open(client: ClientName, address: string, security: Security): Promise<KafkaClient> {
  const options = { dialTimeoutMs: DIAL_TIMEOUT_MS, requestTimeoutMs: 15_000 };
  return connect({ brokers: [address], client, ...options, ...security });
}

/** Records through the client and back, and a group: each kind of connection that it opens. */
async function roundTrip(client: KafkaClient, topic: string): Promise<void> {
  await client.admin.createTopics([{ name: topic, partitions: 1 }]);
  const producer = await client.createProducer();
  appendText(producer, topic, 0, 'value', { key: 'key' });
  await producer.flush();
  const consumer = await client.createConsumer({ groupId: `group-of-${topic}` });
  await consumer.assign([{ topic, partition: 0, offset: 0 }]);
  const read = await readRecords(consumer, 1);
  assert.deepEqual(
    read.get(0)?.map(({ key, value }) => [key, value]),
    [['key', 'value']],
  );
  await consumer.commit([{ topic, partition: 0, offset: 1 }]);
}

function securityTests(name: ClientName, addressOf: AddressOf): void {
  const works: readonly [string, ListenerName, Security][] = [
    ['TLS', 'tls', { tls: CA }],
    ['TLS without a check', 'expired', { tls: { insecureSkipVerify: true } }],
    ['mutual TLS', 'mutual', { tls: { ...CA, ...certificateWithKey('client') } }],
    ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const).flatMap(
      (mechanism): [string, ListenerName, Security][] => [
        [mechanism, 'sasl', { sasl: sasl(mechanism) }],
        [`${mechanism} over TLS`, 'secured', { tls: CA, sasl: sasl(mechanism) }],
      ],
    ),
  ];
  for (const [what, listener, security] of works) {
    test(`records go out and come back by ${what}`, async () => {
      const client = await open(name, addressOf(listener), security);
      try {
        await roundTrip(client, `${name}-${what.toLowerCase().replaceAll(' ', '-')}`);
      } finally {
        await client.close();
      }
    });
  }
  for (const [what, listener, security, code, message, hint] of REFUSALS) {
    test(`${what}: named, with what to set, within the dial timeout`, async () => {
      const begunMs = performance.now();
      const error = await refusal(name, addressOf(listener), security);
      assert.ok(performance.now() - begunMs < DIAL_TIMEOUT_MS, 'later than the dial timeout');
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      assert.match(error.message, new RegExp(addressOf(listener).replaceAll('.', '\\.')));
      assertNoSecret(error);
    });
  }
}

const REFUSALS: readonly [string, ListenerName, Security, ErrorCode, RegExp, RegExp][] = [
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map(
    (mechanism): [string, ListenerName, Security, ErrorCode, RegExp, RegExp] => [
      `a wrong password by ${mechanism}`,
      'secured',
      { tls: CA, sasl: sasl(mechanism, 'not-the-password-4711') },
      'ANM_AUTHENTICATION',
      new RegExp(`as ${USER} by ${mechanism}: .*invalid (credentials|username)`, 'i'),
      /password/,
    ],
  ),
  [
    'a token that has expired',
    'sasl',
    { sasl: { mechanism: 'OAUTHBEARER', token: () => unsecuredToken('robot', -5) } },
    'ANM_AUTHENTICATION',
    /by OAUTHBEARER: .*invalid.(token|credentials)/,
    /token/,
  ],
  [
    'a mechanism that is not offered',
    'scram512',
    { sasl: sasl('PLAIN') },
    'ANM_AUTHENTICATION',
    /by PLAIN as it offers SCRAM-SHA-512/,
    /sasl\.mechanism/,
  ],
  ['no user where one is wanted', 'sasl', {}, 'ANM_AUTHENTICATION', /wants SASL by .*SCRAM-SHA-256/, /sasl\.user/],
  [
    'no user where one is wanted, over TLS',
    'secured',
    { tls: CA },
    'ANM_AUTHENTICATION',
    /wants SASL by .*SCRAM-SHA-256/,
    /sasl\.user/,
  ],
  [
    'a user where none is wanted',
    'plain',
    { sasl: sasl('SCRAM-SHA-256') },
    'ANM_AUTHENTICATION',
    /SASL is switched off there/,
    /sasl\.user/,
  ],
  ['plain text to a TLS port', 'tls', {}, 'ANM_TLS', /in plain text as it speaks TLS/, /tls\.enabled=true/],
  [
    'plain text and a user to a TLS port',
    'secured',
    { sasl: sasl('SCRAM-SHA-256') },
    'ANM_TLS',
    /in plain text as it speaks TLS/,
    /tls\.enabled=true/,
  ],
  ['TLS to a plain port', 'plain', { tls: CA }, 'ANM_TLS', /as it speaks plain text/, /tls\.enabled=false/],
  [
    'TLS and a user to a plain port',
    'sasl',
    { tls: CA, sasl: sasl('PLAIN') },
    'ANM_TLS',
    /as it speaks plain text/,
    /tls\.enabled=false/,
  ],
  ['an authority that is not known', 'tls', { tls: {} }, 'ANM_TLS', /authority that is not trusted/, /tls\.ca/],
  [
    'another authority',
    'tls',
    { tls: { ca: certificate('other-ca') } },
    'ANM_TLS',
    /authority that is not trusted/,
    /tls\.ca/,
  ],
  ['an expired certificate', 'expired', { tls: CA }, 'ANM_TLS', /has expired/, /renew/],
  ['a certificate for another name', 'elsewhere', { tls: CA }, 'ANM_TLS', /for another name/, /tls\.server_name/],
  [
    'no client certificate',
    'mutual',
    { tls: CA },
    'ANM_TLS',
    /wants a client certificate and got none/,
    /tls\.cert and tls\.key/,
  ],
  [
    'a client certificate of another authority',
    'mutual',
    { tls: { ...CA, ...certificateWithKey('stranger') } },
    'ANM_TLS',
    /refuses the client certificate|ends the connection after the TLS handshake/,
    /tls\.cert and tls\.key/,
  ],
];

async function refusal(client: ClientName, address: string, security: Security): Promise<AnomalyError> {
  try {
    const made = await open(client, address, security);
    await made.close();
  } catch (error) {
    assert.ok(isAnomalyError(error), String(error));
    return error;
  }
  throw new Error('it connected');
}

/** Neither the error, its causes and stacks, nor its details tell a password or a token. */
function assertNoSecret(error: AnomalyError): void {
  const texts: string[] = [JSON.stringify(error.details)];
  for (let each: unknown = error; each instanceof Error; each = each.cause) texts.push(each.message, each.stack ?? '');
  const text = texts.join('\n');
  for (const secret of [PASSWORD, 'not-the-password-4711', 'eyJ']) assert.ok(!text.includes(secret), text);
}

/** Every way to connect, and every way in which it fails, for both clients, against the listeners of a cluster. */
export async function runSecurityContract(addressOf: AddressOf): Promise<void> {
  const missing = await missingClient();
  for (const name of ['platformatic', 'librdkafka'] as const) {
    const skip = name === 'librdkafka' && missing !== null ? missing : false;
    describe(`security of the client ${name}`, { skip, timeout: 600_000 }, () => {
      securityTests(name, addressOf);
      reauthTest(name, addressOf);
    });
  }
  test('a name other than the host is looked for in the certificate', async () => {
    const tls = { ...CA, serverName: 'broker.example' };
    const client = await open('platformatic', addressOf('elsewhere'), { tls });
    await roundTrip(client, 'by-name');
    await client.close();
    if (missing !== null) return;
    const error = await refusal('librdkafka', addressOf('elsewhere'), { tls });
    assert.equal(error.code, 'ANM_UNSUPPORTED');
    assert.match(error.hint, /platformatic/);
  });
}

/** The addon is an optional dependency, and a tier of CI insists on it. */
async function missingClient(): Promise<string | null> {
  try {
    await loadBinding();
    return null;
  } catch (error) {
    assert.ok(isAnomalyError(error) && error.code === 'ANM_CLIENT_MISSING');
    assert.notEqual(process.env['ANOMALY_REQUIRE_LIBRDKAFKA'], '1', error.message);
    return error.message;
  }
}

function reauthTest(name: ClientName, addressOf: AddressOf): void {
  test('a login that runs out is renewed: nothing is lost or doubled over three of them', async () => {
    const client = await open(name, addressOf('reauth'), { sasl: sasl('SCRAM-SHA-256') });
    const topic = `${name}-reauth`;
    await client.admin.createTopics([{ name: topic, partitions: 1 }]);
    const producer = await client.createProducer();
    const consumer = await client.createConsumer();
    await consumer.assign([{ topic, partition: 0, offset: 0 }]);
    const values: string[] = [];
    const endMs = performance.now() + 3 * REAUTH_MS;
    let sent = 0;
    for (; performance.now() < endMs; sent++) {
      appendText(producer, topic, 0, `value ${sent}`);
      await producer.flush();
      for (const { value } of (await readRecords(consumer, 1)).get(0)!) values.push(value!);
    }
    await client.close();
    assert.ok(sent > 10, `${sent} records`);
    assert.deepEqual(
      values,
      Array.from({ length: sent }, (_, i) => `value ${i}`),
    );
  });
}
