import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startAdmin } from '../../src/broker/admin.ts';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { HttpServer } from '../../src/broker/httpServer.ts';
import { startRegistry } from '../../src/broker/registry.ts';
import { loadBinding } from '../../src/clients/librdkafka/binding.ts';
import { certificatePath, certificateWithKey } from '../helpers/certificates/files.ts';
import { type CliOptions, runCli } from '../helpers/cli.ts';

// Goal: a secured cluster, all three services, by each way to configure it, from the command line; and no secret shown.

const USER = 'pump-room';
const PASSWORD = 'letmein-8361';
let broker: Broker;
let registry: HttpServer;
let admin: HttpServer;
let dir: string;

before(async () => {
  const tls = certificateWithKey('server');
  broker = await startBroker({ tls, sasl: { users: { [USER]: PASSWORD } } });
  const { credentials } = broker.context;
  registry = await startRegistry({ port: 0, tls, credentials });
  admin = await startAdmin({ port: 0, broker, tls, credentials });
  dir = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
  writeFileSync(join(dir, 'password'), `${PASSWORD}\n`);
  writeFileSync(join(dir, 'wrong'), 'not-letmein\n');
  writeFileSync(join(dir, 'rows.csv'), 'ts,sensor,value\n2024-01-01T00:00:00Z,a,1\n2024-01-01T00:00:01Z,a,2\n');
});
after(async () => {
  await Promise.all([broker.close(), registry.close(), admin.close()]);
  rmSync(dir, { recursive: true, force: true });
});

async function run(argv: readonly string[], options: CliOptions = {}) {
  const done = await runCli(argv, { cwd: dir, ...options });
  for (const secret of [PASSWORD, 'not-letmein']) {
    assert.ok(!`${done.stdout}${done.stderr}`.includes(secret), `a secret is shown: ${done.stdout}${done.stderr}`);
  }
  return done;
}

const ca = certificatePath('ca');
const loopback = (url: string): string => url.replace(/^https:\/\//, '');

function profile(): string {
  const tls = `tls: {enabled: true, ca_file: ${ca}}`;
  return `version: 7
current_profile: secured
profiles:
  - name: secured
    kafka_api: {brokers: ["${broker.address}"], ${tls}, sasl: {user: ${USER}, password: ${PASSWORD}, mechanism: SCRAM-SHA-256}}
    schema_registry: {addresses: ["${loopback(registry.url)}"], ${tls}}
    admin_api: {addresses: ["${loopback(admin.url)}"], ${tls}}
`;
}

const file = (): string => `version: 1
brokers: ["${broker.address}"]
tls: {ca: ${ca}}
sasl: {user: ${USER}, password: "file:password", mechanism: SCRAM-SHA-512}
registry: {urls: ["${registry.url}"]}
`;

const environment = (): Record<string, string> => ({
  RPK_BROKERS: broker.address,
  RPK_USER: USER,
  RPK_PASS: PASSWORD,
  RPK_SASL_MECHANISM: 'SCRAM-SHA-512',
  RPK_TLS_CA: ca,
  RPK_REGISTRY_HOSTS: loopback(registry.url),
  RPK_REGISTRY_TLS_CA: ca,
});

const flags = (password: string): string[] => [
  ...['--brokers', broker.address, '-X', `tls.ca=${ca}`, '-X', `user=${USER}`, '--password-file', password],
  ...['-X', `registry.hosts=${registry.url}`, '-X', `admin.hosts=${admin.url}`],
];

test('produce, tail and schema work by rpk profile, by file, by RPK_* and by flags alike', async () => {
  const home = join(dir, 'home');
  mkdirSync(join(home, '.config/rpk'), { recursive: true });
  writeFileSync(join(home, '.config/rpk/rpk.yaml'), profile());
  writeFileSync(join(dir, 'secured.yaml'), file());
  const ways: [string, string[], Record<string, string>][] = [
    ['profile', [], { HOME: home }],
    ['file', ['--config', 'secured.yaml'], {}],
    ['environment', [], environment()],
    ['flags', flags('password'), {}],
  ];
  for (const [way, more, env] of ways) {
    const produced = await run(['produce', 'rows.csv', '--topic', way, ...more], { env });
    assert.equal(produced.code, 0, `${way}: ${produced.stderr}`);
    const tailed = await run(['tail', way, '--offset', 'start:end', '-o', 'ndjson', ...more], { env });
    assert.equal(tailed.code, 0, `${way}: ${tailed.stderr}`);
    assert.equal(tailed.stdout.trimEnd().split('\n').length, 2);
    const listed = await run(['schema', 'ls', '-o', 'json', ...more], { env });
    assert.ok(listed.stdout.includes(`${way}-value`), listed.stderr);
  }
});

const native = await loadBinding().then(
  () => true,
  () => false,
);
for (const client of ['platformatic', 'librdkafka']) {
  test(`a wrong password ends with exit 4 by ${client}`, { skip: client === 'librdkafka' && !native }, async () => {
    for (const more of [[], ['-o', 'json'], ['--debug', '--log-level', 'debug']]) {
      const { code, stderr } = await run(['tail', 'x', '--client', client, ...flags('wrong'), ...more]);
      assert.equal(code, 4, stderr);
      assert.match(stderr, /ANM_AUTHENTICATION/);
      assert.match(stderr, /as pump-room by SCRAM-SHA-256: .*invalid credentials/);
    }
  });
}

test('a wrong password for the registry ends with exit 4 and names the user', async () => {
  const { code, stderr } = await run(['schema', 'ls', ...flags('wrong')]);
  assert.equal(code, 4);
  assert.match(stderr, /refused the credentials of pump-room: Unauthorized/);
});

test('the registry: the wrong scheme and an unknown authority are named with what to set', async () => {
  const plain = await startRegistry({ port: 0 });
  try {
    const cases: [string[], RegExp, RegExp][] = [
      [['--registry', registry.url.replace('https', 'http')], /it speaks TLS/, /registry\.tls\.enabled=true/],
      [['--registry', plain.url.replace('http', 'https')], /it speaks plain text/, /registry\.tls\.enabled=false/],
      [['--registry', registry.url], /authority that is not trusted/, /registry\.tls\.ca/],
    ];
    for (const [more, message, hint] of cases) {
      const { code, stderr } = await run(['schema', 'ls', ...more]);
      assert.equal(code, 4, stderr);
      assert.match(stderr, message);
      assert.match(stderr, hint);
    }
  } finally {
    await plain.close();
  }
});

test('config show tells where each key comes from, and no secret', async () => {
  const env = { ...environment(), ANOMALY_REGISTRY_URLS: `http://me:${PASSWORD}@host:1` };
  const { stdout } = await run(['config', 'show', '--origin', '-o', 'json'], { env });
  const { settings } = JSON.parse(stdout) as { settings: { key: string; value: unknown; place: string }[] };
  const row = (key: string) => settings.find((each) => each.key === key);
  assert.deepEqual([row('sasl.password')?.value, row('sasl.password')?.place], ['********', 'RPK_PASS']);
  assert.deepEqual(row('registry.urls')?.value, ['http://me:********@host:1']);
  const { code, stderr } = await run(['config', 'show', '-X', 'sasl.password=plain-text']);
  assert.equal(code, 2);
  assert.match(stderr, /may not stand in plain text on the command line/);
  assert.doesNotMatch(stderr, /plain-text\b(?! on)/);
});

test('doctor shows protocol, mechanism and certificate of each service', async () => {
  const { stdout, code, stderr } = await run(['doctor', '-o', 'json', ...flags('password')]);
  assert.equal(code, 0, stderr + stdout);
  const { checks } = JSON.parse(stdout) as { checks: { check: string; status: string; detail: string }[] };
  const details = (check: string) => checks.filter((each) => each.check === check).map((each) => each.detail);
  assert.match(details('sasl').join('\n'), /SASL_SSL by SCRAM-SHA-256 as pump-room: logged in/);
  assert.match(details('tls').join('\n'), /TLSv1\.3 is set up/);
  assert.match(details('tls').join('\n'), /certificate localhost of anomaly test authority, expires 2126-/);
  assert.match(details('registry').join('\n'), /is ready.*certificate localhost/s);
  assert.match(details('admin api').join('\n'), /cluster is healthy/);
});

test('doctor warns of a certificate that expires, of one that nobody checks, and of a password in plain text', async () => {
  const expired = await startBroker({ tls: certificateWithKey('expired') });
  const open = await startBroker({ sasl: { users: { [USER]: PASSWORD }, mechanisms: ['PLAIN'] } });
  try {
    const rows = async (argv: string[]) => {
      const { stdout } = await run(['doctor', '-o', 'json', ...argv]);
      const { checks } = JSON.parse(stdout) as { checks: { check: string; status: string; detail: string }[] };
      return checks.filter(({ check }) => check === 'tls').map(({ status, detail }) => `${status} ${detail}`);
    };
    const skipped = await rows([
      '--brokers',
      expired.address,
      '-X',
      'tls.enabled=true',
      '-X',
      'tls.insecure_skip_verify=true',
    ]);
    assert.match(skipped.join('\n'), /warn .*is not checked/);
    assert.match(skipped.join('\n'), /warn .*expired on 2020-02-01/);
    const now = () => Date.parse('2126-10-20T00:00:00Z');
    const soon = await run(['doctor', ...flags('password')], { now });
    assert.match(soon.stdout, /warn +tls +certificate localhost .*, expires on 2126-11-02, in 13 days/);
    const login = ['-X', 'sasl.mechanism=PLAIN', '-X', `user=${USER}`, '--password-file', 'password'];
    assert.match((await rows(['--brokers', open.address, ...login])).join('\n'), /warn .*password can be read/);
  } finally {
    await Promise.all([expired.close(), open.close()]);
  }
});
