import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { startBroker } from '../../src/broker/broker.ts';
import { certificatePath } from '../helpers/certificates/files.ts';
import { type CliRun, runCli } from '../helpers/cli.ts';
import { temporaryFiles } from '../helpers/files.ts';

const FREE_PORTS = ['--port', '0', '--registry-port', '0', '--admin-port', '0'];

/** Runs `anomaly dev`, and `body` with the address of each endpoint once all are ready; then a SIGINT ends it. */
async function whileDevRuns(
  flags: readonly string[],
  body: (endpoints: ReadonlyMap<string, string>) => Promise<void>,
): Promise<CliRun> {
  const signals = new EventEmitter();
  let started = false;
  let failure: unknown;
  const run = await runCli(['dev', ...FREE_PORTS, ...flags, '-o', 'ndjson'], {
    signals,
    onOutput: (text) => {
      const lines = text.trim().split('\n');
      if (started || lines.length < 3) return;
      started = true;
      const rows = lines.map((line) => JSON.parse(line) as { endpoint: string; address: string });
      body(new Map(rows.map(({ endpoint, address }) => [endpoint, address])))
        .catch((error: unknown) => {
          failure = error;
        })
        .finally(() => signals.emit('SIGINT'));
    },
  });
  if (failure !== undefined) throw failure;
  return run;
}

test('dev names three endpoints that answer, says what it is, and ends by a signal', async () => {
  let address = '';
  const run = await whileDevRuns(['--like', 'v25.3'], async (endpoints) => {
    address = endpoints.get('kafka')!;
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address] });
    await admin.createTopics({ topics: ['readings'], partitions: 2 });
    await admin.close();
    assert.equal((await fetch(`${endpoints.get('registry')}/subjects`)).status, 200);
    const metrics = await (await fetch(`${endpoints.get('admin')}/public_metrics`)).text();
    assert.match(metrics, /redpanda_kafka_max_offset\{.*redpanda_topic="readings"/);
  });
  assert.equal(run.code, 0);
  assert.match(run.stderr, /v25\.3, dev-container settings: topics are created on first use.*in memory/);
  // Its port is free again.
  const next = await startBroker({ port: Number(address.split(':')[1]) });
  await next.close();
});

test('dev --data keeps topics for the next start, and says where and how they are kept', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'anomaly-test-'));
  const flags = ['--data', dir, '--fsync', 'always'];
  const run = await whileDevRuns(flags, async (endpoints) => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [endpoints.get('kafka')!] });
    await admin.createTopics({ topics: ['kept'], partitions: 2 });
    await admin.close();
    const second = await runCli(['dev', ...FREE_PORTS, '--data', dir]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /ANM_DATA_LOCKED.*process \d+ has it/);
  });
  assert.equal(run.code, 0);
  assert.ok(run.stderr.includes(`everything is kept in ${dir} (fsync always)`), run.stderr);
  assert.match(run.stderr, /^stopped$/m);
  const again = await whileDevRuns(['--data', dir], async (endpoints) => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [endpoints.get('kafka')!] });
    assert.deepEqual(await admin.listTopics(), ['kept']);
    await admin.close();
  });
  assert.match(again.stderr, /fsync interval/);
  rmSync(dir, { recursive: true });
});

test('dev refuses flags that make no sense, by name', async () => {
  const problem = async (...flags: string[]) => {
    const run = await runCli(['dev', ...FREE_PORTS, ...flags]);
    assert.equal(run.code, 2);
    return run.stderr;
  };
  assert.match(await problem('--fsync', 'always'), /--fsync without --data/);
  assert.match(await problem('--max-memory', 'lots'), /--max-memory wants a size such as 512MiB/);
  assert.match(await problem('--fault', 'Produce:delay=soon'), /fault\[0\]\.delay/);
  assert.match(await problem('--fault', 'Produce:crash=handled'), /without a way to/);
});

test('dev --fault makes requests fail', async () => {
  const run = await whileDevRuns(['--fault', 'CreateTopics:error=INVALID_REPLICATION_FACTOR'], async (endpoints) => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [endpoints.get('kafka')!], retries: 0 });
    await assert.rejects(admin.createTopics({ topics: ['first'] }));
    await admin.createTopics({ topics: ['second'] });
    await admin.close();
  });
  assert.match(run.stderr, /1 fault\(s\) armed/);
});

test('dev refuses a port that is taken, and leaves nothing behind', async () => {
  const taken = await startBroker();
  const run = await runCli(['dev', ...FREE_PORTS, '--admin-port', String(taken.port)]);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /ANM_PORT_IN_USE/);
  await taken.close();
});

test('dev --no-auto-create refuses a topic that nobody created', async () => {
  const run = await whileDevRuns(['--no-auto-create', '--partitions', '3'], async (endpoints) => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [endpoints.get('kafka')!], retries: 0 });
    await assert.rejects(admin.metadata({ topics: ['absent'], autocreateTopics: true }));
    await admin.close();
  });
  assert.match(run.stderr, /topics are not created on first use/);
});

test('dev --rebalance-delay gives groups the delay of production, and says so', async () => {
  const run = await whileDevRuns(['--rebalance-delay', '3s'], async (endpoints) => {
    const config = await (await fetch(`${endpoints.get('admin')}/v1/cluster_config`)).json();
    assert.equal((config as Record<string, unknown>)['group_initial_rebalance_delay'], 3000);
  });
  assert.match(run.stderr, /a 3s rebalance delay/);
  const none = await whileDevRuns([], async () => {});
  assert.match(none.stderr, /no rebalance delay/);
  const negative = await runCli(['dev', ...FREE_PORTS, '--rebalance-delay=-1s']);
  assert.equal(negative.code, 2);
});

test('an unknown release is a usage error that names the known ones', async () => {
  const run = await runCli(['dev', ...FREE_PORTS, '--like', 'v1']);
  assert.equal(run.code, 2);
  assert.match(run.stderr, /v25\.3/);
});

test('dev with a certificate and users: all three services take the same ones, and nobody else', async (t) => {
  const files = temporaryFiles({
    users: '# for tests\npump-room:letmein:8361\n',
    password: 'letmein:8361',
    wrong: 'x',
  });
  t.after(files.remove);
  const path = (name: string) => join(files.path, name);
  const pair = ['--tls-cert', certificatePath('server'), '--tls-key', certificatePath('server', 'key')];
  const run = await whileDevRuns([...pair, '--sasl-users', path('users')], async (endpoints) => {
    const address = (name: string) => endpoints.get(name)!;
    assert.match(address('registry'), /^https:/);
    const login = (password: string) => [
      ...['--brokers', address('kafka'), '--registry', address('registry'), '-X', `admin.hosts=${address('admin')}`],
      ...['-X', `tls.ca=${certificatePath('ca')}`, '-X', 'user=pump-room', '--password-file', path(password)],
    ];
    const right = await runCli(['doctor', ...login('password')]);
    assert.equal(right.code, 0, right.stdout + right.stderr);
    assert.match(right.stdout, /SASL_SSL by SCRAM-SHA-256 as pump-room/);
    const wrong = await runCli(['doctor', '-o', 'json', ...login('wrong')]);
    assert.equal(wrong.code, 6);
    const { checks } = JSON.parse(wrong.stdout) as { checks: { check: string; status: string }[] };
    const failed = checks.filter(({ status }) => status === 'fail').map(({ check }) => check);
    assert.deepEqual(failed, ['sasl', 'admin api', 'registry']);
  });
  assert.equal(run.code, 0);
  assert.match(run.stderr, /security: TLS, clients log in by SCRAM-SHA-256, SCRAM-SHA-512/);
});

test('dev names the flag that misses another one, and the line of the users that is wrong', async (t) => {
  const files = temporaryFiles({ users: 'fine:password\nhidden-password\n', none: '# nobody\n', text: 'no PEM' });
  t.after(files.remove);
  const path = (name: string) => join(files.path, name);
  const cert = ['--tls-cert', certificatePath('server')];
  const key = ['--tls-key', certificatePath('server', 'key')];
  const cases: [string[], number, RegExp][] = [
    [cert, 2, /--tls-cert needs --tls-key/],
    [['--tls-client-auth'], 2, /needs --tls-cert/],
    [[...cert, ...key, '--tls-client-auth'], 2, /--tls-client-auth needs --tls-ca/],
    [['--sasl-mechanisms', 'PLAIN'], 2, /needs --sasl-users/],
    [['--sasl-users', path('users')], 2, /users:2 is not user:password/],
    [['--sasl-users', path('none')], 2, /none has no user/],
    [['--sasl-users', path('absent')], 2, /cannot read .*absent/],
    [['--tls-cert', path('text'), ...key], 2, /certificate and key of the listener/],
  ];
  for (const [flags, code, message] of cases) {
    const run = await runCli(['dev', ...FREE_PORTS, ...flags]);
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, message);
    assert.doesNotMatch(run.stderr, /hidden-password/);
  }
});
